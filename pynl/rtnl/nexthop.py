"""Nexthop objects: RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP, and the same of buckets (linux/nexthop.h)."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from .._wire import lib
from ..family import Family
from ..fields import attribute, many, member, nest, pad, select, structs, within
from ..following import NLM_F_CREATE, NLM_F_REPLACE, Following, changed_link
from ..iproute2 import named_in
from ..kinds import BYTES, DEVICE, FLAG, IP, U8, U16, U32, U64, UINT, Kind, enum, flags
from ..schema import Record
from ..service import Service
from ..table import Table
from ..verbs import Replaceable
from .constants import (
    AddressFamily,
    EncapType,
    Group,
    MessageType,
    NexthopFlags,
    NexthopGroupType,
    NexthopOpFlags,
    RouteProtocol,
    RouteScope,
)
from .encap import ENCAPS


def _weight_load(data: bytes) -> int:
    if len(data) != 2:
        raise ValueError(f"{len(data)} bytes are no weight")
    return int.from_bytes(data, "little") + 1


def _weight_dump(value: Any) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected an integer, not {value!r}")
    if not 1 <= value <= 1 << 16:
        raise ValueError(f"expected 1 to 65536, not {value!r}")
    return (value - 1).to_bytes(2, "little")


# Within the class the name is its member's.
OP_FLAGS = flags(U32, NexthopOpFlags)
#: A weight less one: its low byte, and then (since 6.12) its high one, in whatever byte order the host has.
WEIGHT: Kind[int] = Kind("weight", lib.PYNL_DEEP, 2, _weight_load, _weight_dump)


class NexthopGroupEntry(Record, struct="nexthop_grp"):
    """NHA_GROUP: one of a group's nexthops."""

    id = member(U32)
    #: Its share among its siblings, from 1; above 256 since 6.12 (weight and weight_high in C).
    weight = member(WEIGHT)
    _resvd2 = pad(2)


class ResilientGroup(Record, prefix="NHA_RES_GROUP_"):
    """NHA_RES_GROUP: a group whose flows stay where they are (since 5.13); times in ticks (USER_HZ, 100 a second)."""

    pad = attribute(0, BYTES)
    buckets = attribute(1, U16)
    idle_timer = attribute(2, U32)
    unbalanced_timer = attribute(3, U32)
    unbalanced_time = attribute(4, U64)


class ResilientBucket(Record, prefix="NHA_RES_BUCKET_"):
    """NHA_RES_BUCKET: ``idle_time`` in clock ticks (USER_HZ, 100 a second)."""

    pad = attribute(0, BYTES)
    index = attribute(1, U16)
    idle_time = attribute(2, U64)
    nh_id = attribute(3, U32)


class NexthopStats(Record, prefix="NHA_GROUP_STATS_ENTRY_"):
    """What passed by one nexthop of a group."""

    id = attribute(1, U32)
    packets = attribute(2, UINT)
    #: Those of them that hardware forwarded, where ``hw_stats`` was asked for.
    packets_hw = attribute(3, UINT)


class NexthopGroupStats(Record, prefix="NHA_GROUP_STATS_"):
    """NHA_GROUP_STATS: since 6.9, where they were asked for."""

    entry = many(1, nest(NexthopStats), nested=True)


class NexthopObject(Record, prefix="NHA_", struct="nhmsg", struct_prefix="nh_"):
    """A nexthop object: a way that routes refer to by its id (since 5.3), or a group of them."""

    family = member(enum(U8, AddressFamily))
    scope = member(named_in(enum(U8, RouteScope), "rt_scopes"))
    protocol = member(named_in(enum(U8, RouteProtocol), "rt_protos"))
    _resvd = pad(1)
    flags = member(flags(U32, NexthopFlags))

    id = attribute(1, U32)
    group = attribute(2, structs(NexthopGroupEntry))
    group_type = attribute(3, enum(U16, NexthopGroupType))
    blackhole = attribute(4, FLAG)
    oif = attribute(5, DEVICE)
    gateway = attribute(6, IP)
    encap_type = attribute(7, enum(U16, EncapType))
    encap = select(8, "encap_type", ENCAPS, nested=True)
    #: Of requests: groups only.
    groups = attribute(9, FLAG)
    #: Of requests: those whose device has this master.
    master = attribute(10, DEVICE)
    fdb = attribute(11, FLAG)
    res_group = attribute(12, nest(ResilientGroup), nested=True)
    res_bucket = attribute(13, nest(ResilientBucket), nested=True)
    op_flags = attribute(14, OP_FLAGS)
    group_stats = attribute(15, nest(NexthopGroupStats), nested=True)
    hw_stats_enable = attribute(16, U32)
    hw_stats_used = attribute(17, U32)

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The family follows from the gateway; without one it is IPv4's, save of groups, which have none."""
        if "family" in values or not values.keys() & {"gateway", "oif", "blackhole"}:
            return {}
        return {"family": AddressFamily.AF_INET6 if len(values.get("gateway", b"")) == 16 else AddressFamily.AF_INET}

    @property
    def gateway_address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The gateway as ``ipaddress`` shows it."""
        return None if self.gateway is None else ipaddress.ip_address(self.gateway)


class NexthopBucket(Record, prefix="NHA_", struct="nhmsg", struct_prefix="nh_"):
    """A bucket of a resilient group: the flows of one hash value (since 5.13)."""

    family = member(enum(U8, AddressFamily))
    scope = member(named_in(enum(U8, RouteScope), "rt_scopes"))
    protocol = member(named_in(enum(U8, RouteProtocol), "rt_protos"))
    _resvd = pad(1)
    flags = member(flags(U32, NexthopFlags))

    #: The group's.
    id = attribute(1, U32)
    #: Of requests: those whose nexthop has this device.
    oif = attribute(5, DEVICE)
    #: Of requests: those whose nexthop's device has this master.
    master = attribute(10, DEVICE)
    res_bucket = attribute(13, nest(ResilientBucket), nested=True)

    index = within("res_bucket", ResilientBucket.index)
    idle_time = within("res_bucket", ResilientBucket.idle_time)
    nh_id = within("res_bucket", ResilientBucket.nh_id)


def _resilient(group: ResilientGroup) -> ResilientGroup:
    return group.replace(unbalanced_time=None)


def _left(nexthop: NexthopObject, flags: int, gone: bool) -> bool:
    """A group goes without a word when the last of its members does."""
    return gone and nexthop.group is None


NEXTHOPS = Family(
    name="nexthops",
    record=NexthopObject,
    new=MessageType.RTM_NEWNEXTHOP,
    delete=MessageType.RTM_DELNEXTHOP,
    get=MessageType.RTM_GETNEXTHOP,
    protocols=(AddressFamily.AF_UNSPEC,),
    pushed={"oif": "oif", "fdb": "fdb"},
    volatile=frozenset({"op_flags", "group_stats", "hw_stats_used"}),
    sent={"scope": lambda told: 0, "flags": lambda told: told & NexthopFlags.RTNH_F_ONLINK, "res_group": _resilient},
    identity=frozenset({"id"}),
    groups=(Group.RTNLGRP_NEXTHOP,),
    change_flags=(NLM_F_REPLACE | NLM_F_CREATE, NLM_F_REPLACE),  # as it was asked for: with both it may be either
    key=lambda nexthop: nexthop.id,
    following=Following(
        key=("id",),
        silent=frozenset({"res_group", "group_stats", "hw_stats_used"}),
        disturbed={"links": changed_link, "nexthops": _left},
    ),
)

BUCKETS = Family(
    name="buckets",
    record=NexthopBucket,
    new=MessageType.RTM_NEWNEXTHOPBUCKET,
    delete=MessageType.RTM_DELNEXTHOPBUCKET,
    get=MessageType.RTM_GETNEXTHOPBUCKET,
    protocols=(AddressFamily.AF_UNSPEC,),
    pushed={"id": "id", "nh_id": "nh_id"},
)


class NexthopBuckets(Service[NexthopBucket]):
    """The buckets of resilient groups. Their dumps take ``oif`` and ``master`` of their nexthops beside filters."""

    FAMILY = BUCKETS

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        names = ("oif", "master")  # which the kernel filters by, and does not send
        return {name: self._index(name, filters.pop(name)) for name in names if name in filters}

    def get(self, id: int, index: int) -> NexthopBucket:
        """One bucket.

        Args:
            id: the group's.
            index: its own, from 0.

        Raises:
            NetlinkError: ENOENT: there is none, or no such group.
        """
        return self._ask(NexthopBucket(id=id, index=index))


class Nexthops(Replaceable[NexthopObject]):
    """The nexthop objects of a namespace.

    A group's entries may be given as mappings: ``group=[{"id": 1, "weight": 3}, {"id": 2}]``.

    Their dumps take beside filters: ``groups=True``, groups only; ``master``, those whose device has this master;
    ``stats=True``, counters of groups (since 6.9), and ``hw_stats=True``, those of hardware as well.
    """

    FAMILY = NEXTHOPS

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        asked = _op_flags(filters.pop("stats", False), filters.pop("hw_stats", False))
        if filters.pop("groups", False):
            asked["groups"] = True
        if "master" in filters:
            asked["master"] = self._index("master", filters.pop("master"))
        return asked

    def get(self, id: int, *, stats: bool = False, hw_stats: bool = False) -> NexthopObject:
        """One nexthop object.

        Args:
            id: its own.
            stats: with the counters of a group (since 6.9).
            hw_stats: with those of hardware as well.

        Raises:
            NetlinkError: ENOENT: there is none.
        """
        return self._ask(NexthopObject(id=id, **_op_flags(stats, hw_stats)))

    def buckets(self, **filters: Any) -> Table[NexthopBucket]:
        """The buckets of resilient groups: of all, or as :meth:`dump` filters them.

        Args:
            filters: ``id``, the group's; ``nh_id``, ``index`` and ``flags`` of the bucket; ``oif`` and ``master`` of
                its nexthop's device.

        Raises:
            as :meth:`dump`.
        """
        return NexthopBuckets(self.socket).dump(**filters)


def _op_flags(stats: bool, hw_stats: bool) -> dict[str, Any]:
    asked = NexthopOpFlags(0)
    if stats or hw_stats:
        asked |= NexthopOpFlags.NHA_OP_FLAG_DUMP_STATS
    if hw_stats:
        asked |= NexthopOpFlags.NHA_OP_FLAG_DUMP_HW_STATS
    return {"op_flags": asked} if asked else {}
