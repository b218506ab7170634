"""A copy follows what is announced: each kind of change by hand, as messages that a kernel sent."""

from __future__ import annotations

from typing import Any

import pytest

from pynl import Address, Neighbour, Record, Route, Rule
from pynl.encode import encode, message
from pynl.family import Family
from pynl.hearing import Announced
from pynl.plan import plan_of
from pynl.replica import Replica, Update
from pynl.rtnl.addr import ADDRESSES
from pynl.rtnl.links import LINKS, Link
from pynl.rtnl.neigh import NEIGHBOURS
from pynl.rtnl.nexthop import NEXTHOPS, NexthopObject
from pynl.rtnl.route import ROUTES, Nexthop
from pynl.rtnl.rule import RULES
from pynl.snapshot import Told, Union
from pynl.store import Store
from pynl.table import Table

REPLACE, EXCL, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800
ADD = EXCL | CREATE


class Listed(Store):
    """What a dump listed in one datagram."""

    def datagrams(self, room: int = 0) -> tuple[list[int], bool]:
        return [0], True


def table_of(family: Family[Any], *records: Record) -> Table[Any]:
    store = Listed(plan_of(family.record))
    if records:
        store.decode_bytes(b"".join(message(family.new, 2, 1, encode(record)) for record in records))
    return Table(store)


def announced(family: Family[Any], *said: tuple[Record, int, bool]) -> Announced:
    records = table_of(family, *(record for record, _, _ in said))
    told = [Told(record, flags, gone) for record, (_, flags, gone) in zip(records, said, strict=True)]
    return Announced(told, records)


class Copy:
    """A copy, and a consumer of its updates beside it."""

    def __init__(self, family: Family[Any], *records: Record) -> None:
        self.family = family
        self.replica = Replica(family, table_of(family, *records))
        self.consumed = list(self.replica.table())

    def take(self, updates: list[Update]) -> None:
        for update in updates:
            if update.action != "new":
                self.consumed.remove(update.old if update.action == "change" else update.record)
            if update.action != "del":
                self.consumed.append(update.record)

    def hear(self, record: Record, flags: int = ADD, *, gone: bool = False) -> bool:
        """Whether it is known what there is now."""
        return self.hear_all((record, flags, gone))

    def hear_all(self, *said: tuple[Record, int, bool]) -> bool:
        """The same of several announcements together."""
        updates, known = self.replica.apply(announced(self.family, *said))
        self.take(updates)
        return known

    @property
    def there(self) -> list[Any]:
        made = list(self.replica.table())
        assert sorted(map(repr, made)) == sorted(map(repr, self.consumed))
        return made


ONES: list[tuple[Family[Any], Any, Any]] = [
    (ADDRESSES, Address(local="192.0.2.1", prefixlen=24, ifindex=3, flags=128), {"flags": 160}),
    (NEIGHBOURS, Neighbour(dst="192.0.2.9", ifindex=3, state=2, lladdr="02:00:00:00:00:01"), {"state": 4}),
    (NEXTHOPS, NexthopObject(id=7, family=2, oif=3, gateway="192.0.2.9"), {"gateway": "192.0.2.10"}),
    (LINKS, Link(ifindex=3, ifname="v0", mtu=1500), {"mtu": 1400, "ifname": "v1"}),
]


@pytest.mark.parametrize(("family", "record", "values"), ONES, ids=[family.name for family, _, _ in ONES])
def test_of_an_object_with_a_key_the_last_word_counts(family: Family[Any], record: Any, values: Any) -> None:
    copy = Copy(family)
    assert copy.hear(record)
    (first,) = copy.there
    assert copy.hear(record.replace(**values), REPLACE)
    (second,) = copy.there
    assert first != second
    assert {name: getattr(second, name) for name in values} == values
    assert copy.hear(record, gone=True)
    assert copy.there == []
    assert copy.hear(record)
    assert copy.there == [first]


def test_what_is_announced_as_it_was_is_no_change() -> None:
    copy = Copy(LINKS, Link(ifindex=3, ifname="v0", mtu=1500))
    before = copy.replica.table()
    assert copy.replica.apply(announced(LINKS, (Link(ifindex=3, ifname="v0", mtu=1500, change=1), 0, False))) == (
        [],
        True,
    )
    assert copy.replica.table() is before


# ---- routes


def v4(gateway: str, **values: Any) -> Route:
    made = Route(dst="198.51.100.0/24", table=254, oif=1, priority=5, protocol=4, type=1)
    return made.replace(gateway=f"192.0.2.{gateway}", **values)


def gateways(copy: Copy) -> list[str]:
    return [route.gateway.rpartition(".")[2] for route in copy.there]


def test_ipv4_routes_of_one_prefix_are_in_the_kernel_s_order() -> None:
    copy = Copy(ROUTES)
    assert copy.hear(v4("1"))
    assert copy.hear(v4("2"), CREATE | APPEND)
    assert copy.hear(v4("3"), CREATE | APPEND)
    assert gateways(copy) == ["1", "2", "3"]
    assert copy.hear(v4("4"), CREATE)  # prepended
    assert gateways(copy) == ["4", "1", "2", "3"]
    assert copy.hear(v4("5"), REPLACE)  # the first, whatever its gateway
    assert gateways(copy) == ["5", "1", "2", "3"]
    assert copy.hear(v4("2"), 0, gone=True)
    assert gateways(copy) == ["5", "1", "3"]
    assert copy.hear(v4("1", flags=1), 0, gone=True)  # flags come and go without a word
    assert gateways(copy) == ["5", "3"]
    assert not copy.hear(v4("9"), 0, gone=True)  # it was never heard of
    assert copy.hear(v4("7", tos=16))
    assert copy.hear(v4("8", priority=6))
    assert sorted(gateways(copy)) == ["3", "5", "7", "8"]


def v6(*gateways: str, **values: Any) -> Route:
    made = Route(dst="2001:db8:1::/48", table=254, priority=1024, protocol=4, type=1, **values)
    hops = [Nexthop(gateway=f"fe80::{gateway}", oif=1) for gateway in gateways]
    if len(hops) == 1:
        return made.replace(gateway=hops[0].gateway, oif=1)
    return made.replace(multipath=tuple(hops)) if hops else made


def hops(copy: Copy) -> list[list[str]]:
    """The gateways of each route; of one without any, its device."""
    made = []
    for route in copy.there:
        found = [hop.gateway for hop in route.multipath or ()] or [route.gateway or str(route.oif)]
        made.append([text.rpartition(":")[2] for text in found])
    return made


def test_next_hops_of_ipv6_are_one_route_in_the_kernel_s_order() -> None:
    copy = Copy(ROUTES, v6("1"))
    assert copy.hear(v6("2", "1"), CREATE | APPEND)  # one that was added is told first, and listed last
    assert hops(copy) == [["1", "2"]]
    assert copy.hear(v6("3", "1", "2"), CREATE | APPEND)
    assert hops(copy) == [["1", "2", "3"]]
    assert copy.hear(v6("1", "2", "3", "4", "5"), CREATE | APPEND)  # several are told as they are listed
    assert hops(copy) == [["1", "2", "3", "4", "5"]]
    assert not copy.hear(v6("9", "8", "2", "1"), CREATE | APPEND)  # from something else than what was known
    assert copy.hear(v6("6", "7"), REPLACE)
    assert hops(copy) == [["6", "7"]]
    assert not copy.hear(v6("7"), 0, gone=True)  # what is left of it, only reading it tells
    assert copy.hear(v6("6", "7"), 0, gone=True)
    assert hops(copy) == []


def test_ipv6_routes_without_a_gateway_are_one_for_each_device() -> None:
    copy = Copy(ROUTES)
    for oif in (1, 2, 3):
        assert copy.hear(v6(oif=oif), CREATE | APPEND if oif > 1 else ADD)
    assert hops(copy) == [["1"], ["2"], ["3"]]
    assert copy.hear(v6(oif=2), 0, gone=True)
    assert hops(copy) == [["1"], ["3"]]
    assert not copy.hear(v6(oif=4), REPLACE)
    assert not copy.hear(v6(oif=4), 0, gone=True)
    assert copy.hear(v6("1"), CREATE | APPEND)
    assert sorted(hops(copy)) == [["1"], ["1"], ["3"]]


def test_a_route_of_a_nexthop_object_stands_beside_those_with_gateways() -> None:
    copy = Copy(ROUTES, v6("1"))
    assert copy.hear(v6("1", nh_id=5), CREATE | APPEND)
    assert [route.nh_id for route in copy.there] == [None, 5]
    assert copy.hear(v6("1"), 0, gone=True)
    assert [route.nh_id for route in copy.there] == [5]


def test_of_two_routes_that_are_the_same_one_may_go() -> None:
    blackhole = v6(oif=1).replace(type=6)
    copy = Copy(ROUTES, blackhole, blackhole)
    assert not copy.hear(blackhole, 0, gone=True)


# ---- rules, neighbours


RULE = Rule(family=2, table=7, priority=100, iifname="v0", action=1)
DETACHED = 0x8


def test_rules_may_be_twice_the_same() -> None:
    copy = Copy(RULES, RULE, RULE)
    assert not copy.hear(RULE, 0, gone=True)
    copy = Copy(RULES, RULE)
    assert not copy.hear(RULE)
    assert copy.hear(RULE.replace(priority=101))
    assert copy.hear(RULE, 0, gone=True)
    assert [rule.priority for rule in copy.there] == [101]


@pytest.mark.parametrize("before", [0, DETACHED])
@pytest.mark.parametrize("after", [0, DETACHED])
def test_a_rule_is_the_same_whether_its_device_is_there_or_not(before: int, after: int) -> None:
    there = table_of(RULES, RULE.replace(flags=before), RULE.replace(priority=101))
    assert there.consistent
    copy = Copy(RULES)
    copy.take(copy.replica.replace(there))
    assert copy.hear(RULE.replace(flags=after), 0, gone=True)
    assert [rule.priority for rule in copy.there] == [101]
    assert copy.hear(RULE.replace(flags=before))
    assert [rule.flags for rule in copy.there] == [0, before]


def test_forwarding_entries_share_a_device() -> None:
    entries = [Neighbour(family=7, ifindex=3, lladdr=f"02:00:00:00:00:0{n}", state=2, vlan=1) for n in range(3)]
    copy = Copy(NEIGHBOURS, entries[0])
    assert copy.hear(entries[1])
    assert copy.hear(entries[2])
    assert copy.hear(entries[0], 0, gone=True)
    assert [entry.lladdr[-1] for entry in copy.there] == ["1", "2"]
    assert copy.hear(entries[1].replace(state=4), REPLACE)
    assert sorted((entry.lladdr[-1], int(entry.state)) for entry in copy.there) == [("1", 4), ("2", 2)]


# ---- reading again


def test_what_was_read_again_tells_the_exact_differences() -> None:
    copy = Copy(ROUTES, v4("1"), v4("2"), v6("1"))
    copy.hear(v4("3"), CREATE | APPEND)
    updates = copy.replica.replace(table_of(ROUTES, v4("1"), v4("4"), v6("2"), v6(oif=9).replace(priority=7)))
    copy.take(updates)
    assert sorted(update.action for update in updates) == ["change", "change", "del", "new"]
    assert len(copy.there) == 4
    assert copy.replica.replace(table_of(ROUTES, *copy.there)) == []


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize("after", range(4))
def test_how_many_of_the_same_there_are_is_read_again(before: int, after: int) -> None:
    other = RULE.replace(priority=101)
    copy = Copy(RULES, *[RULE] * before)
    assert copy.hear(other)
    if before == 1:
        assert copy.hear(RULE, gone=True)
    copy.take(copy.replica.replace(table_of(RULES, *[RULE] * after, other)))
    assert [rule.priority for rule in copy.there].count(100) == after


def test_what_was_known_before_something_is_not_known_counts() -> None:
    copy = Copy(ROUTES, v4("1"))
    assert not copy.hear_all((v4("2"), CREATE | APPEND, False), (v4("9"), 0, True), (v4("3"), CREATE | APPEND, False))
    copy.take(copy.replica.replace(table_of(ROUTES, v4("2"), v4("3"))))
    assert gateways(copy) == ["2", "3"]


@pytest.mark.parametrize(
    ("family", "one", "other"),
    [
        (LINKS, Link(ifindex=3, ifname="v0", qdisc="noop", tso_max_size=1), {"qdisc": "fq", "tso_max_size": 2}),
        (ADDRESSES, Address(address="2001:db8::1", prefixlen=64, ifindex=3, flags=192), {"flags": 128}),
        (NEIGHBOURS, Neighbour(dst="192.0.2.9", ifindex=3, state=4), {"state": 8}),
    ],
)
def test_what_changed_without_a_word_is_no_second_object(family: Family[Any], one: Any, other: Any) -> None:
    union: Union[Any] = Union(family, plan_of(family.record), lambda record: True)
    for record in (one, one.replace(**other), one):
        union.dump(table_of(family, record))
    assert union.whole
    assert len(union.table()) == 1
