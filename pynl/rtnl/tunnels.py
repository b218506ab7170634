"""Kinds of links that carry packets within others: linux/if_link.h, linux/if_tunnel.h."""

from __future__ import annotations

from typing import Any

from .._wire import lib
from ..fields import attribute, member, struct, unless
from ..kinds import BE16, BE32, BE64, DEVICE, FLAG, IP, U8, U16, U32, Kind, enum, flags
from ..schema import Record
from .kindconstants import (
    AmtMode,
    GeneveDf,
    GreFlags,
    GtpRole,
    Ip6TunnelFlags,
    SitFlags,
    TunnelEncap,
    TunnelEncapFlags,
    VxlanDf,
    VxlanLabelPolicy,
)

# Within a class a field's name hides the function of that name.
ENCAP_FLAGS = flags(U16, TunnelEncapFlags)


def _switch_load(data: bytes) -> int:
    return U8.load(data) if data else True


def _switch_dump(value: Any) -> bytes:
    return b"" if value is True else U8.dump(0 if value is False else value)


#: What the kernel takes as a flag without payload (True) but shows as a byte (1 or 0).
SWITCH: Kind[int] = Kind("flag or u8", lib.PYNL_DEEP, 0, _switch_load, _switch_dump)


def _switched(value: Any, record: Any) -> Any:
    return True if value else None


class PortRange(Record, struct="ifla_vxlan_port_range"):
    """UDP ports, both ends included; struct ifla_geneve_port_range is the same."""

    low = member(BE16)
    high = member(BE16)


class Vxlan(Record, prefix="IFLA_VXLAN_"):
    """A VXLAN tunnel endpoint (RFC 7348)."""

    id = attribute(1, U32)
    group = attribute(2, IP)
    link = attribute(3, DEVICE)
    local = attribute(4, IP)
    ttl = attribute(5, U8)
    tos = attribute(6, U8)
    learning = attribute(7, U8)
    ageing = attribute(8, U32)
    limit = attribute(9, U32)
    port_range = attribute(10, struct(PortRange))
    proxy = attribute(11, U8)
    rsc = attribute(12, U8)
    l2miss = attribute(13, U8)
    l3miss = attribute(14, U8)
    port = attribute(15, BE16)
    group6 = attribute(16, IP)
    local6 = attribute(17, IP)
    udp_csum = attribute(18, U8)
    udp_zero_csum6_tx = attribute(19, U8)
    udp_zero_csum6_rx = attribute(20, U8)
    remcsum_tx = attribute(21, U8)
    remcsum_rx = attribute(22, U8, sent=unless(0))
    gbp = attribute(23, FLAG)
    remcsum_nopartial = attribute(24, FLAG)
    collect_metadata = attribute(25, U8)
    label = attribute(26, BE32)
    gpe = attribute(27, FLAG)
    ttl_inherit = attribute(28, SWITCH, sent=_switched)
    df = attribute(29, enum(U8, VxlanDf))
    vnifilter = attribute(30, U8)
    localbypass = attribute(31, U8)
    label_policy = attribute(32, enum(U32, VxlanLabelPolicy))
    #: A header in which these bits are set is not understood.
    reserved_bits = attribute(33, BE64)
    mc_route = attribute(34, U8)


class Geneve(Record, prefix="IFLA_GENEVE_"):
    """A Geneve tunnel endpoint (RFC 8926)."""

    id = attribute(1, U32)
    remote = attribute(2, IP)
    ttl = attribute(3, U8)
    tos = attribute(4, U8)
    port = attribute(5, BE16)
    collect_metadata = attribute(6, FLAG)
    remote6 = attribute(7, IP)
    udp_csum = attribute(8, U8)
    udp_zero_csum6_tx = attribute(9, U8)
    udp_zero_csum6_rx = attribute(10, U8)
    label = attribute(11, BE32)
    ttl_inherit = attribute(12, U8, sent=unless(0))
    df = attribute(13, enum(U8, GeneveDf))
    inner_proto_inherit = attribute(14, FLAG)
    port_range = attribute(15, struct(PortRange))
    gro_hint = attribute(16, FLAG)
    local = attribute(17, IP)
    local6 = attribute(18, IP)


class Gre(Record, prefix="IFLA_GRE_"):
    """A GRE tunnel over IPv4 or IPv6, for IP, Ethernet or ERSPAN (linux/if_tunnel.h)."""

    link = attribute(1, DEVICE)
    iflags = attribute(2, flags(BE16, GreFlags))
    oflags = attribute(3, flags(BE16, GreFlags))
    ikey = attribute(4, BE32)
    okey = attribute(5, BE32)
    local = attribute(6, IP)
    remote = attribute(7, IP, sent=unless("0.0.0.0"))
    ttl = attribute(8, U8)
    tos = attribute(9, U8)
    pmtudisc = attribute(10, U8)
    encap_limit = attribute(11, U8)
    flowinfo = attribute(12, BE32)
    flags = attribute(13, flags(U32, Ip6TunnelFlags))
    encap_type = attribute(14, enum(U16, TunnelEncap))
    encap_flags = attribute(15, ENCAP_FLAGS)
    encap_sport = attribute(16, BE16)
    encap_dport = attribute(17, BE16)
    collect_metadata = attribute(18, FLAG)
    ignore_df = attribute(19, U8)
    fwmark = attribute(20, U32)
    erspan_index = attribute(21, U32)
    erspan_ver = attribute(22, U8)
    erspan_dir = attribute(23, U8)
    erspan_hwid = attribute(24, U16)


class IpTunnel(Record, prefix="IFLA_IPTUN_"):
    """An IP tunnel over IPv4: ipip or sit (linux/if_tunnel.h)."""

    link = attribute(1, DEVICE)
    local = attribute(2, IP)
    remote = attribute(3, IP)
    ttl = attribute(4, U8)
    tos = attribute(5, U8)
    encap_limit = attribute(6, U8)
    flowinfo = attribute(7, BE32)
    flags = attribute(8, flags(U16, SitFlags))
    proto = attribute(9, U8)
    pmtudisc = attribute(10, U8)
    # These begin with a digit in C.
    sixrd_prefix = attribute(11, IP, constant="IFLA_IPTUN_6RD_PREFIX")
    sixrd_relay_prefix = attribute(12, IP, constant="IFLA_IPTUN_6RD_RELAY_PREFIX")
    sixrd_prefixlen = attribute(13, U16, constant="IFLA_IPTUN_6RD_PREFIXLEN")
    sixrd_relay_prefixlen = attribute(14, U16, constant="IFLA_IPTUN_6RD_RELAY_PREFIXLEN")
    encap_type = attribute(15, enum(U16, TunnelEncap))
    encap_flags = attribute(16, ENCAP_FLAGS)
    encap_sport = attribute(17, BE16)
    encap_dport = attribute(18, BE16)
    collect_metadata = attribute(19, FLAG)
    fwmark = attribute(20, U32)


class Ip6Tunnel(Record, prefix="IFLA_IPTUN_"):
    """An IP tunnel over IPv6: its flags are wider than those of an :class:`IpTunnel` (linux/if_tunnel.h)."""

    link = attribute(1, DEVICE)
    local = attribute(2, IP)
    remote = attribute(3, IP)
    ttl = attribute(4, U8)
    encap_limit = attribute(6, U8)
    flowinfo = attribute(7, BE32)
    flags = attribute(8, flags(U32, Ip6TunnelFlags))
    proto = attribute(9, U8)
    encap_type = attribute(15, enum(U16, TunnelEncap))
    encap_flags = attribute(16, ENCAP_FLAGS)
    encap_sport = attribute(17, BE16)
    encap_dport = attribute(18, BE16)
    collect_metadata = attribute(19, FLAG)
    fwmark = attribute(20, U32)


class Vti(Record, prefix="IFLA_VTI_"):
    """A virtual tunnel interface for IPsec over IPv4 or IPv6 (linux/if_tunnel.h)."""

    link = attribute(1, DEVICE)
    ikey = attribute(2, BE32)
    okey = attribute(3, BE32)
    local = attribute(4, IP)
    remote = attribute(5, IP)
    fwmark = attribute(6, U32)


class XfrmLink(Record, prefix="IFLA_XFRM_"):
    """An IPsec interface by its id."""

    link = attribute(1, DEVICE)
    if_id = attribute(2, U32)
    collect_metadata = attribute(3, FLAG)


class Bareudp(Record, prefix="IFLA_BAREUDP_"):
    """L3 packets straight in UDP."""

    port = attribute(1, BE16)
    ethertype = attribute(2, BE16)
    srcport_min = attribute(3, U16)
    multiproto_mode = attribute(4, FLAG)


def _sockets(value: Any, record: Any) -> Any:
    """Whose sockets they were, the kernel does not show: those of a new link are its own."""
    return 1 if value is None and record.fd0 is None and record.fd1 is None else value


class Gtp(Record, prefix="IFLA_GTP_"):
    """A GPRS tunnelling endpoint; the sockets are file descriptors."""

    fd0 = attribute(1, U32)
    fd1 = attribute(2, U32)
    pdp_hashsize = attribute(3, U32)
    role = attribute(4, enum(U32, GtpRole))
    create_sockets = attribute(5, U8, sent=_sockets)
    restart_count = attribute(6, U8)
    local = attribute(7, IP)
    local6 = attribute(8, IP)


class Amt(Record, prefix="IFLA_AMT_"):
    """An automatic multicast tunnel (linux/amt.h, RFC 7450)."""

    mode = attribute(1, enum(U32, AmtMode))
    relay_port = attribute(2, BE16)
    gateway_port = attribute(3, BE16)
    link = attribute(4, DEVICE)
    local_ip = attribute(5, IP)
    remote_ip = attribute(6, IP)
    discovery_ip = attribute(7, IP)
    max_tunnels = attribute(8, U32)
