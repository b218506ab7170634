"""Snapshots are complete: the rules by which dumps and announcements are merged, and the kernel itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from conftest import Namespace

from pynl import DumpInterrupted, Rule
from pynl.encode import encode, message
from pynl.plan import plan_of
from pynl.rtnl.constants import AddressFamily, MessageType
from pynl.rtnl.route import ROUTES, Nexthop, Route
from pynl.snapshot import Told, Union, settle
from pynl.store import Store
from pynl.table import Table

PLAN = plan_of(Route)
CREATE, REPLACE, EXCL, APPEND = 0x400, 0x100, 0x200, 0x800


def route(number: int, **values: Any) -> Route:
    return Route(dst=f"2001:db8:{number:x}::/48", family=10, table=254, oif=1, priority=1024, protocol=4, **values)


class Listed(Store):
    """A store that knows where each datagram began."""

    def __init__(self, starts: list[int]) -> None:
        super().__init__(PLAN)
        self.starts = starts

    def datagrams(self, room: int = 0) -> tuple[list[int], bool]:
        return self.starts, True


def table_of(*datagrams: list[Route]) -> Table[Route]:
    """What a dump listed, datagram by datagram."""
    store = Listed([sum(map(len, datagrams[:number])) for number in range(len(datagrams))])
    store.keys = ROUTES.following.keys
    routes = (route for routes in datagrams for route in routes)
    store.decode_bytes(b"".join(message(MessageType.RTM_NEWROUTE, 2, 1, encode(route)) for route in routes))
    return Table(store)


def told(route: Route, flags: int = CREATE | EXCL, gone: bool = False) -> Told:
    """An announcement, read from a message as it would be."""
    type = MessageType.RTM_DELROUTE if gone else MessageType.RTM_NEWROUTE
    return Told(Table.decode(Route, message(type, flags, 0, encode(route)))[0], flags, gone)


#: Where a dump was divided.
Datagrams = tuple[list[Route], ...]


class World:
    """A kernel of which each dump and each look at the announcements is given; the last of them is repeated."""

    def __init__(self, *rounds: tuple[Datagrams, list[Told]], lost: tuple[int, ...] = ()) -> None:
        self.rounds = rounds
        self.lost = lost
        self.dumps = 0
        self.listened = 0

    def dump(self, room: int) -> list[Table[Route]]:
        self.dumps += 1
        return [table_of(*self.rounds[min(self.dumps, len(self.rounds)) - 1][0])]

    def listen(self) -> list[Told] | None:
        self.listened += 1
        if self.listened == 1:  # what came before the first dump
            return [told(route(99))]
        number = min(self.dumps, len(self.rounds)) - 1
        return None if number in self.lost else self.rounds[number][1]

    def settle(self, wanted: Callable[[Route], bool] = lambda route: True, most: int | None = 100) -> list[Route]:
        return sorted(settle(ROUTES, self.dump, self.listen, wanted, 10.0, most), key=lambda r: str(r.dst))


#: Somebody else's object comes and goes.
NOISE = [told(route(9)), told(route(9), gone=True)]
MANY = [route(number) for number in range(16, 36)]


def test_a_dump_in_silence_is_true() -> None:
    world = World((([route(1)], [route(2)]), []))
    assert world.settle() == [route(1), route(2)]
    assert world.dumps == 1


def test_a_dump_of_nothing_is_true_too() -> None:
    assert World(((), [told(route(1))])).settle() == [route(1)]
    assert World(((), [])).settle() == []


def test_what_one_dump_left_out_between_two_datagrams_another_has_in_one() -> None:
    world = World(((MANY[:7], MANY[9:]), NOISE), ((MANY[:3], MANY[3:12], MANY[12:]), NOISE))
    assert world.settle() == MANY
    assert world.dumps == 2


def test_a_place_that_no_datagram_bridges_may_hide_something() -> None:
    """Both dumps left the same out: nothing but a third tells."""
    divided = ((MANY[:7], MANY[8:]), NOISE)
    world = World(divided, divided, divided, ((MANY[:9], MANY[9:]), NOISE))
    assert world.settle() == MANY
    assert world.dumps == 4


def test_what_was_announced_bridges_nothing() -> None:
    """It may have been somewhere else, or it was another object with the same key."""
    moved = [told(MANY[6], gone=True), told(MANY[6])]
    world = World(((MANY[:7], MANY[9:]), moved), ((MANY[:6], [MANY[6], *MANY[9:]]), NOISE), ((MANY,), NOISE))
    assert world.settle() == MANY
    assert world.dumps == 3


def test_a_silent_dump_after_a_noisy_one_ends_it() -> None:
    divided = MANY[:7], MANY[7:]
    world = World((divided, NOISE), (divided, []))
    assert world.settle() == MANY
    assert world.dumps == 2


def test_a_dump_in_one_datagram_is_true_whatever_is_announced() -> None:
    world = World(((MANY,), [told(route(40))]))
    assert world.settle() == [*MANY, route(40)]
    assert world.dumps == 1


def test_the_last_announcement_decides() -> None:
    last = route(2, prefsrc="2001:db8::1")
    heard = [told(route(1), gone=True), told(route(4)), told(route(2), gone=True), told(last)]
    assert World((([route(1), route(2), route(3)],), heard)).settle() == [last, route(3), route(4)]


def test_what_repeats_is_listed_once() -> None:
    datagrams = [route(1), route(2)], [route(2), route(3)]
    assert not table_of(*datagrams).consistent
    assert table_of([route(1), route(2)]).consistent
    assert World((datagrams, [])).settle() == [route(1), route(2), route(3)]


def test_after_a_loss_it_begins_again() -> None:
    stale = [route(1), route(2)], []
    world = World((stale, NOISE), (stale, NOISE), (([route(2)],), NOISE), lost=(0, 1))
    assert world.settle() == [route(2)]
    assert world.dumps == 3


def test_a_dump_decides_what_an_announcement_leaves_open() -> None:
    hops = tuple(Nexthop(gateway=f"fe80::{number}", oif=1) for number in (1, 2))
    both = route(1).replace(oif=None, multipath=hops)
    one = route(1, gateway="fe80::1")
    world = World((([both],), [told(route(1, gateway="fe80::2"), gone=True)]), (([one],), NOISE))
    assert world.settle() == [one]


def test_what_is_left_open_and_never_listed_again_is_gone() -> None:
    hops = tuple(Nexthop(gateway=f"fe80::{number}", oif=1) for number in (1, 2))
    both = route(1).replace(oif=None, multipath=hops)
    gone = told(route(1, gateway="fe80::2"), gone=True)
    world = World((([both, route(2)],), [gone]), (([route(2)],), NOISE))
    assert world.settle() == [route(2)]
    assert world.dumps == 4


def test_an_object_that_is_announced_and_not_wanted_is_left_out() -> None:
    other = route(2).replace(protocol=186)
    world = World((([route(1)],), [told(other), told(route(3))]))
    assert world.settle(lambda r: r.protocol == 4) == [route(1), route(3)]


def test_within_its_bounds_it_may_not_end() -> None:
    world = World(((MANY[:7], MANY[8:]), NOISE))
    with pytest.raises(DumpInterrupted, match=r"^routes change too fast: after 3 dump") as caught:
        world.settle(most=3)
    assert (caught.value.dumps, caught.value.kind) == (3, "routes")
    assert sorted(caught.value.table, key=lambda r: str(r.dst)) == MANY[:7] + MANY[8:]


@pytest.mark.parametrize("seed", range(50))
def test_whatever_happens_the_result_is_what_is_there_in_the_end(seed: int) -> None:
    """A model kernel: dumps that skip and repeat where they are divided, between changes that are all announced."""
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

    def dump(room: int) -> list[Table[Route]]:
        size, at = chance.randrange(4, 14), 0
        datagrams: list[list[Route]] = []
        while True:
            order = stable + [there[number] for number in sorted(there)]
            datagrams.append(order[at : at + size])
            change()
            if len(datagrams[-1]) < size:
                return [table_of(*datagrams)]
            at += size + chance.choice((-1, 0, 0, 1, 2))

    def listen() -> list[Told]:
        heard = log[:]
        log.clear()
        return heard

    result = settle(ROUTES, dump, listen, lambda route: True, 60.0, None)
    assert sorted(result, key=str) == sorted([*stable, *there.values()], key=str)


def test_what_is_announced_of_a_list_that_was_dumped_later_is_not_done_again() -> None:
    """IPv4: one route takes the place of the first of several. Whether that was before the dump, another dump tells."""

    def one(gateway: str) -> Route:
        return Route(dst="198.51.100.0/24", table=254, oif=1, gateway=gateway, protocol=4)

    first, second = one("192.0.2.1"), one("192.0.2.2")
    replaced_and_gone = [told(first, REPLACE), told(first, gone=True)]
    world = World((([second],), replaced_and_gone), (([second],), NOISE))
    assert world.settle() == [second]
    assert world.dumps == 2
    behind = [told(first, CREATE), told(second, REPLACE)]  # the one behind both is gone without a word by now
    world = World((([second, first],), behind), (([second],), NOISE))
    assert world.settle() == [second]
    new = World((([second, first],), [told(first)]), (([second, first],), NOISE))  # there was none before
    assert new.settle() == [first]
    assert new.dumps == 1


def test_two_that_are_the_same_are_two_where_one_datagram_lists_both() -> None:
    """And one that two datagrams list is listed twice."""
    twin, other = route(1), route(2)
    union: Union[Route] = Union(ROUTES, PLAN, lambda route: True)
    for _ in range(2):
        union.dump(table_of([twin, twin, other], [other, route(3)]))
    assert union.whole
    assert sorted(union.table(), key=str) == sorted([twin, twin, other, route(3)], key=str)


@pytest.mark.parametrize("family", [AddressFamily.AF_INET, AddressFamily.AF_INET6])
def test_two_rules_that_are_the_same(netns: Namespace, family: AddressFamily) -> None:
    rule = Rule(family=family, table=7, priority=100, action=1)
    with netns.netlink() as nl, nl.mirror("rules") as mirror:
        for _ in range(3):
            nl.socket.request(MessageType.RTM_NEWRULE, encode(rule), CREATE)  # without EXCL
        for count in (3, 2, 1, 0):
            found = [mirror.table("rules"), nl.rules.snapshot(), nl.rules.dump()]
            assert [[one.priority for one in table].count(100) for table in found] == [count] * 3
            if count:
                nl.rules.delete(family=family, table=7, priority=100)
