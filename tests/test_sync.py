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


def test_no_metric_told_as_0_is_no_difference(nl: pynl.Netlink) -> None:
    four = [{"dst": f"10.{n}.0.0/16", "oif": "v0", "priority": 0} for n in range(3)]
    six = [{"dst": "2001:db8:1::/48", "oif": "v0", "priority": 0}]
    for _ in range(2):
        found = nl.routes.sync([*four, *six], table=100)
    assert told(found) == (0, 0, 0, 4)
    assert [route.priority for route in nl.routes.dump(table=100)] == [None, None, None, 1024]


@pytest.mark.parametrize("there", [False, True])
def test_two_of_one_key_are_refused(nl: pynl.Netlink, there: bool) -> None:
    rows = [{"dst": f"10.{n}.0.0/16", "oif": "v0"} for n in range(3)]
    if there:
        nl.routes.sync(rows, table=100)
    rows += [rows[0], {**rows[1], "oif": "v1"}]
    with pytest.raises(ValueError, match="rows 1 and 4 are the same object, and differ: "):
        nl.routes.sync(rows, table=100)
    assert len(nl.routes.dump(table=100)) == 3 * there


def test_several_of_one_key_that_are_there(nl: pynl.Netlink) -> None:
    nl.routes.add(dst="10.1.0.0/16", oif="v0", table=100)
    nl.routes.append(dst="10.1.0.0/16", oif="v1", table=100)
    nl.routes.append(dst="10.1.0.0/16", oif="lo", table=100)
    assert told(nl.routes.sync(nl.routes.dump(table=100), table=100)) == (0, 0, 0, 3)
    wanted = [{"dst": "10.1.0.0/16", "oif": "v1"}]
    assert told(nl.routes.sync(wanted, table=100, dry_run=True)) == (0, 0, 2, 1)
    found = nl.routes.sync([{"dst": "10.1.0.0/16", "gateway": "192.0.2.9"}], table=100)
    assert [report.ok for report in found.reports] == [True, True]
    assert [route.gateway for route in nl.routes.dump(table=100)] == ["192.0.2.9"]


def test_what_the_filters_do_not_look_at_is_refused(nl: pynl.Netlink) -> None:
    rows: list[dict[str, Any]] = [{"dst": "10.1.0.0/16", "oif": "v0"}, {"dst": "10.2.0.0/16", "oif": "v0"}]
    rows[1]["table"] = 200
    with pytest.raises(ValueError, match="row 1: table: 200 is none that the filter table=100 finds"):
        nl.routes.sync(rows, table=100)
    rows[1]["table"] = 100
    nl.routes.sync(rows, table=100, oif="v0")
    assert [route.dst for route in nl.routes.dump(table=100)] == ["10.1.0.0/16", "10.2.0.0/16"]
    rows[1]["oif"] = nl.links.get("v1").ifindex
    with pytest.raises(ValueError, match="row 1: oif: "):
        nl.routes.sync(rows, table=100, oif="v0")


def test_a_filter_fills_in_nothing_beside_a_nexthop_object(nl: pynl.Netlink) -> None:
    nl.nexthops.add(id=1, oif="v0", gateway="192.0.2.9")
    rows: list[dict[str, Any]] = [{"dst": "10.1.0.0/16", "nh_id": 1}, {"dst": "10.2.0.0/16"}]
    assert [report.ok for report in nl.routes.sync(rows, table=100, oif="v0").reports] == [True]


def test_links_are_not_synced(nl: pynl.Netlink) -> None:
    assert not hasattr(nl.links, "sync")
    assert hasattr(nl.rules, "sync")
