"""Links: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK (linux/if_link.h, RFC 3549 section 3.1.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..fields import attribute, many, member, nest, never, pad, select, struct, unless, within
from ..iproute2 import GROUP
from ..kinds import (
    BYTES,
    DEVICE,
    DEVICE_S32,
    HARDWARE,
    IP,
    S32,
    TEXT,
    U8,
    U16,
    U32,
    U64,
    UINT,
    enum,
    flags,
    packed,
)
from ..schema import Record
from .bridge import BridgeAfSpec, BridgePort
from .can import CanStats
from .constants import AddressFamily, ExtFilter, LinkFlags, LinkMode, OperState
from .kindconstants import NetkitMode, NetkitPairing, NetkitPolicy, NetkitScrub
from .linkconstants import AddrGenMode, LinkEvent, LinkType, PortRequest, XdpAttached, XdpFlags
from .linkkinds import LINK_KINDS, PORT_KINDS
from .linkstats import LinkStats, LinkStats64
from .vf import VfInfoList

# Within a class a field's name hides the function of that name.
EXT_MASK = flags(U32, ExtFilter)


class LinkMap(Record, struct="rtnl_link_ifmap"):
    """IFLA_MAP: a device's resources, of ISA days."""

    mem_start = member(U64)
    mem_end = member(U64)
    base_addr = member(U64)
    irq = member(U16)
    dma = member(U8)
    port = member(U8)
    _pad = pad(4)


class Inet6CacheInfo(Record, struct="ifla_cacheinfo"):
    """IFLA_INET6_CACHEINFO: times in ms; the stamp in 1/100 s since boot."""

    max_reasm_len = member(U32)
    tstamp = member(U32)
    reachable_time = member(U32)
    retrans_time = member(U32)


class Inet(Record, prefix="IFLA_INET_"):
    """IPv4 on a link."""

    #: The sysctls, each at its Ipv4Conf less one. Read only: to set some the kernel takes a nest.
    conf = attribute(1, packed(U32, "int"), sent=never)


class Inet6(Record, prefix="IFLA_INET6_"):
    """IPv6 on a link."""

    flags = attribute(1, U32, sent=never)
    #: The sysctls, each at its Ipv6Conf. Read only.
    conf = attribute(2, packed(U32, "int"), sent=never)
    stats = attribute(3, packed(U64, "int"), sent=never)
    mcast = attribute(4, BYTES, sent=never)
    cacheinfo = attribute(5, struct(Inet6CacheInfo), sent=never)
    icmp6stats = attribute(6, packed(U64, "int"), sent=never)
    token = attribute(7, IP, sent=unless("::"))
    addr_gen_mode = attribute(8, enum(U8, AddrGenMode))
    ra_mtu = attribute(9, U32, sent=never)


class Mctp(Record, prefix="IFLA_MCTP_"):
    """MCTP on a link (since 5.15)."""

    net = attribute(1, U32)
    phys_binding = attribute(2, U8)


class AfSpec(Record, prefix="AF_"):
    """IFLA_AF_SPEC: each address family's own nest, by its number."""

    inet = attribute(2, nest(Inet))
    inet6 = attribute(10, nest(Inet6))
    mctp = attribute(45, nest(Mctp))


class VirtualPort(Record, prefix="IFLA_PORT_"):
    """A port's association with a switch (802.1Qbg and its forerunners)."""

    vf = attribute(1, U32)
    profile = attribute(2, TEXT)
    vsi_type = attribute(3, BYTES)
    instance_uuid = attribute(4, BYTES)
    host_uuid = attribute(5, BYTES)
    request = attribute(6, enum(U8, PortRequest))
    response = attribute(7, U16)


class VfPorts(Record, prefix="IFLA_VF_"):
    """IFLA_VF_PORTS."""

    port = many(1, nest(VirtualPort))


class LinkInfo(Record, prefix="IFLA_INFO_"):
    """IFLA_LINKINFO: the kind of a virtual link, and what it tells of itself and as a port of its master."""

    kind = attribute(1, TEXT)
    data = select(2, "kind", LINK_KINDS)
    xstats = select(3, "kind", {"can": CanStats}, sent=never)
    slave_kind = attribute(4, TEXT)
    slave_data = select(5, "slave_kind", PORT_KINDS)


class Xdp(Record, prefix="IFLA_XDP_"):
    """XDP programs on a link."""

    fd = attribute(1, S32)
    attached = attribute(2, enum(U8, XdpAttached))
    flags = attribute(3, flags(U32, XdpFlags))
    prog_id = attribute(4, U32)
    drv_prog_id = attribute(5, U32)
    skb_prog_id = attribute(6, U32)
    hw_prog_id = attribute(7, U32)
    expected_fd = attribute(8, S32)


class PropList(Record, prefix="IFLA_"):
    """IFLA_PROP_LIST: a link's alternative names (since 5.5)."""

    alt_ifname = many(53, TEXT)


class ProtoDownReason(Record, prefix="IFLA_PROTO_DOWN_REASON_"):
    """Why a link is held down: bits that user space gives meaning to (since 5.10)."""

    mask = attribute(1, U32)
    value = attribute(2, U32)


class DpllPin(Record, prefix="DPLL_A_PIN_"):
    """The clock pin of a link (linux/dpll.h, since 6.7)."""

    id = attribute(1, U32)


class Link(Record, prefix="IFLA_", struct="ifinfomsg", struct_prefix="ifi_"):
    """A network device."""

    family = member(enum(U8, AddressFamily))
    _pad = pad(1)
    type = member(enum(U16, LinkType))
    #: Called ifi_index in C.
    ifindex = member(DEVICE_S32)
    flags = member(flags(U32, LinkFlags))
    #: Which flags a request is to change; in an answer without meaning.
    change = member(U32)

    address = attribute(1, HARDWARE)
    broadcast = attribute(2, HARDWARE)
    ifname = attribute(3, TEXT)
    mtu = attribute(4, U32)
    #: The link below, in the namespace ``link_netnsid`` where that is there.
    link = attribute(5, DEVICE)
    qdisc = attribute(6, TEXT)
    stats = attribute(7, struct(LinkStats))
    cost = attribute(8, BYTES)
    priority = attribute(9, BYTES)
    master = attribute(10, DEVICE)
    wireless = attribute(11, BYTES)
    protinfo = select(12, "family", {AddressFamily.AF_INET6: Inet6, AddressFamily.AF_BRIDGE: BridgePort}, nested=True)
    txqlen = attribute(13, U32)
    map = attribute(14, struct(LinkMap))
    weight = attribute(15, U32)
    operstate = attribute(16, enum(U8, OperState))
    linkmode = attribute(17, enum(U8, LinkMode))
    linkinfo = attribute(18, nest(LinkInfo))
    net_ns_pid = attribute(19, U32)
    ifalias = attribute(20, TEXT)
    num_vf = attribute(21, U32)
    vfinfo_list = attribute(22, nest(VfInfoList))
    stats64 = attribute(23, struct(LinkStats64))
    vf_ports = attribute(24, nest(VfPorts))
    port_self = attribute(25, nest(VirtualPort))
    af_spec = select(26, "family", {AddressFamily.AF_BRIDGE: BridgeAfSpec, None: AfSpec})
    group = attribute(27, GROUP)
    net_ns_fd = attribute(28, U32)
    ext_mask = attribute(29, EXT_MASK)
    promiscuity = attribute(30, U32)
    num_tx_queues = attribute(31, U32)
    num_rx_queues = attribute(32, U32)
    carrier = attribute(33, U8)
    phys_port_id = attribute(34, HARDWARE)
    carrier_changes = attribute(35, U32)
    phys_switch_id = attribute(36, HARDWARE)
    link_netnsid = attribute(37, S32)
    phys_port_name = attribute(38, TEXT)
    proto_down = attribute(39, U8)
    gso_max_segs = attribute(40, U32)
    gso_max_size = attribute(41, U32)
    pad = attribute(42, BYTES)
    xdp = attribute(43, nest(Xdp))
    event = attribute(44, enum(U32, LinkEvent))
    new_netnsid = attribute(45, S32)
    target_netnsid = attribute(46, S32)
    carrier_up_count = attribute(47, U32)
    carrier_down_count = attribute(48, U32)
    new_ifindex = attribute(49, S32)
    min_mtu = attribute(50, U32)
    max_mtu = attribute(51, U32)
    prop_list = attribute(52, nest(PropList), nested=True)
    alt_ifname = attribute(53, TEXT)
    perm_address = attribute(54, HARDWARE)
    proto_down_reason = attribute(55, nest(ProtoDownReason), nested=True)
    parent_dev_name = attribute(56, TEXT)
    parent_dev_bus_name = attribute(57, TEXT)
    gro_max_size = attribute(58, U32)
    tso_max_size = attribute(59, U32)
    tso_max_segs = attribute(60, U32)
    allmulti = attribute(61, U32)
    devlink_port = attribute(62, BYTES, nested=True)
    gso_ipv4_max_size = attribute(63, U32)
    gro_ipv4_max_size = attribute(64, U32)
    dpll_pin = attribute(65, nest(DpllPin), nested=True)
    max_pacing_offload_horizon = attribute(66, UINT)
    netns_immutable = attribute(67, U8)
    headroom = attribute(68, U16)
    tailroom = attribute(69, U16)

    #: The kind of a virtual link: bridge, vlan ...
    kind = within("linkinfo", LinkInfo.kind)

    @classmethod
    def translated(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``up`` stands for the flag and that it is to change."""
        if "up" not in values:
            return values
        made = dict(values)
        wanted = made.pop("up")
        if not isinstance(wanted, bool):
            raise TypeError(f"up: expected True or False, not {wanted!r}")
        up = LinkFlags.IFF_UP if wanted else LinkFlags(0)
        made["flags"] = LinkFlags(int(made.get("flags") or 0) & ~LinkFlags.IFF_UP) | up
        made["change"] = LinkFlags(int(made.get("change") or 0)) | LinkFlags.IFF_UP
        return made

    @property
    def altnames(self) -> tuple[str, ...]:
        """Its alternative names."""
        return (self.prop_list.alt_ifname or ()) if self.prop_list else ()

    @property
    def up(self) -> bool:
        """It is switched on (IFF_UP); whether it works, ``operstate`` tells."""
        return bool(self.flags & LinkFlags.IFF_UP)

    @property
    def running(self) -> bool:
        """It is switched on and fit to carry packets (IFF_RUNNING)."""
        return bool(self.flags & LinkFlags.IFF_RUNNING)


def given(address: str | None) -> str | None:
    """An address, less one of zeros: that is none, and some kinds refuse it."""
    return address if address and address.strip("0:") else None


class Veth(Record, prefix="VETH_INFO_"):
    """A pair of Ethernet links; sent only (linux/veth.h)."""

    peer = attribute(1, nest(Link))


class Vxcan(Record, prefix="VXCAN_INFO_"):
    """A pair of CAN links; sent only (linux/can/vxcan.h)."""

    peer = attribute(1, nest(Link))


class Netkit(Record, prefix="IFLA_NETKIT_"):
    """A pair of links that BPF programs forward between (since 6.7)."""

    peer_info = attribute(1, nest(Link))
    primary = attribute(2, U8, sent=never)
    policy = attribute(3, enum(U32, NetkitPolicy))
    peer_policy = attribute(4, enum(U32, NetkitPolicy))
    mode = attribute(5, enum(U32, NetkitMode))
    scrub = attribute(6, enum(U32, NetkitScrub))
    peer_scrub = attribute(7, enum(U32, NetkitScrub))
    headroom = attribute(8, U16)
    tailroom = attribute(9, U16)
    pairing = attribute(10, enum(U32, NetkitPairing))


# Here, not in linkkinds.py: each holds a Link, and a Link holds them.
LINK_KINDS.update(netkit=Netkit, veth=Veth, vxcan=Vxcan)
