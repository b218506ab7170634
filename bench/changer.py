"""One way of changing routes with pynl, measured in a process of its own: prints what it found as JSON.

    ip netns exec NAME python bench/changer.py WAY COUNT

The seconds are those of the way alone: what it is given, dicts or columns, is there before.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable
from typing import Any

import content

import pynl
from pynl.rtnl.route import Routes
from pynl.table import Table

#: What all routes have in common.
SAME = {"protocol": content.RTPROT_BGP, "flags": content.RTNH_F_ONLINK}
#: Of so many routes that are wanted one is not there, one that is there is not wanted, and one has another gateway.
PART = 1_000


def dotted(number: int) -> str:
    return ".".join(map(str, number.to_bytes(4, "big")))


def columns(numbers: Iterable[int]) -> dict[str, Any]:
    """The routes of content.py with these numbers."""
    dst, gateway, oif, priority = zip(*map(content.route_values, numbers), strict=True)
    given = {"oif": list(oif), "priority": list(priority), **SAME}
    return {"dst": [f"{dotted(number)}/24" for number in dst], "gateway": list(map(dotted, gateway)), **given}


def dicts(numbers: Iterable[int]) -> list[dict[str, Any]]:
    """The same, one by one."""
    made = columns(numbers)
    names = ("dst", "gateway", "oif", "priority")
    return [{**dict(zip(names, row, strict=True)), **SAME} for row in zip(*map(made.__getitem__, names), strict=True)]


def many(nl: pynl.Netlink, objects: Any) -> dict[str, Any]:
    through: list[int] = []
    before = time.perf_counter()
    report = nl.routes.add_many(objects, progress=lambda sent, _: through.append(sent))
    seconds = time.perf_counter() - before
    assert report.ok, report.failures[:3]
    return {"seconds": seconds, "sends": len(through)}


def one(nl: pynl.Netlink, count: int) -> dict[str, Any]:
    took = []
    for route in dicts(range(count)):
        before = time.perf_counter()
        nl.routes.add(**route)
        took.append(time.perf_counter() - before)
    return {"seconds": statistics.median(took), "sends": count}


class Timed(Routes):
    """Routes that tell how long their dump took."""

    seconds = 0.0

    def dump(self, **filters: Any) -> Table[Any]:
        before = time.perf_counter()
        table: Table[Any] = super().dump(**filters)
        len(table)
        self.seconds = time.perf_counter() - before
        return table


def sync(nl: pynl.Netlink, count: int) -> dict[str, Any]:
    """A dry run, so that there is the same to do in every turn."""
    new = count // PART
    wanted = columns(range(new, count + new))
    for row in range(0, count, PART):
        wanted["gateway"][row] = "10.255.1.1"
    routes = Timed(nl.routes.socket)
    before = time.perf_counter()
    found = routes.sync(wanted, dry_run=True, family=2, protocol=content.RTPROT_BGP)
    seconds = time.perf_counter() - before - routes.seconds
    replaced = len(range(0, count - new, PART))
    told = (len(found.added), len(found.deleted), len(found.replaced), found.same)
    assert told == (new, new, replaced, count - new - replaced), told
    return {"seconds": seconds, "dump_seconds": routes.seconds}


def main(way: str, text: str) -> None:
    count = int(text)
    with pynl.Netlink() as nl:
        if way in ("dicts", "columns"):
            found = many(nl, (dicts if way == "dicts" else columns)(range(count)))
        else:
            found = (one if way == "one" else sync)(nl, count)
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
