"""Routing rules: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (linux/fib_rules.h)."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..errors import NetlinkError
from ..family import Family
from ..fields import attribute, member, pad, prefix, struct
from ..following import Following, replaced
from ..iproute2 import DSFIELD, GROUP, REALMS, TABLE, named_in
from ..kinds import BE32, BE64, BYTES, IP, TEXT, U8, U16, U32, enum, flags
from ..schema import Record
from ..verbs import Syncable
from .constants import RT_TABLE_COMPAT, AddressFamily, Group, MessageType, RouteProtocol, RuleAction, RuleFlags

#: The table of routes that are told no other.
RT_TABLE_MAIN = 254


class RuleUidRange(Record, struct="fib_rule_uid_range"):
    """FRA_UID_RANGE: from the first user id to the last."""

    start = member(U32)
    end = member(U32)


class RulePortRange(Record, struct="fib_rule_port_range"):
    """FRA_SPORT_RANGE, FRA_DPORT_RANGE: from the first port to the last."""

    start = member(U16)
    end = member(U16)


class Rule(Record, prefix="FRA_", struct="fib_rule_hdr"):
    """A rule: which packets look into which table, or what else becomes of them."""

    family = member(enum(U8, AddressFamily))
    dst_len = member(U8)
    src_len = member(U8)
    tos = member(DSFIELD)
    table = member(U8, extended=(15, TABLE, RT_TABLE_COMPAT))
    _res = pad(2)
    action = member(enum(U8, RuleAction))
    flags = member(flags(U32, RuleFlags))

    dst = prefix(1, IP, "dst_len")
    src = prefix(2, IP, "src_len")
    iifname = attribute(3, TEXT)
    #: The priority of the rule to go on with.
    goto = attribute(4, U32)
    unused2 = attribute(5, BYTES)
    #: Rules are tried from the lowest; None: 0.
    priority = attribute(6, U32)
    unused3 = attribute(7, BYTES)
    unused4 = attribute(8, BYTES)
    unused5 = attribute(9, BYTES)
    fwmark = attribute(10, U32)
    #: Realms: that of the source in the upper 16 bits, that of the destination in the lower.
    flow = attribute(11, REALMS)
    tun_id = attribute(12, BE64)
    suppress_ifgroup = attribute(13, GROUP)
    #: Routes found are ignored whose prefix is no longer than this; 2**32 - 1: none.
    suppress_prefixlen = attribute(14, U32)
    fwmask = attribute(16, U32)
    oifname = attribute(17, TEXT)
    pad = attribute(18, BYTES)
    l3mdev = attribute(19, U8)
    uid_range = attribute(20, struct(RuleUidRange))
    protocol = attribute(21, named_in(enum(U8, RouteProtocol), "rt_protos"))
    ip_proto = attribute(22, U8)
    sport_range = attribute(23, struct(RulePortRange))
    dport_range = attribute(24, struct(RulePortRange))
    dscp = attribute(25, U8)
    flowlabel = attribute(26, BE32)
    flowlabel_mask = attribute(27, BE32)
    sport_mask = attribute(28, U16)
    dport_mask = attribute(29, U16)
    dscp_mask = attribute(30, U8)

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The family follows from the first address, the action from where the rule leads."""
        made: dict[str, Any] = {}
        if "family" not in values and (address := values.get("dst") or values.get("src")):
            made["family"] = AddressFamily.AF_INET6 if len(address) == 16 else AddressFamily.AF_INET
        if "action" not in values and "goto" in values:
            made["action"] = RuleAction.FR_ACT_GOTO
        elif "action" not in values and ("table" in values or "l3mdev" in values):
            made["action"] = RuleAction.FR_ACT_TO_TBL
        return made

    @property
    def dst_network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        """The destinations as ``ipaddress`` shows them."""
        return None if self.dst is None else ipaddress.ip_network(self.dst)

    @property
    def src_network(self) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
        """The sources as ``ipaddress`` shows them."""
        return None if self.src is None else ipaddress.ip_network(self.src)


def _step(there: Sequence[Rule] | None, told: Rule, flags: int, gone: bool) -> Sequence[Rule] | None:
    """Without NLM_F_EXCL several rules may be the same; then only reading tells how many there are."""
    return None if there is None or len(there) > gone else replaced(there, told, flags, gone)


def _part(request: Rule) -> Callable[[Rule], bool]:
    """The first rule goes that has all that is told."""
    told = {name: value for name, value in request.items() if value and name != "flags"}
    return lambda rule: all(getattr(rule, name) == value for name, value in told.items())


def _named(link: Any, flags: int, gone: bool) -> bool:
    """A device comes, goes, or changes its name, which attaches rules or detaches them."""
    return True


RULES = Family(
    name="rules",
    record=Rule,
    new=MessageType.RTM_NEWRULE,
    delete=MessageType.RTM_DELRULE,
    get=MessageType.RTM_GETRULE,
    protocols=(AddressFamily.AF_UNSPEC,),  # which also has those of multicast routing
    pushed={},
    sent={"flags": lambda told: told & RuleFlags.FIB_RULE_INVERT},
    part=_part,
    following=Following(
        masks={"flags": ~int(RuleFlags.FIB_RULE_IIF_DETACHED | RuleFlags.FIB_RULE_OIF_DETACHED) & 0xFFFFFFFF},
        step=_step,
        disturbed={"links": _named},
    ),
    groups=(Group.RTNLGRP_IPV4_RULE, Group.RTNLGRP_IPV6_RULE),
)


class Rules(Syncable[Rule]):
    """The routing rules of a namespace: IPv4's, IPv6's, and those of multicast routing (RTNL_FAMILY_IPMR).

    A new one is IPv4's unless an address or ``family`` says otherwise; it leads to the table ``main`` where nothing
    else is told, as with ``ip rule``.
    """

    FAMILY = RULES

    def _completed(self, verb: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        rest: dict[str, Any] = {}
        if not values.keys() & {"family", "src", "dst"}:
            rest["family"] = AddressFamily.AF_INET
        if verb == "add" and not values.keys() & {"action", "goto", "table", "l3mdev"}:
            rest["table"] = RT_TABLE_MAIN
        return rest

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        if filters.get("priority") == 0:  # which the kernel does not send
            filters["priority"] = None
        return {}

    def get(self, priority: int, **filters: Any) -> Rule:
        """The first rule of a priority (read by a dump: the kernel knows no other way).

        Args:
            priority: as the rule has it, from 0.
            filters: as :meth:`dump`, such as ``family``: IPv4 and IPv6 have rules of their own.

        Raises:
            NetlinkError: ENOENT: there is none.
        """
        for found in self.dump(priority=priority, **filters):
            return found
        raise NetlinkError(errno.ENOENT, f"no such rule of priority {priority}", request="RTM_GETRULE")
