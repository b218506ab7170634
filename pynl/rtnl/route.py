"""Routes: RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (linux/rtnetlink.h, RFC 3549 section 3.1.1)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any

from ..family import Family
from ..fields import attribute, hops, member, nest, pad, prefix, select, struct
from ..following import NLM_F_APPEND, NLM_F_EXCL, NLM_F_REPLACE, Following, any_change, changed_link
from ..iproute2 import DSFIELD, REALMS, TABLE, named_in
from ..kinds import BE32, BYTES, DEVICE, DEVICE_S32, IP, S32, TEXT, U8, U16, U32, VIA, enum, flags
from ..rows import Values
from ..schema import Record
from ..service import address_text
from ..verbs import Appendable
from .constants import (
    RT_TABLE_COMPAT,
    AddressFamily,
    DelReason,
    EncapType,
    Group,
    MessageType,
    MetricFeatures,
    NexthopFlags,
    RouteFlags,
    RouteProtocol,
    RouterPreference,
    RouteScope,
    RouteType,
)
from .encap import ENCAPS


class Metrics(Record, prefix="RTAX_"):
    """RTA_METRICS: what TCP and the path are told of a route; times in milliseconds, in the kernel's own scale."""

    lock = attribute(1, U32)
    mtu = attribute(2, U32)
    window = attribute(3, U32)
    rtt = attribute(4, U32)
    rttvar = attribute(5, U32)
    ssthresh = attribute(6, U32)
    cwnd = attribute(7, U32)
    advmss = attribute(8, U32)
    reordering = attribute(9, U32)
    hoplimit = attribute(10, U32)
    initcwnd = attribute(11, U32)
    features = attribute(12, flags(U32, MetricFeatures))
    rto_min = attribute(13, U32)
    initrwnd = attribute(14, U32)
    quickack = attribute(15, U32)
    cc_algo = attribute(16, TEXT)
    fastopen_no_cookie = attribute(17, U32)


class Nexthop(Record, prefix="RTA_", struct="rtnexthop", struct_prefix="rtnh_"):
    """One of a route's next hops (RTA_MULTIPATH)."""

    _len = pad(2)
    flags = member(flags(U8, NexthopFlags))
    #: rtnh_hops: the weight less one.
    hops = member(U8)
    #: rtnh_ifindex.
    oif = member(DEVICE_S32)
    gateway = attribute(5, IP)
    flow = attribute(11, REALMS)
    via = attribute(18, VIA)
    newdst = attribute(19, BYTES)
    encap_type = attribute(21, enum(U16, EncapType))
    encap = select(22, "encap_type", ENCAPS)

    @classmethod
    def translated(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """``weight`` stands for ``hops``, which is one less."""
        if "weight" not in values:
            return values
        made = dict(values)
        weight = made.pop("weight")
        if not isinstance(weight, int) or not 1 <= weight <= 256:
            raise ValueError(f"weight: expected 1 to 256, not {weight!r}")
        return {"hops": weight - 1, **made}

    @property
    def weight(self) -> int:
        """Its share among its siblings, from 1."""
        return self.hops + 1


class RouteCacheInfo(Record, struct="rta_cacheinfo", struct_prefix="rta_"):
    """RTA_CACHEINFO: times in clock ticks (USER_HZ, 100 a second); ``expires`` is signed."""

    clntref = member(U32)
    lastuse = member(U32)
    expires = member(S32)
    error = member(U32)
    used = member(U32)
    id = member(U32)
    ts = member(U32)
    tsage = member(U32)


class Route(Record, prefix="RTA_", struct="rtmsg", struct_prefix="rtm_"):
    """A route."""

    family = member(enum(U8, AddressFamily))
    dst_len = member(U8)
    src_len = member(U8)
    tos = member(DSFIELD)
    table = member(U8, extended=(15, TABLE, RT_TABLE_COMPAT))
    protocol = member(named_in(enum(U8, RouteProtocol), "rt_protos"))
    scope = member(named_in(enum(U8, RouteScope), "rt_scopes"))
    type = member(enum(U8, RouteType))
    flags = member(flags(U32, RouteFlags))

    dst = prefix(1, IP, "dst_len")
    src = prefix(2, IP, "src_len")
    iif = attribute(3, DEVICE)
    oif = attribute(4, DEVICE)
    gateway = attribute(5, IP)
    priority = attribute(6, U32)
    prefsrc = attribute(7, IP)
    metrics = attribute(8, nest(Metrics))
    multipath = attribute(9, hops(Nexthop))
    protoinfo = attribute(10, BYTES)
    flow = attribute(11, REALMS)
    cacheinfo = attribute(12, struct(RouteCacheInfo))
    session = attribute(13, BYTES)
    mp_algo = attribute(14, BYTES)
    mark = attribute(16, U32)
    mfc_stats = attribute(17, BYTES)
    via = attribute(18, VIA)
    newdst = attribute(19, BYTES)
    pref = attribute(20, enum(U8, RouterPreference))
    encap_type = attribute(21, enum(U16, EncapType))
    encap = select(22, "encap_type", ENCAPS)
    expires = attribute(23, U32)
    pad = attribute(24, BYTES)
    uid = attribute(25, U32)
    ttl_propagate = attribute(26, U8)
    ip_proto = attribute(27, U8)
    sport = attribute(28, U16)
    dport = attribute(29, U16)
    nh_id = attribute(30, U32)
    flowlabel = attribute(31, BE32)
    del_reason = attribute(32, enum(U32, DelReason), constant="RTA_DEL_REASON")

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The family follows from the first address."""
        for name in ("dst", "gateway", "prefsrc", "src"):
            if "family" not in values and name in values:
                return {"family": AddressFamily.AF_INET6 if len(values[name]) == 16 else AddressFamily.AF_INET}
        return {}

    @property
    def is_default(self) -> bool:
        """It takes what no longer prefix does: 0.0.0.0/0 or ::/0."""
        return self.dst_len == 0 and self.src_len == 0

    @property
    def dst_network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        """The destination as ``ipaddress`` shows it; of a default route the whole family's; None of other families."""
        if self.dst is not None:
            return ipaddress.ip_network(self.dst)
        if self.family == socket.AF_INET:
            return ipaddress.IPv4Network("0.0.0.0/0")
        if self.family == socket.AF_INET6:
            return ipaddress.IPv6Network("::/0")
        return None

    @property
    def gateway_address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The gateway as ``ipaddress`` shows it, of the route's own family or of another (``via``)."""
        text = self.gateway or (self.via.address if self.via else None)
        return None if text is None else ipaddress.ip_address(text)

    @property
    def prefsrc_address(self) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
        """The preferred source as ``ipaddress`` shows it."""
        return None if self.prefsrc is None else ipaddress.ip_address(self.prefsrc)


#: What next hops tell of themselves in a route's flags; the kernel refuses to be told.
_TOLD = (
    RouteFlags.RTNH_F_DEAD
    | RouteFlags.RTNH_F_LINKDOWN
    | RouteFlags.RTNH_F_OFFLOAD
    | RouteFlags.RTNH_F_TRAP
    | RouteFlags.RTNH_F_UNRESOLVED
    | RouteFlags.RTM_F_OFFLOAD
    | RouteFlags.RTM_F_TRAP
    | RouteFlags.RTM_F_OFFLOAD_FAILED
    | RouteFlags.RTM_F_CLONED
)


def _hops(hops: tuple[Nexthop, ...]) -> tuple[Nexthop, ...]:
    return tuple(hop.replace(flags=hop.flags & NexthopFlags.RTNH_F_ONLINK) for hop in hops)


def _key(route: Route) -> Hashable:
    """IPv6 gives a route without a metric that of IP6_RT_PRIO_USER."""
    metric = route.priority or (1024 if route.family == socket.AF_INET6 else 0)
    return route.family, route.table, route.dst, route.src, route.tos, metric


def _part(request: Route) -> Callable[[Route], bool] | None:
    """A route that is to go without a metric being told may have any."""
    key = _key(request.replace(priority=1))
    return None if request.priority else lambda route: _key(route.replace(priority=1)) == key


def _addressed(address: Any, flags: int, gone: bool) -> bool:
    """Routes change without a word with IPv4's last address of a device, and its first; IPv6's lose a prefsrc."""
    return gone or address.family == socket.AF_INET


def _step(there: Sequence[Route] | None, told: Route, flags: int, gone: bool) -> Sequence[Route] | None:
    """Routes of one prefix and metric: IPv4 lists them in order, IPv6 joins their next hops."""
    new = flags & NLM_F_EXCL and not gone
    if new and (told.family == socket.AF_INET or (_joins(told) and all(map(_joins, there or ())))):
        return (told,)
    if there is None:
        return None
    return (_step6 if told.family == socket.AF_INET6 else _step4)(there, told, flags, gone)


def _step4(there: Sequence[Route], told: Route, flags: int, gone: bool) -> Sequence[Route] | None:
    same = next((route for route in there if ROUTES.following.same(route, told)), None)
    if gone:
        return None if there and not same else [route for route in there if route is not same]
    if same:
        return there
    if flags & NLM_F_REPLACE:
        return [told, *there[1:]]
    return [*there, told] if flags & NLM_F_APPEND else [told, *there]


def _joins(route: Route) -> bool:
    """Whether it is one route with others of its prefix and metric: those with a gateway of their own are."""
    own = route.gateway or route.multipath
    return bool(own and not route.nh_id and route.protocol != RouteProtocol.RTPROT_RA)


def _step6(there: Sequence[Route], told: Route, flags: int, gone: bool) -> Sequence[Route] | None:
    """One route of several next hops, beside those that stand alone, each by a way of its own."""
    joined = _joins(told)
    alone = told.nh_id, told.oif, told.gateway
    others = [
        route
        for route in there
        if _joins(route) != joined or (not joined and (route.nh_id, route.oif, route.gateway) != alone)
    ]
    if flags & NLM_F_REPLACE and not gone:
        return None if others else [told]
    known = [hop for route in there if route not in others for hop in _gateways(route)]
    if gone:
        twins = not joined and len(there) - len(others) > 1
        return None if (there and not known) or twins or set(known) - set(_gateways(told)) else others
    return _with(others, known, told)


def _with(others: Sequence[Route], known: Sequence[Hashable], told: Route) -> Sequence[Route] | None:
    """Routes, and one that got next hops: one added alone is told first, several are told as they are listed."""
    hops = _gateways(told)
    if hops[: len(known)] == known:
        return [*others, told]
    if hops[1:] == known and told.multipath:
        return [*others, told.replace(multipath=(*told.multipath[1:], told.multipath[0]))]
    return None


def _gateways(route: Route) -> list[Hashable]:
    return [(hop.gateway, hop.oif) for hop in route.multipath] if route.multipath else [(route.gateway, route.oif)]


ROUTES = Family(
    name="routes",
    record=Route,
    new=MessageType.RTM_NEWROUTE,
    delete=MessageType.RTM_DELROUTE,
    get=MessageType.RTM_GETROUTE,
    protocols=(AddressFamily.AF_INET, AddressFamily.AF_INET6),
    pushed={name: name for name in ("table", "oif", "protocol", "type")},
    wider=frozenset({"oif"}),  # of any next hop
    volatile=frozenset({"cacheinfo"}),
    filled={"oif": 0, "priority": 0, "pref": None},
    sent={"flags": lambda told: told & ~_TOLD, "multipath": _hops},
    instead={"nh_id": frozenset({"oif", "gateway", "via", "multipath", "encap_type", "encap"})},
    unsaid={"nh_id": frozenset({"type"})},  # told of a nexthop that drops everything, as if it were the route's own
    groups=(Group.RTNLGRP_IPV4_ROUTE, Group.RTNLGRP_IPV6_ROUTE),
    change_flags=(NLM_F_REPLACE, NLM_F_REPLACE),
    key=_key,
    part=_part,
    following=Following(
        key=("family", "table", "dst", "dst_len", "src", "src_len", "tos", "priority"),
        silent=frozenset({"cacheinfo"}),
        masks={"flags": ~int(_TOLD) & 0xFFFFFFFF},
        step=_step,
        listed=lambda route: route.family == socket.AF_INET,
        wider={"oif": lambda route, oif: oif in {route.oif, *(hop.oif for hop in route.multipath or ())}},
        disturbed={"links": changed_link, "addresses": _addressed, "nexthops": any_change},
    ),
)


#: The types whose routes are in the table ``local`` unless told otherwise.
_LOCAL = (RouteType.RTN_LOCAL, RouteType.RTN_BROADCAST, RouteType.RTN_NAT, RouteType.RTN_ANYCAST)

#: The scopes of IPv4 routes of other types than unicast, where they are not the widest.
_SCOPES: Mapping[Any, RouteScope] = {
    RouteType.RTN_LOCAL: RouteScope.RT_SCOPE_HOST,
    RouteType.RTN_NAT: RouteScope.RT_SCOPE_HOST,
    RouteType.RTN_BROADCAST: RouteScope.RT_SCOPE_LINK,
    RouteType.RTN_MULTICAST: RouteScope.RT_SCOPE_LINK,
    RouteType.RTN_ANYCAST: RouteScope.RT_SCOPE_LINK,
}


class Routes(Appendable[Route]):
    """The routes of a namespace.

    Where a new route is not told them, its table, protocol, scope and type are those that ``ip route`` gives it.
    """

    FAMILY = ROUTES

    def _completed(self, verb: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        family = values["family"][0] if "family" in values else Route._defaults(values).get("family")
        type = values["type"][0] if "type" in values else RouteType.RTN_UNICAST
        table = 255 if type in _LOCAL else 254
        if verb == "delete":  # what is not told may be anything
            return {"table": table, "scope": RouteScope.RT_SCOPE_NOWHERE}
        scope = RouteScope.RT_SCOPE_UNIVERSE
        if family == socket.AF_INET and type == RouteType.RTN_UNICAST:
            if not values.keys() & {"gateway", "via", "multipath", "nh_id"}:
                scope = RouteScope.RT_SCOPE_LINK
        elif family == socket.AF_INET:
            scope = _SCOPES.get(type, scope)
        return {"table": table, "protocol": RouteProtocol.RTPROT_BOOT, "scope": scope, "type": type}

    def _restorable(self, values: Values, count: int) -> Sequence[int]:
        """IPv6 routes whose metric is 0 come and go with addresses; to others the kernel gives IP6_RT_PRIO_USER."""
        families, metrics = values.get("family"), values.get("priority")
        if families is None or metrics is None:
            return range(count)
        return [row for row in range(count) if metrics[row] != 0 or families[row] != socket.AF_INET6]

    def get(self, dst: Any, *, fibmatch: bool = False, **options: Any) -> Route:
        """The route that the kernel would send a packet by.

        Args:
            dst: where the packet goes.
            fibmatch: return the table's entry that matches, not the route resolved from it (since 4.13).
            options: what else is known of the packet: ``src``, ``oif``, ``iif``, ``mark``, ``uid``, ``tos``,
                ``ip_proto``, ``sport``, ``dport``, ``flowlabel``.

        Raises:
            NetlinkError: ENETUNREACH and the like: there is no route, or the one there is says so.
        """
        request = Route(dst=address_text("dst", dst), **self._normal(options))
        asked = RouteFlags.RTM_F_FIB_MATCH if fibmatch else RouteFlags(0)
        if request.family != socket.AF_INET6:  # which tells the table anyway, and refuses to be asked for it
            asked |= RouteFlags.RTM_F_LOOKUP_TABLE
        return self._ask(request.replace(flags=asked))
