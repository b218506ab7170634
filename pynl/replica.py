"""A live copy of one kind of object: a table that was read, and what announcements have changed since."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from .encode import message_of
from .family import Family
from .hearing import Announced
from .index import take
from .lookup import Lookup
from .schema import Record
from .store import Store
from .table import Table

R = TypeVar("R", bound=Record)

#: With more objects changed than this part of the table, the copy becomes a table again.
_PART = 4
_FEW = 10_000


class Update(NamedTuple):
    """One difference between what there was and what there is.

    Attributes:
        action: "new", "del", or "change".
        kind: as the session calls its service: "routes", "links" ...
        record: the object; of one that is gone, as it was last known.
        old: what it was before a change; None otherwise.
    """

    action: str
    kind: str
    record: Any
    old: Any = None


class Replica(Generic[R]):
    """The objects of one kind as of the last announcement.

    Args:
        family: theirs.
        table: all of them, whole; it is not changed.
    """

    def __init__(self, family: Family[R], table: Table[R]) -> None:
        self._family = family
        self._begin(table)

    def _begin(self, table: Table[R]) -> None:
        keys = self._family.following.keys(table._store.plan, exact=True)
        assert keys is not None
        self._table = table
        self._keys = keys
        self._index = table.indexed(keys)
        #: One byte for each row of the table: what there is of it is among the changed.
        self._hidden = bytearray(table._store.c.rows)
        self._changed: dict[Hashable, Sequence[R]] = {}
        #: The table with the changes, once it was asked for.
        self._current: Table[R] | None = table
        #: Number of a table of routes -> its routes by destination.
        self._lookups: dict[int, Lookup[R]] = {}

    def lookup(self, table: int) -> Lookup[R]:
        """The routes of one of the kernel's tables by destination; kept up to date once it was asked for."""
        if table not in self._lookups:
            if self._changed:
                self._begin(self.table())
            self._lookups[table] = Lookup(self._table, table)
        return self._lookups[table]

    def apply(self, heard: Announced) -> tuple[list[Update], bool]:
        """Follows announcements.

        Returns:
            What has changed, and whether that is known: otherwise the objects have to be read again.
        """
        following = self._family.following
        found = self._index.match(heard.records._store)
        keys = following.identities(heard.records.record, heard.records.values)
        updates: list[Update] = []
        after: Sequence[R] | None = ()
        for one, key, at in zip(heard.told, keys, found, strict=True):
            there = self._changed.get(key)
            rows: Sequence[int] = ()
            if there is None:
                rows = self._rows(at)
                there = [self._table[row] for row in rows]
            as_told = at >= 0 and len(rows) == 1
            after = () if as_told and one.gone else following.step(there, one.record, one.flags, one.gone)
            if after is None:
                break
            if as_told and len(after) == 1:
                continue
            for row in rows:
                self._hidden[row] = 1
            self._changed[key] = after
            for lookup in self._lookups.values():
                lookup.change(key, rows, after)
            updates += self._differences(there, after)
        if updates:
            self._current = None
            if len(self._changed) > max(_FEW, len(self._hidden) // _PART):
                self._begin(self.table())
        return updates, after is not None

    def _differences(self, before: Sequence[R], after: Sequence[R]) -> list[Update]:
        """Between objects of one key."""
        if not before or not after:
            return _pairs(self._family.name, before, after)
        same = self._family.following.same
        gone, new = list(before), []
        for record in after:
            at = next((at for at, old in enumerate(gone) if old is record or same(old, record, exact=True)), None)
            if at is None:
                new.append(record)
            else:
                del gone[at]
        return _pairs(self._family.name, gone, new)

    def _rows(self, at: int) -> Sequence[int]:
        if at == -1:
            return ()
        rows = self._index.alike(at if at >= 0 else -2 - at)
        return rows if len(rows) == 1 else sorted(rows)

    def table(self) -> Table[R]:
        """All objects; the same table until one changes."""
        if self._current is None:
            store = Store(self._table._store.plan)
            take(store, self._table._store, self._hidden)
            for records in self._changed.values():
                for record in records:
                    store.append(message_of(record, self._family.new))
            store.finish()
            self._current = Table(store)
            self._current.complete()
        return self._current

    def replace(self, table: Table[R]) -> list[Update]:
        """Takes what was read again for what there is; returns what has changed."""
        hidden, seen = self._hidden, bytearray(len(self._hidden))
        found = self._index.match(table._store, seen)
        gone = [self._table[row] for row in _unmarked(seen) if not hidden[row]]
        if self._changed or gone or len(table) != len(seen):
            new = [table[row] for row, at in enumerate(found) if at < 0 or hidden[at]]
        else:
            new = []
        gone += [record for records in self._changed.values() for record in records]
        self._begin(table)
        return self._sorted_out(gone, new)

    def _sorted_out(self, gone: Sequence[R], new: Sequence[R]) -> list[Update]:
        """Differences of objects of any key."""
        groups: dict[Hashable, tuple[list[R], list[R]]] = {}
        for place, records in enumerate((gone, new)):
            for record in records:
                groups.setdefault(self._family.following.identity(record), ([], []))[place].append(record)
        return [update for group in groups.values() for update in self._differences(*group)]


def _unmarked(marks: bytearray) -> Iterator[int]:
    at = marks.find(0)
    while at >= 0:
        yield at
        at = marks.find(0, at + 1)


def _pairs(kind: str, gone: Sequence[R], new: Sequence[R]) -> list[Update]:
    """What is gone and what is new, of one key: in pairs they are changes."""
    made = [Update("change", kind, now, before) for before, now in zip(gone, new, strict=False)]
    made += [Update("del", kind, record) for record in gone[len(new) :]]
    made += [Update("new", kind, record) for record in new[len(gone) :]]
    return made
