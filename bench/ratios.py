"""Measures pynl against the bare C loop (floor.c): python bench/ratios.py [--quick]

The floor and the candidate take turns, so that what else the machine does meets both. Every turn is a process of its
own: a first dump, with the memory that it has to fetch, is what a program's user waits for. Dumps too short for that
are repeated in the process. The fastest turn of each counts. Count and checksum of every answer are compared with what
content.py says; a difference ends the run.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import content
from worlds import COUNT, HERE, World, compiled, inside, need_root, run, save

TURNS = 5
#: Seconds after which something hangs.
PATIENCE = 600.0


class Row(NamedTuple):
    """What is measured, and what the ratio to the floor may be at most; of memory, megabytes above the start."""

    way: str
    what: str
    most: float | None = None
    most_mb: float | None = None
    #: The same on a noisy run: where the floor's median is more than 5% above its fastest.
    most_noisy: float | None = None
    core: int | None = None


#: Of 300,000 and a million IPv4 routes; memory is judged at a million.
ROWS = (
    Row("columns", "columns: `dump()`, then `len`", 1.05, 150, 1.15),
    Row("records", "records: `list(dump())`", 1.5, 400),
    Row("eight", "iterating, eight fields of each", 2.0),
    Row("arrow", "`to_arrow()`", 1.2),
    Row("chunks", "streaming in chunks", 1.1, 32),
    Row("columns", "columns, one core", 1.3, core=0),
    Row("records", "records, one core", 2.2, core=0),
)
#: Of everything else.
BOTH = (Row("columns", "columns"), Row("records", "records"))

#: Kind -> the floor's message type and family.
FLOOR = {
    "routes": ("26", "2"),
    "routes6": ("26", "10"),
    "links": ("18", "0"),
    "addresses": ("22", "2"),
    "neighbours": ("30", "2"),
}

LARGE = (300_000, COUNT)
OTHERS = (("links", 2_000), ("addresses", 10_000), ("neighbours", 100_000), ("routes6", 300_000))
SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)


def alternate(turns: int, *candidates: Callable[[], Any]) -> list[list[Any]]:
    """What each candidate gave in each turn."""
    rounds = [[candidate() for candidate in candidates] for _ in range(turns)]
    return [list(given) for given in zip(*rounds, strict=True)]


def read(namespace: str, kind: str, count: int, way: str, core: int | None = None, times: int = 1) -> dict[str, Any]:
    """One turn of pynl, checked."""
    words = inside(namespace, sys.executable, str(HERE / "reader.py"), way, kind, str(times), core=core)
    found: dict[str, Any] = json.loads(run(*words, timeout=PATIENCE))
    check(f"{way} of {count:,} {kind}", found, kind, count)
    return found


def check(who: str, found: dict[str, Any], kind: str, count: int) -> None:
    """Compares count and checksum (where there is one) with what they must be."""
    if found["count"] != count or found.get("checksum", content.expected(kind, count)) != content.expected(kind, count):
        raise SystemExit(f"{who}: wrong answer: {found}, not {count} and {content.expected(kind, count)}")


def floor(namespace: str, kind: str, count: int, core: int | None = None, times: int = 1) -> float:
    words = inside(namespace, compiled("floor"), *FLOOR[kind], str(times), core=core)
    seconds, messages, _ = run(*words, timeout=PATIENCE).split()
    if int(messages) < count:
        raise SystemExit(f"floor: {messages} messages of {count:,} {kind}")
    return float(seconds)


def measure(namespace: str, kind: str, count: int, row: Row, turns: int) -> dict[str, Any]:
    times = max(1, min(20, 100_000 // count))
    floors, found = alternate(
        turns,
        lambda: floor(namespace, kind, count, row.core, times),
        lambda: read(namespace, kind, count, row.way, row.core, times),
    )
    best, seconds = min(floors), min(one["seconds"] for one in found)
    result = {
        **row._asdict(),
        "kind": kind,
        "count": count,
        "floor": best,
        "floor_median": statistics.median(floors),
        "seconds": seconds,
        "ratio": seconds / best,
        "above_mb": max(one["above_mb"] for one in found),
    }
    target = f" (at most {row.most})" if row.most else ""
    print(f"{count:>9,} {kind:<10} {row.what:<32} {result['ratio']:.2f}{target}", flush=True)
    return result


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line through the points' logarithms: 1 where twice as many take twice as long."""
    logs = [(math.log(x), math.log(y)) for x, y in points]
    return statistics.linear_regression(*zip(*logs, strict=True)).slope


def growth(world: World, sizes: Sequence[int], large: list[dict[str, Any]], turns: int) -> dict[str, Any]:
    """How the time grows with the number of routes; the largest sizes have been measured."""
    rows = list(large)
    for count in sizes:
        namespace = world.of("routes", count)
        rows += [measure(namespace, "routes", count, row, turns) for row in BOTH]
        world.drop("routes", count)
    points = []
    for count in sorted({row["count"] for row in rows}):
        columns, records = (
            next(row for row in rows if (row["count"], row["way"], row["core"]) == (count, way, None))
            for way in ("columns", "records")
        )
        point = {"floor": min(columns["floor"], records["floor"]), "columns": columns["seconds"]}
        points.append({"count": count, **point, "records": records["seconds"]})
    slopes = {who: slope([(point["count"], point[who]) for point in points]) for who in ("floor", "columns", "records")}
    return {"points": points, "slopes": slopes}


def small(world: World, turns: int, times: int) -> list[dict[str, Any]]:
    """Reads too small for the kernel's work to hide anything."""
    rows = []
    namespace = world.of("routes", 10)
    for what, name in (("get", 'open, `links.get("lo")`, close'), ("dump", "a dump of ten routes")):
        words = (what, str(times))
        in_c, in_python = alternate(
            turns,
            lambda words=words: run(*inside(namespace, compiled("small"), *words), timeout=PATIENCE).split(),
            lambda words=words: run(
                *inside(namespace, sys.executable, str(HERE / "small.py"), *words), timeout=PATIENCE
            ).split(),
        )
        if len({checksum for _, checksum in in_c + in_python}) != 1:
            raise SystemExit(f"{name}: C and pynl read different values: {in_c} {in_python}")
        c_us, pynl_us = (min(float(seconds) * 1e6 for seconds, _ in given) for given in (in_c, in_python))
        rows.append({"what": name, "c_us": c_us, "pynl_us": pynl_us, "most_us": 2 * c_us + 30})
        print(f"{name}: {pynl_us:.0f} us (at most {2 * c_us + 30:.0f})", flush=True)
    return rows


def main(quick: bool) -> None:
    need_root()
    large, others, sizes, turns = LARGE, OTHERS, SIZES, TURNS
    if quick:
        large, others, sizes, turns = (10_000,), tuple((kind, 1_000) for kind, _ in OTHERS), (1_000, 3_000), 2
    rows = []
    with World() as world:
        small_rows = small(world, turns, 300 if quick else 3_000)
        for count in large:
            namespace = world.of("routes", count)
            rows += [measure(namespace, "routes", count, row, turns) for row in ROWS]
            world.drop("routes", count)
        grown = growth(world, sizes, rows, turns)
        for kind, count in others:
            namespace = world.of(kind, count)
            rows += [measure(namespace, kind, count, row, turns) for row in BOTH]
            world.drop(kind, count)
    save("ratios", {"rows": rows}, quick)
    save("growth", grown, quick)
    save("small", {"rows": small_rows}, quick)
    bent = {who: round(value, 3) for who, value in grown["slopes"].items() if not 0.85 < value < 1.1}
    if bent and not quick:
        raise SystemExit(f"the time does not grow in a straight line: {bent}")


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
