"""Tables: the records of a dump as columns in C memory, read as Python objects a block at a time."""

from __future__ import annotations

import struct
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, Generic, TypeVar, overload

from ._wire import ffi, lib, view
from .errors import DecodeError, check
from .kinds import Kind
from .plan import Entries, Plan, choose, column_kind, entries_of, plan_of, value_of
from .schema import Field, Record, Rows, Unknown

R = TypeVar("R", bound=Record)

#: Rows that become Python values together: enough that a call into C costs nothing per row, few enough that
#: reading one record does not convert a table. A multiple of 8, so that it starts on a byte of the validity bits.
BLOCK = 1024

_LENGTH = struct.Struct("=I")

#: Flag values seen before map to their enum member at once; more than this many are no flags but noise.
_CACHED_FLAGS = 4096


class Store:
    """The C table behind one or more views of it, and the segments that its rows lie in."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        table = lib.pynl_table_new(plan.column_kinds, plan.column_widths, len(plan.columns))
        if table == ffi.NULL:
            raise MemoryError("no memory for a table")
        self.c = ffi.gc(table, lib.pynl_table_free)
        self._blocks: weakref.WeakValueDictionary[int, Block] = weakref.WeakValueDictionary()
        self._names: dict[str, _Names] = {}

    def decode(self, segment: Any, filters: Filters | None = None) -> int:
        """Decodes a C segment, which the table owns from here on; returns how many rows it added."""
        self._blocks.clear()
        c, count = (filters.c, filters.count) if filters else (ffi.NULL, 0)
        return check(lib.pynl_table_decode(self.c, self.plan.c, c, count, segment))

    def decode_bytes(self, data: bytes) -> int:
        """Decodes whole messages, one after another."""
        segment = lib.pynl_segment_new(ffi.from_buffer("uint8_t[]", data), len(data))
        if segment == ffi.NULL:
            raise MemoryError("no memory for the messages")
        return self.decode(segment)

    def block(self, number: int) -> Block:
        """Rows ``number * BLOCK`` and on."""
        block = self._blocks.get(number)
        if block is None:
            first = number * BLOCK
            block = self._blocks[number] = Block(self, first, min(BLOCK, self.c.rows - first))
        return block

    def message(self, row: int) -> bytes:
        """The bytes of a row's message, header and all."""
        return message_at(self.c.messages[row])

    def column(self, name: str) -> Any:
        """struct pynl_column of a field; KeyError where it has none."""
        return self.c.columns[self.plan.columns[name]]

    def names(self, kind: Kind[Any], name: str) -> _Names:
        names = self._names.get(name)
        if names is None:
            assert kind.enum is not None
            names = self._names[name] = _Names(kind.enum)
        return names


def message_at(pointer: Any) -> bytes:
    """A message in C memory: its header begins with its length."""
    (length,) = _LENGTH.unpack(ffi.buffer(pointer, _LENGTH.size))
    return bytes(ffi.buffer(pointer, length))


class Filters:
    """What a row's fields must be to be kept, as C compares them.

    Args:
        plan: the plan of the table.
        wanted: field name -> value, as the record would show it.
        pushed: those that messages with NLM_F_DUMP_FILTERED are not held to: the kernel filtered by them.

    Raises:
        TypeError: a field that has no column, and cannot be filtered by.
    """

    def __init__(self, plan: Plan, wanted: Mapping[str, Any], pushed: frozenset[str] = frozenset()) -> None:
        found: list[tuple[str, bytes]] = []
        for name, value in wanted.items():
            found += _filter(plan.record.FIELDS[name], value)
        self.count = len(found)
        self._values = [ffi.from_buffer("uint8_t[]", value) for _, value in found]
        rows = [
            (plan.columns[name], name in pushed, len(value), c)
            for (name, value), c in zip(found, self._values, strict=True)
        ]
        self.c = ffi.new("struct pynl_filter[]", rows)


def _filter(field: Field[Any], value: Any) -> list[tuple[str, bytes]]:
    """The columns that must be equal, and to what."""
    kind = column_kind(field)
    if kind.code in (lib.PYNL_INT, lib.PYNL_BE, lib.PYNL_FLAG):
        width = max(kind.size, 1)
        return [(field.name, (int(value) & ((1 << 8 * width) - 1)).to_bytes(8, sys.byteorder))]
    if kind.code == lib.PYNL_TEXT:
        return [(field.name, kind.dump(value)[:-1])]
    if kind.code == lib.PYNL_ADDRESS and field.length:
        address, _, length = value.partition("/")
        return [(field.name, kind.dump(address)), (field.length, int(length).to_bytes(8, sys.byteorder))]
    if kind.code == lib.PYNL_ADDRESS:
        return [(field.name, kind.dump(value))]
    raise TypeError(f"cannot filter by {field.name}: its values are nested")


class _Names(dict[Any, Any]):
    """Number -> member of an enum; a number without one stands for itself."""

    def __init__(self, enum: type[Any]) -> None:
        super().__init__({int(member): member for member in enum})
        self[None] = None
        self._enum = enum

    def __missing__(self, value: int) -> Any:
        try:
            member = self._enum(value)
        except ValueError:
            return value
        if len(self) < _CACHED_FLAGS:
            self[value] = member
        return member


class Block(Rows):
    """Up to BLOCK rows of a table, converted field by field when first read."""

    __slots__ = ("_count", "_first", "_store")

    def __init__(self, store: Store, first: int, count: int) -> None:
        super().__init__({})
        self._store, self._first, self._count = store, first, count

    def __missing__(self, name: str) -> Sequence[Any]:
        field = self._store.plan.record.FIELDS[name]
        if name not in self._store.plan.columns:
            raise AttributeError(f"{name} was not among the fields asked for")
        column = self._store.column(name)
        values: Sequence[Any]
        if column.valid == ffi.NULL:
            values = [None] * self._count
        elif column.kind == lib.PYNL_DEEP:
            values = self._deep(field)
        elif column.kind == lib.PYNL_TEXT:
            values = self._text(column)
        elif column.kind == lib.PYNL_ADDRESS:
            values = self._addresses(field, column)
        else:
            values = self._numbers(field, column)
        self[name] = values
        return values

    def _mask(self, column: Any) -> bytes | None:
        """One byte a row: whether it has a value; None where all have."""
        if column.count == self._store.c.rows:
            return None
        out = ffi.new("uint8_t[]", self._count)
        check(lib.pynl_column_mask(ffi.addressof(column), self._first, self._count, out))
        return bytes(ffi.buffer(out))

    def _numbers(self, field: Field[Any], column: Any) -> list[Any]:
        kind = column_kind(field)
        width = column.width
        data = ffi.buffer(column.values + self._first * width, self._count * width)
        values: list[Any] = numbers(memoryview(data), kind).tolist()
        mask = self._mask(column)
        if mask is not None:
            values = [value if there else None for value, there in zip(values, mask, strict=True)]
        if kind.enum is not None:
            names = self._store.names(kind, field.name)
            return [names[value] for value in values]
        if kind.code == lib.PYNL_FLAG:
            return [value and True for value in values]
        return values

    def _text(self, column: Any) -> list[Any]:
        first, count = self._first, self._count
        offsets = memoryview(ffi.buffer(column.values + 4 * first, 4 * (count + 1))).cast("i").tolist()
        start = offsets[0]
        text = bytes(ffi.buffer(column.text + start, offsets[-1] - start))
        mask = self._mask(column) or repeat(1)
        return [
            text[a - start : b - start].decode("utf-8", "surrogateescape") if there else None
            for a, b, there in zip(offsets, offsets[1:], mask, strict=False)
        ]

    def _addresses(self, field: Field[Any], column: Any) -> list[Any]:
        prefix = ffi.NULL
        if field.length:
            prefix = ffi.addressof(self._store.column(field.length))
        room = self._count * lib.PYNL_TEXT_LINE
        out = ffi.new("char[]", room)
        style = field.kind.style
        size = check(lib.pynl_text_addresses(ffi.addressof(column), prefix, self._first, self._count, style, out, room))
        lines: list[Any] = bytes(ffi.buffer(out, size)).decode("ascii").split("\n")
        lines.pop()
        mask = self._mask(column)
        if mask is not None:
            lines = [line if there else None for line, there in zip(lines, mask, strict=True)]
        return lines

    def _entries(self, type: int, row: int, count: int) -> Entries:
        c, plan = self._store.c, self._store.plan
        room = lib.pynl_table_span(c, row, count)
        return entries_of(room, lambda out, size: lib.pynl_table_tape(c, plan.c, type, row, count, out, size))

    def _deep(self, field: Field[Any]) -> list[Any]:
        """Nested values: one tape for the block, folded row by row."""
        values: list[Any] = [None] * self._count
        entries = self._entries(field.number, self._first, self._count)
        selectors = self[field.select[0]] if field.select else None
        at = 0
        while at < len(entries):
            row, offset, size, _, index, _, _ = entries[at]
            at += 1
            if index < 0:
                continue
            message = self._store.message(self._first + row)
            try:
                if selectors is not None:
                    value = choose(field, selectors[row], message[offset : offset + size])
                else:
                    value, at = value_of(self._store.plan, field, message, offset, size, entries, at, 0)
            except ValueError:
                continue
            values[row] = (*(values[row] or ()), value) if field.many else value
        return values

    def unknown(self, row: int) -> tuple[Unknown, ...]:
        if not self._store.c.unknown and not self._malformed():
            return ()
        message = self._store.message(self._first + row)
        found = []
        for _, offset, size, type, index, depth, flags in self._entries(-1, self._first + row, 1):
            if depth:
                continue
            payload = message[offset : offset + size]
            if index < 0 or not self._holds(row, self._store.plan.fields[index], type, payload):
                found.append(Unknown(type | flags, payload))
        return tuple(found)

    def _malformed(self) -> bool:
        """Whether some nested attribute may be kept raw: only reading it tells."""
        plan = self._store.plan
        columns = (self._store.column(name) for name in plan.columns)
        return any(column.kind == lib.PYNL_DEEP and column.count for column in columns)

    def _holds(self, row: int, field: Field[Any], type: int, payload: bytes) -> bool:
        """Whether the record shows this payload as the field's value."""
        if field.kind.code in (lib.PYNL_INT, lib.PYNL_BE, lib.PYNL_FLAG, lib.PYNL_ADDRESS):
            kind = column_kind(field)
            try:
                kind.load(payload)
            except ValueError:
                return False
            return True
        return field.name not in self._store.plan.columns or self[field.name][row] is not None

    def order(self, row: int) -> Sequence[str]:
        names: dict[str, None] = {}
        for _, _, _, _, index, depth, _ in self._entries(-1, self._first + row, 1):
            if not depth and index >= 0:
                names[self._store.plan.fields[index].name] = None
        return tuple(names)


def numbers(data: memoryview, kind: Kind[Any]) -> memoryview:
    """Bytes as the numbers of a kind."""
    cast: Any = data.cast
    typed: memoryview = cast(kind.format or "B")
    return typed


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
        record, store = self.record, self._store
        for number in range(rows.start // BLOCK, -(-rows.stop // BLOCK)):
            first = max(rows.start - number * BLOCK, 0)
            last = min(rows.stop - number * BLOCK, BLOCK)
            yield from map(record, repeat(store.block(number)), range(first, last))

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
