"""Decoding alone: bytes into a table and its values, without a kernel, in a ladder of sizes.

The messages are those of bench/make_routes.py with the attributes that the kernel adds; a straight line in the size
is what the ladder is to show.
"""

from __future__ import annotations

import ipaddress
import struct

import make_routes
import pytest

import pynl

SIZES = (1, 8, 64, 512, 4096, 65536)


@pytest.fixture(params=SIZES, ids=lambda size: f"{size}-records")
def messages(request: pytest.FixtureRequest) -> tuple[int, bytes]:
    table = struct.pack("=HHI", 8, 15, make_routes.RT_TABLE_MAIN)
    parts = []
    for number in range(request.param):
        message = make_routes.route(number, 2) + table
        parts.append(struct.pack("=I", len(message)) + message[4:])
    return request.param, b"".join(parts)


def test_columns(benchmark, messages):
    """Bytes into columns."""
    size, data = messages
    table = benchmark(pynl.Table.decode, pynl.Route, data)
    assert len(table) == size
    assert sum(table.columns["priority"]) == make_routes.METRIC * size


def test_destinations(benchmark, messages):
    """Bytes into columns, and one address of each record as text."""
    size, data = messages
    texts = benchmark(lambda: [route.dst for route in pynl.Table.decode(pynl.Route, data)])
    assert len(set(texts)) == size
    assert texts[-1] == f"{ipaddress.ip_address(make_routes.FIRST + ((size - 1) << 8))}/24"


def test_dicts(benchmark, messages):
    """Bytes into dicts of every field."""
    size, data = messages
    if size > 4096:
        pytest.skip("the line is clear by then")
    dicts = benchmark(lambda: pynl.Table.decode(pynl.Route, data).to_dicts())
    assert len(dicts) == size
    assert all(made["gateway"] == make_routes.GATEWAY for made in dicts)
