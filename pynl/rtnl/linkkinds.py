"""Kinds of links: what IFLA_INFO_DATA and IFLA_INFO_SLAVE_DATA hold, by kind (linux/if_link.h).

Kinds made in pairs hold a whole link, so their records are in link.py; bridges and bonds are in bridge.py, CAN
controllers in can.py, tunnels in tunnels.py.
"""

from __future__ import annotations

from typing import Any

from ..fields import attribute, many, member, nest, never, struct
from ..iproute2 import TABLE
from ..kinds import BE16, BE64, BYTES, DEVICE, HARDWARE, S32, TEXT, U8, U16, U32, U64, enum, flags
from ..schema import Record
from .bridge import Bond, BondPort, Bridge, BridgePort
from .can import Can
from .kindconstants import (
    HsrProtocol,
    IpoibMode,
    IpvlanFlags,
    IpvlanMode,
    MacsecCipher,
    MacsecOffload,
    MacsecValidation,
    MacvlanFlags,
    MacvlanMacaddrMode,
    MacvlanMode,
    OvpnMode,
    RmnetFlags,
    TunType,
    VlanFlags,
    VlanProtocol,
)
from .tunnels import Amt, Bareudp, Geneve, Gre, Gtp, Ip6Tunnel, IpTunnel, Vti, Vxlan, XfrmLink


class VlanFlagsChange(Record, struct="ifla_vlan_flags"):
    """Flags, and which of them are to be set."""

    flags = member(flags(U32, VlanFlags))
    mask = member(U32)


def _flags_set(value: Any, record: Any) -> Any:
    """The kernel shows a mask of all bits, and takes one of those that it knows; REORDER_HDR is on by default."""
    return value and value.replace(mask=value.flags | VlanFlags.VLAN_FLAG_REORDER_HDR)


class VlanQosMapping(Record, struct="ifla_vlan_qos_mapping"):
    """A pair of priorities: of the packet (skb) and of the tag; which is which depends on the direction."""

    # "from" is a word of Python's, so this one name differs from the kernel's.
    from_ = member(U32)
    to = member(U32)


class VlanQos(Record, prefix="IFLA_VLAN_QOS_"):
    """Priority mappings of one direction."""

    mapping = many(1, struct(VlanQosMapping))


class Vlan(Record, prefix="IFLA_VLAN_"):
    """An 802.1Q or 802.1ad VLAN on another link."""

    id = attribute(1, U16)
    flags = attribute(2, struct(VlanFlagsChange), sent=_flags_set)
    egress_qos = attribute(3, nest(VlanQos))
    ingress_qos = attribute(4, nest(VlanQos))
    protocol = attribute(5, enum(BE16, VlanProtocol))


class MacvlanAddresses(Record, prefix="IFLA_MACVLAN_"):
    """IFLA_MACVLAN_MACADDR_DATA."""

    macaddr = many(4, HARDWARE)


def _set_of_addresses(value: Any, record: Any) -> Any:
    """The kernel shows the addresses, and takes them with what to do with them."""
    return MacvlanMacaddrMode.MACVLAN_MACADDR_SET if record.macaddr_data else value


class Macvlan(Record, prefix="IFLA_MACVLAN_"):
    """A macvlan or macvtap."""

    mode = attribute(1, enum(U32, MacvlanMode))
    flags = attribute(2, flags(U16, MacvlanFlags))
    macaddr_mode = attribute(3, enum(U32, MacvlanMacaddrMode), sent=_set_of_addresses)
    macaddr = attribute(4, HARDWARE)
    macaddr_data = attribute(5, nest(MacvlanAddresses))
    macaddr_count = attribute(6, U32, sent=never)
    bc_queue_len = attribute(7, U32)
    bc_queue_len_used = attribute(8, U32, sent=never)
    bc_cutoff = attribute(9, S32)


class Ipvlan(Record, prefix="IFLA_IPVLAN_"):
    """An ipvlan or ipvtap."""

    mode = attribute(1, enum(U16, IpvlanMode))
    flags = attribute(2, flags(U16, IpvlanFlags))


def _sci(value: Any, record: Any) -> Any:
    """The kernel refuses an identifier that is not to be sent in packets ..."""
    return value if record.inc_sci != 0 else None


def _port(value: Any, record: Any) -> Any:
    """... and takes the port within it then."""
    return record.sci & 0xFFFF if value is None and record.sci is not None and not record.inc_sci else value


class Macsec(Record, prefix="IFLA_MACSEC_"):
    """An 802.1AE secure channel."""

    sci = attribute(1, BE64, sent=_sci)
    port = attribute(2, BE16, sent=_port)
    icv_len = attribute(3, U8)
    cipher_suite = attribute(4, enum(U64, MacsecCipher))
    window = attribute(5, U32)
    encoding_sa = attribute(6, U8)
    encrypt = attribute(7, U8)
    protect = attribute(8, U8)
    inc_sci = attribute(9, U8)
    es = attribute(10, U8)
    scb = attribute(11, U8)
    replay_protect = attribute(12, U8)
    validation = attribute(13, enum(U8, MacsecValidation))
    pad = attribute(14, BYTES)
    offload = attribute(15, enum(U8, MacsecOffload))


class Vrf(Record, prefix="IFLA_VRF_"):
    """A virtual routing and forwarding domain."""

    table = attribute(1, TABLE)


class VrfPort(Record, prefix="IFLA_VRF_PORT_"):
    """A link within a VRF."""

    table = attribute(1, TABLE, sent=never)


def _last_byte(value: Any, record: Any) -> Any:
    """The kernel shows the whole address, and takes its last byte."""
    return int(record.supervision_addr[-2:], 16) if value is None and record.supervision_addr else value


class Hsr(Record, prefix="IFLA_HSR_"):
    """A seamless redundancy ring (IEC 62439-3)."""

    slave1 = attribute(1, DEVICE)
    slave2 = attribute(2, DEVICE)
    multicast_spec = attribute(3, U8, sent=_last_byte)
    supervision_addr = attribute(4, HARDWARE, sent=never)
    seq_nr = attribute(5, U16, sent=never)
    version = attribute(6, U8)
    protocol = attribute(7, enum(U8, HsrProtocol))
    interlink = attribute(8, DEVICE)


class Tun(Record, prefix="IFLA_TUN_"):
    """A tun or tap; made by an ioctl, not by netlink."""

    owner = attribute(1, U32)
    group = attribute(2, U32)
    type = attribute(3, enum(U8, TunType))
    pi = attribute(4, U8)
    vnet_hdr = attribute(5, U8)
    persist = attribute(6, U8)
    multi_queue = attribute(7, U8)
    num_queues = attribute(8, U32)
    num_disabled_queues = attribute(9, U32)


class Ovpn(Record, prefix="IFLA_OVPN_"):
    """An OpenVPN data channel (since 6.16)."""

    mode = attribute(1, enum(U8, OvpnMode))


class RmnetFlagsChange(Record, struct="ifla_rmnet_flags"):
    """Flags, and which of them are to be set."""

    flags = member(flags(U32, RmnetFlags))
    mask = member(U32)


class Rmnet(Record, prefix="IFLA_RMNET_"):
    """A channel of a Qualcomm modem."""

    mux_id = attribute(1, U16)
    flags = attribute(2, struct(RmnetFlagsChange))


class Dsa(Record, prefix="IFLA_DSA_"):
    """A port of a switch chip."""

    conduit = attribute(1, DEVICE, constant="IFLA_DSA_MASTER")


class Wwan(Record, prefix="IFLA_WWAN_"):
    """A data channel of a modem (linux/wwan.h)."""

    link_id = attribute(1, U32)


class Batadv(Record, prefix="IFLA_BATADV_"):
    """A batman-adv mesh (linux/batman_adv.h)."""

    algo_name = attribute(1, TEXT)


class Ipoib(Record, prefix="IFLA_IPOIB_"):
    """IP over InfiniBand (RFC 4391)."""

    pkey = attribute(1, U16)
    mode = attribute(2, enum(U16, IpoibMode))
    umcast = attribute(3, U16)


class Caif(Record, prefix="IFLA_CAIF_"):
    """An IP interface of an ST-Ericsson modem (linux/caif/if_caif.h)."""

    ipv4_connid = attribute(1, U32)
    ipv6_connid = attribute(2, U32)
    loopback = attribute(3, U8)


class Ppp(Record, prefix="IFLA_PPP_"):
    """A PPP unit, made from an open /dev/ppp."""

    dev_fd = attribute(1, S32)


#: Kind of link -> the record of its data; link.py adds the kinds that are made in pairs. Kinds that have no data
#: (dummy, ifb, nlmon, team, vcan, wireguard ...) and those that are not known here are an ``Opaque``.
LINK_KINDS: dict[Any, type[Record]] = {
    "amt": Amt,
    "bareudp": Bareudp,
    "batadv": Batadv,
    "bond": Bond,
    "bridge": Bridge,
    "caif": Caif,
    "can": Can,
    "dsa": Dsa,
    "erspan": Gre,
    "geneve": Geneve,
    "gre": Gre,
    "gretap": Gre,
    "gtp": Gtp,
    "hsr": Hsr,
    "ip6erspan": Gre,
    "ip6gre": Gre,
    "ip6gretap": Gre,
    "ip6tnl": Ip6Tunnel,
    "ipip": IpTunnel,
    "ipoib": Ipoib,
    "ipvlan": Ipvlan,
    "ipvtap": Ipvlan,
    "macsec": Macsec,
    "macvlan": Macvlan,
    "macvtap": Macvlan,
    "ovpn": Ovpn,
    "ppp": Ppp,
    "rmnet": Rmnet,
    "sit": IpTunnel,
    "tun": Tun,
    "vlan": Vlan,
    "vrf": Vrf,
    "vti": Vti,
    "vti6": Vti,
    "vxlan": Vxlan,
    "wwan": Wwan,
    "xfrm": XfrmLink,
}

#: Kind of a port's master -> the record of what it tells of the port.
PORT_KINDS: dict[Any, type[Record]] = {"bond": BondPort, "bridge": BridgePort, "vrf": VrfPort}
