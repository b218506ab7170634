"""The C table behind a Table: decoded into, and read as Python values a block of rows at a time."""

from __future__ import annotations

import struct
import sys
import weakref
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any, TypeVar

from ._wire import ffi, lib
from .errors import check
from .kinds import Kind
from .layout import layout
from .plan import Entries, Plan, choose, column_kind, entries_of, value_of
from .schema import Field, Record, Rows, Unknown

R = TypeVar("R", bound=Record)

#: Rows that become Python values together: enough that a call into C costs nothing per row, few enough that
#: reading one record does not convert a table. A multiple of 8, so that it starts on a byte of the validity bits.
BLOCK = 1024

_LENGTH = struct.Struct("=I")

#: Fewer rows than this do not make up for a layout's class, nor for converting fields that may not be read.
_LAYOUT_ROWS = 256
#: With this many layouts made, a table's blocks have little in common.
_LAYOUTS = 32

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
        self.layouts = Layouts(plan)

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

    def split(self, by_value: bool) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The plain fields that differ from row to row, and those that do not, with their value.

        Args:
            by_value: False: only fields that no row has count as the same.
        """
        varying: list[str] = []
        same: dict[str, Any] = {}
        one = Block(self._store, self._first, 1)
        for name, field in self._store.plan.record.FIELDS.items():
            if name not in self._store.plan.columns:
                continue
            column = self._store.column(name)
            if column.valid == ffi.NULL:
                same[name] = None
            elif column.kind == lib.PYNL_DEEP:
                continue
            elif by_value and self._same(field, column):
                same[name] = one[name][0]
            else:
                varying.append(name)
        return tuple(varying), same

    def _same(self, field: Field[Any], column: Any) -> bool:
        columns = [column, self._store.column(field.length)] if field.length else [column]
        return all(lib.pynl_column_same(ffi.addressof(c), self._first, self._count) for c in columns)

    def unknown(self, row: int) -> tuple[Unknown, ...]:
        if not self._store.c.unknown and not self._any_deep():
            return ()
        message = self._store.message(self._first + row)
        entries = self._entries(-1, self._first + row, 1)
        found = []
        for at, (_, offset, size, type, index, depth, flags) in enumerate(entries):
            if depth == 0 and (index < 0 or not self._holds(row, message, entries, at)):
                found.append(Unknown(type | flags, message[offset : offset + size]))
        return tuple(found)

    def _any_deep(self) -> bool:
        """Whether some nested attribute may be kept raw: only reading it tells."""
        c = self._store.c
        columns = (c.columns[number] for number in range(c.column_count))
        return any(column.kind == lib.PYNL_DEEP and column.count for column in columns)

    def _holds(self, row: int, message: bytes, entries: Entries, at: int) -> bool:
        """Whether this entry can be its field's value."""
        _, offset, size, _, index, _, _ = entries[at]
        field = self._store.plan.fields[index]
        try:
            if field.select:
                choose(field, self[field.select[0]][row], message[offset : offset + size])
            else:
                value_of(self._store.plan, field, message, offset, size, entries, at + 1, 0)
        except ValueError:
            return False
        return True

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


class Layouts:
    """The layouts of one table's blocks: few, since blocks mostly have the same fields in common."""

    def __init__(self, plan: Plan) -> None:
        self._record = plan.record
        self._made: dict[Any, type[Record]] = {}

    def records(self, block: Block, first: int, last: int) -> Iterator[Any]:
        """The records of a block's rows first to last."""
        if last - first < _LAYOUT_ROWS:
            return map(self._record, repeat(block), range(first, last))
        varying, same = block.split(len(self._made) < _LAYOUTS)
        key = varying, tuple(same.items())
        made: Any = self._made.get(key)
        if made is None:
            made = self._made[key] = layout(self._record, varying, same)
        return map(made, repeat(block), range(first, last), *(block[name][first:last] for name in varying))


