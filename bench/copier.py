"""A mirror of a namespace's routes, measured in a process of its own: python bench/copier.py CHANGES

Prints as JSON: the seconds of a plain dump, of a mirror until it is ready, and of its reading everything again; its
memory; and the seconds in which it takes so many changes that wait for it. What the mirror has is compared with a dump
each time.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pynl

#: Bytes of the receive buffer: room for all changes.
BUFFER = 1 << 29
#: How often a dump and a mirror take turns.
TURNS = 5


def memory() -> float:
    """VmHWM in megabytes."""
    found = re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


def dumped(nl: pynl.Netlink) -> float:
    before = time.perf_counter()
    nl.routes.dump().complete()
    return time.perf_counter() - before


def ready(nl: pynl.Netlink) -> float:
    before = time.perf_counter()
    mirror = nl.mirror("routes", buffer=BUFFER)
    seconds = time.perf_counter() - before
    mirror.close()
    return seconds


def check(nl: pynl.Netlink, mirror: Any) -> None:
    """Every route of a dump, and no other, is in the mirror."""
    kept, there = (table.values("dst") for table in (mirror.table("routes"), nl.routes.dump()))
    assert len(kept) == len(there)
    assert set(kept) == set(there)


def applied(nl: pynl.Netlink, mirror: Any, count: int) -> float:
    """Half of the changes are new routes, the others take these away again."""
    routes = {"dst": [f"240.{n >> 16}.{n >> 8 & 255}.{n & 255}/32" for n in range(count // 2)], "oif": 1}
    for change in (nl.routes.add_many, nl.routes.delete_many):
        assert change(routes).done == count // 2
    before = time.perf_counter()
    mirror.follow()
    seconds = time.perf_counter() - before
    assert not mirror.resyncs
    return seconds


def resynced(nl: pynl.Netlink, mirror: Any) -> float:
    """A link changes, with which routes may go without a word."""
    before, times = time.perf_counter(), mirror.resyncs
    nl.links.set("lo", ifalias=str(times))
    mirror.table("routes")
    assert mirror.resyncs == times + 1
    return time.perf_counter() - before


def main(changes: int) -> None:
    with pynl.Netlink() as nl:
        with nl.mirror("routes"):
            peak = memory()
        turns = [(dumped(nl), ready(nl)) for _ in range(TURNS)]
        with nl.mirror("routes", buffer=BUFFER) as mirror:
            took = min(applied(nl, mirror, changes) for _ in range(2))
            again = min(resynced(nl, mirror) for _ in range(3))
            check(nl, mirror)
        dump, first = map(min, zip(*turns, strict=True))
    print(json.dumps({"dump": dump, "ready": first, "again": again, "changes": took, "peak_mb": peak}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
