"""One way of reading a dump, measured in a process of its own: prints seconds, memory, count and checksum as JSON.

    ip netns exec NAME python bench/reader.py WAY KIND [TIMES]

The seconds are those of the way alone, the fewest of TIMES. The start of the memory is after imports and opening, its
peak the kernel's own (VmHWM) when the seconds end; count and checksum of what was read are taken after that.
"""

from __future__ import annotations

import json
import math
import re
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Any

import content

import pynl

Ask = Callable[[], Any]
Rows = Iterable[Sequence[Any]]

#: Kind -> the service, and the filters that make it ask what floor.c asks.
KINDS: dict[str, tuple[str, dict[str, int]]] = {
    "routes": ("routes", {"family": 2}),
    "routes6": ("routes", {"family": 10}),
    "links": ("links", {}),
    "addresses": ("addresses", {"family": 2}),
    "neighbours": ("neighbours", {"family": 2}),
}


def memory(name: str) -> float:
    """VmRSS or VmHWM, in megabytes."""
    found = re.search(rf"{name}:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


# ---- the ways: what is timed, and the rows that came of it


def columns(dump: Ask, stream: Ask) -> Any:
    table = dump()
    len(table)
    return table


def records(dump: Ask, stream: Ask) -> Any:
    return list(dump())


def eight(dump: Ask, stream: Ask) -> Any:
    table = dump()
    for r in table:
        _ = r.dst, r.gateway, r.oif, r.priority, r.table, r.protocol, r.scope, r.type
    return table


def arrow(dump: Ask, stream: Ask) -> Any:
    return dump().to_arrow()


def chunks(dump: Ask, stream: Ask) -> Any:
    for table in stream():
        len(table)
    return chain.from_iterable(stream())  # bounded memory: what was read is gone


WAYS = {way.__name__: way for way in (columns, records, eight, arrow, chunks)}


def rows(kind: str, result: Any) -> Rows:
    fields = content.FIELDS[kind]
    if hasattr(result, "column"):
        return zip(*(result.column(name).to_pylist() for name in fields), strict=True)
    return map(attrgetter(*fields), result)


def main(way: str, kind: str, times: str = "1") -> None:
    if way == "arrow":
        __import__("pyarrow")
    service, filters = KINDS[kind]
    with pynl.Netlink() as nl:
        dump, stream = (partial(getattr(getattr(nl, service), name), **filters) for name in ("dump", "stream"))
        start = memory("VmRSS")
        best = math.inf
        for _ in range(int(times)):
            result = None  # the memory of the one before
            before = time.perf_counter()
            result = WAYS[way](dump, stream)
            best = min(best, time.perf_counter() - before)
        peak = memory("VmHWM")
        count, checksum = content.checked(kind, rows(kind, result))
    found = {"seconds": best, "peak_mb": peak, "above_mb": peak - start, "count": count, "checksum": checksum}
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
