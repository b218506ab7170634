"""Neighbours: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (linux/neighbour.h, RFC 3549 section 3.1.3)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..family import Family
from ..fields import attribute, member, nest, pad, struct
from ..following import Following, replaced
from ..iproute2 import named_in
from ..kinds import BE16, DEVICE, DEVICE_S32, HARDWARE, IP, S32, U8, U16, U32, enum, flags
from ..netns import Descriptor
from ..rows import Values
from ..schema import Record
from ..verbs import Appendable
from .constants import (
    AddressFamily,
    Group,
    MessageType,
    NeighbourExtFlags,
    NeighbourFlags,
    NeighbourState,
    RouteProtocol,
    RouteType,
)

# Within the class the name is its member's.
NTF_EXT = flags(U32, NeighbourExtFlags)


class NeighbourCacheInfo(Record, struct="nda_cacheinfo", struct_prefix="ndm_"):
    """NDA_CACHEINFO: times since, in clock ticks (USER_HZ, 100 a second)."""

    confirmed = member(U32)
    used = member(U32)
    updated = member(U32)
    refcnt = member(U32)


class FdbExt(Record, prefix="NFEA_"):
    """NDA_FDB_EXT_ATTRS: bridge forwarding entries (since 5.13)."""

    activity_notify = attribute(1, U8)
    dont_refresh = attribute(2, U8)


class Neighbour(Record, prefix="NDA_", struct="ndmsg", struct_prefix="ndm_"):
    """A neighbour, a proxy entry, or (family AF_BRIDGE) a forwarding entry of a bridge or VXLAN."""

    family = member(enum(U8, AddressFamily))
    _pad = pad(3)
    ifindex = member(DEVICE_S32)
    state = member(flags(U16, NeighbourState))
    flags = member(flags(U8, NeighbourFlags))
    type = member(enum(U8, RouteType))

    dst = attribute(1, IP)
    lladdr = attribute(2, HARDWARE)
    cacheinfo = attribute(3, struct(NeighbourCacheInfo))
    probes = attribute(4, U32)
    vlan = attribute(5, U16)
    #: UDP port of the VXLAN endpoint.
    port = attribute(6, BE16)
    vni = attribute(7, U32)
    #: The spec's "ifindex", a name that the header member has: the device a VXLAN entry leaves by.
    via_ifindex = attribute(8, DEVICE, constant="NDA_IFINDEX")
    master = attribute(9, DEVICE)
    link_netnsid = attribute(10, S32)
    src_vni = attribute(11, U32)
    protocol = attribute(12, named_in(enum(U8, RouteProtocol), "rt_protos"))
    nh_id = attribute(13, U32)
    fdb_ext_attrs = attribute(14, nest(FdbExt), nested=True)
    flags_ext = attribute(15, NTF_EXT)
    ndm_state_mask = attribute(16, U16)
    ndm_flags_mask = attribute(17, U8)

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The family follows from the address."""
        if "family" in values or "dst" not in values:
            return {}
        return {"family": AddressFamily.AF_INET6 if len(values["dst"]) == 16 else AddressFamily.AF_INET}

    @property
    def dst_address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The neighbour's address as ``ipaddress`` shows it."""
        return None if self.dst is None else ipaddress.ip_address(self.dst)


def _key(entry: Neighbour) -> Hashable:
    kind = entry.flags & (NeighbourFlags.NTF_PROXY | NeighbourFlags.NTF_SELF)
    hardware = entry.lladdr if entry.family == AddressFamily.AF_BRIDGE else None
    return entry.family, entry.ifindex, kind, entry.dst, hardware, entry.vlan, entry.vni


def _part(request: Neighbour) -> Callable[[Neighbour], bool] | None:
    """A forwarding entry may be told by its hardware address alone."""
    if request.family != AddressFamily.AF_BRIDGE:
        return None
    told = request.ifindex, request.lladdr
    return lambda entry: entry.family == AddressFamily.AF_BRIDGE and (entry.ifindex, entry.lladdr) == told


def _step(there: Sequence[Neighbour] | None, told: Neighbour, flags: int, gone: bool) -> Sequence[Neighbour] | None:
    """Forwarding entries share a device; neighbours have an address of their own."""
    if told.family != AddressFamily.AF_BRIDGE:
        return replaced(there, told, flags, gone)
    if there is None:
        return None
    others = [entry for entry in there if _key(entry) != _key(told)]
    return others if gone else [*others, told]


NEIGHBOURS = Family(
    name="neighbours",
    record=Neighbour,
    new=MessageType.RTM_NEWNEIGH,
    delete=MessageType.RTM_DELNEIGH,
    get=MessageType.RTM_GETNEIGH,
    protocols=(AddressFamily.AF_UNSPEC,),
    pushed={"ifindex": "via_ifindex", "master": "master"},
    wider=frozenset({"master"}),  # of the device; only forwarding entries tell it themselves
    volatile=frozenset({"cacheinfo", "probes", "type"}),
    groups=(Group.RTNLGRP_NEIGH,),
    announced=(AddressFamily.AF_INET, AddressFamily.AF_INET6),  # AF_BRIDGE: forwarding entries
    key=_key,
    part=_part,
    following=Following(
        key=("family", "ifindex", "dst"),
        silent=frozenset({"cacheinfo", "probes"}),
        masks={"state": ~int(NeighbourState.NUD_STALE | NeighbourState.NUD_DELAY) & 0xFFFF},
        step=_step,
        own=lambda entry: not entry.flags & NeighbourFlags.NTF_PROXY,
    ),
)


class Neighbours(Appendable[Neighbour]):
    """The neighbours of a namespace: ARP and NDP entries, proxies, and bridges' forwarding entries.

    A new one is permanent unless its ``state`` says otherwise; ``proxy=True`` makes a proxy entry, and without ``dst``
    it is a forwarding entry (``family=AF_BRIDGE``).

    Their dumps take ``proxy`` beside filters: True asks for the addresses that this host answers for, instead of its
    neighbours. ``family=AF_BRIDGE`` asks for the forwarding entries of bridges and VXLANs.
    """

    FAMILY = NEIGHBOURS

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        return {"flags": NeighbourFlags.NTF_PROXY} if filters.pop("proxy", False) else {}

    def _arguments(self, values: Mapping[str, Any], keep: list[Descriptor]) -> Mapping[str, Any]:
        made = dict(values)
        if made.pop("proxy", False):
            made["flags"] = NeighbourFlags(made.get("flags", 0)) | NeighbourFlags.NTF_PROXY
        return made

    def _restorable(self, values: Values, count: int) -> Sequence[int]:
        """Not the groups that a bridge itself listens to: given back, they would be its ports'."""
        masters = set(values.get("master", ())) - {None}
        if not {"ifindex", "flags", "lladdr"} <= values.keys():
            return range(count)

        def own(row: int) -> bool:
            told = values["flags"][row] or 0, values["lladdr"][row]
            listens = told[0] & NeighbourFlags.NTF_SELF and told[1] and int(told[1][:2], 16) & 1
            return bool(listens and values["ifindex"][row] in masters)

        return [row for row in range(count) if not own(row)]

    def _completed(self, verb: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        rest: dict[str, Any] = {} if verb == "delete" else {"state": NeighbourState.NUD_PERMANENT}
        if "dst" not in values:
            rest["family"] = AddressFamily.AF_BRIDGE
        return rest

    def read(self) -> Mapping[Hashable, Neighbour]:
        """All by what tells them apart: forwarding entries and proxies too, which a dump has to be asked for."""
        tables = self.dump(), self.dump(family=AddressFamily.AF_BRIDGE), self.dump(proxy=True)
        return {_key(entry): entry for table in tables for entry in table}

    def get(self, dst: Any, device: Any, *, proxy: bool = False) -> Neighbour:
        """One neighbour (since 5.0).

        Args:
            dst: its address.
            device: the device that it is reached by: name or index.
            proxy: the proxy entry, instead of the neighbour.

        Raises:
            NetlinkError: ENOENT: there is none.
        """
        asked = NeighbourFlags.NTF_PROXY if proxy else NeighbourFlags(0)
        return self._ask(Neighbour(dst=dst, flags=asked, ifindex=self._index("device", device)))
