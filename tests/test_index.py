"""Rows by key: an index finds in one table what is in another, as a plain dictionary would."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynl.encode import encode, message
from pynl.index import Index, take
from pynl.plan import Keys, plan_of
from pynl.rtnl.route import Metrics, Nexthop, Route
from pynl.store import Store
from pynl.table import Table

PLAN = plan_of(Route)
KEY = ("table", "dst", "priority")
CONTENT = (*KEY, "oif", "gateway", "flags", "metrics", "multipath")
KEYS = Keys(PLAN, KEY, CONTENT)


def store_of(*routes: Route) -> Store:
    store = Store(PLAN)
    store.decode_bytes(b"".join(message(24, 0, 0, encode(route)) for route in routes))
    return store


def indexed(store: Store, keys: Keys = KEYS) -> Index:
    index = Index(store, keys)
    index.extend()
    return index


def route(dst: int, **values: Any) -> Route:
    return Route(dst=f"10.0.{dst >> 8}.{dst & 255}/32", **values)


routes = st.builds(
    route,
    st.integers(0, 5),
    table=st.sampled_from([254, 1000]),
    priority=st.sampled_from([None, 0, 7]),
    oif=st.sampled_from([None, 1]),
    gateway=st.sampled_from([None, "10.9.9.9", "fe80::1"]),
    metrics=st.sampled_from([None, Metrics(mtu=1400), Metrics(mtu=1401)]),
)


@given(st.lists(routes, max_size=40), st.lists(routes, max_size=40))
def test_a_match_is_what_a_dictionary_would_find(there: list[Route], others: list[Route]) -> None:
    def key(r: Route) -> Any:
        return r.table, r.dst, r.priority

    def content(r: Route) -> Any:
        return *key(r), r.oif, r.gateway, r.metrics

    store = store_of(*there)
    index = indexed(store)
    found = index.match(store_of(*others))
    assert index.repeats == len(there) - len({content(r) for r in there})
    for wanted, row in zip(others, found, strict=True):
        if row >= 0:
            assert content(there[row]) == content(wanted)
        else:
            assert content(wanted) not in {content(r) for r in there}
            same = [number for number, r in enumerate(there) if key(r) == key(wanted)]
            assert row == (-2 - same[0] if same else -1)
            assert not same or index.alike(same[0]) == same


def test_each_of_several_equal_rows_is_found_once() -> None:
    twice = route(1, table=1)
    marks = bytearray(3)
    index = indexed(store_of(twice, twice, route(2, table=1)))
    found = index.match(store_of(twice, twice, twice), marks)
    assert list(found) == [0, 1, -2]
    assert marks == b"\1\1\0"


def test_rows_that_repeat_others_are_marked() -> None:
    one, other = route(1, table=1), route(1, table=1, oif=2)
    store = store_of(one, one, other, route(2, table=1), one)
    marks = bytearray(5)
    index = Index(store, KEYS)
    index.extend(marks)
    assert (marks, index.repeats) == (b"\0\1\0\0\1", 2)


def test_an_index_grows_with_its_table() -> None:
    store = Store(PLAN)
    index = Index(store, KEYS)
    assert list(index.match(store_of(route(0)))) == [-1]
    for number in range(3000):
        store.decode_bytes(message(24, 0, 0, encode(route(number, table=1))))
        if number % 7 == 0:
            index.extend()
    index.extend()
    wanted = store_of(*(route(number, table=1) for number in range(3001)))
    assert list(index.match(wanted)) == [*range(3000), -1]


def test_nested_values_are_compared_as_they_are() -> None:
    hops = (Nexthop(oif=1, gateway="10.0.0.1"), Nexthop(oif=2, gateway="10.0.0.2"))
    store = store_of(route(1, multipath=hops))
    assert list(indexed(store).match(store_of(route(1, multipath=hops)))) == [0]
    assert list(indexed(store).match(store_of(route(1, multipath=hops[::-1])))) == [-2]


@pytest.mark.parametrize(("flags", "row"), [(0x10, 0), (0x14, 0), (0x11, -2)])
def test_only_the_bits_of_a_mask_count(flags: int, row: int) -> None:
    keys = Keys(PLAN, KEY, CONTENT, masks={"flags": ~0x4 & 0xFFFFFFFF})
    assert list(indexed(store_of(route(1, flags=0x10)), keys).match(store_of(route(1, flags=flags)))) == [row]


@pytest.mark.parametrize(("oif", "row"), [(None, 0), (3, 0), (4, -2)])
def test_a_lenient_field_counts_only_where_the_other_has_it(oif: int | None, row: int) -> None:
    keys = Keys(PLAN, KEY, CONTENT, lenient=frozenset({"oif"}))
    assert list(indexed(store_of(route(1, oif=3)), keys).match(store_of(route(1, oif=oif)))) == [row]


def test_rows_are_copied_with_all_that_they_have() -> None:
    routes = [route(number, table=number, metrics=Metrics(mtu=1000 + number)) for number in range(500)]
    copied = Store(PLAN)
    marks = bytearray(number % 3 == 0 for number in range(500))
    assert take(copied, store_of(*routes), marks) == 333
    assert take(copied, store_of(*routes), first=10, count=2) == 2

    kept = [r for number, r in enumerate(routes) if number % 3] + routes[10:12]
    assert list(Table(copied)) == kept
