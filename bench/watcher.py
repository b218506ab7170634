"""Reads notifications of routes with pynl, in a process of its own: python bench/watcher.py batch|records|latency COUNT

It does as bench/listener.c: says "ready", then measures; prints what it found as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import content

import pynl

#: Bytes of the receive buffer: room for all that wait.
BUFFER = 1 << 29


def batch(events: pynl.Monitor, count: int) -> tuple[int, list[int]]:
    tables = []
    found = 0
    while found < count:
        read = events.batch()
        found += len(read)
        tables.append(read.table("routes"))
    return found, [priority for table in tables for priority in table.columns["priority"]]


def records(events: pynl.Monitor, count: int) -> tuple[int, list[int]]:
    kept = []
    for event in events:
        kept.append(event)
        if len(kept) == count:
            break
    return len(kept), [event.record.priority for event in kept]


def rate(events: pynl.Monitor, way: str, count: int) -> dict[str, Any]:
    sys.stdin.readline()
    before = time.perf_counter()
    found, priorities = (batch if way == "batch" else records)(events, count)
    seconds = time.perf_counter() - before
    assert found == count == len(priorities), (found, len(priorities))
    assert priorities == [content.route_values(number)[3] for number in range(count)]
    assert not events.statistics["overruns"]
    return {"seconds": seconds}


def latency(events: pynl.Monitor, count: int) -> dict[str, Any]:
    times = []
    kept = []
    for event in events:
        times.append(time.clock_gettime_ns(time.CLOCK_MONOTONIC))
        kept.append(event)
        if len(kept) == count:
            break
    assert [event.record.priority for event in kept] == [content.route_values(number)[3] for number in range(count)]
    return {"times": times}


def main(way: str, text: str) -> None:
    with pynl.Netlink() as nl, nl.monitor("routes", family=2, buffer=BUFFER) as events:
        print("ready", flush=True)
        print(json.dumps(latency(events, int(text)) if way == "latency" else rate(events, way, int(text))))


if __name__ == "__main__":
    main(*sys.argv[1:])
