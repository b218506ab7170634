"""Measures pynl against its peers, all with the same routes and in turns: python bench/compare.py [--quick]

Libraries have to give a list of every route, in a process of its own; opening the socket counts, starting the process
does not. Programs have to write every route to a file. What cannot be installed or built is named, with the reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from ratios import PATIENCE, alternate, check, floor, read
from worlds import BUILD, COUNT, HERE, World, inside, need_root, run, save, version

PEERS = HERE / "peers"
#: Of what takes minutes for all.
FEW = 100_000
TURNS = 3
#: pynl's rows. The records are what peers are compared with, since a list of objects is what they give.
WAYS = {
    "columns": "pynl: columns",
    "arrow": "pynl: `to_arrow()`",
    "eight": "pynl: loop, eight fields",
    "records": "pynl: records, `list(dump())`",
}


class MissingError(Exception):
    """Why a peer is not measured."""


def attempt(*words: str, **environment: str) -> str:
    """A command's output; MissingError with the last line that it said."""
    full = {**os.environ, **environment}
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE, env=full)
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()[-1]
        raise MissingError(f"{Path(words[0]).name} {words[1]}: {said}")
    return done.stdout


def debian(*packages: str) -> str:
    """Installs packages that are not there; returns the version of the last."""
    query = ("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status} ${Version}\n")
    if not shutil.which("apt-get"):
        raise MissingError(f"needs Debian's packages: {' '.join(packages)}")
    try:
        there = all(" installed " in line for line in attempt(*query, *packages).splitlines())
    except MissingError:
        there = False
    if not there:
        print(f"installing {' '.join(packages)}", flush=True)
        attempt("apt-get", "update", "-qq")
        attempt("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    return attempt(*query, packages[-1]).split()[2]


def go(package: str, program: str) -> tuple[list[str], str]:
    found = debian("golang-go", package)
    target = str(BUILD / program)
    environment = {"GO111MODULE": "off", "GOPATH": "/usr/share/gocode", "GOFLAGS": "", "GOPROXY": "off"}
    sources = (str(PEERS / f"{program}.go"), str(PEERS / "report.go"))
    attempt("/usr/bin/go", "build", "-o", target, *sources, GOCACHE=str(BUILD / "go"), **environment)
    return [target], found


def rust(*options: str) -> tuple[list[str], str]:
    """With Debian's own compiler, and its crates as the only source."""
    found = debian("cargo", "rustc", "librust-tokio-dev", "librust-rtnetlink+tokio-socket-dev", "librust-rtnetlink-dev")
    folder = BUILD / "rust"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("Cargo.toml", "rtnetlink.rs"):
        shutil.copy(PEERS / name, folder)
    source = ("--config", 'source.crates-io.replace-with="debian"')
    source += ("--config", 'source.debian.directory="/usr/share/cargo/registry"')
    words = ("/usr/bin/cargo", "build", "--release", "--offline", "--manifest-path", str(folder / "Cargo.toml"))
    attempt(*words, *source, CARGO_HOME=str(folder / "home"), PATH="/usr/bin:/bin")
    return [str(folder / "target/release/peer"), *options], found


def package(name: str) -> tuple[str, str]:
    """A package of the index in an environment of its own: its interpreter, its version."""
    folder = BUILD / name
    python = str(folder / "bin/python")
    if not Path(python).exists():
        attempt(sys.executable, "-m", "venv", str(folder))
    attempt(python, "-m", "pip", "install", "-q", name)
    return python, attempt(python, "-c", f"import importlib.metadata as m; print(m.version('{name}'))").strip()


def pyroute2(script: str = "pyroute2_routes.py") -> tuple[list[str], str]:
    python, found = package("pyroute2")
    return [python, str(PEERS / script)], found


def iproute2(*options: str) -> tuple[list[str], str]:
    return [sys.executable, str(PEERS / "iproute2.py"), *options], version("ip", "-V") or "?"


class Peer(NamedTuple):
    """Who, how to make it, how many times pynl's time it has to take at least, and of how many routes."""

    who: str
    make: Callable[[], tuple[list[str], str]]
    least: float | None
    count: int = COUNT


ALL = (
    Peer("Rust rtnetlink", rust, 1),
    Peer("Rust rtnetlink, one thread", partial(rust, "one"), 1),
    Peer("Go jsimonetti/rtnetlink", partial(go, "golang-github-jsimonetti-rtnetlink-dev", "jsimonetti"), 1),
    Peer("Go vishvananda/netlink", partial(go, "golang-github-vishvananda-netlink-dev", "vishvananda"), 1),
    Peer("`ip route` into a file", iproute2, None),
    Peer("`ip -j route` into a file", partial(iproute2, "-j"), 2),
    Peer("pyroute2", pyroute2, 100, FEW),
)


def once(who: str, command: list[str], namespace: str, count: int) -> dict[str, Any]:
    """One turn of a peer, checked."""
    seconds, peak, found, checksum = run(*inside(namespace, *command), timeout=PATIENCE).split()
    check(who, {"count": int(found), "checksum": int(checksum)}, "routes", count)
    return {"seconds": float(seconds), "peak_mb": None if peak == "-" else float(peak)}


def best(turns: list[dict[str, Any]]) -> dict[str, Any]:
    fastest = min(turns, key=lambda turn: float(turn["seconds"]))
    return {"seconds": fastest["seconds"], "peak_mb": fastest["peak_mb"]}


def compare(namespace: str, count: int, peers: list[tuple[Peer, list[str], str]], turns: int) -> list[dict[str, Any]]:
    floors, *found = alternate(
        turns,
        lambda: {"seconds": floor(namespace, "routes", count), "peak_mb": None},
        *(partial(read, namespace, "routes", count, way) for way in WAYS),
        *(partial(once, peer.who, command, namespace, count) for peer, command, _ in peers),
    )
    rows = [{"who": "floor: a bare C loop", **best(floors)}]
    ours = {way: best(given) for way, given in zip(WAYS, found, strict=False)}
    rows += [{"who": WAYS[way], **given} for way, given in ours.items()]
    for (peer, _, found_version), given in zip(peers, found[len(WAYS) :], strict=True):
        row = {"who": peer.who, "version": found_version, **best(given), "least": peer.least}
        rows.append({**row, "times": row["seconds"] / ours["records"]["seconds"]})
    for row in rows:
        print(f"{count:>9,} routes  {row['who']:<30} {row['seconds']:.2f} s", flush=True)
    return [{"count": count, **row} for row in rows]


def main(quick: bool) -> None:
    need_root()
    ready, missing = [], []
    for peer in ALL:
        try:
            ready.append((peer._replace(count=3_000) if quick else peer, *peer.make()))
        except (MissingError, OSError, subprocess.TimeoutExpired) as error:
            missing.append({"who": peer.who, "reason": str(error)})
            print(f"not measured: {peer.who}: {error}", flush=True)
    rows = []
    with World() as world:
        for count in sorted({peer.count for peer, _, _ in ready}):
            there = [one for one in ready if one[0].count == count]
            rows += compare(world.of("routes", count), count, there, 1 if quick else TURNS)
            world.drop("routes", count)
    save("peers", {"rows": rows, "missing": missing}, quick)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
