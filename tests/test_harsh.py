"""Snapshots and mirrors while others change things as fast as they can, and where the kernel drops what it says."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import churn
import pytest
from conftest import Namespace, _make, _remove
from test_mirror import as_ip_has_it, as_mirrored, like_ip, same

import pynl

STABLE = 8000


@contextlib.contextmanager
def churned(netns: Namespace, what: str, seed: int = 1) -> Iterator[subprocess.Popen[str]]:
    """Another process that changes things there; it goes with the block, whatever happens."""
    command = [sys.executable, str(Path(churn.__file__)), netns.name, what, str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        assert process.stdout.readline() == "changing\n"
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def rounds(netns: Namespace, service: str, name: str, stable: set[Any], **filters: Any) -> None:
    """A hundred snapshots list all that is stable, and everything once."""
    others = set()
    with netns.netlink() as nl:
        for _ in range(100):
            found = Counter(getattr(nl, service).snapshot(**filters).values(name))
            assert not stable - found.keys()
            assert max(found.values()) == 1
            others.add(frozenset(found.keys() - stable))
    assert len(others) > 3


def test_every_snapshot_has_every_stable_route(netns: Namespace) -> None:
    stable = [f"2001:db8:{number + 1:x}::/64" for number in range(STABLE)]
    with netns.netlink() as nl:
        nl.routes.add_many({"dst": stable, "oif": 1, "table": 254, "priority": 100})
        with churned(netns, "routes"):
            plain = [nl.routes.dump(family=10, table=254) for _ in range(30)]
            assert any(set(stable) - set(table.values("dst")) for table in plain)  # which is why there are snapshots
            assert not all(table.consistent for table in plain)
            rounds(netns, "routes", "dst", set(stable), family=10, table=254)


def test_every_snapshot_has_every_stable_neighbour(netns: Namespace) -> None:
    netns.batch("link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up")
    stable = {f"10.0.{number >> 8}.{number & 255}" for number in range(800)}
    with netns.netlink() as nl:
        values = {"dst": sorted(stable), "ifindex": "v0", "lladdr": "02:00:00:00:00:01", "state": "permanent"}
        nl.neighbours.add_many(values)
    with churned(netns, "neighbours"):
        rounds(netns, "neighbours", "dst", stable, family=2)


def test_every_snapshot_has_every_stable_link(netns: Namespace) -> None:
    netns.batch("\n".join(f"link add s{number} type veth peer name t{number}" for number in range(60)))
    netns.batch("link add br0 type bridge\nlink set s0 master br0\nlink set s0 up\nlink set t0 up\nlink set br0 up")
    stable = {"lo", "br0", *(f"{end}{number}" for end in "st" for number in range(60))}
    with churned(netns, "links"):
        rounds(netns, "links", "ifname", stable)


# ---- dropped announcements


def burst(nl: pynl.Netlink, chance: random.Random) -> None:
    """50,000 changes: routes made and removed, many at a time."""
    for number in range(10):
        net = chance.randrange(5)
        prefixes = [f"10.{net}.{at >> 8}.{at & 255}/32" for at in chance.sample(range(10_000), 2500)]
        prefixes += [f"2001:db8:{net:x}:{at:x}::/64" for at in chance.sample(range(10_000), 2500)]
        values = {"dst": prefixes, "oif": 1, "priority": 7}
        getattr(nl.routes, "delete_many" if number % 3 == 2 else "add_many")(values, on_error="continue")


def equal(netns: Namespace, mirror: pynl.Mirror) -> None:
    assert as_mirrored("routes", mirror.table("routes")) == as_ip_has_it(netns, "routes")


@pytest.mark.parametrize("seed", range(10))
def test_after_an_overrun_a_mirror_ends_as_ip_has_it(netns: Namespace, seed: int) -> None:
    with contextlib.ExitStack() as stack:
        nl = stack.enter_context(netns.netlink())
        mirror = stack.enter_context(nl.mirror("routes", buffer=2048))  # which the kernel doubles
        changes = mirror.changes(timeout=0)
        there = Counter((route.dst, route.priority) for route in mirror.table("routes"))
        list(changes)
        if seed % 2:
            with churned(netns, "routes", seed):
                burst(nl, random.Random(seed))
        else:
            burst(nl, random.Random(seed))
        equal(netns, mirror)
        assert mirror.resyncs > 0
        assert nl.statistics.overruns > 0
        for update in changes:
            there[update.record.dst, update.record.priority] += {"new": 1, "del": -1, "change": 0}[update.action]
        assert +there == Counter((route.dst, route.priority) for route in mirror.table("routes"))


@pytest.mark.parametrize("seed", range(6))
def test_mirrors_end_equal_whoever_writes(netns: Namespace, seed: int) -> None:
    chance = random.Random(seed)
    with contextlib.ExitStack() as stack:
        nl = stack.enter_context(netns.netlink())
        churn.prepare(nl)
        mirror = stack.enter_context(nl.mirror(*churn.KINDS, buffer=2048))
        changes = mirror.changes(timeout=0)
        writers = [stack.enter_context(churned(netns, "all", seed + 100 * n)) for n in range(1 + seed % 2)]
        end = time.monotonic() + 0.7
        while time.monotonic() < end:
            time.sleep(chance.uniform(0, 0.05))
            if chance.random() < 0.5:
                list(changes)
            else:
                mirror.lookup("10.1.0.1")
        for writer in writers:
            writer.kill()
            writer.wait()
        same(nl, mirror)
        like_ip(netns, mirror)


def test_a_mirror_of_a_namespace_that_is_deleted_is_left_with_what_there_is() -> None:
    """Its sockets keep the namespace: the name goes, and so does the process that changed things in it."""
    netns = _make()
    try:
        with netns.netlink() as nl:
            churn.prepare(nl)
            with nl.mirror(*churn.KINDS, buffer=2048) as mirror:
                with churned(netns, "all"):
                    time.sleep(0.3)
                    _remove(netns)
                    time.sleep(0.2)
                    mirror.table("routes")
                same(nl, mirror)
                nl.links.delete("br0")
                mirror.wait(lambda mirror: mirror.link("br0") is None, timeout=5)
    finally:
        _remove(netns)


def test_links_that_go_with_another_namespace(netns: Namespace) -> None:
    other = _make()
    try:
        with netns.netlink() as nl, nl.mirror("links", "routes", "addresses") as mirror:
            for number in range(5):
                peer = {"ifname": f"p{number}", "netns": other.name}
                nl.links.add(ifname=f"q{number}", kind="veth", peer=peer)
                nl.links.set(f"q{number}", up=True)
                nl.addresses.add(local=f"10.0.{number}.1/24", ifindex=f"q{number}")
            assert mirror.link("q4")
            _remove(other)
            mirror.wait(lambda mirror: not any(mirror.link(f"q{number}") for number in range(5)), timeout=20)
            same(nl, mirror, ["links", "routes", "addresses"])
            assert len(mirror.table("links")) == 1
    finally:
        _remove(other)


FOLLOWER = """
import sys, time, pynl
with pynl.Netlink(sys.argv[1]) as nl, nl.mirror("routes", buffer=4096) as mirror:
    changes = mirror.changes(timeout=0.1)
    there = {(route.dst, route.priority) for route in mirror.table("routes")}
    list(changes)
    print("following", flush=True)
    while not mirror.lookup("192.0.2.0"):
        for update in changes:
            key = update.record.dst, update.record.priority
            there.discard(key) if update.action == "del" else there.add(key)
    for update in changes:
        key = update.record.dst, update.record.priority
        there.discard(key) if update.action == "del" else there.add(key)
    dumped = {(route.dst, route.priority) for route in nl.routes.snapshot()}
    print(there == dumped == {(route.dst, route.priority) for route in mirror.table("routes")}, mirror.resyncs)
"""


def test_a_process_that_was_stopped_catches_up(netns: Namespace) -> None:
    command = [sys.executable, "-c", FOLLOWER, netns.name]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert follower.stdout
        assert follower.stdout.readline() == "following\n"
        with churned(netns, "routes"):
            time.sleep(0.3)
            os.kill(follower.pid, signal.SIGSTOP)
            time.sleep(2)
            os.kill(follower.pid, signal.SIGCONT)
            time.sleep(0.3)
        netns.ip("route add 192.0.2.0/24 dev lo")
        told, _ = follower.communicate(timeout=60)
    finally:
        follower.kill()
        follower.wait()
    equal_, resyncs = told.split()
    assert equal_ == "True"
    assert int(resyncs) > 0


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_thousand_overruns_take_no_memory(netns: Namespace) -> None:
    routes = {"dst": [f"10.0.{number}.0/24" for number in range(60)], "oif": 1}
    with netns.netlink() as nl, nl.mirror("routes", buffer=2048) as mirror:
        changes = mirror.changes(timeout=0)
        before = len(mirror.table("routes"))
        sizes = []
        for _ in range(500):
            nl.routes.add_many(routes)
            assert len(mirror.table("routes")) == before + 60
            nl.routes.delete_many(routes)
            assert len(mirror.table("routes")) == before
            list(changes)
            sizes.append(resident())
        assert nl.statistics.overruns >= 1000
        assert sizes[-1] - sizes[100] < 2 << 20
