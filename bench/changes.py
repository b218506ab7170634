"""Measures pynl's changes against a bare C program (sender.c) and others: python bench/changes.py [--quick] [--peers]

All make the same routes, in turns, each in a process and an empty namespace of its own. A dump afterwards tells whether
they are there: a count or a checksum that is not that of content.py ends the run. The fastest turn of each counts.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import content
from changer import dotted
from compare import MissingError, pyroute2
from ratios import PATIENCE, TURNS, alternate, read
from worlds import BUILD, COUNT, HERE, World, compiled, inside, need_root, run, save

#: Routes, those of one by one, and those of pyroute2, which takes seconds for them.
MANY, SINGLE, FEW = 100_000, 3_000, 10_000
#: Seconds that `routes.add` may take beyond the round trip of C.
BEYOND = 25e-6
DEVICES = dict(zip(content.DEVICES, ("v0", "v1"), strict=True))

Candidate = Callable[[str, int], dict[str, Any]]


class Row(NamedTuple):
    """What is measured, against whom, and the ratio that it may have at most (pynl's time to theirs) or at least."""

    what: str
    way: str
    against: str
    most: float | None = None
    least: float | None = None


ROWS = (
    Row("`add_many` of dicts", "dicts", "C", most=1.3),
    Row("`add_many` of columns", "columns", "C", most=1.1),
    Row("`add_many` of dicts, against `ip`", "dicts", "`ip -batch`", least=1.5),
)
PEER = Row("`add_many` of dicts, against pyroute2 one by one", "dicts", "pyroute2", least=10)


def sender(mode: str, namespace: str, count: int) -> dict[str, Any]:
    seconds, sends = run(*inside(namespace, compiled("sender"), mode, str(count)), timeout=PATIENCE).split()
    return {"seconds": float(seconds), "sends": int(sends)}


def pynl(way: str, namespace: str, count: int) -> dict[str, Any]:
    words = inside(namespace, sys.executable, str(HERE / "changer.py"), way, str(count))
    found: dict[str, Any] = json.loads(run(*words, timeout=PATIENCE))
    return found


def batch(namespace: str, count: int) -> dict[str, Any]:
    """`ip -batch` with a file; its process counts."""
    BUILD.mkdir(parents=True, exist_ok=True)
    path = BUILD / "routes.batch"
    with path.open("w") as file:
        for dst, gateway, device, metric in map(content.route_values, range(count)):
            way = f"via {dotted(gateway)} dev {DEVICES[device]} onlink metric {metric} proto bgp"
            file.write(f"route add {dotted(dst)}/24 {way}\n")
    before = time.perf_counter()
    run("ip", "-n", namespace, "-batch", str(path), timeout=PATIENCE)
    return {"seconds": time.perf_counter() - before}


def peer(command: list[str], namespace: str, count: int) -> dict[str, Any]:
    return {"seconds": float(run(*inside(namespace, *command, str(count)), timeout=PATIENCE))}


def fresh(world: World, candidate: Candidate, count: int) -> dict[str, Any]:
    """One turn in an empty namespace, checked."""
    namespace = world.of("routes", 0)
    found = candidate(namespace, count)
    read(namespace, "routes", count, "columns")
    run("ip", "-n", namespace, "link", "delete", "v0")  # which removes the routes at once, not during the next turn
    world.drop("routes", 0)
    return found


def turns(world: World, count: int, times: int, candidates: dict[str, Candidate]) -> dict[str, list[dict[str, Any]]]:
    found = alternate(times, *(partial(fresh, world, candidate, count) for candidate in candidates.values()))
    return dict(zip(candidates, found, strict=True))


def best(found: list[dict[str, Any]]) -> float:
    return min(float(turn["seconds"]) for turn in found)


def ratio(row: Row, found: dict[str, list[dict[str, Any]]], count: int) -> dict[str, Any]:
    ours, theirs = best(found[row.way]), best(found[row.against])
    sends = {turn["sends"] for turn in found[row.way] + found[row.against] if "sends" in turn}
    if len(sends) != 1:
        raise SystemExit(f"{row.what}: not the same number of sends: {sends}")
    value = ours / theirs if row.most else theirs / ours
    return result(row.what, count, found[row.way], row.against, found[row.against], value, row.most, row.least, "ratio")


def result(
    what: str,
    count: int,
    ours: list[dict[str, Any]],
    against: str | None,
    theirs: list[dict[str, Any]],
    value: float,
    most: float | None,
    least: float | None = None,
    unit: str = "s",
) -> dict[str, Any]:
    print(f"{count:>9,} routes  {what:<40} {value:.3g} (target {most or least:.3g}) {unit}", flush=True)
    seconds = [float(turn["seconds"]) for turn in theirs]
    return {
        "what": what,
        "count": count,
        "seconds": best(ours),
        "against": against,
        "against_seconds": min(seconds, default=None),
        "against_median": statistics.median(seconds) if seconds else None,
        "value": value,
        "most": most,
        "least": least,
        "unit": unit,
    }


def main(quick: bool, peers: bool) -> None:
    need_root()
    times, count, single, few, large = (2, 5_000, 300, 1_000, 10_000) if quick else (TURNS, MANY, SINGLE, FEW, COUNT)
    c: Candidate = partial(sender, "many")
    dicts: Candidate = partial(pynl, "dicts")
    rows, missing = [], []
    with World() as world:
        ways = {"C": c, "dicts": dicts, "columns": partial(pynl, "columns"), "`ip -batch`": batch}
        found = turns(world, count, times, ways)
        rows += [ratio(row, found, count) for row in ROWS]
        try:
            if not peers:
                raise MissingError("only with --peers")
            command, version = pyroute2("pyroute2_changes.py")
            found = turns(world, few, 1 if quick else 3, {"dicts": dicts, PEER.against: partial(peer, command)})
            rows.append({**ratio(PEER, found, few), "version": version})
        except (MissingError, OSError, subprocess.TimeoutExpired) as error:
            missing.append({"who": PEER.against, "reason": str(error)})
            print(f"not measured: {PEER.against}: {error}", flush=True)
        found = turns(world, single, times, {"C": partial(sender, "one"), "one": partial(pynl, "one")})
        most = best(found["C"]) + BEYOND
        rows.append(result("one `routes.add`", 1, found["one"], "C", found["C"], best(found["one"]), most))
        namespace = world.of("routes", large)
        given = [pynl("sync", namespace, large) for _ in range(times)]
        read(namespace, "routes", large, "columns")  # nothing has changed
        rows.append(result("`sync`, a dry run, besides its dump", large, given, None, [], best(given), 2.0))
    save("changes", {"rows": rows, "missing": missing}, quick)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:], "--peers" in sys.argv[1:])
