"""Dumps of a real kernel: what a user waits for. Every figure is of a checked answer."""

from __future__ import annotations

import socket
import struct

import make_routes
import pytest

import pynl

COUNTS = (1, 1_000, 100_000)


@pytest.fixture(params=COUNTS, ids=lambda count: f"{count}-routes")
def count(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def session(world, count):
    with pynl.Netlink(netns=world.routes(count)) as nl:
        yield nl


def expected_sum(count: int) -> int:
    """Of all destinations, as numbers: a dump that misses or repeats a route has another."""
    return sum(make_routes.FIRST + (number << 8) for number in range(count))


def check(table: pynl.Table[pynl.Route], count: int) -> None:
    assert len(table) == count
    destinations = table.columns["dst"].tobytes()
    assert sum(number for (number,) in struct.iter_unpack(">I", destinations)) == expected_sum(count)


def dump(nl: pynl.Netlink) -> pynl.Table[pynl.Route]:
    return nl.routes.dump(family=socket.AF_INET, table=254, protocol=186)


def test_columns(benchmark, session, count):
    """dump() and len(): everything decoded into columns."""
    check(benchmark(dump, session), count)


def test_records(benchmark, session, count):
    """list(dump()): a record for every route."""
    records = benchmark(lambda: list(dump(session)))
    assert len(records) == count
    assert sum(int(record.dst_network.network_address) for record in records) == expected_sum(count)


def test_eight_fields(benchmark, session, count):
    """Iterating, and reading eight fields of every route as Python values."""

    def read() -> int:
        total = 0
        for r in dump(session):
            if (r.dst, r.gateway, r.priority, r.table, r.protocol, r.scope, r.type, r.oif)[1] == make_routes.GATEWAY:
                total += 1
        return total

    assert benchmark(read) == count
