"""From declarations to the C core's plan, and from its tape back to records."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from ._wire import ffi, lib
from .errors import DecodeError, check
from .fields import Field
from .kinds import Kind
from .schema import Record, chosen
from .values import Rows, Unknown

R = TypeVar("R", bound=Record)

#: struct pynl_entry of csrc/pynl.h: row, offset, length, type, field, depth, flags.
_ENTRY = struct.Struct("=IIIHhHH")
_BYTES_PER_ENTRY = 4
_ALL_BITS = 2**64 - 1

#: struct pynl_field: type, kind, size, column, level.
_Row = tuple[int, int, int, int, int]
Entry = tuple[int, int, int, int, int, int, int]
Entries = Sequence[Entry]


class Plan:
    """What a record class compiles to: flat C arrays, and the fields that their indexes stand for.

    Args:
        record: the message's class.
        asked: the fields that are read; None: all.
        needed: fields that get columns as well, to filter by.
    """

    def __init__(
        self, record: type[Record], asked: tuple[str, ...] | None = None, needed: tuple[str, ...] = ()
    ) -> None:
        self.record = record
        self.asked = asked
        #: Index in the C array -> field.
        self.fields: list[Field[Any]] = []
        #: Field name -> column.
        self.columns: dict[str, int] = {}
        self._levels: dict[type[Record], int] = {}
        wanted = set(record.FIELDS) if asked is None else _with_needs(record, (*asked, *needed))
        nested_columns: dict[tuple[type[Record], str], int] = {}
        for name, field in record.FIELDS.items():
            if name not in wanted:
                continue
            self.columns[name] = len(self.columns)
            if field.within:
                outer = record.FIELDS[field.within[0]].kind.record
                assert outer is not None
                nested_columns[outer, field.within[1]] = self.columns[name]
        rows: list[_Row] = []
        levels: list[tuple[int, int, int, int, int, int]] = []
        lookup: list[int] = []
        todo = [record]
        self._levels[record] = 0
        for cls in todo:  # grows while it runs
            for kind in (field.kind for field in cls.FIELDS.values()):
                if _nests(kind) and kind.record not in self._levels:
                    assert kind.record is not None
                    self._levels[kind.record] = len(todo)
                    todo.append(kind.record)
            first = len(rows)
            for field in cls.MEMBERS:
                self._add(rows, field, field.number, field.kind, self._column(cls, field, nested_columns))
            types = max(cls.ATTRIBUTES, default=-1) + 1
            numbers = [-1] * types
            for number, field in cls.ATTRIBUTES.items():
                numbers[number] = len(rows)
                self._add(rows, field, number, field.wide, self._column(cls, field, nested_columns))
            columns = any(row[3] >= 0 for row in rows[first:])
            levels.append((cls.HEADER, first, len(cls.MEMBERS), columns, len(lookup), types))
            lookup += numbers
        self._keep = (
            ffi.new("struct pynl_field[]", rows or [(0, 0, 0, -1, -1)]),
            ffi.new("struct pynl_level[]", levels),
            ffi.new("int16_t[]", lookup or [-1]),
        )
        #: struct pynl_plan *
        self.c = ffi.new("struct pynl_plan *", (*self._keep, 0, len(self.columns), len(levels)))
        widths = [1 if (kind := self._kind(name)).code == lib.PYNL_FLAG else kind.size for name in self.columns]
        #: One ``enum pynl_kind`` and one width for each column, as pynl_table_new takes them.
        self.column_kinds = bytes(_column_kind(self._kind(name)) for name in self.columns)
        self.column_widths = bytes(widths)

    def _kind(self, name: str) -> Kind[Any]:
        return column_kind(self.record.FIELDS[name])

    def _column(self, cls: type[Record], field: Field[Any], nested: Mapping[tuple[type[Record], str], int]) -> int:
        if cls is self.record:
            return self.columns.get(field.name, -1)
        return nested.get((cls, field.name), -1)

    def _add(self, rows: list[_Row], field: Field[Any], number: int, kind: Kind[Any], column: int) -> None:
        level = -1
        if _nests(kind):
            assert kind.record is not None
            level = self._levels[kind.record]
        code = lib.PYNL_DEEP if kind.size and kind.code not in (lib.PYNL_INT, lib.PYNL_BE) else kind.code
        self.fields.append(field)
        rows.append((number, code, kind.size, column, level))


class Keys:
    """What tells the rows of a plan's tables apart, and what their content is.

    Args:
        plan: of all the tables concerned.
        key: the fields that tell one object from another.
        content: the fields by which two states of one object are told apart.
        masks: of a number: the bits that count.
        exact: in the content all of them do.
        lenient: fields of the content that count only where the other row has them.
    """

    def __init__(
        self,
        plan: Plan,
        key: Sequence[str],
        content: Sequence[str],
        masks: Mapping[str, int] | None = None,
        lenient: frozenset[str] = frozenset(),
        exact: bool = False,
    ) -> None:
        self.plan = plan
        terms = []
        masks = masks or {}
        for names, lacking, bits in ((key, frozenset[str](), masks), (content, lenient, {} if exact else masks)):
            fields = ((name, plan.columns[name], plan.record.FIELDS[name].number) for name in names)
            made = [(column, number, name in lacking, bits.get(name, _ALL_BITS)) for name, column, number in fields]
            terms.append(ffi.new("struct pynl_term[]", made))
        self._keep = terms
        self.c = ffi.new("struct pynl_keys *", (plan.c, *terms, len(key), len(content)))


def column_kind(field: Field[Any]) -> Kind[Any]:
    """The kind of a field's column: of the wider one where a header member has an attribute beside it."""
    return field.wide


def _nests(kind: Kind[Any]) -> bool:
    return kind.code in (lib.PYNL_NEST, lib.PYNL_INDEXED, lib.PYNL_HOPS)


def _column_kind(kind: Kind[Any]) -> int:
    return lib.PYNL_DEEP if _nests(kind) else kind.code


def _with_needs(record: type[Record], names: Iterable[str]) -> set[str]:
    """The fields, and those that reading them takes: the length of a prefix, what tells what a nest holds."""
    wanted = set(names)
    for field in [record.FIELDS[name] for name in wanted]:
        wanted |= {field.length} if field.length else set()
        wanted |= {field.select[0]} if field.select else set()
    return wanted


def plan_of(record: type[Record], asked: tuple[str, ...] | None = None, needed: tuple[str, ...] = ()) -> Plan:
    """As :class:`Plan`, made once."""
    key: Any = record
    return _plan_of(key, asked, needed)


@lru_cache(256)
def _plan_of(record: type[Record], asked: tuple[str, ...] | None, needed: tuple[str, ...]) -> Plan:
    return Plan(record, asked, needed)


def entries_of(room: int, write: Any) -> Entries:
    """Runs a C function that writes a tape; ``room`` bytes of messages bound its length."""
    count = room // _BYTES_PER_ENTRY + 1
    out = ffi.new("struct pynl_entry[]", count)
    written = check(write(out, count))
    entries: list[Any] = list(_ENTRY.iter_unpack(ffi.buffer(out, written * _ENTRY.size)))
    return entries


def parse(record: type[R], data: bytes) -> R:
    """One record from its bytes, without a message header; every nest decoded.

    Raises:
        DecodeError: the header is cut short, or an attribute's length does not fit.
    """
    plan = plan_of(record)
    if len(data) < record.HEADER:
        raise DecodeError(f"{record.__name__} is shorter than its header of {record.HEADER} bytes", len(data), data)
    source = ffi.from_buffer("uint8_t[]", data)
    try:
        entries = entries_of(len(data), lambda out, room: lib.pynl_tape(plan.c, 0, source, len(data), out, room))
    except DecodeError:
        reason = f"{record.__name__} has an attribute whose length does not fit"
        raise DecodeError(reason, fault(data, record.HEADER), data) from None
    made, _ = _fold(plan, record, data, 0, len(data), entries, 0, 0)
    return made


def fault(data: bytes, at: int) -> int:
    """Where the chain of attributes from ``at`` breaks."""
    at = (at + 3) & ~3
    while at + 4 <= len(data):
        (length,) = struct.unpack_from("=H", data, at)
        if not 4 <= length <= len(data) - at:
            break
        at += (length + 3) & ~3
    return min(at, len(data))


def _fold(
    plan: Plan, cls: type[R], data: bytes, start: int, length: int, entries: Entries, at: int, depth: int
) -> tuple[R, int]:
    """One record of a level from the entries at ``depth``; returns it and the entry behind it."""
    values: dict[str, Any] = members(cls, data, start, length)
    unknown: dict[int, Unknown] = {}
    order: dict[str, None] = {}
    selected: list[tuple[Field[Any], int, Unknown]] = []
    while at < len(entries) and entries[at][5] == depth:
        _, offset, size, type, index, _, flags = entries[at]
        payload = data[offset : offset + size]
        field = plan.fields[index] if index >= 0 else None
        at += 1
        try:
            if field is None:
                raise ValueError("not declared")
            if field.select:
                selected.append((field, offset, Unknown(type | flags, payload)))
                order[field.name] = None
                continue
            value, at = value_of(plan, field, data, offset, size, entries, at, depth)
        except ValueError:
            unknown[offset] = Unknown(type | flags, payload)
            continue
        order[field.name] = None
        if field.many:
            values[field.name] = (*values.get(field.name, ()), value)
        else:
            values[field.name] = value
    for field, offset, kept in selected:  # once what tells them apart is known
        assert field.select
        try:
            values[field.name] = choose(field, values.get(field.select[0]), kept.payload)
        except ValueError:
            unknown[offset] = kept
    for name, field in cls.FIELDS.items():
        if field.length and name in values:
            values[name] = f"{values[name]}/{values[field.length]}"
        elif field.within and field.within[0] in values:
            values[name] = getattr(values[field.within[0]], field.within[1])
    in_order = tuple(unknown[offset] for offset in sorted(unknown))
    return cls(Rows(values, in_order, tuple(order)), 0), at


def members(cls: type[Record], data: bytes, start: int, length: int) -> dict[str, Any]:
    """The header members that are there: a struct from an older kernel may end early."""
    values = {}
    for field in cls.MEMBERS:
        end = field.number + field.kind.size
        if end <= length:
            values[field.name] = field.kind.load(data[start + field.number : start + end])
    return values


def value_of(
    plan: Plan, field: Field[Any], data: bytes, offset: int, size: int, entries: Entries, at: int, depth: int
) -> tuple[Any, int]:
    """The value of one entry, and the entry behind all that is below it."""
    kind = field.wide
    if kind.record is None:
        return kind.load(data[offset : offset + size]), at
    if kind.code == lib.PYNL_NEST:
        return _fold(plan, kind.record, data, offset, size, entries, at, depth + 1)
    if kind.code == lib.PYNL_DEEP:
        return _structs(kind, data[offset : offset + size]), at
    items = []
    while at < len(entries) and entries[at][5] == depth + 1:
        _, start, length, *_ = entries[at]
        item, at = _fold(plan, kind.record, data, start, length, entries, at + 1, depth + 2)
        items.append(item)
    return tuple(items), at


def _structs(kind: Kind[Any], data: bytes) -> Any:
    """A struct, or structs of one size; what a newer kernel added at the end of one is kept as unknown."""
    cls = kind.record
    assert cls is not None
    if not kind.plural:
        rest = data[cls.HEADER :]
        return cls(Rows(members(cls, data, 0, len(data)), (Unknown(-1, rest),) if rest else ()), 0)
    if len(data) % cls.HEADER:
        raise ValueError(f"{len(data)} bytes are no array of {cls.__name__}")
    starts = range(0, len(data), cls.HEADER)
    return tuple(cls(Rows(members(cls, data, start, cls.HEADER)), 0) for start in starts)


def choose(field: Field[Any], selector: Any, payload: bytes) -> Record:
    """What a select field holds, given the value of the field that tells; ValueError where it is malformed."""
    return parse(chosen(field, selector), payload)
