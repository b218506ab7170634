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


class Step:
    """One change of a copy, and what it means for consumers; the last one has no ``next`` yet."""

    __slots__ = ("after", "key", "next", "replica", "rows", "state", "updates")

    def __init__(
        self,
        replica: Replica[Any] | None = None,
        updates: Sequence[Update] = (),
        key: Hashable = None,
        rows: Sequence[int] = (),
        after: Sequence[Any] = (),
        state: State[Any] | None = None,
    ) -> None:
        self.replica, self.updates = replica, updates
        self.key, self.rows, self.after, self.state = key, rows, after, state
        self.next: Step | None = None


class Story:
    """What happens to copies, step by step.

    Ctrl-C may come between any two instructions. Then a step has happened if it is in the story, and :meth:`resume`
    completes it; who follows from step to step misses none and sees none twice.
    """

    def __init__(self) -> None:
        #: The last step that is complete.
        self.last = Step()

    def tell(self, step: Step) -> None:
        """The next step."""
        self.last.next = step
        assert step.replica
        step.replica.take(step, again=False)
        self.last = step

    def resume(self) -> None:
        """Completes what an exception broke off."""
        while (step := self.last.next) is not None:
            assert step.replica
            step.replica.take(step, again=True)
            self.last = step


class State(Generic[R]):
    """A table, and what has changed since."""

    def __init__(self, family: Family[R], table: Table[R]) -> None:
        keys = family.following.keys(table._store.plan, exact=True)
        assert keys is not None
        self.table = table
        self.index = table.indexed(keys)
        #: One byte for each row of the table: what there is of it is among the changed.
        self.hidden = bytearray(table._store.c.rows)
        self.changed: dict[Hashable, Sequence[R]] = {}
        #: The table with the changes, once it was asked for.
        self.current: Table[R] | None = table
        #: Number of a table of routes -> its routes by destination.
        self.lookups: dict[int, Lookup[R]] = {}


class Replica(Generic[R]):
    """The objects of one kind as of the last announcement.

    Args:
        family: theirs.
        table: all of them, whole; it is not changed.
        story: where its changes are told.
    """

    def __init__(self, family: Family[R], table: Table[R], story: Story | None = None) -> None:
        self._family = family
        self._story = Story() if story is None else story
        self._state = State(family, table)

    def take(self, step: Step, again: bool) -> None:
        """Does what a step says, perhaps ``again``."""
        if step.state is not None:
            self._state = step.state
            return
        state = self._state
        for row in step.rows:
            state.hidden[row] = 1
        state.changed[step.key] = step.after
        if step.updates:
            state.current = None
        if again:  # it may have been half done
            state.lookups = {}
        for lookup in state.lookups.values():
            lookup.change(step.key, step.rows, step.after)

    def lookup(self, table: int) -> Lookup[R]:
        """The routes of one of the kernel's tables by destination; kept up to date once it was asked for."""
        state = self._state
        if table not in state.lookups:
            if state.changed:
                state = self._state = State(self._family, self.table())
            state.lookups[table] = Lookup(state.table, table)
        return state.lookups[table]

    def apply(self, heard: Announced) -> tuple[list[Update], bool]:
        """Follows announcements.

        Returns:
            What has changed, and whether that is known: otherwise the objects have to be read again.
        """
        following, state = self._family.following, self._state
        found = state.index.match(heard.records._store)
        keys = following.identities(heard.records.record, heard.records.values)
        made: list[Update] = []
        after: Sequence[R] | None = ()
        for one, key, at in zip(heard.told, keys, found, strict=True):
            there = state.changed.get(key)
            rows: Sequence[int] = ()
            if there is None:
                rows = self._rows(at)
                there = [state.table[row] for row in rows]
            as_told = at >= 0 and len(rows) == 1
            after = () if as_told and one.gone else following.step(there, one.record, one.flags, one.gone)
            if after is None:
                break
            if as_told and len(after) == 1:
                continue
            updates = self._differences(there, after)
            self._story.tell(Step(self, updates, key, rows, after))
            made += updates
        if len(state.changed) > max(_FEW, len(state.hidden) // _PART):
            self._state = State(self._family, self.table())
        return made, after is not None

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
        rows = self._state.index.alike(at if at >= 0 else -2 - at)
        return rows if len(rows) == 1 else sorted(rows)

    def table(self) -> Table[R]:
        """All objects; the same table until one changes."""
        state = self._state
        if state.current is None:
            store = Store(state.table._store.plan)
            take(store, state.table._store, state.hidden)
            for records in state.changed.values():
                for record in records:
                    store.append(message_of(record, self._family.new))
            store.finish()
            made: Table[R] = Table(store)
            made.complete()
            state.current = made
        return state.current

    def replace(self, table: Table[R]) -> list[Update]:
        """Takes what was read again for what there is; returns what has changed."""
        state = self._state
        hidden, seen = state.hidden, bytearray(len(state.hidden))
        found = state.index.match(table._store, seen)
        gone = [state.table[row] for row in _unmarked(seen) if not hidden[row]]
        if state.changed or gone or len(table) != len(seen):
            new = [table[row] for row, at in enumerate(found) if at < 0 or hidden[at]]
        else:
            new = []
        gone += [record for records in state.changed.values() for record in records]
        updates = self._sorted_out(gone, new)
        self._story.tell(Step(self, updates, state=State(self._family, table)))
        return updates

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
