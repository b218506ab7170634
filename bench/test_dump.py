"""Dumps of a real kernel: what a user waits for. Every figure is of a checked answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import content
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from worlds import World

import pynl

#: What is dumped, and how many.
WORLDS = [("routes", 1), ("routes", 1_000), ("routes", 100_000), ("routes6", 10_000)]
WORLDS += [("links", 200), ("addresses", 10_000), ("neighbours", 10_000)]
LARGE = [("routes", 300_000), ("routes", 1_000_000), ("routes6", 300_000), ("links", 2_000), ("neighbours", 100_000)]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    worlds = WORLDS + (LARGE if metafunc.config.getoption("--large") else [])
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize(("kind", "count"), worlds, ids=lambda value: str(value))
    elif "count" in metafunc.fixturenames:
        metafunc.parametrize("count", [count for kind, count in worlds if kind == "routes"])


@pytest.fixture
def dump(world: World, request: pytest.FixtureRequest, count: int) -> Iterator[Callable[[], Any]]:
    """Dumps the world's objects, and nothing else that is in it."""
    kind = request.getfixturevalue("kind") if "kind" in request.fixturenames else "routes"
    with pynl.Netlink(world.of(kind, count)) as nl:
        yield {
            "routes": lambda: nl.routes.dump(family=2, protocol="bgp"),
            "routes6": lambda: nl.routes.dump(family=10, protocol="bgp"),
            "links": lambda: nl.links.dump(kind="veth"),
            "addresses": lambda: nl.addresses.dump(family=2, ifindex=content.DEVICES[0]),
            "neighbours": lambda: nl.neighbours.dump(family=2, ifindex=content.DEVICES[0]),
        }[kind]


def check(records: Any, kind: str, count: int) -> None:
    assert len(records) == count
    rows = map(attrgetter(*content.FIELDS[kind]), records)
    assert content.checked(kind, rows) == (count, content.expected(kind, count))


def test_columns(benchmark: BenchmarkFixture, dump: Callable[[], Any], kind: str, count: int) -> None:
    """dump() and len(): everything decoded into columns."""

    def whole() -> Any:
        table = dump()
        table.complete()
        return table

    check(benchmark(whole), kind, count)


def test_records(benchmark: BenchmarkFixture, dump: Callable[[], Any], kind: str, count: int) -> None:
    """list(dump()): a record for every object."""
    check(benchmark(lambda: list(dump())), kind, count)


def test_eight_fields(benchmark: BenchmarkFixture, dump: Callable[[], Any], count: int) -> None:
    """Iterating, and reading eight fields of every route as Python values."""

    def read() -> int:
        found = 0
        for r in dump():
            found += (r.dst, r.gateway, r.oif, r.priority, r.table, r.protocol, r.scope, r.type)[4] == 254
        return found

    assert benchmark(read) == count
