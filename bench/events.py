"""Measures pynl's monitor against a bare C reader (listener.c): python bench/events.py [--quick]

Rate: all subscribe, then routes are added, then each in turn reads what waits for it: the same notifications.
Latency: routes are added one every 2 ms, C and pynl in turns. Every count is checked, and pynl's values; the fastest
turn counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from typing import NamedTuple

from ratios import PATIENCE, TURNS
from worlds import HERE, World, compiled, inside, need_root, run, save

#: Notifications to be read at once, and of changes one by one.
MANY, SINGLE = 100_000, 1_000
WATCHER = (sys.executable, str(HERE / "watcher.py"))


class Row(NamedTuple):
    """What is measured: the ratio to C that it may have at most, and the events a second that it must have."""

    what: str
    way: str
    most: float | None = None
    least: float | None = None


RATES = (Row("columns: `events.batch()`", "batch", 1.5, 500_000), Row("records: a loop", "records", None, 200_000))
#: The latency of the median event may be so many times that of C.
LATENCY = 2.0


class Reader:
    """A process that has subscribed."""

    def __init__(self, namespace: str, *words: str) -> None:
        self._process = subprocess.Popen(
            inside(namespace, *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout
        if self._process.stdout.readline() != "ready\n":
            raise SystemExit(f"failed: {' '.join(words)}")

    def go(self) -> str:
        """What it prints, once it has read everything."""
        output, _ = self._process.communicate("go\n", PATIENCE)
        if self._process.returncode:
            raise SystemExit(f"a reader failed ({self._process.returncode})")
        return output


def rate(world: World, count: int) -> dict[str, float]:
    """One turn: the seconds of each."""
    namespace = world.of("routes", 0)
    floor = Reader(namespace, compiled("listener"), "rate", str(count))
    readers = {row.way: Reader(namespace, *WATCHER, row.way, str(count)) for row in RATES}
    run(*inside(namespace, compiled("sender"), "many", str(count)), timeout=PATIENCE)
    seconds, messages, _ = floor.go().split()
    if int(messages) != count:
        raise SystemExit(f"C read {messages} messages, not {count}")
    found = {way: float(json.loads(reader.go())["seconds"]) for way, reader in readers.items()}
    world.drop("routes", 0)
    return {"C": float(seconds), **found}


def latencies(world: World, count: int, *words: str) -> list[float]:
    """One turn: of each change, the seconds from before it was asked for until the reader had its event."""
    namespace = world.of("routes", 0)
    reader = Reader(namespace, *words, "latency", str(count))
    asked = [int(line) for line in run(*inside(namespace, compiled("listener"), "change", str(count))).split()]
    output = reader.go()
    seen = json.loads(output)["times"] if output.startswith("{") else [int(line) for line in output.split()]
    if len(seen) != count:
        raise SystemExit(f"{len(seen)} notifications, not {count}")
    world.drop("routes", 0)
    return [(after - before) / 1e9 for before, after in zip(asked, seen, strict=True)]


def spread(turns: list[list[float]]) -> dict[str, float]:
    """Median and 99th percentile of the turn with the lowest median."""
    best = min(turns, key=statistics.median)
    return {"median": statistics.median(best), "p99": statistics.quantiles(best, n=100)[98]}


def main(quick: bool) -> None:
    need_root()
    turns, many, single = (2, 10_000, 100) if quick else (TURNS, MANY, SINGLE)
    rows = []
    with World() as world:
        found = [rate(world, many) for _ in range(turns)]
        floor = min(turn["C"] for turn in found)
        for row in RATES:
            seconds = min(turn[row.way] for turn in found)
            rows.append({**row._asdict(), "count": many, "seconds": seconds, "floor": floor})
            print(f"{many:,} events  {row.what:<28} {many / seconds:,.0f}/s, {seconds / floor:.2f} of C", flush=True)
        pairs = [
            (latencies(world, single, compiled("listener")), latencies(world, single, *WATCHER)) for _ in range(turns)
        ]
        in_c, in_python = (spread([pair[who] for pair in pairs]) for who in (0, 1))
        ratio = in_python["median"] / in_c["median"]
        print(f"latency: {in_python['median'] * 1e6:.0f} us, {ratio:.2f} of C (at most {LATENCY}); ", end="")
        print(f"99%: {in_python['p99'] * 1e6:.0f} us, C {in_c['p99'] * 1e6:.0f} us", flush=True)
    latency = {"count": single, "C": in_c, "pynl": in_python, "most": LATENCY}
    save("events", {"rows": rows, "latency": latency}, quick)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
