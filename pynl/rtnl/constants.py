"""Names for numbers, in their UAPI spelling: linux/rtnetlink.h, if.h, and the headers of each kind of object."""

from __future__ import annotations

from enum import IntEnum, IntFlag

#: What a table number of one byte is where the number needs more (linux/rtnetlink.h).
RT_TABLE_COMPAT = 252


class AddressFamily(IntEnum):
    """AF_* of sys/socket.h, those that rtnetlink knows, and its own."""

    AF_UNSPEC = 0
    AF_INET = 2
    AF_BRIDGE = 7
    AF_INET6 = 10
    AF_PACKET = 17
    AF_MPLS = 28
    AF_MCTP = 45
    RTNL_FAMILY_IPMR = 128
    RTNL_FAMILY_IP6MR = 129


class MessageType(IntEnum):
    """RTM_* of linux/rtnetlink.h."""

    RTM_NEWLINK = 16
    RTM_DELLINK = 17
    RTM_GETLINK = 18
    RTM_SETLINK = 19
    RTM_NEWADDR = 20
    RTM_DELADDR = 21
    RTM_GETADDR = 22
    RTM_NEWROUTE = 24
    RTM_DELROUTE = 25
    RTM_GETROUTE = 26
    RTM_NEWNEIGH = 28
    RTM_DELNEIGH = 29
    RTM_GETNEIGH = 30
    RTM_NEWRULE = 32
    RTM_DELRULE = 33
    RTM_GETRULE = 34
    RTM_NEWNSID = 88
    RTM_DELNSID = 89
    RTM_GETNSID = 90
    RTM_NEWNEXTHOP = 104
    RTM_DELNEXTHOP = 105
    RTM_GETNEXTHOP = 106
    RTM_NEWLINKPROP = 108
    RTM_DELLINKPROP = 109
    RTM_NEWNEXTHOPBUCKET = 116
    RTM_DELNEXTHOPBUCKET = 117
    RTM_GETNEXTHOPBUCKET = 118


class Group(IntEnum):
    """RTNLGRP_* of linux/rtnetlink.h: multicast groups of the notifications."""

    RTNLGRP_LINK = 1
    RTNLGRP_NEIGH = 3
    RTNLGRP_IPV4_IFADDR = 5
    RTNLGRP_IPV4_ROUTE = 7
    RTNLGRP_IPV4_RULE = 8
    RTNLGRP_IPV6_IFADDR = 9
    RTNLGRP_IPV6_ROUTE = 11
    RTNLGRP_IPV6_RULE = 19
    RTNLGRP_NSID = 28
    RTNLGRP_NEXTHOP = 32


class RouteType(IntEnum):
    """RTN_* of linux/rtnetlink.h."""

    RTN_UNSPEC = 0
    RTN_UNICAST = 1
    RTN_LOCAL = 2
    RTN_BROADCAST = 3
    RTN_ANYCAST = 4
    RTN_MULTICAST = 5
    RTN_BLACKHOLE = 6
    RTN_UNREACHABLE = 7
    RTN_PROHIBIT = 8
    RTN_THROW = 9
    RTN_NAT = 10
    RTN_XRESOLVE = 11


class RouteProtocol(IntEnum):
    """RTPROT_* of linux/rtnetlink.h: who installed a route."""

    RTPROT_UNSPEC = 0
    RTPROT_REDIRECT = 1
    RTPROT_KERNEL = 2
    RTPROT_BOOT = 3
    RTPROT_STATIC = 4
    RTPROT_GATED = 8
    RTPROT_RA = 9
    RTPROT_MRT = 10
    RTPROT_ZEBRA = 11
    RTPROT_BIRD = 12
    RTPROT_DNROUTED = 13
    RTPROT_XORP = 14
    RTPROT_NTK = 15
    RTPROT_DHCP = 16
    RTPROT_MROUTED = 17
    RTPROT_KEEPALIVED = 18
    RTPROT_BABEL = 42
    RTPROT_OPENR = 99
    RTPROT_BGP = 186
    RTPROT_ISIS = 187
    RTPROT_OSPF = 188
    RTPROT_RIP = 189
    RTPROT_EIGRP = 192


class RouteScope(IntEnum):
    """RT_SCOPE_* of linux/rtnetlink.h: how far a destination is."""

    RT_SCOPE_UNIVERSE = 0
    RT_SCOPE_SITE = 200
    RT_SCOPE_LINK = 253
    RT_SCOPE_HOST = 254
    RT_SCOPE_NOWHERE = 255


class RouteFlags(IntFlag):
    """RTM_F_* and RTNH_F_* of linux/rtnetlink.h, as rtm_flags holds them both."""

    RTNH_F_DEAD = 1
    RTNH_F_PERVASIVE = 2
    RTNH_F_ONLINK = 4
    RTNH_F_OFFLOAD = 8
    RTNH_F_LINKDOWN = 16
    RTNH_F_UNRESOLVED = 32
    RTNH_F_TRAP = 64
    RTM_F_NOTIFY = 0x100
    RTM_F_CLONED = 0x200
    RTM_F_EQUALIZE = 0x400
    RTM_F_PREFIX = 0x800
    RTM_F_LOOKUP_TABLE = 0x1000
    RTM_F_FIB_MATCH = 0x2000
    RTM_F_OFFLOAD = 0x4000
    RTM_F_TRAP = 0x8000
    RTM_F_OFFLOAD_FAILED = 0x20000000


class NexthopFlags(IntFlag):
    """RTNH_F_* of linux/rtnetlink.h."""

    RTNH_F_DEAD = 1
    RTNH_F_PERVASIVE = 2
    RTNH_F_ONLINK = 4
    RTNH_F_OFFLOAD = 8
    RTNH_F_LINKDOWN = 16
    RTNH_F_UNRESOLVED = 32
    RTNH_F_TRAP = 64


class NexthopGroupType(IntEnum):
    """NEXTHOP_GRP_TYPE_* of linux/nexthop.h."""

    NEXTHOP_GRP_TYPE_MPATH = 0
    NEXTHOP_GRP_TYPE_RES = 1


class NexthopOpFlags(IntFlag):
    """NHA_OP_FLAG_* of linux/nexthop.h (since 6.9)."""

    NHA_OP_FLAG_DUMP_STATS = 1
    NHA_OP_FLAG_DUMP_HW_STATS = 2
    NHA_OP_FLAG_RESP_GRP_RESVD_0 = 1 << 31


class RuleAction(IntEnum):
    """FR_ACT_* of linux/fib_rules.h: what becomes of a packet that a rule is for."""

    FR_ACT_UNSPEC = 0
    FR_ACT_TO_TBL = 1
    FR_ACT_GOTO = 2
    FR_ACT_NOP = 3
    FR_ACT_RES3 = 4
    FR_ACT_RES4 = 5
    FR_ACT_BLACKHOLE = 6
    FR_ACT_UNREACHABLE = 7
    FR_ACT_PROHIBIT = 8


class RuleFlags(IntFlag):
    """FIB_RULE_* of linux/fib_rules.h."""

    FIB_RULE_PERMANENT = 0x01
    FIB_RULE_INVERT = 0x02
    FIB_RULE_UNRESOLVED = 0x04
    FIB_RULE_IIF_DETACHED = 0x08
    FIB_RULE_OIF_DETACHED = 0x10
    FIB_RULE_FIND_SADDR = 0x10000


class MetricFeatures(IntFlag):
    """RTAX_FEATURE_* of linux/rtnetlink.h."""

    RTAX_FEATURE_ECN = 1
    RTAX_FEATURE_SACK = 2
    RTAX_FEATURE_TIMESTAMP = 4
    RTAX_FEATURE_ALLFRAG = 8
    RTAX_FEATURE_TCP_USEC_TS = 16


class RouterPreference(IntEnum):
    """ICMPV6_ROUTER_PREF_* of linux/icmpv6.h (RFC 4191)."""

    ICMPV6_ROUTER_PREF_MEDIUM = 0
    ICMPV6_ROUTER_PREF_HIGH = 1
    ICMPV6_ROUTER_PREF_INVALID = 2
    ICMPV6_ROUTER_PREF_LOW = 3


class DelReason(IntEnum):
    """RT_DEL_REASON_*: why the kernel deleted a route (since 7.3)."""

    RT_DEL_REASON_UNSPEC = 0
    RT_DEL_REASON_EXPIRED = 1
    RT_DEL_REASON_RA_WITHDRAWN = 2


class EncapType(IntEnum):
    """LWTUNNEL_ENCAP_* of linux/lwtunnel.h."""

    LWTUNNEL_ENCAP_NONE = 0
    LWTUNNEL_ENCAP_MPLS = 1
    LWTUNNEL_ENCAP_IP = 2
    LWTUNNEL_ENCAP_ILA = 3
    LWTUNNEL_ENCAP_IP6 = 4
    LWTUNNEL_ENCAP_SEG6 = 5
    LWTUNNEL_ENCAP_BPF = 6
    LWTUNNEL_ENCAP_SEG6_LOCAL = 7
    LWTUNNEL_ENCAP_RPL = 8
    LWTUNNEL_ENCAP_IOAM6 = 9
    LWTUNNEL_ENCAP_XFRM = 10


class Seg6Mode(IntEnum):
    """SEG6_IPTUN_MODE_* of linux/seg6_iptunnel.h."""

    SEG6_IPTUN_MODE_INLINE = 0
    SEG6_IPTUN_MODE_ENCAP = 1
    SEG6_IPTUN_MODE_L2ENCAP = 2
    SEG6_IPTUN_MODE_ENCAP_RED = 3
    SEG6_IPTUN_MODE_L2ENCAP_RED = 4


class Seg6LocalAction(IntEnum):
    """SEG6_LOCAL_ACTION_* of linux/seg6_local.h (RFC 8986)."""

    SEG6_LOCAL_ACTION_UNSPEC = 0
    SEG6_LOCAL_ACTION_END = 1
    SEG6_LOCAL_ACTION_END_X = 2
    SEG6_LOCAL_ACTION_END_T = 3
    SEG6_LOCAL_ACTION_END_DX2 = 4
    SEG6_LOCAL_ACTION_END_DX6 = 5
    SEG6_LOCAL_ACTION_END_DX4 = 6
    SEG6_LOCAL_ACTION_END_DT6 = 7
    SEG6_LOCAL_ACTION_END_DT4 = 8
    SEG6_LOCAL_ACTION_END_B6 = 9
    SEG6_LOCAL_ACTION_END_B6_ENCAP = 10
    SEG6_LOCAL_ACTION_END_BM = 11
    SEG6_LOCAL_ACTION_END_S = 12
    SEG6_LOCAL_ACTION_END_AS = 13
    SEG6_LOCAL_ACTION_END_AM = 14
    SEG6_LOCAL_ACTION_END_BPF = 15
    SEG6_LOCAL_ACTION_END_DT46 = 16


class AddressFlags(IntFlag):
    """IFA_F_* of linux/if_addr.h."""

    IFA_F_SECONDARY = 0x01
    IFA_F_NODAD = 0x02
    IFA_F_OPTIMISTIC = 0x04
    IFA_F_DADFAILED = 0x08
    IFA_F_HOMEADDRESS = 0x10
    IFA_F_DEPRECATED = 0x20
    IFA_F_TENTATIVE = 0x40
    IFA_F_PERMANENT = 0x80
    IFA_F_MANAGETEMPADDR = 0x100
    IFA_F_NOPREFIXROUTE = 0x200
    IFA_F_MCAUTOJOIN = 0x400
    IFA_F_STABLE_PRIVACY = 0x800


class AddressProtocol(IntEnum):
    """IFAPROT_* of linux/if_addr.h (since 5.18): who installed an address."""

    IFAPROT_UNSPEC = 0
    IFAPROT_KERNEL_LO = 1
    IFAPROT_KERNEL_RA = 2
    IFAPROT_KERNEL_LL = 3


class NeighbourState(IntFlag):
    """NUD_* of linux/neighbour.h (RFC 4861, section 7.3.2)."""

    NUD_NONE = 0
    NUD_INCOMPLETE = 0x01
    NUD_REACHABLE = 0x02
    NUD_STALE = 0x04
    NUD_DELAY = 0x08
    NUD_PROBE = 0x10
    NUD_FAILED = 0x20
    NUD_NOARP = 0x40
    NUD_PERMANENT = 0x80


class NeighbourFlags(IntFlag):
    """NTF_* of linux/neighbour.h."""

    NTF_USE = 0x01
    NTF_SELF = 0x02
    NTF_MASTER = 0x04
    NTF_PROXY = 0x08
    NTF_EXT_LEARNED = 0x10
    NTF_OFFLOADED = 0x20
    NTF_STICKY = 0x40
    NTF_ROUTER = 0x80


class NeighbourExtFlags(IntFlag):
    """NTF_EXT_* of linux/neighbour.h."""

    NTF_EXT_MANAGED = 1
    NTF_EXT_LOCKED = 2
    NTF_EXT_EXT_VALIDATED = 4


class LinkFlags(IntFlag):
    """IFF_* of linux/if.h."""

    IFF_UP = 1 << 0
    IFF_BROADCAST = 1 << 1
    IFF_DEBUG = 1 << 2
    IFF_LOOPBACK = 1 << 3
    IFF_POINTOPOINT = 1 << 4
    IFF_NOTRAILERS = 1 << 5
    IFF_RUNNING = 1 << 6
    IFF_NOARP = 1 << 7
    IFF_PROMISC = 1 << 8
    IFF_ALLMULTI = 1 << 9
    IFF_MASTER = 1 << 10
    IFF_SLAVE = 1 << 11
    IFF_MULTICAST = 1 << 12
    IFF_PORTSEL = 1 << 13
    IFF_AUTOMEDIA = 1 << 14
    IFF_DYNAMIC = 1 << 15
    IFF_LOWER_UP = 1 << 16
    IFF_DORMANT = 1 << 17
    IFF_ECHO = 1 << 18


class OperState(IntEnum):
    """IF_OPER_* of linux/if.h (RFC 2863, ifOperStatus)."""

    IF_OPER_UNKNOWN = 0
    IF_OPER_NOTPRESENT = 1
    IF_OPER_DOWN = 2
    IF_OPER_LOWERLAYERDOWN = 3
    IF_OPER_TESTING = 4
    IF_OPER_DORMANT = 5
    IF_OPER_UP = 6


class LinkMode(IntEnum):
    """IF_LINK_MODE_* of linux/if.h."""

    IF_LINK_MODE_DEFAULT = 0
    IF_LINK_MODE_DORMANT = 1
    IF_LINK_MODE_TESTING = 2


class ExtFilter(IntFlag):
    """RTEXT_FILTER_* of linux/rtnetlink.h: what a link dump is to tell or leave out."""

    RTEXT_FILTER_VF = 1 << 0
    RTEXT_FILTER_BRVLAN = 1 << 1
    RTEXT_FILTER_BRVLAN_COMPRESSED = 1 << 2
    RTEXT_FILTER_SKIP_STATS = 1 << 3
    RTEXT_FILTER_MRP = 1 << 4
    RTEXT_FILTER_CFM_CONFIG = 1 << 5
    RTEXT_FILTER_CFM_STATUS = 1 << 6
    RTEXT_FILTER_MST = 1 << 7
