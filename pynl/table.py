"""Tables: the records of a dump, as columns in C memory and as Python objects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from ._wire import ffi, lib, view
from .errors import DecodeError
from .plan import column_kind, plan_of
from .schema import Record
from .store import BLOCK, Store, message_at, numbers

R = TypeVar("R", bound=Record)


class Columns(Mapping[str, memoryview]):
    """A table's values by field, each the memory that C wrote: no copy.

    Numbers have their own format (``"I"`` ...), addresses are rows of bytes, text is Arrow's offsets. Of a field that
    no row has, the buffer is empty.
    """

    def __init__(self, store: Store, rows: range) -> None:
        self._store, self._rows = store, rows

    def __getitem__(self, name: str) -> memoryview:
        plan = self._store.plan
        if name not in plan.columns:
            raise KeyError(name)
        column = self._store.column(name)
        kind = column_kind(plan.record.FIELDS[name])
        if column.values == ffi.NULL or column.kind == lib.PYNL_DEEP:
            return memoryview(b"")
        rows = self._store.c.rows
        if column.kind == lib.PYNL_TEXT:
            return view(column.values, 4 * (rows + 1), self._store).cast("i")
        data = view(column.values, rows * column.width, self._store)
        if column.kind == lib.PYNL_ADDRESS:
            shaped = data.cast("B", (rows, column.width)) if rows and column.width else data
            return shaped[self._rows.start : self._rows.stop : self._rows.step]
        return numbers(data, kind)[self._rows.start : self._rows.stop : self._rows.step]

    def __iter__(self) -> Iterator[str]:
        return iter(self._store.plan.columns)

    def __len__(self) -> int:
        return len(self._store.plan.columns)


class Table(Sequence[R], Generic[R]):
    """The records of one dump: a sequence whose records are made when they are asked for.

    Attributes:
        consistent: False where the kernel said that what it listed changed meanwhile (NLM_F_DUMP_INTR).
    """

    __slots__ = ("_rows", "_store", "consistent")

    def __init__(self, store: Store, rows: range | None = None, consistent: bool = True) -> None:
        self._store = store
        self._rows = range(store.c.rows) if rows is None else rows
        self.consistent = consistent

    @classmethod
    def decode(cls, record: type[R], data: bytes) -> Table[R]:
        """A table from whole messages of one kind, one after another, as a socket gives them.

        Raises:
            DecodeError: some bytes are no such message; ``error.table`` has all the others.
        """
        store = Store(plan_of(record))
        store.decode_bytes(data)
        table: Table[R] = cls(store)
        table.complain()
        return table

    def complain(self) -> None:
        """Raises DecodeError where a message could not be decoded."""
        c = self._store.c
        if not c.bad:
            return
        data = b""
        if c.bad_message != ffi.NULL:
            data = message_at(c.bad_message)
        name = self._store.plan.record.__name__
        reason = f"{c.bad} message(s) could not be decoded as {name}, the first"
        raise DecodeError(reason, c.bad_at + c.bad_attribute, data, self)

    @property
    def record(self) -> type[R]:
        """The class of the records."""
        record: Any = self._store.plan.record
        return record  # type: ignore[no-any-return]

    @property
    def columns(self) -> Columns:
        """The values by field, zero copy."""
        return Columns(self._store, self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Table[R]: ...
    def __getitem__(self, index: int | slice) -> R | Table[R]:
        if isinstance(index, slice):
            return Table(self._store, self._rows[index], self.consistent)
        number, row = divmod(self._rows[index], BLOCK)
        return self.record(self._store.block(number), row)

    def __iter__(self) -> Iterator[R]:
        rows = self._rows
        if rows.step != 1:
            for index in range(len(rows)):
                yield self[index]
            return
        store = self._store
        for number in range(rows.start // BLOCK, -(-rows.stop // BLOCK)):
            first = max(rows.start - number * BLOCK, 0)
            last = min(rows.stop - number * BLOCK, BLOCK)
            yield from store.layouts.records(store.block(number), first, last)

    def where(self, wanted: Callable[[R], bool]) -> Sequence[R]:
        """The records for which ``wanted`` is true."""
        return [record for record in self if wanted(record)]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each record as a dict of all its fields."""
        return [record.asdict() for record in self]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.record is other.record and len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {len(self)} {self.record.__name__} records>"

    def __reduce__(self) -> tuple[Any, ...]:
        data = b"".join(_padded(self._store.message(row)) for row in self._rows)
        return _restore, (self.record, data, self.consistent)


def _restore(record: type[R], data: bytes, consistent: bool) -> Table[R]:
    table = Table.decode(record, data)
    table.consistent = consistent
    return table


def _padded(message: bytes) -> bytes:
    return message + bytes(-len(message) % 4)


def _equal(one: object, other: object) -> bool:
    return one == other


def chain(tables: Iterable[Table[R]]) -> list[R]:
    """The records of several tables in one list."""
    return [record for table in tables for record in table]
