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
from .evidence import Listing, room, whole
from .family import Family
from .following import NLM_F_EXCL, NLM_F_REPLACE
from .index import Index, take
from .plan import Keys, Plan
from .schema import Record
from .store import Store
from .table import Table

R = TypeVar("R", bound=Record)

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
        wanted: whether a record is to be in the table.
        sifted: dumps may list others as well.
    """

    def __init__(self, family: Family[R], plan: Plan, wanted: Callable[[R], bool], sifted: bool = False) -> None:
        keys = family.following.keys(plan)
        assert keys is not None
        self._family, self._plan, self._keys, self._wanted = family, plan, keys, wanted
        self._sifted = sifted
        self._store = Store(plan)
        self._blocks = Blocks(self._store)
        self._index = Index(self._store, keys)
        #: One byte for each row: it repeats another, or is of an object that was announced.
        self._hidden = bytearray()
        #: Address family -> what each dump listed of it, as rows: each family is listed in an order of its own.
        self._listings: dict[int, list[Listing]] = {}
        #: The key of each object that was announced -> what there is of it; None: only a dump can tell.
        self._touched: dict[Hashable, Sequence[R] | None] = {}
        #: One message for each of these keys, in their order.
        self._named = Store(plan)
        self._absent: dict[Hashable, int] = {}
        #: Keys of lists of which one object took the place of another that may not have been its predecessor.
        self._assumed: set[Hashable] = set()

    def dump(self, table: Table[R], room: int = 0) -> None:
        """Adds what a dump listed; ``room`` as of its socket."""
        store = table._store
        fresh = [row for row, at in enumerate(self._index.match(store)) if at < 0]
        for first, count in _runs(fresh):
            take(self._store, store, first=first, count=count)
        repeated = bytearray(len(fresh))
        self._index.extend(repeated)
        rows = self._index.match(store).tolist()
        starts, ended = store.datagrams(room)
        stops = [*starts[1:], len(rows)]
        if 1 in repeated:
            twins = set(_twins(rows, starts, stops))
            repeated = bytearray(mark and row not in twins for mark, row in zip(repeated, fresh, strict=True))
        self._hidden += repeated
        parts: dict[int, list[list[int]]] = {}
        families = table.columns["family"] if len(self._family.protocols) > 1 else None
        for start, stop in zip(starts, stops, strict=False):  # there may be no datagram at all
            if start < stop:
                parts.setdefault(families[start] if families else 0, []).append(rows[start:stop])
        if not parts:  # which proves that there is nothing, where it is known to be all
            parts[0] = []
            ended = ended and not rows
        last = next(reversed(parts))
        for family, datagrams in parts.items():
            self._listings.setdefault(family, []).append(Listing(datagrams, ended and family == last))
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
        keys = [self._family.following.identity(one.record) for one in told]
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
            there = self._touched[key]
            if self._family.following.listed(one.record) and self._open(key, there, one):
                there = None
            self._touched[key] = self._step(there, one)

    def _open(self, key: Hashable, there: Sequence[R] | None, one: Told) -> bool:
        """Whether a list may have been dumped after what is announced of it, so that it must not be done again."""
        if one.flags & NLM_F_EXCL and not one.gone:
            self._assumed.discard(key)
        elif there and (len(there) > 1 or (one.gone and key in self._assumed)):
            self._assumed.discard(key)
            return True
        elif there and not one.gone and one.flags & NLM_F_REPLACE:
            self._assumed.add(key)
        return False

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
    def whole(self) -> bool:
        """Whether no object that was there all the time can be missing."""
        if any(there is None for there in self._touched.values()):
            return False
        changed = {row for row, hidden in enumerate(self._hidden) if hidden}
        return all(whole(listings, changed) for listings in self._listings.values())

    def table(self) -> Table[R]:
        """What is there, as far as the dumps and the announcements tell."""
        made = Store(self._plan)
        hidden = self._hidden
        if self._sifted:
            hidden = bytearray(old or not self._wanted(self._record(row)) for row, old in enumerate(hidden))
        take(made, self._store, hidden)
        for there in self._touched.values():
            for record in there or ():
                if self._wanted(record):
                    made.append(message_of(record, self._family.new))
        made.finish()
        return Table(made)


def settle(
    family: Family[R],
    dump: Callable[[int], Sequence[Table[R]]],
    listen: Callable[[], Sequence[Told] | None],
    wanted: Callable[[R], bool],
    timeout: float | None,
    max_dumps: int | None,
    sifted: bool = False,
) -> Table[R]:
    """Dumps until the result is complete.

    Args:
        family: of the objects.
        dump: asks for them, with so much room for each datagram (0: as much as the kernel likes).
        listen: what was announced since the last time, up to now; None: something was lost, or objects may have changed
            without an announcement, so that what was read before does not count. It listens already.
        wanted: whether a record is to be in the table.
        timeout: seconds; None: any.
        max_dumps: how many dumps at most; None: any number.
        sifted: only the first dump lists no others.

    Raises:
        DumpInterrupted: the bounds are reached.
    """
    end = None if timeout is None else time.monotonic() + timeout
    keys: Keys | None = None
    union: Union[R] | None = None
    listen()
    for number in itertools.count():
        size = room(number) if number else 0
        tables = dump(size)
        keys = keys or family.following.keys(tables[0]._store.plan)
        assert keys is not None
        for table in tables:
            table.indexed(keys)  # while it arrives
        told = listen()
        if told is None:
            union = None
        else:
            if not told and len(tables) == 1 and tables[0].consistent:
                return tables[0]
            union = union or Union(family, tables[0]._store.plan, wanted, sifted)
            for table in tables:
                union.dump(table, size)
            union.announce(told)
            if union.whole or (not told and all(table.consistent for table in tables)):
                return union.table()
        if number + 1 == max_dumps or (end is not None and time.monotonic() >= end):
            so_far = union or Union(family, tables[0]._store.plan, wanted, sifted)
            if union is None:
                for table in tables:
                    so_far.dump(table, size)
            raise DumpInterrupted(family.name, so_far.table(), number + 1)
    raise AssertionError("unreachable")


def _twins(rows: Sequence[int], starts: Sequence[int], stops: Sequence[int]) -> Iterator[int]:
    """Where a datagram lists what it listed before: there are two that are the same, since it repeats nothing."""
    for start, stop in zip(starts, stops, strict=False):
        seen: set[int] = set()
        for place in range(start, stop):
            if rows[place] in seen:
                yield place
            seen.add(rows[place])


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
