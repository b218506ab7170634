"""Tables: the records of a dump, as columns in C memory and as Python objects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Generic, TypeVar, overload

from . import frames
from ._wire import ffi, lib, view
from .arrow import schema_capsule, stream_capsule
from .blocks import BLOCK, Blocks, numbers
from .errors import DecodeError
from .index import Index
from .plan import Keys, column_kind, plan_of
from .schema import Record
from .store import Store

R = TypeVar("R", bound=Record)


class Columns(Mapping[str, memoryview]):
    """A table's values by field, each the memory that C wrote: no copy.

    Numbers have their own format (``"I"`` ...), addresses are rows of bytes, text is Arrow's offsets. Of a field that
    no row has, the buffer is empty.
    """

    def __init__(self, store: Store, rows: range) -> None:
        self._store = store
        stop = None if rows.stop < 0 else rows.stop  # of a range that counts down to the first
        self._slice = slice(rows.start, stop, rows.step)

    def __getitem__(self, name: str) -> memoryview:
        plan = self._store.plan
        column = self._store.column(self._known(name))
        kind = column_kind(plan.record.FIELDS[name])
        if column.values == ffi.NULL or column.kind == lib.PYNL_DEEP:
            return numbers(memoryview(b""), kind)
        rows = self._store.c.rows
        if column.kind == lib.PYNL_TEXT:
            return view(column.values, 4 * (rows + 1), self._store).cast("i")
        data = view(column.values, rows * column.width, self._store)
        if column.kind == lib.PYNL_ADDRESS:
            shaped = data.cast("B", (rows, column.width)) if rows and column.width else data
            return shaped[self._slice]
        return numbers(data, kind)[self._slice]

    def text(self, name: str) -> memoryview:
        """The bytes that the offsets of a text column point into."""
        column = self._store.column(self._known(name))
        if column.kind != lib.PYNL_TEXT:
            raise KeyError(f"{name} is no text column")
        return view(column.text, column.text_size, self._store) if column.text_size else memoryview(b"")

    def present(self, name: str) -> bool:
        """Whether any row of the dump has a value."""
        return bool(self._store.column(self._known(name)).count)

    def mask(self, name: str) -> memoryview | None:
        """One byte a row: 1 where the row has a value; None where all have. A copy, since the table has bits."""
        column, rows = self._store.column(self._known(name)), self._store.c.rows
        if column.count == rows:
            return None
        out = ffi.new("uint8_t[]", rows)
        lib.pynl_column_mask(ffi.addressof(column), 0, rows, out)
        return memoryview(bytes(ffi.buffer(out)))[self._slice]

    def _known(self, name: str) -> str:
        if name not in self._names():
            raise KeyError(name)
        return name

    def _names(self) -> Collection[str]:
        plan = self._store.plan
        return plan.columns if plan.asked is None else plan.asked

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


class Table(Sequence[R], Generic[R]):
    """The records of one dump: a sequence whose records are made when they are asked for.

    The records of a long dump may still be arriving. What needs all of them, such as ``len()``, waits for them; a
    loop takes them as they come. An error on their way is raised there, every time.
    """

    __slots__ = ("_blocks", "_index", "_rows", "_store", "_tolerant")

    def __init__(
        self, store: Store, rows: range | None = None, blocks: Blocks | None = None, tolerant: bool = False
    ) -> None:
        self._store = store
        self._blocks = blocks or Blocks(store)
        #: None: all, however many they will be.
        self._rows = rows
        self._tolerant = tolerant
        self._index: Index | None = None

    @classmethod
    def decode(cls, record: type[R], data: bytes, fields: tuple[str, ...] | None = None) -> Table[R]:
        """A table from whole messages of one kind, one after another, as a socket gives them.

        Args:
            record: the class of their records.
            data: the messages.
            fields: the fields to read; None: all.

        Raises:
            DecodeError: some bytes are no such message; ``error.table`` has all the others.
        """
        store = Store(plan_of(record, fields))
        store.decode_bytes(data)
        table: Table[R] = cls(store)
        table.complete()
        return table

    def complete(self) -> None:
        """Waits for all records, and raises what befell them on their way."""
        self._need()

    def cancel(self) -> None:
        """Gives up what has not arrived; what needs it raises ClosedError from then on. Safe from any thread."""
        self._store.cancel()

    def _need(self, rows: int | None = None, meanwhile: Callable[[], object] | None = None) -> None:
        """Waits for the first ``rows`` rows, or for all; ``meanwhile`` is called whenever some came."""
        try:
            if meanwhile:
                self._store.need(rows, meanwhile)
            else:
                self._blocks.need(rows)
        except DecodeError as error:
            if not self._tolerant:
                error.table = Table(self._store, None, self._blocks, tolerant=True)
                raise

    def _range(self) -> range:
        if self._rows is None:
            self._need()
            self._rows = range(self._store.c.rows)
        return self._rows

    @property
    def record(self) -> type[R]:
        """The class of the records."""
        record: Any = self._store.plan.record
        return record  # type: ignore[no-any-return]

    @property
    def consistent(self) -> bool:
        """False where it changed while it was listed: the kernel said so (NLM_F_DUMP_INTR), or listed a row twice.

        True is no promise: docs/consistency.md tells what a dump can miss, and :meth:`snapshot` what helps.
        """
        self._range()
        store = self._store
        with store.lock:
            keys = store.keys and store.keys(store.plan)
            store.keys = None
            if keys and store.consistent:
                self.indexed(keys)
                store.consistent = bool(self._index and not self._index.repeats)
        return store.consistent

    def indexed(self, keys: Keys) -> Index:
        """All rows of the dump by key, which is the same in every call."""
        index = self._index
        if index is not None:
            return index.compared(keys)
        index = Index(self._store, keys)
        self._need(None, index.extend)
        index.extend()
        self._index = index
        return index

    @property
    def columns(self) -> Columns:
        """The values by field, zero copy."""
        return Columns(self._store, self._range())

    def __len__(self) -> int:
        return len(self._range())

    def __bool__(self) -> bool:
        if self._rows is not None:
            return bool(self._rows)
        self._need(1)
        return bool(self._store.c.rows)

    @overload
    def __getitem__(self, index: int) -> R: ...
    @overload
    def __getitem__(self, index: slice) -> Table[R]: ...
    def __getitem__(self, index: int | slice) -> R | Table[R]:
        if isinstance(index, slice):
            rows = self._range()[index]
            return Table(self._store, rows if rows else range(0), self._blocks, self._tolerant)
        number, row = divmod(self._range()[index], BLOCK)
        return self.record(self._blocks.block(number), row)

    def __iter__(self) -> Iterator[R]:
        return self._blocks.read(self._need) if self._rows is None else self._each(self._rows)

    def _each(self, rows: range) -> Iterator[R]:
        if rows.step != 1:
            return map(self.__getitem__, range(len(rows)))
        numbers = range(rows.start // BLOCK, -(-rows.stop // BLOCK))
        records = self._blocks.records
        return chain.from_iterable(
            records(number, max(rows.start - number * BLOCK, 0), rows.stop - number * BLOCK) for number in numbers
        )

    def values(self, name: str) -> list[Any]:
        """One field of all records, as Python values: faster than asking each record."""
        self.record.known([name])
        rows, blocks = self._range(), self._blocks
        made: list[Any] = []
        if rows.step != 1:
            return [blocks.block(row // BLOCK)[name][row % BLOCK] for row in rows]
        for number in range(rows.start // BLOCK, -(-rows.stop // BLOCK)):
            made += blocks.block(number)[name][max(rows.start - number * BLOCK, 0) : rows.stop - number * BLOCK]
        return made

    def where(self, wanted: Callable[[R], bool]) -> Sequence[R]:
        """The records for which ``wanted`` is true."""
        return [record for record in self if wanted(record)]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Each record as a dict of all its fields."""
        return [record.asdict() for record in self]

    # ---- for others

    def __arrow_c_schema__(self) -> object:
        """The Arrow PyCapsule interface: the type of the rows, the same for every table of these fields."""
        return schema_capsule(self._store.plan)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The Arrow PyCapsule interface: all rows as one batch; numbers and text are the table's own memory."""
        return stream_capsule(self._store, self._blocks, self._range())

    def to_arrow(self) -> Any:
        """A ``pyarrow.Table`` (extra: ``arrow``)."""
        return frames.arrow(self)

    def to_numpy(self) -> dict[str, Any]:
        """An array by field (extra: ``numpy``).

        Numbers are the table's own memory, zero copy, as a masked array where some rows have no value; all else are
        arrays of Python objects.
        """
        plan = self._store.plan
        fields = {name: plan.record.FIELDS[name] for name in self.columns}
        return frames.numpy(self, fields, self.columns, self.columns.mask)

    def to_pandas(self) -> Any:
        """A ``pandas.DataFrame`` with Arrow's types (extra: ``pandas``)."""
        return frames.pandas(self)

    def to_polars(self) -> Any:
        """A ``polars.DataFrame`` (extra: ``polars``)."""
        return frames.library("polars", "polars").from_dataframe(self)

    def write_parquet(self, target: frames.Target) -> None:
        """Writes a Parquet file (extra: ``arrow``): a path, or an open binary file."""
        frames.write_parquet(self, target)

    def write_ipc(self, target: frames.Target) -> None:
        """Writes an Arrow IPC file (extra: ``arrow``): a path, or an open binary file."""
        frames.write_ipc(self, target)

    def write_csv(self, target: frames.Target) -> None:
        """Writes comma-separated values with a line of headings: a path, or an open text file.

        Enums are numbers; what is nested stands as JSON in its cell, what is not there as an empty cell. Bytes of names
        that are not UTF-8 stand as ``\\xff``, as they do in Arrow's tables and files.
        """
        frames.write_csv(self, list(self.columns), target)

    def write_json(self, target: frames.Target) -> None:
        """Writes JSON lines, an object a record with the fields that are there: a path, or an open text file.

        Enums are numbers, bytes hexadecimal digits; attributes that are not declared stand under ``unknown``. Bytes of
        names that are not UTF-8 are lone surrogates (``"\\udcff"``), which Python reads back as it has them.
        """
        frames.write_json(self, target)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Table):
            return NotImplemented
        return self.record is other.record and len(self) == len(other) and all(map(_equal, self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<Table of {len(self)} {self.record.__name__} records>"

    def __reduce__(self) -> tuple[Any, ...]:
        data = b"".join(_padded(self._store.message(row)) for row in self._range())
        return _restore, (self.record, data, self._store.plan.asked, self._store.consistent)


def _restore(record: type[R], data: bytes, fields: tuple[str, ...] | None, consistent: bool) -> Table[R]:
    table = Table.decode(record, data, fields)
    table._store.consistent = consistent
    return table


def _padded(message: bytes) -> bytes:
    return message + bytes(-len(message) % 4)


def _equal(one: object, other: object) -> bool:
    return one == other
