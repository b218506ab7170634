"""Snapshots: a table that is complete as of one moment, made of several dumps and of what was announced meanwhile.

docs/consistency.md has the argument.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from .blocks import BLOCK, Blocks
from .encode import message_of
from .errors import DumpInterrupted
from .evidence import chance_of_a_miss
from .family import Family
from .index import Index, take
from .plan import Keys, Plan
from .schema import Record
from .store import Store
from .table import Table

R = TypeVar("R", bound=Record)

#: A snapshot may lack an object with at most this chance, as far as its dumps tell.
CHANCE = 1e-9
#: An object of which announcements do not tell enough, and that so many dumps in a row do not list, is not there.
_ABSENT = 3


class Told(NamedTuple):
    """One announcement."""

    record: Any
    #: Those of its message.
    flags: int
    #: RTM_DEL*.
    gone: bool


class Union(Generic[R]):
    """What several dumps listed, and what became of the objects that were announced.

    Args:
        family: of the objects.
        plan: of the dumps.
        wanted: whether a record is one of those that the dumps list.
    """

    def __init__(self, family: Family[R], plan: Plan, wanted: Callable[[R], bool]) -> None:
        keys = family.following.keys(plan)
        assert keys is not None
        self._family, self._plan, self._keys, self._wanted = family, plan, keys, wanted
        self._key = family.following.key or family.following.content(family.record)
        self._store = Store(plan)
        self._blocks = Blocks(self._store)
        self._index = Index(self._store, keys)
        #: One byte for each row, and for each row and dump: it does not count; the dump had it.
        self._hidden = bytearray()
        self._seen: list[bytearray] = []
        #: The key of each object that was announced -> what there is of it; None: only a dump can tell.
        self._touched: dict[Hashable, Sequence[R] | None] = {}
        #: One message for each of these keys, in their order.
        self._named = Store(plan)
        self._absent: dict[Hashable, int] = {}

    def dump(self, table: Table[R]) -> None:
        """Adds what a dump listed."""
        store = table._store
        seen = bytearray(self._store.c.rows)
        found = self._index.match(store, seen)
        fresh = [row for row, at in enumerate(found) if at < 0]
        for first, count in _runs(fresh):
            take(self._store, store, first=first, count=count)
        repeated = bytearray(len(fresh))
        self._index.extend(repeated)
        self._hidden += repeated
        self._seen.append(seen + bytes([1]) * len(fresh))
        self._resolve(table)
        self._hide()

    def _hide(self) -> None:
        for at in self._index.match(self._named):
            if at != -1:
                for row in self._index.alike(_first(at)):
                    self._hidden[row] = 1

    def _resolve(self, table: Table[R]) -> None:
        """Takes the word of a dump for what announcements do not tell."""
        if all(there is not None for there in self._touched.values()):
            return
        index = Index(table._store, self._keys)
        index.extend()
        for (key, there), at in zip(self._touched.items(), index.match(self._named), strict=True):
            if there is not None:
                continue
            if at != -1:
                self._touched[key] = [table[row] for row in sorted(index.alike(_first(at)))]
                continue
            self._absent[key] = self._absent.get(key, 0) + 1
            if self._absent[key] >= _ABSENT:
                self._touched[key] = ()

    def announce(self, told: Sequence[Told]) -> None:
        """Adds what was announced since the last dump began."""
        keys = [tuple(getattr(one.record, name) for name in self._key) for one in told]
        first = len(self._touched)
        key: Hashable
        for key, one in zip(keys, told, strict=True):
            if key not in self._touched:
                self._touched[key] = ()
                self._named.append(message_of(one.record, self._family.new))
        self._named.finish()
        new = list(self._touched)[first:]
        for key, at in zip(new, self._index.match(self._named)[first:], strict=True):
            rows = [] if at == -1 else sorted(self._index.alike(_first(at)))
            self._touched[key] = [self._record(row) for row in rows if not self._hidden[row]]
        self._hide()
        for key, one in zip(keys, told, strict=True):
            self._absent.pop(key, None)
            self._touched[key] = self._step(self._touched[key], one)

    def _step(self, there: Sequence[R] | None, one: Told) -> Sequence[R] | None:
        following = self._family.following
        if there and one.gone and not self._wanted(one.record):  # it was never among them
            return [record for record in there if not following.same(record, one.record)]
        return following.step(there, one.record, one.flags, one.gone)

    def _record(self, row: int) -> R:
        number, within = divmod(row, BLOCK)
        record: R = self._family.record(self._blocks.block(number), within)
        return record

    @property
    def chance(self) -> float:
        """That an object which was there all the time is in none of the dumps; 1 where something is not known."""
        if any(there is None for there in self._touched.values()):
            return 1.0
        hidden, rows = int.from_bytes(self._hidden, "little"), len(self._hidden)
        missed = [(hidden | int.from_bytes(seen, "little")).to_bytes(rows, "little").count(0) for seen in self._seen]
        return chance_of_a_miss(self._hidden.count(0), missed)

    def table(self) -> Table[R]:
        """What is there, as far as the dumps and the announcements tell."""
        made = Store(self._plan)
        take(made, self._store, self._hidden)
        for there in self._touched.values():
            for record in there or ():
                if self._wanted(record):
                    made.append(message_of(record, self._family.new))
        made.finish()
        return Table(made)


def settle(
    family: Family[R],
    dump: Callable[[], Table[R]],
    listen: Callable[[], Sequence[Told] | None],
    wanted: Callable[[R], bool],
    timeout: float | None,
    max_dumps: int | None,
) -> Table[R]:
    """Dumps until the result is complete.

    Args:
        family: of the objects.
        dump: asks for them.
        listen: what was announced since the last time, up to now; None: something was lost, or objects may have changed
            without an announcement, so that what was read before does not count. It listens already.
        wanted: whether a record is one of those that the dumps list.
        timeout: seconds; None: any.
        max_dumps: how many dumps at most; None: any number.

    Raises:
        DumpInterrupted: the bounds are reached.
    """
    end = None if timeout is None else time.monotonic() + timeout
    listen()
    union: Union[R] | None = None
    keys: Keys | None = None
    for dumps in itertools.count(1):
        table = dump()
        keys = keys or family.following.keys(table._store.plan)
        assert keys is not None
        table.indexed(keys)  # while it arrives
        told = listen()
        if told is None:
            union, chance = None, 1.0
        elif not told and table.consistent:
            return table
        else:
            union = union or Union(family, table._store.plan, wanted)
            union.dump(table)
            union.announce(told)
            chance = union.chance
            if chance < CHANCE:
                return union.table()
        if dumps == max_dumps or (end is not None and time.monotonic() >= end):
            raise DumpInterrupted(family.name, union.table() if union else table, dumps, chance)
    raise AssertionError("unreachable")


def _first(at: int) -> int:
    """A row with the key, of what a match says of it."""
    return at if at >= 0 else -2 - at


def _runs(rows: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Neighbouring numbers together: the first, and how many."""
    first = 0
    for place in range(1, len(rows) + 1):
        if place == len(rows) or rows[place] != rows[place - 1] + 1:
            yield rows[first], place - first
            first = place
