"""The data of every link in tests/captures/kind-*.txt, written out.

All of it has been compared with what ip showed of the same links (tests/test_kinds.py does so again).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pynl.rtnl import kindconstants as k
from pynl.rtnl.bridge import Bond, BondAdInfo, BondPort, Bridge, BridgeId, BridgeOptions, BridgePort, BridgeQuerier
from pynl.rtnl.can import Can, CanBitTiming, CanClock, CanControlMode, CanControlModeExt
from pynl.rtnl.link import Netkit
from pynl.rtnl.linkkinds import (
    Hsr,
    Ipvlan,
    Macsec,
    Macvlan,
    MacvlanAddresses,
    Tun,
    Vlan,
    VlanFlagsChange,
    VlanQos,
    VlanQosMapping,
    Vrf,
    VrfPort,
)
from pynl.rtnl.tunnels import Geneve, Gre, Gtp, Ip6Tunnel, IpTunnel, PortRange, Vti, Vxlan, XfrmLink
from pynl.schema import Record

U0, U2 = 3, 5
ENDS = {"local": "192.0.2.1", "remote": "192.0.2.9"}
ENDS6 = {"local": "2001:db8::1", "remote": "2001:db8::9"}
NOWHERE = {"local": "0.0.0.0", "remote": "0.0.0.0"}
#: Bits of the kernel's own (IP6_TNL_F_CAP_XMIT and IP6_TNL_F_CAP_RCV), which no UAPI header names.
CAN_SEND_AND_RECEIVE = 0x30000


def zeros(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), 0)


BOND = Bond(
    **zeros("mode miimon updelay downdelay arp_interval arp_validate arp_all_targets primary_reselect fail_over_mac"),
    **zeros("xmit_hash_policy all_slaves_active min_links ad_lacp_rate ad_select peer_notif_delay"),
    use_carrier=1,
    resend_igmp=1,
    num_peer_notif=1,
    lp_interval=1,
    packets_per_slave=1,
    tlb_dynamic_lb=1,
    ad_lacp_active=1,
    missed_max=2,
    coupled_control=1,
)
BOND_PORT = BondPort(
    **zeros("link_failure_count queue_id prio"),
    state=k.BondState.BOND_STATE_BACKUP,
    mii_status=k.BondLink.BOND_LINK_DOWN,
    perm_hwaddr="02:00:00:00:00:a0",
)
BRIDGE_ID = BridgeId(prio=0x8000, addr="02:00:00:00:00:d0")
BRIDGE = Bridge(
    **zeros("stp_state vlan_filtering group_fwd_mask root_port root_path_cost topology_change"),
    **zeros("topology_change_detected hello_timer tcn_timer topology_change_timer gc_timer mcast_query_use_ifaddr"),
    **zeros("mcast_querier nf_call_iptables nf_call_ip6tables nf_call_arptables vlan_stats_enabled"),
    **zeros("mcast_stats_enabled vlan_stats_per_port fdb_n_learned fdb_max_learned"),
    forward_delay=1500,
    hello_time=200,
    max_age=2000,
    ageing_time=30000,
    priority=0x8000,
    vlan_protocol=k.VlanProtocol.ETH_P_8021Q,
    root_id=BRIDGE_ID,
    bridge_id=BRIDGE_ID,
    group_addr="01:80:c2:00:00:00",
    mcast_router=k.MulticastRouter.MDB_RTR_TYPE_TEMP_QUERY,
    mcast_snooping=1,
    mcast_hash_elasticity=16,
    mcast_hash_max=4096,
    mcast_last_member_cnt=2,
    mcast_startup_query_cnt=2,
    mcast_last_member_intvl=100,
    mcast_membership_intvl=26000,
    mcast_querier_intvl=25500,
    mcast_query_intvl=12500,
    mcast_query_response_intvl=1000,
    mcast_startup_query_intvl=3124,
    vlan_default_pvid=1,
    mcast_igmp_version=2,
    mcast_mld_version=1,
    multi_boolopt=BridgeOptions(optval=0, optmask=7),
)
BRIDGE_PORT = BridgePort(
    **zeros("state mode guard protect fast_leave proxyarp proxyarp_wifi designated_cost topology_change_ack"),
    **zeros("config_pending message_age_timer forward_delay_timer hold_timer mcast_to_ucast vlan_tunnel"),
    **zeros("group_fwd_mask neigh_suppress isolated mrp_ring_open mrp_in_open mcast_eht_hosts_cnt locked mab"),
    **zeros("mcast_n_groups mcast_max_groups neigh_vlan_suppress"),
    priority=32,
    cost=2,
    learning=1,
    unicast_flood=1,
    root_id=BRIDGE_ID,
    bridge_id=BRIDGE_ID,
    designated_port=0x8001,
    id=0x8001,
    no=1,
    multicast_router=k.MulticastRouter.MDB_RTR_TYPE_TEMP_QUERY,
    mcast_flood=1,
    bcast_flood=1,
    mcast_eht_hosts_limit=512,
)
OTHER_ID = BridgeId(prio=0x1000, addr="02:00:00:00:00:d0")
GRE = Gre(**zeros("link iflags oflags ikey okey ttl encap_type encap_flags encap_sport encap_dport fwmark"))
GRE4 = GRE.replace(**ENDS, tos=0, pmtudisc=1, ignore_df=0)
GRE6 = GRE.replace(**ENDS6, ttl=64, encap_limit=4, flowinfo=0, flags=CAN_SEND_AND_RECEIVE, encap_flags=2)
KEYED = {"iflags": k.GreFlags.GRE_KEY | k.GreFlags.GRE_SEQ, "oflags": k.GreFlags.GRE_KEY | k.GreFlags.GRE_SEQ}
INHERIT = (
    k.Ip6TunnelFlags.IP6_TNL_F_IGN_ENCAP_LIMIT
    | k.Ip6TunnelFlags.IP6_TNL_F_USE_ORIG_TCLASS
    | k.Ip6TunnelFlags.IP6_TNL_F_USE_ORIG_FLOWLABEL
    | CAN_SEND_AND_RECEIVE
)
DSCP = k.Ip6TunnelFlags.IP6_TNL_F_RCV_DSCP_COPY | CAN_SEND_AND_RECEIVE
IPTUN = IpTunnel(
    **zeros("link ttl tos proto encap_type encap_flags encap_sport encap_dport fwmark"), **ENDS, pmtudisc=1
)
SIT = IPTUN.replace(
    flags=0, sixrd_prefix="2002::", sixrd_relay_prefix="0.0.0.0", sixrd_prefixlen=16, sixrd_relay_prefixlen=0
)
IP6TNL = Ip6Tunnel(
    **zeros("link flowinfo proto encap_type encap_sport encap_dport fwmark"),
    **ENDS6,
    ttl=64,
    encap_limit=4,
    flags=CAN_SEND_AND_RECEIVE,
    encap_flags=k.TunnelEncapFlags.TUNNEL_ENCAP_FLAG_CSUM6,
)
GENEVE = Geneve(**zeros("id ttl tos label ttl_inherit df"), port=6081, udp_zero_csum6_rx=1)
HSR = Hsr(slave1=U0, slave2=U2, seq_nr=64511)
MACVLAN = Macvlan(flags=0, macaddr_count=0, bc_queue_len=1000, bc_queue_len_used=1000)
TUN = Tun(type=k.TunType.IFF_TUN, pi=0, vnet_hdr=0, persist=1, multi_queue=0)
VXLAN = Vxlan(
    **zeros("id ttl tos limit proxy rsc l2miss l3miss remcsum_tx remcsum_rx collect_metadata label ttl_inherit df"),
    **zeros("udp_zero_csum6_tx udp_zero_csum6_rx label_policy"),
    learning=1,
    ageing=300,
    port_range=PortRange(low=0, high=0),
    port=4789,
    udp_csum=1,
    localbypass=1,
)

#: Case of tests/kindcases.py -> what the kernel told of d0; a case that is not here is of a kind without data.
RECORDS: Mapping[str, Record] = {
    "bond": BOND.replace(
        mode=k.BondMode.BOND_MODE_8023AD,
        miimon=150,
        updelay=300,
        downdelay=450,
        xmit_hash_policy=k.BondXmitPolicy.BOND_XMIT_POLICY_LAYER34,
        min_links=1,
        ad_lacp_rate=1,
        ad_select=1,
        ad_actor_sys_prio=1000,
        ad_user_port_key=7,
        ad_actor_system="02:00:00:00:00:99",
        all_slaves_active=1,
        resend_igmp=3,
        num_peer_notif=2,
        lp_interval=5,
        peer_notif_delay=300,
        ad_lacp_active=0,
    ),
    "bond.arp": BOND.replace(
        mode=k.BondMode.BOND_MODE_ACTIVEBACKUP,
        arp_interval=200,
        arp_ip_target=("192.0.2.8", "192.0.2.9"),
        ns_ip6_target=("2001:db8::8", "2001:db8::9"),
        arp_validate=1,
        arp_all_targets=1,
        missed_max=4,
        fail_over_mac=2,
        primary=U0,
        primary_reselect=1,
    ),
    "bond.rr": BOND.replace(packets_per_slave=3),
    "bond.tlb": BOND.replace(
        mode=k.BondMode.BOND_MODE_TLB,
        miimon=100,
        tlb_dynamic_lb=0,
        xmit_hash_policy=k.BondXmitPolicy.BOND_XMIT_POLICY_VLAN_SRCMAC,
    ),
    "bond.up": BOND.replace(
        mode=k.BondMode.BOND_MODE_8023AD,
        miimon=100,
        ad_lacp_rate=1,
        ad_info=BondAdInfo(aggregator=1, num_ports=1, actor_key=15, partner_key=1, partner_mac="00:00:00:00:00:00"),
        ad_actor_sys_prio=65535,
        ad_user_port_key=0,
        ad_actor_system="00:00:00:00:00:00",
    ),
    "bridge": BRIDGE.replace(
        forward_delay=900,
        hello_time=300,
        max_age=1800,
        stp_state=1,
        priority=4096,
        group_fwd_mask=8,
        group_addr="01:80:c2:00:00:05",
        root_id=OTHER_ID,
        bridge_id=OTHER_ID,
        nf_call_iptables=1,
    ),
    "bridge.multicast": BRIDGE.replace(
        mcast_router=k.MulticastRouter.MDB_RTR_TYPE_PERM,
        mcast_query_use_ifaddr=1,
        mcast_querier=1,
        mcast_hash_max=1024,
        mcast_last_member_cnt=3,
        mcast_startup_query_cnt=4,
        mcast_last_member_intvl=200,
        mcast_membership_intvl=27000,
        mcast_querier_intvl=26000,
        mcast_query_intvl=13000,
        mcast_query_response_intvl=1100,
        mcast_startup_query_intvl=3200,
        mcast_igmp_version=3,
        mcast_mld_version=2,
        mcast_stats_enabled=1,
        mcast_querier_state=BridgeQuerier(ip_address="0.0.0.0", ipv6_address="::"),
    ),
    "bridge.vlan": BRIDGE.replace(
        vlan_filtering=1,
        vlan_protocol=k.VlanProtocol.ETH_P_8021AD,
        group_addr="01:80:c2:00:00:08",
        vlan_default_pvid=5,
        vlan_stats_enabled=1,
        vlan_stats_per_port=1,
    ),
    "can": Can(
        bittiming=CanBitTiming(bitrate=500000),
        clock=CanClock(freq=0),
        state=k.CanState.CAN_STATE_STOPPED,
        ctrlmode=CanControlMode(mask=0, flags=k.CanMode.CAN_CTRLMODE_LISTENONLY),
        restart_ms=0,
        bitrate_const=(10000, 20000, 50000, 100000, 125000, 250000, 500000, 800000, 1000000),
        bitrate_max=0,
        ctrlmode_ext=CanControlModeExt(supported=k.CanMode.CAN_CTRLMODE_LISTENONLY),
    ),
    "erspan": GRE4.replace(**KEYED, ikey=5, okey=5, ttl=9, tos=4, erspan_ver=1, erspan_index=77),
    "erspan.2": GRE4.replace(**KEYED, link=U0, ikey=5, okey=5, erspan_ver=2, erspan_dir=1, erspan_hwid=17),
    "geneve": GENEVE.replace(
        id=5, remote="192.0.2.9", ttl=9, tos=4, df=k.GeneveDf.GENEVE_DF_SET, port=6082, udp_csum=0
    ),
    "geneve.6": GENEVE.replace(
        id=6, remote6="2001:db8::9", ttl_inherit=1, label=0x12345, udp_zero_csum6_tx=1, udp_zero_csum6_rx=0
    ),
    "geneve.external": GENEVE.replace(collect_metadata=True, inner_proto_inherit=True),
    "gre": GRE4.replace(
        link=U0,
        iflags=k.GreFlags.GRE_KEY | k.GreFlags.GRE_CSUM,
        oflags=k.GreFlags.GRE_KEY | k.GreFlags.GRE_CSUM | k.GreFlags.GRE_SEQ,
        ikey=0x01020304,
        okey=9,
        ttl=7,
        tos=0x10,
        encap_type=k.TunnelEncap.TUNNEL_ENCAP_FOU,
        encap_flags=k.TunnelEncapFlags.TUNNEL_ENCAP_FLAG_CSUM | k.TunnelEncapFlags.TUNNEL_ENCAP_FLAG_REMCSUM,
        encap_sport=5555,
        encap_dport=6666,
        fwmark=33,
    ),
    "gretap": GRE4.replace(
        **KEYED,
        ikey=7,
        okey=7,
        pmtudisc=0,
        ignore_df=1,
        encap_type=k.TunnelEncap.TUNNEL_ENCAP_GUE,
        encap_flags=k.TunnelEncapFlags.TUNNEL_ENCAP_FLAG_CSUM6,
        encap_dport=7777,
    ),
    "gretap.external": GRE4.replace(**NOWHERE, collect_metadata=True),
    "gtp": Gtp(role=k.GtpRole.GTP_ROLE_SGSN, pdp_hashsize=2048, restart_count=7),
    "hsr": HSR.replace(supervision_addr="01:15:4e:00:01:05", protocol=k.HsrProtocol.HSR_PROTOCOL_HSR),
    "hsr.prp": HSR.replace(supervision_addr="01:15:4e:00:01:00", protocol=k.HsrProtocol.HSR_PROTOCOL_PRP),
    "ip6erspan": GRE6.replace(**KEYED, ikey=5, okey=5, ttl=3, erspan_ver=1, erspan_index=78),
    "ip6gre": GRE6.replace(
        link=U0,
        iflags=k.GreFlags.GRE_KEY,
        oflags=k.GreFlags.GRE_KEY | k.GreFlags.GRE_SEQ,
        ikey=3,
        okey=4,
        ttl=33,
        encap_limit=2,
        flowinfo=0x02012345,
        flags=DSCP,
        fwmark=34,
    ),
    "ip6gretap": GRE6.replace(
        flags=INHERIT, encap_type=k.TunnelEncap.TUNNEL_ENCAP_FOU, encap_sport=5555, encap_dport=6666
    ),
    "ip6tnl": IP6TNL.replace(
        link=U0,
        proto=41,
        ttl=12,
        encap_limit=3,
        flowinfo=0x03054321,
        flags=DSCP | k.Ip6TunnelFlags.IP6_TNL_F_ALLOW_LOCAL_REMOTE,
        fwmark=35,
    ),
    "ip6tnl.inherit": IP6TNL.replace(
        flags=INHERIT | k.Ip6TunnelFlags.IP6_TNL_F_USE_ORIG_FWMARK,
        encap_type=k.TunnelEncap.TUNNEL_ENCAP_GUE,
        encap_dport=6666,
    ),
    "ipip": IPTUN.replace(
        link=U0, ttl=9, tos=4, encap_type=k.TunnelEncap.TUNNEL_ENCAP_GUE, encap_dport=7777, fwmark=32
    ),
    "ipip.external": IPTUN.replace(**NOWHERE, collect_metadata=True),
    "ipvlan": Ipvlan(mode=k.IpvlanMode.IPVLAN_MODE_L3S, flags=k.IpvlanFlags.IPVLAN_F_PRIVATE),
    "ipvtap": Ipvlan(mode=k.IpvlanMode.IPVLAN_MODE_L2, flags=k.IpvlanFlags.IPVLAN_F_VEPA),
    "macsec": Macsec(
        sci=0x0200000000A0000B,
        icv_len=12,
        cipher_suite=k.MacsecCipher.MACSEC_CIPHER_ID_GCM_AES_256,
        window=64,
        encoding_sa=2,
        encrypt=1,
        protect=1,
        inc_sci=0,
        es=1,
        scb=0,
        replay_protect=1,
        validation=k.MacsecValidation.MACSEC_VALIDATE_CHECK,
        offload=k.MacsecOffload.MACSEC_OFFLOAD_OFF,
    ),
    "macvlan": MACVLAN.replace(
        mode=k.MacvlanMode.MACVLAN_MODE_SOURCE,
        macaddr_data=MacvlanAddresses(macaddr=("02:00:00:00:00:22", "02:00:00:00:00:21")),
        macaddr_count=2,
        bc_queue_len=500,
        bc_queue_len_used=500,
    ),
    "macvlan.passthru": MACVLAN.replace(
        mode=k.MacvlanMode.MACVLAN_MODE_PASSTHRU, flags=k.MacvlanFlags.MACVLAN_FLAG_NOPROMISC
    ),
    "macvtap": MACVLAN.replace(mode=k.MacvlanMode.MACVLAN_MODE_VEPA),
    "netkit": Netkit(
        primary=1,
        policy=k.NetkitPolicy.NETKIT_PASS,
        peer_policy=k.NetkitPolicy.NETKIT_PASS,
        mode=k.NetkitMode.NETKIT_L3,
        scrub=k.NetkitScrub.NETKIT_SCRUB_DEFAULT,
        peer_scrub=k.NetkitScrub.NETKIT_SCRUB_DEFAULT,
    ),
    "sit": SIT.replace(
        link=U0,
        remote="0.0.0.0",
        ttl=8,
        flags=k.SitFlags.SIT_ISATAP,
        proto=41,
        sixrd_prefix="2001:db8::",
        sixrd_relay_prefix="192.0.2.0",
        sixrd_prefixlen=32,
        sixrd_relay_prefixlen=24,
    ),
    "sit.encap": SIT.replace(
        tos=1, pmtudisc=0, encap_type=k.TunnelEncap.TUNNEL_ENCAP_FOU, encap_sport=5555, encap_dport=6666, fwmark=31
    ),
    "tun": TUN.replace(owner=3333, group=4444, pi=1, multi_queue=1, num_queues=0, num_disabled_queues=0),
    "tun.tap": TUN.replace(type=k.TunType.IFF_TAP, vnet_hdr=1),
    "vlan": Vlan(
        id=7,
        flags=VlanFlagsChange(flags=0x1E, mask=0xFFFFFFFF),
        egress_qos=VlanQos(mapping=[VlanQosMapping(from_=5, to=6)]),
        ingress_qos=VlanQos(mapping=[VlanQosMapping(from_=1, to=2), VlanQosMapping(from_=3, to=4)]),
        protocol=k.VlanProtocol.ETH_P_8021AD,
    ),
    "vrf": Vrf(table=1000),
    "vti": Vti(**ENDS, link=U0, ikey=5, okey=6, fwmark=36),
    "vti6": Vti(**ENDS6, link=U0, ikey=7, okey=8, fwmark=37),
    "vxlan": VXLAN.replace(
        **dict.fromkeys(("proxy", "rsc", "l2miss", "l3miss"), 1),
        id=42,
        group="239.1.1.1",
        link=U0,
        ttl=5,
        tos=0x10,
        learning=0,
        ageing=60,
        limit=100,
        port_range=PortRange(low=1000, high=2000),
        port=4790,
        udp_csum=0,
        gbp=True,
        df=k.VxlanDf.VXLAN_DF_SET,
    ),
    "vxlan.6": VXLAN.replace(
        id=43,
        group6="2001:db8::9",
        local6="2001:db8::1",
        port=4791,
        label=0x12345,
        ttl_inherit=1,
        udp_zero_csum6_tx=1,
        udp_zero_csum6_rx=1,
    ),
    "vxlan.external": VXLAN.replace(learning=0, port=4792, collect_metadata=1, vnifilter=1, gpe=True),
    "xfrm": XfrmLink(link=U0, if_id=42),
    "xfrm.external": XfrmLink(link=0, if_id=0, collect_metadata=True),
}

#: Case -> what the kernel told of u0, the port of d0.
PORTS: Mapping[str, Record] = {
    "bond": BOND_PORT.replace(queue_id=5, actor_port_prio=255),
    "bond.arp": BOND_PORT.replace(prio=-7),
    "bond.up": BOND_PORT.replace(
        state=k.BondState.BOND_STATE_ACTIVE,
        mii_status=k.BondLink.BOND_LINK_UP,
        ad_aggregator_id=1,
        ad_actor_oper_port_state=0xC7,
        ad_partner_oper_port_state=k.LacpState.LACP_STATE_LACP_TIMEOUT,
        actor_port_prio=255,
        ad_churn_actor_state=0,
        ad_churn_partner_state=0,
    ),
    "bridge": BRIDGE_PORT.replace(
        **dict.fromkeys(("mode", "guard", "protect", "fast_leave", "mcast_to_ucast", "neigh_suppress"), 1),
        **dict.fromkeys(("vlan_tunnel", "isolated", "locked"), 1),
        **zeros("learning unicast_flood mcast_flood bcast_flood"),
        cost=7,
        priority=9,
        id=0x2401,
        designated_port=0x2401,
        group_fwd_mask=16,
        root_id=OTHER_ID,
        bridge_id=OTHER_ID,
    ),
    "bridge.multicast": BRIDGE_PORT.replace(multicast_router=k.MulticastRouter.MDB_RTR_TYPE_PERM),
    "vrf": VrfPort(table=1000),
}
