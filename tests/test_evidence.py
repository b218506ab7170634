"""What dumps under change miss, in models of the kernel's walk and in the kernel, and what several of them prove."""

from __future__ import annotations

import itertools
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from random import Random

import pytest
from conftest import Namespace
from hypothesis import given
from hypothesis import strategies as st
from walk import FIRST, LATER, Buckets, Churn, Kernel, Tree, Trie, rooms

import pynl
from pynl.evidence import Listing, room, whole
from pynl.rtnl.route import Routes

Kind = type[Tree] | type[Trie] | type[Buckets]
KERNELS: list[Kind] = [Tree, Trie, Buckets]


def listing(datagrams: list[list[int]], most: int) -> Listing:
    """A walk ends in a datagram that had room for more, or in one without anything."""
    return Listing(datagrams, not datagrams or len(datagrams[-1]) < most)


def missed(stable: set[int], dump: list[list[int]]) -> set[int]:
    return stable.difference(*dump)


def table(random: Random, kind: Kind, size: int, moving: int) -> tuple[Kernel, Churn, set[int]]:
    keys = random.sample(range(10 * (size + moving)), size + moving)
    stable, others = keys[:size], keys[size:]
    kernel = kind(stable + [key for key in others if random.random() < 0.5])
    return kernel, Churn(kernel, others, random), set(stable)


def snapshot(kernel: Kernel, churn: Churn, most: int = 60) -> tuple[set[int] | None, int]:
    """The union of as many dumps as it takes; None where so many do not do."""
    listings: list[Listing] = []
    churn.changed.clear()
    for number in range(1, most + 1):
        sizes = [] if number == 1 else [LATER]
        listings.append(listing(kernel.dump(rooms(*sizes), churn), LATER if number > 1 else FIRST))
        churn()
        if whole(listings, churn.changed):
            return set().union(*(keys for made in listings for keys in made.datagrams)), number
    return None, most


@pytest.mark.parametrize(("kind", "misses"), [(Tree, True), (Trie, False), (Buckets, True)])
def test_one_dump_misses_what_nobody_touched(kind: Kind, misses: bool) -> None:
    """The models have teeth, but for the one of IPv4, which goes on behind a key."""
    random = Random(1)
    kernel, churn, stable = table(random, kind, 200, 10)
    lost = [missed(stable, kernel.dump(rooms(), churn)) for _ in range(200)]
    assert (sum(map(bool, lost)) > 20) is misses
    assert any(lost) is misses


@pytest.mark.parametrize("kind", KERNELS)
def test_a_datagram_leaves_nothing_out(kind: Kind) -> None:
    """All that a dump misses lies between two datagrams: each is an exact stretch of the table's order."""
    random = Random(2)
    for _ in range(100):
        kernel, churn, stable = table(random, kind, 100, 8)
        order = [key for keys in kernel.dump(lambda: 10**6, churn) for key in keys if key in stable]
        place = {key: number for number, key in enumerate(order)}
        for keys in kernel.dump(rooms(), churn):
            places = [place[key] for key in keys if key in stable]
            assert not places or places == list(range(places[0], places[0] + len(places)))


@pytest.mark.parametrize("kind", KERNELS)
def test_what_is_whole_misses_nothing(kind: Kind) -> None:
    """Thousands of snapshots of tables of all sizes, under churn without a pause."""
    random = Random(3)
    dumps, ended = 0, 0
    for _ in range(3000):
        kernel, churn, stable = table(random, kind, random.randint(0, 120), random.randint(1, 20))
        union, number = snapshot(kernel, churn)
        if union is not None:
            assert stable <= union
            ended += 1
            dumps += number
    assert ended > 2990
    assert dumps / ended < 8


@given(
    st.sampled_from(KERNELS), st.sets(st.integers(0, 300), max_size=60), st.sets(st.integers(0, 300), min_size=1),
    st.randoms(use_true_random=False), st.integers(1, 9), st.integers(1, 20),
)  # fmt: skip
def test_whole_means_whole(
    kind: Kind, stable: set[int], others: set[int], random: Random, first: int, later: int
) -> None:
    """Whatever the table, the datagrams' sizes and the changes."""
    others -= stable
    kernel = kind(sorted(stable))
    churn = Churn(kernel, sorted(others) or [1000], random)
    listings: list[Listing] = []
    for number in range(8):
        sizes = rooms(first if number % 2 else later, later)
        last = [0]

        def drawn(sizes: Callable[[], int] = sizes, last: list[int] = last) -> int:
            last[0] = sizes()
            return last[0]

        dump = kernel.dump(drawn, churn)
        listings.append(listing(dump, max(last[0], 1)))
        if whole(listings, churn.changed):
            assert stable <= set().union(*(keys for made in listings for keys in made.datagrams))


def test_how_often_is_no_evidence() -> None:
    """Why dumps are not simply repeated until few can have missed the same: they miss at the same place.

    One key that comes and goes in front of a table of two datagrams. A dump misses the object behind the first, or
    nothing. Where four dumps agree, their frequencies tell that one in millions is wrong; one in hundreds is.
    """
    random = Random(4)
    stable = set(range(10, 210))
    kernel = Tree(sorted(stable))
    churn = Churn(kernel, [1], random, most=30)
    agreed = wrong = proved = 0
    for _ in range(3000):
        listings = []
        for _ in range(4):
            churn()
            listings.append(Listing(kernel.dump(rooms(FIRST, 250), churn)))
        lost = [missed(stable, list(made.datagrams)) for made in listings]
        if lost.count(lost[0]) == 4:
            agreed += 1
            wrong += bool(lost[0])
            proved += bool(lost[0]) and whole(listings, churn.changed)
    told = len(stable) * (1 / (len(stable) + 2)) ** 4
    assert told < 1e-6
    assert wrong / agreed > 1e-3
    assert not proved


#: Adds and deletes routes in front of the others until it is killed.
CHURN = """
import itertools, sys, pynl
with pynl.Netlink(netns=sys.argv[1]) as nl:
    routes = [pynl.Route(dst=f"2001:db7:{number:x}::/64", oif=1) for number in range(60)]
    print("begun", flush=True)
    for count in itertools.count(1):
        some = routes[: count % 60 + 1]
        nl.routes.add_many(some)
        nl.routes.delete_many(some)
"""
STABLE = [f"2001:db8:{number:x}::/64" for number in range(1, 3001)]


@pytest.fixture
def churning(netns: Namespace) -> Iterator[Namespace]:
    with netns.netlink() as nl:
        assert nl.routes.add_many([pynl.Route(dst=dst, oif=1) for dst in STABLE]).done == len(STABLE)
    writer = subprocess.Popen([sys.executable, "-c", CHURN, netns.name], stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout
        writer.stdout.readline()
        yield netns
    finally:
        writer.kill()
        writer.communicate()


def listed(nl: pynl.Netlink, number: int) -> Listing:
    with nl.socket.sibling(room(number)) as own:
        made = Routes(own).dump(family=socket.AF_INET6, table=254)
        keys = [route.dst for route in made]
    starts, ended = made._store.datagrams(room(number))
    return Listing([keys[at:end] for at, end in itertools.pairwise([*starts, len(keys)])], ended)


def test_the_kernel_does_as_the_model(churning: Namespace) -> None:
    """Dumps miss stable routes, each time between two datagrams, and what is whole misses none."""
    place = {dst: number for number, dst in enumerate(STABLE)}
    changed = {f"2001:db7:{number:x}::/64" for number in range(60)}
    lost = repeated = 0
    dumps: list[int] = []
    with churning.netlink() as nl:
        end = time.monotonic() + 5
        while time.monotonic() < end and len(dumps) < 60:
            listings: list[Listing] = []
            while not whole(listings, changed):
                listings.append(listed(nl, len(listings)))
                for keys in listings[-1].datagrams:
                    places = [place[key] for key in keys if key in place]
                    assert not places or places == list(range(places[0], places[0] + len(places)))
                found = [key for keys in listings[-1].datagrams for key in keys if key in place]
                lost += len(STABLE) > len(set(found))
                repeated += len(found) > len(set(found))
            dumps.append(len(listings))
            assert set(STABLE) <= {key for made in listings for keys in made.datagrams for key in keys}
    assert lost
    assert repeated


def test_snapshots_are_whole_after_few_dumps(churning: Namespace) -> None:
    with churning.netlink() as nl:
        for _ in range(20):
            found = [route.dst for route in nl.routes.snapshot(family=socket.AF_INET6, table=254)]
            assert set(STABLE) <= set(found)
            assert len(found) == len(set(found))
        assert 0 < nl.statistics.retries < 60
