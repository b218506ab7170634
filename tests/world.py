"""A namespace that holds one of everything this kernel can make, set up by iproute2."""

from __future__ import annotations

import os

from conftest import Namespace

LINKS = """
link add v0 address 02:00:00:00:00:a0 type veth peer name v1 address 02:00:00:00:00:a1
link add v2 type veth peer name v3
link add br0 address 02:00:00:00:00:b0 type bridge stp_state 1 forward_delay 900 ageing_time 20000
link set v1 master br0
link set v3 master br0
link set v1 type bridge_slave hairpin on cost 7 priority 9 learning off guard on
link add mv0 link v0 type macvlan mode bridge
link add mvp0 link v0 type macvlan mode private
link add mvt0 link v0 type macvtap mode vepa
link add vx0 type vxlan id 42 remote 198.51.100.9 local 192.0.2.1 dstport 4789 ttl 9 nolearning dev v0
link add vx6 type vxlan id 43 group ff05::100 local 2001:db8::1 dstport 4790 dev v0
link add vxe type vxlan dstport 4791 external
link add ifb0 type ifb
link set v0 mtu 1400 txqlen 500 alias "to the bridge" group 7
link property add dev v0 altname a-name-of-more-than-fifteen-bytes altname second
link set v0 up
link set v1 up
link set v2 up
link set v3 up
link set br0 up
link set mv0 up
link set vx0 up
"""

MAY_TAP = os.access("/dev/net/tun", os.R_OK | os.W_OK)
TAPS = """
tuntap add tap0 mode tap
tuntap add tun0 mode tun multi_queue
"""

ADDRESSES = """
addr add 192.0.2.1/24 brd + dev v0
addr add 192.0.2.2/24 dev v0 label v0:alias
addr add 192.0.2.77/24 dev v0 valid_lft 3600 preferred_lft 1800
addr add 10.9.0.1 peer 10.9.0.2/32 dev v0
addr add 10.10.0.1/8 scope link dev v2 noprefixroute
addr add 10.11.0.1/24 metric 77 dev v2
addr add 2001:db8::1/64 dev v0 nodad
addr add 2001:db8::77/64 dev v0 nodad valid_lft 3600 preferred_lft 0
addr add 2001:db8:9::1 peer 2001:db8:9::2/128 dev v0 nodad
addr add 2001:db8:a::1/64 dev v2 nodad home mngtmpaddr
"""

NEXTHOPS = """
nexthop add id 1 via 192.0.2.250 dev v0
nexthop add id 2 via 192.0.2.251 dev v0
nexthop add id 3 group 1,2/2,5
nexthop add id 4 blackhole
nexthop add id 6 via 2001:db8::6 dev v0
nexthop add id 7 via 192.0.2.252 dev v0 onlink protocol bird
nexthop add id 8 dev v0
nexthop add id 9 via 192.0.2.9 dev v0 encap ip id 5 dst 10.9.9.9
nexthop add id 11 group 1,2/2,1 type resilient buckets 8 idle_timer 30 unbalanced_timer 60
nexthop add id 20 via 192.0.2.20 fdb
nexthop add id 21 via 192.0.2.21 fdb
nexthop add id 22 group 20/21 fdb
"""

ROUTES = """
route add default via 192.0.2.254
route add default via 192.0.2.253 metric 500
route add 198.51.100.0/24 via 192.0.2.254 dev v0 src 192.0.2.1 proto bird metric 20 realm 7
route add 198.51.101.0/24 dev v0 scope link tos 0x10
route add 198.51.102.0/24 via 192.0.2.254 mtu 1300 advmss lock 1200 rto_min 300ms initcwnd 20 congctl reno features ecn
route add blackhole 198.51.103.0/24
route add unreachable 198.51.104.0/24 metric 5
route add prohibit 198.51.105.0/24
route add throw 198.51.106.0/24 table 1000
route add 198.51.107.0/24 via 203.0.113.1 dev v0 onlink
route add 198.51.108.0/24 via inet6 2001:db8::9 dev v0
route add 198.51.109.0/24 nexthop via 192.0.2.10 weight 3 nexthop via 192.0.2.11 dev v0 onlink nexthop dev v2
route add 198.51.110.0/24 nexthop via inet6 2001:db8::10 dev v0 weight 256 nexthop via 192.0.2.12
route add 198.51.111.0/24 nhid 1
route add 198.51.112.0/24 nhid 3
route add 198.51.113.0/24 dev v0 table 4294967294
route add 198.51.114.0/24 encap ip6 id 6 dst 2001:db8::99 src 2001:db8::98 dev v0
route add 198.51.115.0/24 encap ip id 7 dst 192.0.2.99 ttl 8 dev v0
route add 198.51.116.0/24 encap seg6 mode encap segs 2001:db8::a,2001:db8::b dev v0
route add local 198.51.117.0/24 dev lo
route add broadcast 198.51.118.255 dev v0 table 255
route add multicast 224.1.0.0/16 dev v0
route add default via 2001:db8::fe dev v0 pref high
route add 2001:db8:100::/48 via 2001:db8::fe dev v0 proto zebra metric 20 expires 3000
route add 2001:db8:101::/48 nexthop via 2001:db8::10 weight 4 nexthop via 2001:db8::11 dev v0
route add 2001:db8:102::/48 encap seg6 mode encap segs 2001:db8::a,2001:db8::b dev v0
route add 2001:db8:103::/48 encap seg6 mode inline segs 2001:db8::c dev v0
route add 2001:db8:104::/48 encap seg6local action End.X nh6 2001:db8::5 dev v0
route add 2001:db8:105::/48 encap seg6local action End.DT6 table 100 dev v0
route add 2001:db8:106::/48 encap ip6 id 6 dst 2001:db8::9 src 2001:db8::8 hoplimit 5 dev v0
route add unreachable 2001:db8:107::/48
route add blackhole 2001:db8:108::/48
route add prohibit 2001:db8:109::/48
route add 2001:db8:110::/48 via 2001:db8::fe dev v0 mtu 1350 table 70000
route add 2001:db8:111::/48 nhid 6
route add 2001:db8:112::/48 from 2001:db8:113::/64 via 2001:db8::fe dev v0
"""

NEIGHBOURS = """
neigh add 192.0.2.50 lladdr 02:00:00:00:00:50 dev v0 nud permanent
neigh add 192.0.2.51 lladdr 02:00:00:00:00:51 dev v0 nud stale extern_learn
neigh add 192.0.2.52 lladdr 02:00:00:00:00:52 dev v0 nud reachable protocol bird
neigh add 192.0.2.53 dev v0 nud failed
neigh add 2001:db8::50 lladdr 02:00:00:00:00:53 dev v0 nud stale router
neigh add 2001:db8::51 lladdr 02:00:00:00:00:54 dev v0 nud noarp
neigh add proxy 192.0.2.60 dev v0
neigh add proxy 2001:db8::60 dev v0
"""

FORWARDING = """
fdb add 02:00:00:00:00:70 dev vx0 dst 192.0.2.70 vni 7 port 1234
fdb add 02:00:00:00:00:71 dev v1 master static sticky
fdb add 02:00:00:00:00:72 dev v3 master dynamic extern_learn
fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.71
"""

RULES = """
rule add from 203.0.113.0/25 to 203.0.113.128/25 table 100 priority 10
rule add not fwmark 0x0/0x0 table 4711 priority 11 protocol bird
rule add iif v0 oif v9 tos 0x10 table 100 priority 12
rule add ipproto tcp sport 80 dport 1000-2000 uidrange 0-0 table 100 priority 13
rule add tun_id 77 table 100 priority 14
rule add to 203.0.113.0/24 priority 15 goto 32766
rule add to 203.0.113.0/24 priority 16 goto 40000
rule add to 203.0.113.1 priority 17 blackhole
rule add to 203.0.113.2 priority 18 unreachable
rule add to 203.0.113.3 priority 19 prohibit
rule add priority 20 table main suppress_prefixlength 0 suppress_ifgroup 9 to 203.0.113.4
rule add priority 21 l3mdev
rule add priority 22 nop
rule add priority 23 to 203.0.113.5 table main realms 3/4
rule add fwmark 0x20 table 4294967294 priority 24
"""

RULES6 = """
rule add from 2001:db8:f::/48 to 2001:db8:f1::/64 table 100 priority 10
rule add to 2001:db8:f2::1 prohibit priority 11
"""


def populate(namespace: Namespace) -> None:
    """Everything; each line is a command of ip or bridge."""
    namespace.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.forwarding=1", check=False)
    for part in (LINKS + TAPS * MAY_TAP, ADDRESSES, NEXTHOPS, ROUTES, NEIGHBOURS):
        namespace.batch(part)
    namespace.batch(RULES)
    namespace.batch(RULES6, "ip -6")
    namespace.batch(FORWARDING, "bridge")
