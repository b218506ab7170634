"""What differs is found whatever there is much of, and what cannot be made so is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Namespace

import pynl


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A namespace with v0 and v1, a pair that is up."""
    netns.batch("link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\naddr add 192.0.2.1/24 dev v0")
    with netns.netlink() as nl:
        yield nl


def told(found: Any) -> tuple[int, int, int, int]:
    return len(found.added), len(found.replaced), len(found.deleted), found.same


def test_many_rows_with_differences_of_each_sort(nl: pynl.Netlink) -> None:
    count = 20_000
    columns: dict[str, Any] = {"dst": [f"20.{n >> 8}.{n & 255}.0/24" for n in range(count)], "table": 100}
    nl.routes.add_many({**columns, "oif": "v0"})
    assert told(nl.routes.sync({**columns, "oif": "v0"}, dry_run=True, table=100)) == (0, 0, 0, count)
    assert told(nl.routes.sync([], dry_run=True, table=100)) == (0, 0, count, 0)
    columns["dst"] = columns["dst"][10:] + [f"30.0.{n}.0/24" for n in range(10)]
    columns["oif"] = ["v1" if n % 1000 == 7 else "v0" for n in range(count)]
    found = nl.routes.sync(columns, table=100)
    assert told(found) == (10, 20, 10, count - 30)
    assert [(report.done, report.ok) for report in found.reports] == [(10, True), (20, True), (10, True)]
    assert told(nl.routes.sync(columns, table=100)) == (0, 0, 0, count)
