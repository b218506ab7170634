"""Decoding alone: bytes into a table and its values, without a kernel, in a ladder of sizes.

The messages are those of content.py with what the kernel adds. That cost grows in a straight line with the size is
what the ladder is to show.
"""

from __future__ import annotations

import struct

import content
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from test_dump import check

import pynl

SIZES = (1, 8, 64, 512, 4096, 65536)
RTA_TABLE = 15


@pytest.fixture(params=SIZES, ids=lambda size: f"{size}-records")
def messages(request: pytest.FixtureRequest) -> tuple[int, bytes]:
    table = struct.pack("=HHI", 8, RTA_TABLE, content.RT_TABLE_MAIN)
    parts = []
    for number in range(request.param):
        message = content.route(number) + table
        parts.append(struct.pack("=I", len(message)) + message[4:])
    return request.param, b"".join(parts)


def test_columns(benchmark: BenchmarkFixture, messages: tuple[int, bytes]) -> None:
    """Bytes into columns."""
    size, data = messages
    check(benchmark(pynl.Table.decode, pynl.Route, data), "routes", size)


def test_records(benchmark: BenchmarkFixture, messages: tuple[int, bytes]) -> None:
    """Bytes into columns, and a record for every row."""
    size, data = messages
    check(benchmark(lambda: list(pynl.Table.decode(pynl.Route, data))), "routes", size)


def test_dicts(benchmark: BenchmarkFixture, messages: tuple[int, bytes]) -> None:
    """Bytes into dicts of every field."""
    size, data = messages
    if size > 4096:
        pytest.skip("the line is clear by then")
    dicts = benchmark(lambda: pynl.Table.decode(pynl.Route, data).to_dicts())
    assert len(dicts) == size
    assert [made["priority"] for made in dicts] == [content.route_values(i)[3] for i in range(size)]
