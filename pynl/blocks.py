"""A table's rows as Python values: made from the columns a block of rows at a time, records on top of them."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain, count, repeat
from typing import Any

from ._wire import ffi, lib
from .errors import check
from .fields import Field
from .kinds import Kind
from .layout import layout
from .plan import Entries, Plan, choose, column_kind, entries_of, value_of
from .schema import Record
from .store import Store
from .values import Rows, Unknown

#: Rows that become Python values together: enough that a call into C costs nothing per row, few enough that
#: reading one record does not convert a table. A multiple of 8, so that it starts on a byte of the validity bits.
BLOCK = 1024

#: Fewer rows than this do not make up for a layout's class, nor for converting fields that may not be read.
_LAYOUT_ROWS = 256
#: With this many layouts made, a table's blocks have little in common.
_LAYOUTS = 32

#: Values seen before map to their enum member, or to their text, at once; more than this many are noise.
_CACHED = 4096
#: Columns with at most so many different addresses in a block are read by code.
_FEW = 64

#: One int for each row of a block, which its records share.
_ROWS = tuple(range(BLOCK))


class Blocks:
    """A store's rows as Python values, a block at a time."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._made: dict[int, weakref.ref[Block]] = {}
        self._names: dict[str, _Names] = {}
        #: Field and bytes of an address -> its text.
        self.texts: dict[tuple[str, bytes], str] = {}
        self._layouts = Layouts(store.plan)
        self._ahead: _Ahead | None = None

    def need(self, rows: int | None = None) -> None:
        """Waits until there are this many rows, or until there are all; as :meth:`Store.need`."""
        ahead = self._ahead
        if rows is None and ahead and ahead.thread == threading.get_ident():
            with collector_paused():
                self.store.need(rows, lambda: self._read_ahead(ahead))
        else:
            self.store.need(rows)

    def read(self, need: Callable[[int], object]) -> Iterator[Any]:
        """The records of all rows, as they arrive; ``need`` waits for a number of them."""
        ahead = _Ahead()
        parts = self._parts(need, ahead)
        ahead.reader = weakref.ref(parts)
        self._ahead = ahead
        return chain.from_iterable(parts)

    def _parts(self, need: Callable[[int], object], ahead: _Ahead) -> Iterator[Iterable[Any]]:
        if self._ahead is ahead:
            self._ahead = None
        for number in count():
            made: Iterable[Any] | None = ahead.made.pop(number, None)
            if made is None:
                need((number + 1) * BLOCK)
                if self.store.c.rows <= number * BLOCK:
                    return
                made = self.records(number)
            yield made

    def _read_ahead(self, ahead: _Ahead) -> None:
        """While the last row is waited for, makes the records that a reader who has not begun will want.

        That is what ``list(table)`` does: it asks for an iterator, and then for the length.
        """
        while ahead.reader() and self.store.c.rows >= (ahead.next + 1) * BLOCK:
            ahead.made[ahead.next] = list(self.records(ahead.next))
            ahead.next += 1

    def records(self, number: int, first: int = 0, last: int = BLOCK) -> Iterator[Any]:
        """The records of one block's rows from ``first`` up to ``last``."""
        with self.store.lock:
            last = min(last, BLOCK, self.store.c.rows - number * BLOCK)
            return self._layouts.records(self.block(number), first, last) if first < last else iter(())

    def block(self, number: int) -> Block:
        """Rows ``number * BLOCK`` and on."""
        first = number * BLOCK
        rows = min(BLOCK, self.store.c.rows - first)
        made = self._made.get(number)
        block = made() if made else None
        if block is None or block.count != rows:  # it has grown since
            block = Block(self, first, rows)
            self._made[number] = weakref.ref(block)
        return block

    def names(self, kind: Kind[Any], name: str) -> _Names:
        names = self._names.get(name)
        if names is None:
            assert kind.enum is not None
            names = self._names[name] = _Names(kind.enum)
        return names


def records(store: Store) -> Iterator[Any]:
    """The records of a whole table that nobody else reads: for few rows, nothing is made that only many pay for."""
    rows = store.c.rows
    if rows >= _LAYOUT_ROWS:
        return chain.from_iterable(map(Blocks(store).records, range(-(-rows // BLOCK))))
    return map(store.plan.record, repeat(Block(Blocks(store), 0, rows)), range(rows))


class _Ahead:
    """The records made ahead for a reader that its thread has asked for, by the number of their block."""

    def __init__(self) -> None:
        self.thread = threading.get_ident()
        self.reader: Callable[[], object] = lambda: None
        self.made: dict[int, list[Any]] = {}
        self.next = 0


@contextmanager
def collector_paused() -> Iterator[None]:
    """Without the cyclic garbage collector, which would walk the records made so far again and again.

    Records are in no cycles. Of a million, making them would take twice as long with it.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # through the permanent generation to the oldest, which takes no walk
            gc.freeze()
            gc.unfreeze()
        gc.enable()


class Block(Rows):
    """Up to BLOCK rows of a table, converted field by field when first read."""

    __slots__ = ("_owner", "_store", "count", "first")

    def __init__(self, owner: Blocks, first: int, count: int) -> None:
        self.asked = owner.store.plan.asked  # all that Rows would set: a block reads the rest from its table
        self._owner, self._store = owner, owner.store
        self.first, self.count = first, count

    def __missing__(self, name: str) -> Sequence[Any]:
        field = self._store.plan.record.FIELDS[name]
        if name not in self._store.plan.columns:
            return super().__missing__(name)
        with self._store.lock:
            values = self[name] = self._convert(field)
        return values

    def handed_out(self, name: str) -> Sequence[Any]:
        """The values of a field that records hold from now on: the block need not keep them as well."""
        values = self[name]
        self.pop(name, None)
        return values

    def _convert(self, field: Field[Any]) -> Sequence[Any]:
        name = field.name
        column = self._store.column(name)
        values: Sequence[Any]
        if column.valid == ffi.NULL:
            values = [None] * self.count
        elif column.kind == lib.PYNL_DEEP:
            values = self._deep(field)
        elif column.kind == lib.PYNL_TEXT:
            values = self._text(column)
        elif column.kind == lib.PYNL_ADDRESS:
            values = self._addresses(field, column)
        else:
            values = self._numbers(field, column)
        return values

    def _mask(self, column: Any) -> bytes | None:
        """One byte a row: whether it has a value; None where all have."""
        if column.count == self._store.c.rows:
            return None
        out = ffi.new("uint8_t[]", self.count)
        if lib.pynl_column_mask(ffi.addressof(column), self.first, self.count, out) == self.count:
            return None
        return bytes(ffi.buffer(out))

    def _numbers(self, field: Field[Any], column: Any) -> list[Any]:
        kind = column_kind(field)
        width = column.width
        data = ffi.buffer(column.values + self.first * width, self.count * width)
        values: list[Any] = numbers(memoryview(data), kind).tolist()
        mask = self._mask(column)
        if mask is not None:
            values = [value if there else None for value, there in zip(values, mask, strict=True)]
        if kind.enum is not None:
            names = self._owner.names(kind, field.name)
            return [names[value] for value in values]
        if kind.code == lib.PYNL_FLAG:
            return [value and True for value in values]
        return values

    def _text(self, column: Any) -> list[Any]:
        first, count = self.first, self.count
        offsets = memoryview(ffi.buffer(column.values + 4 * first, 4 * (count + 1))).cast("i").tolist()
        start = offsets[0]
        text = bytes(ffi.buffer(column.text + start, offsets[-1] - start))
        mask = self._mask(column) or repeat(1)
        return [
            text[a - start : b - start].decode("utf-8", "surrogateescape") if there else None
            for a, b, there in zip(offsets, offsets[1:], mask, strict=False)
        ]

    def _addresses(self, field: Field[Any], column: Any) -> list[Any]:
        lines = self._few_addresses(field, column) or self._lines(field, column, self.first, self.count)
        mask = self._mask(column)
        if mask is not None:
            lines = [line if there else None for line, there in zip(lines, mask, strict=True)]
        return lines

    def _few_addresses(self, field: Field[Any], column: Any) -> list[Any] | None:
        """Of a column with few different values, such as gateways: each of them once; None where there are many."""
        if field.length or self.count < _LAYOUT_ROWS:
            return None
        codes, rows = ffi.new("uint8_t[]", self.count), ffi.new("uint32_t[]", _FEW)
        found = lib.pynl_column_distinct(ffi.addressof(column), self.first, self.count, codes, rows, _FEW)
        if found < 0:
            return None
        width, texts = column.width, []
        for row in rows[0:found]:
            number = self.first + row
            value = bytes(ffi.buffer(column.values + number * width, column.lengths[number]))
            text = self._owner.texts.get((field.name, value))
            if text is None:
                text = field.kind.load(value)  # of the bytes alone: no address and one of no bytes are the same here
                if len(self._owner.texts) < _CACHED:
                    self._owner.texts[field.name, value] = text
            texts.append(text)
        return list(map(texts.__getitem__, bytes(ffi.buffer(codes))))

    def _lines(self, field: Field[Any], column: Any, first: int, count: int) -> list[Any]:
        prefix = ffi.NULL
        if field.length:
            prefix = ffi.addressof(self._store.column(field.length))
        room = count * lib.PYNL_TEXT_LINE
        out = ffi.new("char[]", room)
        size = check(lib.pynl_text_addresses(ffi.addressof(column), prefix, first, count, field.kind.style, out, room))
        lines: list[Any] = bytes(ffi.buffer(out, size)).decode("ascii").split("\n")
        lines.pop()
        return lines

    def _entries(self, type: int, row: int, count: int) -> Entries:
        c, plan = self._store.c, self._store.plan
        room = lib.pynl_table_span(c, row, count)
        return entries_of(room, lambda out, size: lib.pynl_table_tape(c, plan.c, type, row, count, out, size))

    def _deep(self, field: Field[Any]) -> list[Any]:
        """Nested values: one tape for the block, folded row by row."""
        values: list[Any] = [None] * self.count
        entries = self._entries(field.number, self.first, self.count)
        selectors = self[field.select[0]] if field.select else None
        at = 0
        while at < len(entries):
            row, offset, size, _, index, _, _ = entries[at]
            at += 1
            if index < 0:
                continue
            message = self._store.message(self.first + row)
            try:
                if selectors is not None:
                    value = choose(field, selectors[row], message[offset : offset + size])
                else:
                    value, at = value_of(self._store.plan, field, message, offset, size, entries, at, 0)
            except ValueError:
                continue
            values[row] = (*(values[row] or ()), value) if field.many else value
        return values

    def split(self, by_value: bool, before: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
        """The plain fields that differ from row to row, and those that do not, with their value.

        Args:
            by_value: False: only fields that no row of the table has count as the same.
            before: the second result of the block before this one; empty where it is not known.
        """
        plan = self._store.plan
        alike = ffi.new("uint8_t[]", len(plan.columns))
        lib.pynl_table_alike(self._store.c, self.first, self.count, alike)
        varying: list[str] = []
        same: dict[str, Any] = {}
        one = Block(self._owner, self.first, 1)
        for name, number in plan.columns.items():
            length = plan.record.FIELDS[name].length
            how = alike[number] & alike[plan.columns[length]] if length else alike[number]
            if alike[number] & lib.PYNL_NONE and (by_value or self._store.column(name).valid == ffi.NULL):
                same[name] = None
            elif plan.column_kinds[number] == lib.PYNL_DEEP:
                continue
            elif by_value and how & lib.PYNL_SAME:
                same[name] = before[name] if how & lib.PYNL_BEFORE and name in before else one[name][0]
            else:
                varying.append(name)
        return tuple(varying), same

    def unknown(self, row: int) -> tuple[Unknown, ...]:
        with self._store.lock:
            if not self._store.c.unknown and not self._any_deep():
                return ()
            message = self._store.message(self.first + row)
            entries = self._entries(-1, self.first + row, 1)
        found = []
        for at, (_, offset, size, type, index, depth, flags) in enumerate(entries):
            if depth == 0 and (index < 0 or not self._holds(row, message, entries, at)):
                found.append(Unknown(type | flags, message[offset : offset + size]))
        return tuple(found)

    def beside(self) -> bool:
        store = self._store
        with store.lock:
            if store.c.unknown:
                return True
            for name in store.plan.columns:
                column = store.column(name)
                if column.kind == lib.PYNL_DEEP and column.count:
                    mask = self._mask(column)
                    there = self.count if mask is None else sum(mask)
                    if self.count - list(self[name]).count(None) < there:  # what is there could not be read
                        return True
        return False

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

    def same(self, row: int, other: Rows, other_row: int) -> bool:
        if not isinstance(other, Block):
            return False
        one, another = self._store.c, other._store.c
        return bool(lib.pynl_table_same(one, self.first + row, another, other.first + other_row))

    def message(self, row: int) -> bytes:
        return self._store.message(self.first + row)

    def order(self, row: int) -> Sequence[str]:
        names: dict[str, None] = {}
        with self._store.lock:
            entries = self._entries(-1, self.first + row, 1)
        for _, _, _, _, index, depth, _ in entries:
            if not depth and index >= 0:
                names[self._store.plan.fields[index].name] = None
        return tuple(names)


class Layouts:
    """The layouts of one table's blocks: few, since blocks mostly have the same fields in common."""

    def __init__(self, plan: Plan) -> None:
        self._record = plan.record
        self._made: dict[Any, Callable[..., Record]] = {}
        #: The row behind the last block that was laid out, and what its rows had in common.
        self._last: tuple[int, Mapping[str, Any]] = (-1, {})

    def records(self, block: Block, first: int, last: int) -> Iterator[Any]:
        """The records of a block's rows first to last."""
        if last - first < _LAYOUT_ROWS:
            return map(self._record, repeat(block), range(first, last))
        row, before = self._last
        varying, same = block.split(len(self._made) < _LAYOUTS, before if row == block.first else {})
        self._last = block.first + block.count, same
        key = varying, tuple(same.items())
        made: Any = self._made.get(key)
        if made is None:
            made = self._made[key] = layout(self._record, *key)
        columns = (block.handed_out(name)[first:last] for name in varying)
        return map(made, repeat(block), _ROWS[first:last], *columns)


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
        if len(self) < _CACHED:
            self[value] = member
        return member


def numbers(data: memoryview, kind: Kind[Any]) -> memoryview:
    """Bytes as the numbers of a kind."""
    cast: Any = data.cast
    typed: memoryview = cast(kind.format or "B")
    return typed
