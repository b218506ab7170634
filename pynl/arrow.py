"""Tables for others: by the Arrow C data interface, which DuckDB, Polars, pandas and pyarrow read without knowing pynl.

Numbers, flags and text are the table's own memory. Addresses are text, formatted in one pass in C, and beside it
``NAME_bytes``: 16 bytes, IPv4 addresses mapped into IPv6 ones (RFC 4291, section 2.5.5.2) so that one type holds both.
Nests become structs, next hops and the like lists of structs; what has no type of its own (content that another field
tells, plain bytes) is binary as it was on the wire. The schema follows from the record class and the fields asked for,
never from the rows, so that the tables of a stream fit together.

The metadata of a field tells ``pynl:attribute`` (the UAPI constant), ``pynl:enum`` (the enum of its numbers) and, of
addresses, ``pynl:address`` (``text``, ``ipv6-mapped`` or ``hardware``), of binary ``pynl:wire`` (its kind).
"""

from __future__ import annotations

import array
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from ._wire import ffi, lib
from .blocks import BLOCK, Blocks
from .encode import encode
from .errors import check
from .fields import Field
from .kinds import Kind, utf8
from .plan import Plan, column_kind
from .schema import Record
from .store import Store

_NULLABLE = 2

#: ``memoryview`` format -> Arrow format.
_NUMBERS = {"B": "C", "H": "S", "I": "I", "Q": "L", "b": "c", "h": "s", "i": "i", "q": "l"}
_CODES = {format: code for code, format in _NUMBERS.items()}

#: The longest text of an IP address with its prefix length: of IPv4, and of any.
_LONGEST = (len("255.255.255.255/255"), lib.PYNL_TEXT_LINE)

_DIGITS = bytes.maketrans(b"\0\1", b"01")


class Type(NamedTuple):
    """One field of the schema."""

    format: str
    name: str
    metadata: Mapping[str, str] = {}
    nullable: bool = True
    children: tuple[Type, ...] = ()
    #: Of binary: the value as it is on the wire.
    dump: Callable[[Any], bytes] = bytes


class Array(NamedTuple):
    """One array, before C makes a structure of it: addresses of buffers, NULL for a validity bitmap of all ones."""

    length: int
    nulls: int
    offset: int
    buffers: Sequence[Any]
    children: Sequence[Array] = ()


#: The buffers of an array beside its validity, and its children.
_Parts = tuple[Sequence[Any], Sequence[Array]]


# ---- types


def schema(plan: Plan) -> Type:
    """The type of a table's rows."""
    names = plan.record.FIELDS if plan.asked is None else plan.asked
    children = (type for name in names for type in _column_types(plan.record, plan.record.FIELDS[name]))
    return Type("+s", plan.record.__name__, nullable=False, children=tuple(children))


def _column_types(record: type[Record], field: Field[Any]) -> Iterator[Type]:
    """Of an address two: text and bytes."""
    kind = column_kind(field)
    told = dict(_described(record, field))
    if not _is_ip(kind):
        yield _type(record, field)
        return
    yield Type("u", field.name, {**told, "pynl:address": "text"})
    yield Type("w:16", f"{field.name}_bytes", {**told, "pynl:address": "ipv6-mapped"})


def _is_ip(kind: Kind[Any]) -> bool:
    return kind.code == lib.PYNL_ADDRESS and kind.style == lib.PYNL_IP and not kind.size


def _described(record: type[Record], field: Field[Any]) -> Iterator[tuple[str, str]]:
    kind = column_kind(field)
    if not field.member or field.extended:
        yield "pynl:attribute", field.constant or record.PREFIX + field.name.upper()
    if kind.enum:
        yield "pynl:enum", kind.enum.__name__
    if kind.code == lib.PYNL_ADDRESS:
        yield "pynl:address", "text" if kind.style == lib.PYNL_IP else "hardware"


def _type(record: type[Record], field: Field[Any]) -> Type:
    one = _item(column_kind(field), bool(field.select), field.name, dict(_described(record, field)))
    if field.many:
        return Type("+l", field.name, one.metadata, children=(one._replace(name="item"),))
    return one._replace(nullable=not field.member)


def _item(kind: Kind[Any], opaque: bool, name: str, told: Mapping[str, str]) -> Type:
    """The type of one value of a kind."""
    if kind.record and not opaque:
        fields = [field for field in kind.record.FIELDS.values() if not field.within]
        # A struct of an older kernel may lack members.
        inner = tuple(_type(kind.record, field)._replace(nullable=True) for field in fields)
        if kind.plural:
            return Type("+l", name, told, children=(Type("+s", "item", children=inner),))
        return Type("+s", name, told, children=inner)
    if opaque:
        return Type("z", name, told, dump=encode)
    if kind.code == lib.PYNL_FLAG:
        return Type("b", name, told)
    if kind.code in (lib.PYNL_TEXT, lib.PYNL_ADDRESS):
        return Type("u", name, told)
    if kind.format:
        return Type(_NUMBERS[kind.format], name, told)
    return Type("z", name, {**told, "pynl:wire": kind.name}, dump=kind.dump)


# ---- arrays


class Exporter:
    """Makes the arrays of some rows of a store.

    Args:
        store: whole.
        blocks: its rows as Python values, for those that have to be made one by one.
        rows: which.
    """

    def __init__(self, store: Store, blocks: Blocks, rows: range) -> None:
        self._store, self._blocks, self._rows = store, blocks, rows
        #: struct pynl_export *
        self.c = ffi.gc(_new(lib.pynl_export_new(store.c)), lib.pynl_export_free)
        self._zero, self._zeros = ffi.NULL, 0

    def table(self, type: Type) -> Array:
        """All columns."""
        plan = self._store.plan
        fields = [plan.record.FIELDS[name] for name in (plan.record.FIELDS if plan.asked is None else plan.asked)]
        types = iter(type.children)
        children = []
        for field in fields:
            children.append(self._column(field, next(types)))
            if _is_ip(column_kind(field)):
                children.append(self._mapped(field, next(types)))
        return Array(len(self._rows), 0, 0, [ffi.NULL], children)

    def _column(self, field: Field[Any], type: Type) -> Array:
        column = self._store.column(field.name)
        if not column.count or not self._rows:
            return self._absent(type, len(self._rows))
        if self._rows.step == 1:
            if column.kind == lib.PYNL_ADDRESS:
                return self._addresses(field, column)
            if column.kind == lib.PYNL_FLAG:
                return self._shared(column, [column.valid])
            if column.kind == lib.PYNL_TEXT and _is_ascii(column):
                return self._shared(column, [column.values, column.text])
            if column.kind in (lib.PYNL_INT, lib.PYNL_BE):
                return self._shared(column, [column.values])
        return self._made(type, self._values(field, column))

    # ---- memory

    def _buffer(self, size: int) -> Any:
        return _new(lib.pynl_export_buffer(self.c, size))

    def _filled(self, data: Any) -> Any:
        data = memoryview(data).cast("B")
        buffer = self._buffer(len(data))
        ffi.memmove(buffer, data, len(data))
        return buffer

    def _nothing(self, size: int) -> Any:
        """Zeros that many buffers share: pages that nobody touches cost nothing."""
        if size > self._zeros:
            self._zero, self._zeros = self._buffer(size), size
        return self._zero

    # ---- arrays of the table's own memory, and of what C makes of it

    def _absent(self, type: Type, length: int) -> Array:
        """An array of nothing but nulls."""
        buffers = {"+s": 1, "u": 3, "z": 3}.get(type.format, 2)
        inner = 0 if type.format == "+l" else length
        children = [self._absent(child, inner) for child in type.children]
        return Array(length, length, 0, [self._nothing(16 * (length + 1))] * buffers, children)

    def _valid(self, column: Any) -> tuple[int, Any]:
        """How many nulls (-1: not counted), and the bitmap."""
        rows = self._store.c.rows
        if column.count == rows:
            return 0, ffi.NULL
        return rows - column.count if len(self._rows) == rows else -1, column.valid

    def _shared(self, column: Any, values: Sequence[Any]) -> Array:
        nulls, valid = self._valid(column)
        return Array(len(self._rows), nulls, self._rows.start, [valid, *values])

    def _addresses(self, field: Field[Any], column: Any) -> Array:
        count, first = len(self._rows), self._rows.start
        prefix = ffi.addressof(self._store.column(field.length)) if field.length else ffi.NULL
        style = field.kind.style
        line = 3 * column.width if style == lib.PYNL_HEX else _LONGEST[column.width > 4]
        room = count * line + lib.PYNL_TEXT_LINE
        offsets, text = self._buffer(4 * (count + 1)), self._buffer(room)
        out = ffi.cast("int32_t *", offsets)
        check(lib.pynl_text_column(ffi.addressof(column), prefix, first, count, style, out, text, room))
        nulls, valid = self._valid(column)
        if valid != ffi.NULL and first:  # the bitmap begins elsewhere than the offsets
            valid = self._bits(self._mask(column))
        return Array(count, nulls, 0, [valid, offsets, text])

    def _mapped(self, field: Field[Any], type: Type) -> Array:
        """The addresses as 16 bytes each."""
        column, count = self._store.column(field.name), len(self._rows)
        if not column.count or not count:
            return self._absent(type, count)
        values, valid = self._buffer(16 * count), self._buffer(count // 8 + 1)
        out, bits = ffi.cast("uint8_t *", values), ffi.cast("uint8_t *", valid)
        lib.pynl_text_mapped(ffi.addressof(column), self._rows.start, self._rows.step, count, out, bits)
        return Array(count, -1, 0, [valid, values])

    def _mask(self, column: Any) -> bytes:
        """One byte a row of the range that the rows lie in."""
        low, high = min(self._rows[0], self._rows[-1]), max(self._rows[0], self._rows[-1])
        out = ffi.new("uint8_t[]", high - low + 1)
        lib.pynl_column_mask(ffi.addressof(column), low, high - low + 1, out)
        return bytes(ffi.buffer(out))

    # ---- arrays of Python values

    def _values(self, field: Field[Any], column: Any) -> list[Any]:
        """The field of each row, read only where the row has one."""
        low, mask = min(self._rows[0], self._rows[-1]), self._mask(column)
        blocks = self._blocks
        return [blocks.block(row // BLOCK)[field.name][row % BLOCK] if mask[row - low] else None for row in self._rows]

    def _made(self, type: Type, values: Sequence[Any]) -> Array:
        there = bytes(value is not None for value in values)
        nulls = there.count(0)
        if nulls == len(values):
            return self._absent(type, len(values))
        valid = self._bits(there) if nulls else ffi.NULL
        made = {"+s": self._struct, "+l": self._list, "u": self._text, "z": self._binary}
        make: Callable[[Type, Sequence[Any]], _Parts] = made.get(type.format, self._numbers)
        buffers, children = make(type, values)
        return Array(len(values), nulls, 0, [valid, *buffers], children)

    def _struct(self, type: Type, values: Sequence[Any]) -> _Parts:
        columns = (
            [None if value is None else getattr(value, child.name) for value in values] for child in type.children
        )
        return [], [self._made(child, column) for child, column in zip(type.children, columns, strict=True)]

    def _list(self, type: Type, values: Sequence[Any]) -> _Parts:
        offsets = self._offsets(len(value or ()) for value in values)
        (item,) = type.children
        return [offsets], [self._made(item, [one for value in values for one in value or ()])]

    def _text(self, type: Type, values: Sequence[Any]) -> _Parts:
        texts = [utf8(value or "") for value in values]
        return [self._offsets(map(len, texts)), self._filled(b"".join(texts))], ()

    def _binary(self, type: Type, values: Sequence[Any]) -> _Parts:
        found = [b"" if value is None else type.dump(value) for value in values]
        return [self._offsets(map(len, found)), self._filled(b"".join(found))], ()

    def _numbers(self, type: Type, values: Sequence[Any]) -> _Parts:
        if type.format == "b":
            return [self._bits(bytes(map(bool, values)))], ()
        code = f"={len(values)}{_CODES[type.format]}"
        return [self._filled(struct.pack(code, *(int(value or 0) for value in values)))], ()

    def _offsets(self, lengths: Iterable[int]) -> Any:
        return self._filled(array.array("i", accumulate(lengths, initial=0)))

    def _bits(self, mask: bytes) -> Any:
        """A bitmap, least significant bit first, from bytes of 0 and 1."""
        digits = mask[::-1].translate(_DIGITS)
        return self._filled(int(digits or b"0", 2).to_bytes(len(mask) // 8 + 1, "little"))


def _is_ascii(column: Any) -> bool:
    """Whether the text surely is UTF-8 in every row."""
    return column.text == ffi.NULL or bytes(ffi.buffer(column.text, column.text_size)).isascii()


# ---- C structures


def _make_schema(out: Any, type: Type) -> None:
    metadata = struct.pack("=i", len(type.metadata)) if type.metadata else b""
    for item in type.metadata.items():
        for text in item:
            metadata += struct.pack("=i", len(text.encode())) + text.encode()
    flags = _NULLABLE if type.nullable else 0
    format, name = type.format.encode(), type.name.encode()
    check(lib.pynl_arrow_schema(out, format, name, metadata, len(metadata), flags, len(type.children)))
    for number, child in enumerate(type.children):
        _make_schema(out.children[number], child)


def _make_array(out: Any, export: Any, made: Array) -> None:
    buffers = ffi.new("void *[]", list(made.buffers))
    shape = (made.length, made.nulls, made.offset)
    count = len(made.buffers)
    check(lib.pynl_arrow_array(out, export, *shape, ffi.cast("void const **", buffers), count, len(made.children)))
    for number, child in enumerate(made.children):
        _make_array(out.children[number], export, child)


def schema_capsule(plan: Plan) -> object:
    """A PyCapsule "arrow_schema"."""
    made = ffi.gc(_new(lib.pynl_arrow_schema_new()), lib.pynl_arrow_schema_free)
    _make_schema(made, schema(plan))
    from . import capsule  # of ctypes, which takes longer to import than all of pynl

    return _handed_over(capsule.schema, made)


def stream_capsule(store: Store, blocks: Blocks, rows: range) -> object:
    """A PyCapsule "arrow_array_stream" of some rows, in one batch."""
    type = schema(store.plan)
    c_schema, c_array = ffi.new("struct ArrowSchema **"), ffi.new("struct ArrowArray **")
    made = ffi.gc(_new(lib.pynl_arrow_stream_new(c_schema, c_array)), lib.pynl_arrow_stream_free)
    exporter = Exporter(store, blocks, rows)
    _make_schema(c_schema[0], type)
    with store.lock:
        _make_array(c_array[0], exporter.c, exporter.table(type))
    from . import capsule

    return _handed_over(capsule.stream, made)


def _new(made: Any) -> Any:
    if made == ffi.NULL:
        raise MemoryError("no memory for an export")
    return made


def _handed_over(make: Callable[[int], object], made: Any) -> object:
    """A capsule around a structure, which it owns from then on."""
    done = make(int(ffi.cast("uintptr_t", made)))
    ffi.gc(made, None)
    return done
