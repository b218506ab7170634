"""Measures look-ups of the longest prefix, pynl's and others': python bench/lookup.py [--quick] [--peers]

All have the same routes and addresses (finder.py), in turns, each in a process of its own and on one core. An answer
that differs in count or checksum from the first one's ends the run. The fastest turn of each counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from typing import Any, NamedTuple

from compare import MissingError, package
from ratios import PATIENCE, alternate
from worlds import COUNT, HERE, run, save

TURNS, ASKED = 3, 1_000_000


class Way(NamedTuple):
    """Who, how addresses are given, the package that it needs, and the look-ups a second that it has to reach."""

    what: str
    who: str
    way: str
    needs: str | None = None
    least: float | None = None


WAYS = (
    Way("pynl: `rows` of packed addresses", "pynl", "packed", least=5e6),
    Way("pynl: `rows` of a list of texts", "pynl", "texts"),
    Way("pynl: `row` of a text, one by one", "pynl", "one"),
    Way("py-radix: `search_best` of a text", "radix", "text", "py-radix"),
    Way("pytricia: `[]` of a text", "pytricia", "text", "pytricia"),
    Way("pytricia: `[]` of packed addresses", "pytricia", "packed", "pytricia"),
)


def once(python: str, way: Way, count: int, asked: int) -> dict[str, Any]:
    words = ("taskset", "-c", "0", python, str(HERE / "finder.py"), way.who, way.way, str(count), str(asked))
    found: dict[str, Any] = json.loads(run(*words, timeout=PATIENCE))
    return found


def main(quick: bool, peers: bool) -> None:
    count, asked, turns = (20_000, 20_000, 1) if quick else (COUNT, ASKED, TURNS)
    ready: list[tuple[Way, str, str | None]] = []
    missing: dict[str, str] = {}
    for way in WAYS:
        try:
            if way.needs and not peers:
                raise MissingError("only with --peers")
            ready.append((way, *(package(way.needs) if way.needs else (sys.executable, None))))
        except (MissingError, OSError, subprocess.TimeoutExpired) as error:
            missing[str(way.needs)] = str(error)
            print(f"not measured: {way.needs}: {error}", flush=True)
    found = alternate(turns, *(partial(once, python, way, count, asked) for way, python, _ in ready))
    right = {name: found[0][0][name] for name in ("count", "checksum")}
    rows = []
    for (way, _, version), given in zip(ready, found, strict=True):
        for one in given:
            if {name: one[name] for name in right} != right or one["count"] != asked:
                raise SystemExit(f"{way.what}: wrong answer: {one}, not {right}")
        best = {name: min(one[name] for one in given) for name in ("seconds", "built", "above_mb")}
        rows.append({**way._asdict(), "version": version, "count": count, "rate": asked / best["seconds"], **best})
        print(f"{count:>9,} routes  {way.what:<36} {rows[-1]['rate'] / 1e6:.2f} million a second", flush=True)
    save("lookup", {"rows": rows, "missing": [{"who": who, "reason": why} for who, why in missing.items()]}, quick)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:], "--peers" in sys.argv[1:])
