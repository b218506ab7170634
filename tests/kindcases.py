"""Links of each kind, with options that are no defaults: what ip makes of them is told by commands alone.

The link is called d0. A port of it, where it has one, is u0.
"""

from __future__ import annotations

from collections.abc import Mapping

#: What the links are made upon.
BASE = """
link add u0 address 02:00:00:00:00:a0 type veth peer name u1 address 02:00:00:00:00:a1
link add u2 address 02:00:00:00:00:a2 type veth peer name u3 address 02:00:00:00:00:a3
"""

#: Name of the case, which begins with the kind (a dot, and what is special, may follow) -> commands of ip.
CASES: Mapping[str, str] = {
    "batadv": "link add d0 type batadv ra BATMAN_V",
    "bond": """
        link add d0 type bond mode 802.3ad miimon 150 updelay 300 downdelay 450 xmit_hash_policy layer3+4 min_links 1 \
            lacp_rate fast ad_select bandwidth ad_actor_sys_prio 1000 ad_user_port_key 7 \
            ad_actor_system 02:00:00:00:00:99 all_slaves_active 1 resend_igmp 3 num_grat_arp 2 lp_interval 5 \
            peer_notify_delay 300 lacp_active off use_carrier 1
        link set u0 master d0
        link set u0 type bond_slave queue_id 5
    """,
    "bond.arp": """
        link add d0 type bond mode active-backup arp_interval 200 arp_ip_target 192.0.2.8,192.0.2.9 \
            ns_ip6_target 2001:db8::8,2001:db8::9 arp_validate active arp_all_targets all arp_missed_max 4 \
            fail_over_mac follow
        link set u0 master d0
        link set d0 type bond primary u0 primary_reselect better
        link set u0 type bond_slave prio -7
    """,
    "bond.rr": "link add d0 type bond mode balance-rr packets_per_slave 3",
    "bond.tlb": "link add d0 type bond mode balance-tlb tlb_dynamic_lb 0 xmit_hash_policy vlan+srcmac",
    "bridge": """
        link add d0 address 02:00:00:00:00:d0 type bridge forward_delay 900 hello_time 300 max_age 1800 \
            stp_state 1 priority 4096 group_fwd_mask 8 group_address 01:80:c2:00:00:05 \
            nf_call_iptables 1
        link set u0 master d0
        link set u0 type bridge_slave cost 7 priority 9 hairpin on guard on root_block on fastleave on learning off \
            flood off mcast_flood off bcast_flood off mcast_to_unicast on group_fwd_mask 16 neigh_suppress on \
            vlan_tunnel on isolated on locked on
    """,
    "bridge.multicast": """
        link add d0 address 02:00:00:00:00:d0 type bridge mcast_router 2 mcast_query_use_ifaddr 1 mcast_querier 1 \
            mcast_hash_max 1024 mcast_last_member_count 3 mcast_startup_query_count 4 mcast_last_member_interval 200 \
            mcast_membership_interval 27000 mcast_querier_interval 26000 mcast_query_interval 13000 \
            mcast_query_response_interval 1100 mcast_startup_query_interval 3200 mcast_igmp_version 3 \
            mcast_mld_version 2 mcast_stats_enabled 1
        link set u0 master d0
        link set u0 type bridge_slave mcast_router 2
    """,
    "bridge.vlan": """
        link add d0 address 02:00:00:00:00:d0 type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 5 \
            vlan_stats_enabled 1 vlan_stats_per_port 1
    """,
    "dummy": "link add d0 type dummy",
    "erspan": "link add d0 type erspan local 192.0.2.1 remote 192.0.2.9 seq key 5 erspan_ver 1 erspan 77 ttl 9 tos 4",
    "erspan.2": """
        link add d0 type erspan local 192.0.2.1 remote 192.0.2.9 seq key 5 erspan_ver 2 erspan_dir egress \
            erspan_hwid 17 dev u0
    """,
    "geneve": "link add d0 type geneve id 5 remote 192.0.2.9 ttl 9 tos 4 df set dstport 6082 noudpcsum",
    "geneve.external": "link add d0 type geneve external innerprotoinherit udp6zerocsumrx",
    "geneve.6": """
        link add d0 type geneve id 6 remote 2001:db8::9 ttl inherit flowlabel 0x12345 udp6zerocsumtx noudp6zerocsumrx
    """,
    "gre": """
        link add d0 type gre local 192.0.2.1 remote 192.0.2.9 dev u0 ttl 7 tos 0x10 ikey 1.2.3.4 okey 9 icsum ocsum \
            oseq encap fou encap-sport 5555 encap-dport 6666 encap-csum encap-remcsum fwmark 33
    """,
    "gretap": """
        link add d0 type gretap local 192.0.2.1 remote 192.0.2.9 key 7 seq nopmtudisc ignore-df encap gue \
            encap-sport auto encap-dport 7777 encap-udp6-csum
    """,
    "gretap.external": "link add d0 type gretap external",
    "gtp": "link add d0 type gtp role sgsn hsize 2048 restart_count 7",
    "hsr": "link add d0 type hsr slave1 u0 slave2 u2 supervision 5 version 1",
    "hsr.prp": "link add d0 type hsr slave1 u0 slave2 u2 proto 1",
    "ifb": "link add d0 type ifb",
    "ip6erspan": """
        link add d0 type ip6erspan local 2001:db8::1 remote 2001:db8::9 seq key 5 erspan_ver 1 erspan 78 hoplimit 3
    """,
    "ip6gre": """
        link add d0 type ip6gre local 2001:db8::1 remote 2001:db8::9 hoplimit 33 encaplimit 2 tclass 0x20 \
            flowlabel 0x12345 dscp inherit ikey 3 okey 4 oseq fwmark 34 dev u0
    """,
    "ip6gretap": """
        link add d0 type ip6gretap local 2001:db8::1 remote 2001:db8::9 encaplimit none tclass inherit \
            flowlabel inherit encap fou encap-sport 5555 encap-dport 6666
    """,
    "ip6tnl": """
        link add d0 type ip6tnl mode ip6ip6 local 2001:db8::1 remote 2001:db8::9 encaplimit 3 hoplimit 12 \
            flowlabel 0x54321 tclass 0x30 dscp inherit allow-localremote dev u0 fwmark 35
    """,
    "ip6tnl.inherit": """
        link add d0 type ip6tnl mode any local 2001:db8::1 remote 2001:db8::9 encaplimit none tclass inherit \
            flowlabel inherit fwmark inherit encap gue encap-sport auto encap-dport 6666 encap-udp6-csum
    """,
    "ipip": """
        link add d0 type ipip mode any local 192.0.2.1 remote 192.0.2.9 ttl 9 tos 4 dev u0 encap gue encap-sport auto \
            encap-dport 7777 fwmark 32
    """,
    "ipip.external": "link add d0 type ipip external",
    "ipvlan": "link add d0 link u0 type ipvlan mode l3s private",
    "ipvtap": "link add d0 link u0 type ipvtap mode l2 vepa",
    "macsec": """
        link add d0 link u0 type macsec port 11 cipher gcm-aes-256 icvlen 12 encrypt on send_sci off end_station on \
            protect on replay on window 64 validate check encodingsa 2
    """,
    "macvlan": """
        link add d0 link u0 type macvlan mode source bcqueuelen 500
        link set d0 type macvlan macaddr set 02:00:00:00:00:21 02:00:00:00:00:22
    """,
    "macvlan.passthru": "link add d0 link u0 type macvlan mode passthru nopromisc",
    "macvtap": "link add d0 link u0 type macvtap mode vepa",
    "netkit": "link add d0 type netkit",
    "nlmon": "link add d0 type nlmon",
    "sit": """
        link add d0 type sit mode ip6ip local 192.0.2.1 remote any ttl 8 isatap dev u0 6rd-prefix 2001:db8::/32 \
            6rd-relay_prefix 192.0.2.0/24
    """,
    "sit.encap": """
        link add d0 type sit mode any local 192.0.2.1 remote 192.0.2.9 nopmtudisc tos inherit encap fou \
            encap-sport 5555 encap-dport 6666 fwmark 31
    """,
    "team": """
        link add d0 type team
        link set u0 master d0
    """,
    "tun": "tuntap add dev d0 mode tun user 3333 group 4444 pi multi_queue",
    "tun.tap": "tuntap add dev d0 mode tap vnet_hdr",
    "vcan": "link add d0 type vcan",
    "veth": "link add d0 type veth peer name d1",
    "vlan": """
        link add d0 link u0 type vlan protocol 802.1ad id 7 reorder_hdr off gvrp on mvrp on loose_binding on \
            bridge_binding on ingress-qos-map 1:2 3:4 egress-qos-map 5:6
    """,
    "vrf": """
        link add d0 type vrf table 1000
        link set u0 master d0
    """,
    "vsockmon": "link add d0 type vsockmon",
    "vti": "link add d0 type vti local 192.0.2.1 remote 192.0.2.9 ikey 5 okey 6 fwmark 36 dev u0",
    "vti6": "link add d0 type vti6 local 2001:db8::1 remote 2001:db8::9 ikey 7 okey 8 fwmark 37 dev u0",
    "vxcan": "link add d0 type vxcan peer name d1",
    "vxlan": """
        link add d0 type vxlan id 42 group 239.1.1.1 dev u0 ttl 5 tos 0x10 ageing 60 maxaddress 100 srcport 1000 2000 \
            dstport 4790 nolearning proxy rsc l2miss l3miss noudpcsum gbp df set
    """,
    "vxlan.6": """
        link add d0 type vxlan id 43 remote 2001:db8::9 local 2001:db8::1 dstport 4791 ttl inherit flowlabel 0x12345 \
            udp6zerocsumtx udp6zerocsumrx
    """,
    "vxlan.external": "link add d0 type vxlan dstport 4792 external vnifilter gpe",
    "wireguard": "link add d0 type wireguard",
    "xfrm": "link add d0 type xfrm dev u0 if_id 0x2a",
    "xfrm.external": "link add d0 type xfrm external",
}

#: What only captures have, since it takes its time, or more than ip.
CAPTURED_CASES: Mapping[str, str] = {
    "bond.up": """
        link set u1 up
        link add d0 address 02:00:00:00:00:d0 type bond mode 802.3ad lacp_rate fast
        link set u0 master d0
        link set d0 up
    """,
    "can": "link set d0 type can bitrate 500000 listen-only on",
}


def commands(name: str) -> list[str]:
    """The commands of a case, one a line."""
    joined = {**CASES, **CAPTURED_CASES}[name].replace("\\\n", "")
    return [" ".join(line.split()) for line in joined.strip().splitlines()]


def devices(name: str) -> list[str]:
    """The links that a case is about."""
    return ["d0", "u0"] if any("master d0" in line for line in commands(name)) else ["d0"]
