"""Requests made of columns: many objects of one kind, given as records, mappings, columns or an Arrow table."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import repeat
from operator import attrgetter, itemgetter
from typing import Any

from ._wire import ffi, lib
from .encode import encode
from .errors import check
from .family import Family, left_out
from .fields import Field
from .frames import arrow
from .gather import Column, Normalize, Same, each, gather
from .kinds import BYTES
from .plan import choose, column_kind, plan_of
from .schema import Record, chosen, normalize
from .store import Store
from .table import Table
from .values import Unknown

#: Field -> its values, one an object.
Values = Mapping[str, Sequence[Any]]
#: The fields of one object -> the record to send, with what a family adds of itself.
Complete = Callable[[Mapping[str, Any]], Record]

_HEADER = 16


class Rows:
    """Requests of one type for many objects, encoded in C from columns.

    Args:
        cls: their class.
        type: the message type.
        flags: NLM_F_* beside NLM_F_REQUEST.
        values: the fields.
        complete: see above.
        resolve: see :func:`pynl.gather.gather`.

    Raises:
        TypeError, ValueError: a value that a field cannot have, or no such field. Nothing has been sent.
    """

    def __init__(
        self, cls: type[Record], type: IntEnum, flags: int, values: Values, complete: Complete, resolve: Normalize
    ) -> None:
        cls.known(values)
        self._cls, self._type, self._values = cls, type, values
        self._count = len(next(iter(values.values()), ()))
        self._columns: dict[str, tuple[int, Column]] = {}
        self._constant: set[str] = set()
        for name, column in values.items():
            self._gather(name, column, resolve)
        header = self._complete(complete, resolve)
        self._header = ffi.from_buffer("uint8_t[]", header)
        self._request = ffi.new("struct pynl_request *", (type, flags, len(header), self._header))
        parts = [part for name in self._columns for part in self._parts(name)]
        self._c_parts = ffi.new("struct pynl_part[]", parts)
        self._part_count = len(parts)
        self._out = ffi.NULL
        self._room = 0

    def __len__(self) -> int:
        return self._count

    def _gather(self, name: str, values: Sequence[Any], resolve: Normalize) -> None:
        field = self._cls.FIELDS[name]
        if field.select:
            told = self._values.get(field.select[0]) or repeat(None, self._count)
            values = each(field, zip(told, values, strict=True), lambda f, pair: self._selected(f, pair, resolve))
        made = gather(field, [values.value] if isinstance(values, Same) else values, resolve)
        self._columns.update(made)
        if isinstance(values, Same):
            self._constant |= made.keys()

    def _selected(self, field: Field[Any], pair: tuple[Any, Any], resolve: Normalize) -> Any:
        """A mapping in a select field as the record that the field which tells makes of it."""
        told, value = pair
        if not isinstance(value, Mapping) or field.select is None:
            return value
        by = self._cls.FIELDS[field.select[0]]
        return resolve(field.told(chosen(field, None if told is None else resolve(by, told))), value)

    def _parts(self, name: str) -> Iterable[tuple[Any, int, bool, int, int, int]]:
        field = self._cls.FIELDS[name]
        kind, column = self._columns[name]
        same = name in self._constant
        if field.member:
            overflow = -1 if not field.extended or field.extended[2] is None else field.extended[2]
            yield column.c, lib.PYNL_MEMBER, same, field.number, field.kind.size, overflow
        if not field.member or field.extended:
            number = field.extended[0] if field.extended else field.number
            yield column.c, kind, same, number, 0, -1

    def _complete(self, complete: Complete, resolve: Normalize) -> bytes:
        """Adds what a family adds of itself; returns the header of all rows, or of the first."""
        patterns = self._patterns()
        firsts: dict[Any, int] = {}
        for row, pattern in enumerate(patterns or ((),) * min(self._count, 1)):
            firsts.setdefault(pattern, row)
        made = {pattern: complete(self._object(row)) for pattern, row in firsts.items()}
        if not made:
            return bytes(self._cls.HEADER)
        for name in self._incomplete(made.values(), bool(patterns)):
            values: Sequence[Any]
            if patterns:
                own = self._values.get(name) or repeat(None, self._count)
                added = {p: getattr(record, name) for p, record in made.items() if self._is_sent(record, name)}
                values = [added.get(p) if v is None else v for p, v in zip(patterns, own, strict=True)]
            else:
                values = Same(getattr(made[()], name), self._count)
            self._gather(name, values, resolve)
        header = bytearray(encode(next(iter(made.values())))[: self._cls.HEADER])
        for field in self._cls.MEMBERS:
            if field.name in self._columns:  # of which a row may have none
                header[field.number : field.number + field.kind.size] = bytes(field.kind.size)
        return bytes(header)

    def _is_sent(self, record: Record, name: str) -> bool:
        field = self._cls.FIELDS[name]
        return name in record.order() or (field.member and not field.extended)

    def _incomplete(self, made: Iterable[Record], members: bool) -> Iterable[str]:
        """The fields that complete rows have, and that not all rows were given."""
        names = {name for record in made for name in record.order()}
        if members:
            names.update(field.name for field in self._cls.MEMBERS)
        lengths = {field.length for field in self._cls.PREFIXES}
        for name, field in self._cls.FIELDS.items():
            given = name in self._columns and not self._columns[name][1].lacking
            if name in names and not given and not field.within and name not in lengths:
                yield name

    def _patterns(self) -> list[Any] | None:
        """What tells rows apart that are completed differently: the fields they have, families; None: nothing."""
        traits: list[Sequence[Any]] = []
        for name, (_, column) in self._columns.items():
            if name in self._constant:
                continue
            if name in ("type", "family"):
                traits.append(list(self._values.get(name, ())))
            elif column.lengths is not None:
                traits.append(column.lengths)
            elif column.there is not None:
                traits.append(column.there)
        traits = [trait for trait in traits if len(trait) and trait.count(trait[0]) != len(trait)]
        return list(zip(*traits, strict=True)) if traits else None

    def _object(self, row: int) -> dict[str, Any]:
        return {name: column[row] for name, column in self._values.items() if column[row] is not None}

    def pack(self, first: int, most: int, sequence: int, room: int) -> tuple[Any, int, int]:
        """As :meth:`pynl.bulk.Requests.pack`."""
        if room > self._room:
            self._out, self._room = ffi.new("uint8_t[]", room), room
        size = ffi.new("uint64_t *")
        last = min(first + most, self._count)
        count = lib.pynl_bulk_encode(
            self._request, self._c_parts, self._part_count, first, last, sequence, self._out, room, size
        )
        return self._out, check(count, self._type.name), size[0]

    def store(self) -> Store:
        """The same objects as a table's rows, as if the kernel had told of them."""
        store = Store(plan_of(self._cls))
        first, room = 0, 1 << 20
        while first < self._count:
            data, count, size = self.pack(first, self._count, 0, room)
            segment = lib.pynl_segment_new(data, size)
            if segment == ffi.NULL:
                raise MemoryError("no memory for the messages")
            store.decode(segment)
            first += count
        store.end()
        return store

    def payload(self, index: int) -> tuple[str, type[Record], bytes]:
        """As :meth:`pynl.bulk.Requests.payload`."""
        room, encoded = 1 << 12, -errno.EMSGSIZE
        while encoded == -errno.EMSGSIZE:  # a request may be larger than any buffer that it is sent through
            room *= 4
            out, size = ffi.new("uint8_t[]", room), ffi.new("uint64_t *")
            encoded = lib.pynl_bulk_encode(
                self._request, self._c_parts, self._part_count, index, index + 1, 0, out, room, size
            )
        check(encoded, self._type.name)
        return self._type.name, self._cls, bytes(ffi.buffer(out, size[0]))[_HEADER:]


def columns_of(family: Family[Any], objects: Any) -> Values:
    """The fields of many objects.

    Args:
        family: theirs.
        objects: a Table; anything with ``__arrow_c_stream__``; a mapping of columns, in which a single value stands for
            all rows; or records and mappings.
    """
    if isinstance(objects, Table):
        if objects.record is not family.record:
            raise TypeError(f"expected a table of {family.record.__name__}, not of {objects.record.__name__}")
        return _from_table(family, objects)
    if hasattr(objects, "__arrow_c_stream__"):
        return _from_arrow(family, arrow(objects))
    if isinstance(objects, Mapping):
        return _broadcast(objects)
    rows = list(objects)
    types = set(map(type, rows))
    if rows and all(issubclass(type, family.record) for type in types):
        return _from_records(family, rows)
    if types == {dict} and rows[0] and len(set(map(len, rows))) == 1:
        try:
            return {name: list(map(itemgetter(name), rows)) for name in rows[0]}
        except KeyError:  # not all have the same
            pass
    return columns(family.record, [_row(family, row) for row in rows])


def beside(family: Family[Any], objects: Any, values: Values) -> bool:
    """Whether there may be records with attributes that no column holds: those that are not declared.

    Args:
        family: theirs.
        objects: a table, or records and mappings.
        values: what it made of them.
    """
    if isinstance(objects, Table):
        return _beside(family, objects._store, objects, values)
    return any(rows.beside() for rows in {id(o._rows): o._rows for o in objects if isinstance(o, Record)}.values())


def _beside(family: Family[Any], store: Store, table: Table[Any], values: Values) -> bool:
    """A table has attributes that are not declared, or of a nested one fewer values than there are attributes."""
    if store.c.unknown:
        return True
    left = frozenset().union(*family.instead.values())
    for name, sent in values.items():
        if store.column(name).kind == lib.PYNL_DEEP:
            made = table.values(name) if name in left else sent
            mask = table.columns.mask(name)
            there = len(table) if mask is None else sum(mask)
            if len(table) - list(made).count(None) < there:
                return True
    return False


def columns(cls: type[Record], rows: Sequence[Mapping[str, Any]]) -> Values:
    """Mappings of a class's fields as columns: at least one, which tells how many rows there are."""
    names = dict.fromkeys(name for row in rows for name in row) or tuple(cls.FIELDS)[:1]
    return {name: [row.get(name) for row in rows] for name in names}


def _from_table(family: Family[Any], table: Table[Any]) -> Values:
    names = (name for name in table.columns if not _kernels_own(family, name))
    made = {name: table.values(name) for name in names if table.columns.present(name)}
    return less(family.instead, {name: _all_told(family, name, values) for name, values in made.items()})


def _all_told(family: Family[Any], name: str, values: list[Any]) -> list[Any]:
    return [_told(family, name, value) for value in values] if name in family.sent else values


def _from_records(family: Family[Any], records: Sequence[Any]) -> Values:
    made = {}
    names = set(family.record.FIELDS)
    for record in records:
        if record.fields() is not family.record.FIELDS:
            names.intersection_update(record.fields())
    for name in family.record.FIELDS:
        if name in names and not _kernels_own(family, name):
            values = list(map(attrgetter(name), records))
            if values.count(None) < len(values):
                made[name] = _all_told(family, name, values)
    return less(family.instead, made)


def less(instead: Mapping[str, frozenset[str]], values: Values) -> Values:
    """Columns without what is left out beside others."""
    made = dict(values)
    for by, names in instead.items():
        for name in names & made.keys() if by in made else ():
            column = [None if told else value for told, value in zip(made[by], made[name], strict=True)]
            made[name] = column
            if column.count(None) == len(column):
                del made[name]
    return made


def _row(family: Family[Any], item: Any) -> Mapping[str, Any]:
    cls = family.record
    if isinstance(item, Mapping):
        return item
    if not isinstance(item, cls):
        raise TypeError(f"expected {cls.__name__} records or mappings of their fields, not {item!r}")
    fields = dict(item.items())
    left = left_out(family.instead, fields.get)
    sent = (name for name in fields if name not in left and not _kernels_own(family, name))
    return {name: _told(family, name, fields[name]) for name in sent}


def _kernels_own(family: Family[Any], name: str) -> bool:
    """Fields that are not to be sent: the kernel's, and those that others tell, as the length of a prefix is."""
    field = family.record.FIELDS[name]
    return name in family.volatile or bool(field.within) or any(name == p.length for p in family.record.PREFIXES)


def _told(family: Family[Any], name: str, value: Any) -> Any:
    return family.sent[name](value) if value is not None and name in family.sent else value


def _broadcast(columns: Mapping[str, Any]) -> Values:
    made = {name: _listed(values) for name, values in columns.items()}
    counts = {len(values) for values in made.values() if isinstance(values, list)}
    if len(counts) > 1:
        raise ValueError(f"columns of different lengths: {', '.join(map(str, sorted(counts)))}")
    count = counts.pop() if counts else 1
    return {name: values if isinstance(values, list) else Same(values, count) for name, values in made.items()}


def _listed(values: Any) -> Any:
    """A column as a list; a single value as it is."""
    if hasattr(values, "tolist"):
        return values.tolist()
    if type(values) is tuple or isinstance(values, (list, range, Iterator, Same)):
        return list(values)
    return values


def _from_arrow(family: Family[Any], table: Any) -> Values:
    cls = family.record
    made: dict[str, list[Any]] = {}
    for name in table.column_names:
        if name.endswith("_bytes") and name.removesuffix("_bytes") in table.column_names:
            continue
        cls.known([name])
        if not _kernels_own(family, name) and table[name].null_count < len(table):
            made[name] = table[name].to_pylist()
    for name, values in made.items():
        field = cls.FIELDS[name]
        if field.select or column_kind(field).code == lib.PYNL_DEEP or field.kind.record or field.many:
            told = made.get(field.select[0], values) if field.select else values
            made[name] = [_saved(field, by, value) for by, value in zip(told, values, strict=True)]
        if name in family.sent:
            made[name] = [
                None if value is None else _told(family, name, normalize(field, value)) for value in made[name]
            ]
    return less(family.instead, made)


def saved_columns(family: Family[Any], objects: Any) -> Values:
    """As :func:`columns_of`; mappings are what ``write_json`` wrote of records."""
    if not isinstance(objects, (Table, Mapping)) and not hasattr(objects, "__arrow_c_stream__"):
        objects = [saved(family, item) for item in objects]
    return columns_of(family, objects)


def saved(family: Family[Any], item: Any) -> Any:
    """What ``write_json`` wrote of a record, as fields to send; anything else as it is."""
    if not isinstance(item, Mapping):
        return item
    family.record.known([name for name in item if name != "unknown"])
    left = left_out(family.instead, item.get)
    told = {name: value for name, value in item.items() if name not in left and not _dropped(family, name)}
    made = _unwritten(family.record, told)
    for name in family.sent.keys() & made.keys():
        made[name] = _told(family, name, normalize(family.record.FIELDS[name], made[name]))
    return made


def _dropped(family: Family[Any], name: str) -> bool:
    return name == "unknown" or _kernels_own(family, name)


def _unwritten(cls: type[Record], values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields as records have them, of what a file has of them."""
    made = {}
    for name, value in values.items():
        field = cls.FIELDS[name]
        if value is not None and not field.within:
            made[name] = _saved(field, values.get(field.select[0]) if field.select else None, value)
    return made


def _saved(field: Field[Any], told: Any, value: Any) -> Any:
    """A value as a record has it, of what JSON (nests as objects, bytes as digits) or Arrow (as bytes) has of it."""
    if isinstance(value, (list, tuple)) and (field.many or field.kind.plural):
        return tuple(_item(field, told, item) for item in value)
    return None if value is None else _item(field, told, value)


def _item(field: Field[Any], told: Any, value: Any) -> Any:
    record = chosen(field, told) if field.select else field.kind.record
    if record is not None and isinstance(value, Mapping):
        return _read(record, value)
    if field.kind is BYTES:
        return bytes.fromhex(value) if isinstance(value, str) else value
    if isinstance(value, bytes):
        return choose(field, told, value) if field.select else field.kind.load(value)
    return value


def _read(cls: type[Record], values: Mapping[str, Any]) -> Record:
    made = cls(**_unwritten(cls, {name: value for name, value in values.items() if name != "unknown"}))
    unknown = (Unknown(item["type"], bytes.fromhex(item["payload"])) for item in values.get("unknown", ()))
    made._rows._unknown = tuple(unknown)
    return made
