"""Lightweight tunnels: what a route's ``encap`` holds, by its ``encap_type`` (linux/lwtunnel.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from .._wire import lib
from ..fields import attribute, nest
from ..iproute2 import TABLE
from ..kinds import BE16, BE64, BYTES, IP, S32, TEXT, U8, U32, U64, Kind, enum, named
from ..schema import Record
from .constants import EncapType, Seg6LocalAction, Seg6Mode

_ENTRY = struct.Struct(">I")


def _labels_load(data: bytes) -> tuple[int, ...]:
    if not data or len(data) % 4:
        raise ValueError(f"{len(data)} bytes are no MPLS label stack")
    return tuple(entry >> 12 for (entry,) in _ENTRY.iter_unpack(data))


def _labels_dump(value: Any) -> bytes:
    labels = [int(label) for label in value.split("/")] if isinstance(value, str) else list(value)
    if not labels or not all(0 <= label < 1 << 20 for label in labels):
        raise ValueError(f"expected MPLS labels below 2**20, not {value!r}")
    last = len(labels) - 1
    return b"".join(_ENTRY.pack(label << 12 | (0x100 if at == last else 0)) for at, label in enumerate(labels))


#: An MPLS label stack (RFC 3032), outermost first; the last entry has the bottom-of-stack bit.
LABELS: Kind[tuple[int, ...]] = Kind("labels", lib.PYNL_DEEP, 0, _labels_load, _labels_dump, python="tuple[int, ...]")


class Mpls(Record, prefix="MPLS_IPTUNNEL_"):
    """Push MPLS labels (linux/mpls_iptunnel.h)."""

    dst = attribute(1, LABELS)
    ttl = attribute(2, U8)


class IpTunnel(Record, prefix="LWTUNNEL_IP_"):
    """IPv4 metadata for a tunnel device (linux/lwtunnel.h)."""

    id = attribute(1, BE64)
    dst = attribute(2, IP)
    src = attribute(3, IP)
    ttl = attribute(4, U8)
    tos = attribute(5, U8)
    flags = attribute(6, BE16)
    pad = attribute(7, BYTES)
    opts = attribute(8, BYTES)


class Ip6Tunnel(Record, prefix="LWTUNNEL_IP6_"):
    """IPv6 metadata for a tunnel device (linux/lwtunnel.h)."""

    id = attribute(1, BE64)
    dst = attribute(2, IP)
    src = attribute(3, IP)
    hoplimit = attribute(4, U8)
    tc = attribute(5, U8)
    flags = attribute(6, BE16)
    pad = attribute(7, BYTES)
    opts = attribute(8, BYTES)


class Ila(Record, prefix="ILA_ATTR_"):
    """Identifier locator addressing (linux/ila.h)."""

    locator = attribute(1, BE64)
    identifier = attribute(2, BE64)
    locator_match = attribute(3, BE64)
    ifindex = attribute(4, S32)
    dir = attribute(5, U32)
    pad = attribute(6, BYTES)
    csum_mode = attribute(7, U8)
    ident_type = attribute(8, U8)
    hook_type = attribute(9, U8)


def _srh_segments(data: bytes) -> tuple[str, ...]:
    """The segment list of struct ipv6_sr_hdr, which holds the last segment first."""
    count = data[4] + 1 if len(data) >= 8 else 0
    if not count or len(data) != 8 + 16 * count or data[:5] != bytes([data[0], 2 * count, 4, count - 1, count - 1]):
        raise ValueError("no segment routing header, or one with more than segments")
    if data[0] or any(data[5:8]):
        raise ValueError("a segment routing header with a next header, flags or a tag")
    starts = range(8 + 16 * (count - 1), 7, -16)
    return tuple(socket.inet_ntop(socket.AF_INET6, data[at : at + 16]) for at in starts)


def _srh_bytes(segments: Any) -> bytes:
    if isinstance(segments, str):
        segments = segments.split(",")
    packed = [socket.inet_pton(socket.AF_INET6, str(segment)) for segment in segments]
    if not 1 <= len(packed) <= 127:
        raise ValueError(f"expected 1 to 127 segments, not {len(packed)}")
    head = bytes([0, 2 * len(packed), 4, len(packed) - 1, len(packed) - 1, 0, 0, 0])
    return head + b"".join(reversed(packed))


#: A segment routing header (RFC 8754) without TLVs: its segments, in the order in which they are visited.
SRH: Kind[tuple[str, ...]] = Kind("ipv6_sr_hdr", lib.PYNL_DEEP, 0, _srh_segments, _srh_bytes, python="tuple[str, ...]")


class Seg6Encap(NamedTuple):
    """How packets enter a segment routing tunnel (struct seg6_iptunnel_encap)."""

    mode: Seg6Mode | int
    #: As visited; of an inline header the last stands for the packet's own destination.
    segments: tuple[str, ...]


def _seg6_load(data: bytes) -> Seg6Encap:
    if len(data) < 4:
        raise ValueError("struct seg6_iptunnel_encap is shorter than its mode")
    return Seg6Encap(named(Seg6Mode, struct.unpack_from("=i", data)[0]), _srh_segments(data[4:]))


def _seg6_dump(value: Any) -> bytes:
    mode, segments = value
    return struct.pack("=i", mode) + _srh_bytes(segments)


SEG6: Kind[Seg6Encap] = Kind("seg6_iptunnel_encap", lib.PYNL_DEEP, 0, _seg6_load, _seg6_dump, python="Seg6Encap")


class Seg6(Record, prefix="SEG6_IPTUNNEL_"):
    """Segment routing over IPv6 (linux/seg6_iptunnel.h)."""

    srh = attribute(1, SEG6)
    src = attribute(2, IP)


class Seg6LocalBpf(Record, prefix="SEG6_LOCAL_BPF_"):
    """The program of an End.BPF action."""

    prog = attribute(1, U32)
    prog_name = attribute(2, TEXT, constant="SEG6_LOCAL_BPF_PROG_NAME")


class Seg6LocalCounters(Record, prefix="SEG6_LOCAL_CNT_"):
    """Counters of an action (since 5.14)."""

    pad = attribute(1, BYTES)
    packets = attribute(2, U64)
    bytes = attribute(3, U64)
    errors = attribute(4, U64)


class Seg6LocalFlavors(Record, prefix="SEG6_LOCAL_FLV_"):
    """Flavors of an action (RFC 8986, section 4.16; since 6.1)."""

    operation = attribute(1, U32)
    lcblock_bits = attribute(2, U8)
    lcnode_fn_bits = attribute(3, U8)


class Seg6Local(Record, prefix="SEG6_LOCAL_"):
    """What a node does at a segment of its own (linux/seg6_local.h, RFC 8986)."""

    action = attribute(1, enum(U32, Seg6LocalAction))
    srh = attribute(2, SRH)
    table = attribute(3, TABLE)
    nh4 = attribute(4, IP)
    nh6 = attribute(5, IP)
    iif = attribute(6, U32)
    oif = attribute(7, U32)
    bpf = attribute(8, nest(Seg6LocalBpf))
    vrftable = attribute(9, TABLE)
    counters = attribute(10, nest(Seg6LocalCounters), nested=True)
    flavors = attribute(11, nest(Seg6LocalFlavors), nested=True)


class BpfProgram(Record, prefix="LWT_BPF_PROG_"):
    """A BPF program by descriptor (when adding) and name."""

    fd = attribute(1, U32)
    name = attribute(2, TEXT)


class Bpf(Record, prefix="LWT_BPF_"):
    """BPF programs on a route (linux/lwtunnel.h)."""

    # "in" is a word of Python's, so this one name differs from the kernel's.
    in_ = attribute(1, nest(BpfProgram), nested=True, constant="LWT_BPF_IN")
    out = attribute(2, nest(BpfProgram), nested=True)
    xmit = attribute(3, nest(BpfProgram), nested=True)
    xmit_headroom = attribute(4, U32)


class Xfrm(Record, prefix="LWT_XFRM_"):
    """An xfrm interface by its id (linux/lwtunnel.h, since 6.1)."""

    if_id = attribute(1, U32)
    link = attribute(2, U32)


#: The record of each encapsulation; of others ``encap`` is an Opaque.
ENCAPS: Mapping[Any, type[Record]] = {
    EncapType.LWTUNNEL_ENCAP_MPLS: Mpls,
    EncapType.LWTUNNEL_ENCAP_IP: IpTunnel,
    EncapType.LWTUNNEL_ENCAP_ILA: Ila,
    EncapType.LWTUNNEL_ENCAP_IP6: Ip6Tunnel,
    EncapType.LWTUNNEL_ENCAP_SEG6: Seg6,
    EncapType.LWTUNNEL_ENCAP_BPF: Bpf,
    EncapType.LWTUNNEL_ENCAP_SEG6_LOCAL: Seg6Local,
    EncapType.LWTUNNEL_ENCAP_XFRM: Xfrm,
}
