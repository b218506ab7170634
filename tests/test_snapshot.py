"""Snapshots are complete: the rules by which dumps and announcements are merged, and the kernel itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from pynl import DumpInterrupted
from pynl.encode import encode, message
from pynl.plan import plan_of
from pynl.rtnl.constants import MessageType
from pynl.rtnl.route import ROUTES, Nexthop, Route
from pynl.snapshot import Told, settle
from pynl.store import Store
from pynl.table import Table

PLAN = plan_of(Route)
CREATE, REPLACE, EXCL, APPEND = 0x400, 0x100, 0x200, 0x800


def route(number: int, **values: Any) -> Route:
    return Route(dst=f"2001:db8:{number:x}::/48", family=10, table=254, oif=1, priority=1024, protocol=4, **values)


def table_of(routes: list[Route]) -> Table[Route]:
    store = Store(PLAN)
    store.keys = ROUTES.following.keys
    store.decode_bytes(b"".join(message(MessageType.RTM_NEWROUTE, 2, 1, encode(route)) for route in routes))
    return Table(store)


def told(route: Route, flags: int = CREATE | EXCL, gone: bool = False) -> Told:
    """An announcement, read from a message as it would be."""
    type = MessageType.RTM_DELROUTE if gone else MessageType.RTM_NEWROUTE
    return Told(Table.decode(Route, message(type, flags, 0, encode(route)))[0], flags, gone)


class World:
    """A kernel of which each dump and each look at the announcements is given."""

    def __init__(self, *rounds: tuple[list[Route], list[Told]], lost: tuple[int, ...] = ()) -> None:
        self.rounds = rounds
        self.lost = lost
        self.dumps = 0
        self.listened = 0

    def dump(self) -> Table[Route]:
        self.dumps += 1
        return table_of(self.rounds[min(self.dumps, len(self.rounds)) - 1][0])

    def listen(self) -> list[Told] | None:
        self.listened += 1
        if self.listened == 1:  # what came before the first dump
            return [told(route(99))]
        number = min(self.dumps, len(self.rounds)) - 1
        return None if number in self.lost else self.rounds[number][1]

    def settle(self, wanted: Callable[[Route], bool] = lambda route: True, most: int | None = 100) -> list[Route]:
        return sorted(settle(ROUTES, self.dump, self.listen, wanted, 10.0, most), key=lambda r: str(r.dst))


def test_a_dump_in_silence_is_true() -> None:
    world = World(([route(1), route(2)], []))
    assert world.settle() == [route(1), route(2)]
    assert world.dumps == 1


def test_what_one_dump_skipped_another_has() -> None:
    noise = [told(route(50)), told(route(50), gone=True)]
    many = [route(number) for number in range(20)]
    world = World(*((many[:at] + many[at + 3 :], noise) for at in range(15)), (many, noise))
    assert world.settle() == sorted(many, key=lambda r: str(r.dst))
    assert world.dumps > 3


def test_a_silent_dump_after_a_noisy_one_ends_it() -> None:
    world = World(([route(1)], [told(route(2))]), ([route(1), route(2)], []))
    assert world.settle() == [route(1), route(2)]
    assert world.dumps == 2


def test_the_last_announcement_decides() -> None:
    listed = [route(1), route(2), route(3)]
    noise = [
        told(route(1), gone=True),
        told(route(4)),
        told(route(2), gone=True),
        told(route(2, prefsrc="2001:db8::1")),
    ]
    world = World((listed, noise), *[(listed, [told(route(9), gone=True)])] * 99)
    assert world.settle() == [route(2, prefsrc="2001:db8::1"), route(3), route(4)]


def test_what_repeats_is_listed_once() -> None:
    listed = [route(1), route(2), route(1)]
    assert not table_of(listed).consistent
    world = World((listed, []), *[(listed, [told(route(9), gone=True)])] * 99)
    assert world.settle() == [route(1), route(2)]


def test_after_a_loss_it_begins_again() -> None:
    noise = [told(route(9), gone=True)]
    stale, now = [route(1), route(2)], [route(2)]
    world = World((stale, noise), (stale, noise), (now, noise), (now, []), lost=(2,))
    assert world.settle() == now
    assert world.dumps == 4


def test_a_dump_decides_what_an_announcement_leaves_open() -> None:
    hops = tuple(Nexthop(gateway=f"fe80::{number}", oif=1) for number in (1, 2))
    both = route(1).replace(oif=None, multipath=hops)
    one = route(1, gateway="fe80::1")
    gone = told(route(1, gateway="fe80::2"), gone=True)
    noise = [told(route(9), gone=True)]
    world = World(([both], [gone]), *[([one], noise)] * 99)
    assert world.settle() == [one]


def test_an_object_that_is_announced_and_not_wanted_is_left_out() -> None:
    other = route(2).replace(protocol=186)
    world = World(([route(1)], [told(other), told(route(3))]), *[([route(1)], [told(route(9), gone=True)])] * 99)
    assert world.settle(lambda r: r.protocol == 4) == [route(1), route(3)]


def test_within_its_bounds_it_may_not_end() -> None:
    listed = [route(1), route(2)]
    world = World(*([listed[at % 2 : at % 2 + 1], [told(route(9), gone=True)]] for at in range(99)))  # type: ignore[arg-type]
    with pytest.raises(DumpInterrupted, match=r"^routes change too fast for a snapshot: 3 dump") as caught:
        world.settle(most=3)
    error = caught.value
    assert (error.dumps, error.kind, error.chance > 1e-9) == (3, "routes", True)
    assert sorted(error.table, key=lambda r: str(r.dst)) == listed


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_the_result_is_what_is_there_in_the_end(seed: int) -> None:
    """A model kernel: dumps that skip and repeat at random, between changes that are all announced."""
    chance = random.Random(seed)
    stable = [route(number) for number in range(40)]
    there: dict[int, Route] = {}
    log: list[Told] = []

    def change() -> None:
        number = chance.randrange(100, 110)
        if number not in there:
            there[number] = route(number)
            log.append(told(there[number]))
        elif chance.random() < 0.5:
            log.append(told(there.pop(number), gone=True))
        else:
            there[number] = route(number, prefsrc=f"2001:db8::{chance.randrange(1, 99):x}")
            log.append(told(there[number], CREATE | REPLACE))

    def dump() -> Table[Route]:
        listed: list[Route] = []
        for part in range(0, 40, 10):
            change()
            listed += stable[part : part + 10] + chance.sample(sorted(there.values(), key=str), len(there) // 2)
        at = chance.randrange(40)
        listed = [r for r in listed if r not in stable[at : at + 2]] + stable[:3]
        return table_of(listed)

    def listen() -> list[Told]:
        heard = log[:]
        log.clear()
        return heard

    result = settle(ROUTES, dump, listen, lambda route: True, 60.0, None)
    assert sorted(result, key=str) == sorted([*stable, *there.values()], key=str)
