"""Names for numbers of the kinds of links, in their UAPI spelling: linux/if_link.h and the headers named below."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class VlanProtocol(IntEnum):
    """ETH_P_* of linux/if_ether.h: the ethertypes of VLAN tags."""

    ETH_P_8021Q = 0x8100
    ETH_P_8021AD = 0x88A8


class VlanFlags(IntFlag):
    """VLAN_FLAG_* of linux/if_vlan.h."""

    VLAN_FLAG_REORDER_HDR = 1 << 0
    VLAN_FLAG_GVRP = 1 << 1
    VLAN_FLAG_LOOSE_BINDING = 1 << 2
    VLAN_FLAG_MVRP = 1 << 3
    VLAN_FLAG_BRIDGE_BINDING = 1 << 4


class MacvlanMode(IntEnum):
    """MACVLAN_MODE_*."""

    MACVLAN_MODE_PRIVATE = 1
    MACVLAN_MODE_VEPA = 2
    MACVLAN_MODE_BRIDGE = 4
    MACVLAN_MODE_PASSTHRU = 8
    MACVLAN_MODE_SOURCE = 16


class MacvlanMacaddrMode(IntEnum):
    """MACVLAN_MACADDR_*: what to do with the list of source addresses."""

    MACVLAN_MACADDR_ADD = 0
    MACVLAN_MACADDR_DEL = 1
    MACVLAN_MACADDR_FLUSH = 2
    MACVLAN_MACADDR_SET = 3


class MacvlanFlags(IntFlag):
    """MACVLAN_FLAG_*."""

    MACVLAN_FLAG_NOPROMISC = 1 << 0
    MACVLAN_FLAG_NODST = 1 << 1


class IpvlanMode(IntEnum):
    """IPVLAN_MODE_*."""

    IPVLAN_MODE_L2 = 0
    IPVLAN_MODE_L3 = 1
    IPVLAN_MODE_L3S = 2


class IpvlanFlags(IntFlag):
    """IPVLAN_F_*."""

    IPVLAN_F_PRIVATE = 1 << 0
    IPVLAN_F_VEPA = 1 << 1


class VxlanDf(IntEnum):
    """VXLAN_DF_*: the don't-fragment bit of the outer header."""

    VXLAN_DF_UNSET = 0
    VXLAN_DF_SET = 1
    VXLAN_DF_INHERIT = 2


class VxlanLabelPolicy(IntEnum):
    """VXLAN_LABEL_*: where the outer flow label comes from (since 6.8)."""

    VXLAN_LABEL_FIXED = 0
    VXLAN_LABEL_INHERIT = 1


class GeneveDf(IntEnum):
    """GENEVE_DF_*: the don't-fragment bit of the outer header."""

    GENEVE_DF_UNSET = 0
    GENEVE_DF_SET = 1
    GENEVE_DF_INHERIT = 2


class GreFlags(IntFlag):
    """GRE_* of linux/if_tunnel.h: which optional fields the GRE header has."""

    GRE_CSUM = 0x8000
    GRE_ROUTING = 0x4000
    GRE_KEY = 0x2000
    GRE_SEQ = 0x1000
    GRE_STRICT = 0x0800


class TunnelEncap(IntEnum):
    """TUNNEL_ENCAP_* of linux/if_tunnel.h: what a tunnel's packets travel in."""

    TUNNEL_ENCAP_NONE = 0
    TUNNEL_ENCAP_FOU = 1
    TUNNEL_ENCAP_GUE = 2
    TUNNEL_ENCAP_MPLS = 3


class TunnelEncapFlags(IntFlag):
    """TUNNEL_ENCAP_FLAG_* of linux/if_tunnel.h."""

    TUNNEL_ENCAP_FLAG_CSUM = 1 << 0
    TUNNEL_ENCAP_FLAG_CSUM6 = 1 << 1
    TUNNEL_ENCAP_FLAG_REMCSUM = 1 << 2


class Ip6TunnelFlags(IntFlag):
    """IP6_TNL_F_* of linux/ip6_tunnel.h; the kernel shows bits of its own as well (0x70000)."""

    IP6_TNL_F_IGN_ENCAP_LIMIT = 1 << 0
    IP6_TNL_F_USE_ORIG_TCLASS = 1 << 1
    IP6_TNL_F_USE_ORIG_FLOWLABEL = 1 << 2
    IP6_TNL_F_MIP6_DEV = 1 << 3
    IP6_TNL_F_RCV_DSCP_COPY = 1 << 4
    IP6_TNL_F_USE_ORIG_FWMARK = 1 << 5
    IP6_TNL_F_ALLOW_LOCAL_REMOTE = 1 << 6


class SitFlags(IntFlag):
    """SIT_ISATAP of linux/if_tunnel.h (RFC 5214)."""

    SIT_ISATAP = 1 << 0


class TunType(IntEnum):
    """IFF_TUN and IFF_TAP of linux/if_tun.h."""

    IFF_TUN = 1
    IFF_TAP = 2


class NetkitPolicy(IntEnum):
    """enum netkit_action: what becomes of packets that no program decides on (since 6.7)."""

    NETKIT_PASS = 0
    NETKIT_DROP = 2


class NetkitMode(IntEnum):
    """enum netkit_mode (since 6.7)."""

    NETKIT_L2 = 0
    NETKIT_L3 = 1


class NetkitScrub(IntEnum):
    """enum netkit_scrub: whether a packet's metadata survives the crossing (since 6.13)."""

    NETKIT_SCRUB_NONE = 0
    NETKIT_SCRUB_DEFAULT = 1


class NetkitPairing(IntEnum):
    """enum netkit_pairing (newer than 6.18)."""

    NETKIT_DEVICE_PAIR = 0
    NETKIT_DEVICE_SINGLE = 1


class OvpnMode(IntEnum):
    """enum ovpn_mode (since 6.16)."""

    OVPN_MODE_P2P = 0
    OVPN_MODE_MP = 1


class HsrProtocol(IntEnum):
    """HSR_PROTOCOL_*."""

    HSR_PROTOCOL_HSR = 0
    HSR_PROTOCOL_PRP = 1


class MacsecCipher(IntEnum):
    """MACSEC_CIPHER_ID_* of linux/if_macsec.h, and what older kernels call the first of them."""

    MACSEC_CIPHER_ID_GCM_AES_128 = 0x0080C20001000001
    MACSEC_CIPHER_ID_GCM_AES_256 = 0x0080C20001000002
    MACSEC_CIPHER_ID_GCM_AES_XPN_128 = 0x0080C20001000003
    MACSEC_CIPHER_ID_GCM_AES_XPN_256 = 0x0080C20001000004
    MACSEC_DEFAULT_CIPHER_ID = 0x0080020001000001


class MacsecValidation(IntEnum):
    """MACSEC_VALIDATE_*."""

    MACSEC_VALIDATE_DISABLED = 0
    MACSEC_VALIDATE_CHECK = 1
    MACSEC_VALIDATE_STRICT = 2


class MacsecOffload(IntEnum):
    """MACSEC_OFFLOAD_*."""

    MACSEC_OFFLOAD_OFF = 0
    MACSEC_OFFLOAD_PHY = 1
    MACSEC_OFFLOAD_MAC = 2


class RmnetFlags(IntFlag):
    """RMNET_FLAGS_*."""

    RMNET_FLAGS_INGRESS_DEAGGREGATION = 1 << 0
    RMNET_FLAGS_INGRESS_MAP_COMMANDS = 1 << 1
    RMNET_FLAGS_INGRESS_MAP_CKSUMV4 = 1 << 2
    RMNET_FLAGS_EGRESS_MAP_CKSUMV4 = 1 << 3
    RMNET_FLAGS_INGRESS_MAP_CKSUMV5 = 1 << 4
    RMNET_FLAGS_EGRESS_MAP_CKSUMV5 = 1 << 5


class GtpRole(IntEnum):
    """GTP_ROLE_*."""

    GTP_ROLE_GGSN = 0
    GTP_ROLE_SGSN = 1


class AmtMode(IntEnum):
    """AMT_MODE_* of linux/amt.h (RFC 7450)."""

    AMT_MODE_GATEWAY = 0
    AMT_MODE_RELAY = 1


class IpoibMode(IntEnum):
    """IPOIB_MODE_*."""

    IPOIB_MODE_DATAGRAM = 0
    IPOIB_MODE_CONNECTED = 1


class CanState(IntEnum):
    """enum can_state of linux/can/netlink.h."""

    CAN_STATE_ERROR_ACTIVE = 0
    CAN_STATE_ERROR_WARNING = 1
    CAN_STATE_ERROR_PASSIVE = 2
    CAN_STATE_BUS_OFF = 3
    CAN_STATE_STOPPED = 4
    CAN_STATE_SLEEPING = 5


class CanMode(IntFlag):
    """CAN_CTRLMODE_* of linux/can/netlink.h."""

    CAN_CTRLMODE_LOOPBACK = 1 << 0
    CAN_CTRLMODE_LISTENONLY = 1 << 1
    CAN_CTRLMODE_3_SAMPLES = 1 << 2
    CAN_CTRLMODE_ONE_SHOT = 1 << 3
    CAN_CTRLMODE_BERR_REPORTING = 1 << 4
    CAN_CTRLMODE_FD = 1 << 5
    CAN_CTRLMODE_PRESUME_ACK = 1 << 6
    CAN_CTRLMODE_FD_NON_ISO = 1 << 7
    CAN_CTRLMODE_CC_LEN8_DLC = 1 << 8
    CAN_CTRLMODE_TDC_AUTO = 1 << 9
    CAN_CTRLMODE_TDC_MANUAL = 1 << 10
    CAN_CTRLMODE_RESTRICTED = 1 << 11
    CAN_CTRLMODE_XL = 1 << 12
    CAN_CTRLMODE_XL_TDC_AUTO = 1 << 13
    CAN_CTRLMODE_XL_TDC_MANUAL = 1 << 14
    CAN_CTRLMODE_XL_TMS = 1 << 15


class BondMode(IntEnum):
    """BOND_MODE_* of linux/if_bonding.h."""

    BOND_MODE_ROUNDROBIN = 0
    BOND_MODE_ACTIVEBACKUP = 1
    BOND_MODE_XOR = 2
    BOND_MODE_BROADCAST = 3
    BOND_MODE_8023AD = 4
    BOND_MODE_TLB = 5
    BOND_MODE_ALB = 6


class BondXmitPolicy(IntEnum):
    """BOND_XMIT_POLICY_* of linux/if_bonding.h."""

    BOND_XMIT_POLICY_LAYER2 = 0
    BOND_XMIT_POLICY_LAYER34 = 1
    BOND_XMIT_POLICY_LAYER23 = 2
    BOND_XMIT_POLICY_ENCAP23 = 3
    BOND_XMIT_POLICY_ENCAP34 = 4
    BOND_XMIT_POLICY_VLAN_SRCMAC = 5


class BondState(IntEnum):
    """BOND_STATE_* of linux/if_bonding.h: of a port."""

    BOND_STATE_ACTIVE = 0
    BOND_STATE_BACKUP = 1


class BondLink(IntEnum):
    """BOND_LINK_* of linux/if_bonding.h: a port's link as the bond monitors it."""

    BOND_LINK_UP = 0
    BOND_LINK_FAIL = 1
    BOND_LINK_DOWN = 2
    BOND_LINK_BACK = 3


class LacpState(IntFlag):
    """LACP_STATE_* of linux/if_bonding.h (802.3ad port state)."""

    LACP_STATE_LACP_ACTIVITY = 0x1
    LACP_STATE_LACP_TIMEOUT = 0x2
    LACP_STATE_AGGREGATION = 0x4
    LACP_STATE_SYNCHRONIZATION = 0x8
    LACP_STATE_COLLECTING = 0x10
    LACP_STATE_DISTRIBUTING = 0x20
    LACP_STATE_DEFAULTED = 0x40
    LACP_STATE_EXPIRED = 0x80


class BridgePortState(IntEnum):
    """BR_STATE_* of linux/if_bridge.h (802.1D port state)."""

    BR_STATE_DISABLED = 0
    BR_STATE_LISTENING = 1
    BR_STATE_LEARNING = 2
    BR_STATE_FORWARDING = 3
    BR_STATE_BLOCKING = 4


class BridgeStpMode(IntEnum):
    """enum br_stp_mode (newer than 6.18)."""

    BR_STP_MODE_AUTO = 0
    BR_STP_MODE_USER = 1
    BR_STP_MODE_KERNEL = 2


class MulticastRouter(IntEnum):
    """MDB_RTR_TYPE_* of linux/if_bridge.h."""

    MDB_RTR_TYPE_DISABLED = 0
    MDB_RTR_TYPE_TEMP_QUERY = 1
    MDB_RTR_TYPE_PERM = 2
    MDB_RTR_TYPE_TEMP = 3


class BridgeFlags(IntFlag):
    """BRIDGE_FLAGS_* of linux/if_bridge.h: whom a request about a port is for."""

    BRIDGE_FLAGS_MASTER = 1 << 0
    BRIDGE_FLAGS_SELF = 1 << 1


class BridgeMode(IntEnum):
    """BRIDGE_MODE_* of linux/if_bridge.h: of an embedded switch."""

    BRIDGE_MODE_VEB = 0
    BRIDGE_MODE_VEPA = 1
    BRIDGE_MODE_UNDEF = 0xFFFF


class BridgeVlanFlags(IntFlag):
    """BRIDGE_VLAN_INFO_* of linux/if_bridge.h."""

    BRIDGE_VLAN_INFO_MASTER = 1 << 0
    BRIDGE_VLAN_INFO_PVID = 1 << 1
    BRIDGE_VLAN_INFO_UNTAGGED = 1 << 2
    BRIDGE_VLAN_INFO_RANGE_BEGIN = 1 << 3
    BRIDGE_VLAN_INFO_RANGE_END = 1 << 4
    BRIDGE_VLAN_INFO_BRENTRY = 1 << 5
    BRIDGE_VLAN_INFO_ONLY_OPTS = 1 << 6
