"""Records: one class declares one message, nest or struct.

::

    class Neighbour(Record, prefix="NDA_", struct="ndmsg", struct_prefix="ndm_"):
        family = member(enum(U8, AddressFamily))
        ...
        dst = attribute(1, IP)
        lladdr = attribute(2, HARDWARE)

Records hold no values of their own: they point to a row of values (values.py), which a table fills from its columns, a
thousand rows at a time and only for the fields that are read, or which hold one hand-made record as it will be sent.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from struct import Struct
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from ._wire import lib
from .errors import retold
from .fields import Field, Padding
from .kinds import Kind
from .values import Packed, Rows, Unknown

R = TypeVar("R", bound="Record")


class Record:
    """A message, nest or struct, read or to be sent: immutable, hashable, comparable, picklable.

    Its fields are the class's declarations; one that the kernel did not send is None. Keyword arguments make one
    by hand, with the same values that reading gives (and everything that can be turned into them).
    """

    __slots__ = ("_row", "_rows")

    _row: int
    _rows: Rows

    #: The declared class: of records in bulk, the class that they are a layout of (layout.py).
    RECORD: ClassVar[type[Record]]
    #: Every declared field by name, header members first.
    FIELDS: ClassVar[Mapping[str, Field[Any]]] = {}
    #: Those that have an attribute.
    SENT: ClassVar[Mapping[str, Field[Any]]] = {}
    #: Attribute type -> field.
    ATTRIBUTES: ClassVar[Mapping[int, Field[Any]]] = {}
    #: Those that hold devices, or records, which may.
    REFERRING: ClassVar[frozenset[str]] = frozenset()
    MEMBERS: ClassVar[Sequence[Field[Any]]] = ()
    #: Name, start and stop of each header member; the field where its bytes are not those of its value alone.
    PLACES: ClassVar[Sequence[tuple[str, int, int, Field[Any] | None]]] = ()
    #: Bytes of the fixed header.
    HEADER: ClassVar[int] = 0
    #: Packs the header at once, where all its members are integers in host byte order.
    PACKED: ClassVar[Struct | None] = None
    #: The members of a header of zeros.
    BLANK: ClassVar[Mapping[str, Any]] = {}
    #: Fields shown with the prefix length that another one holds, and fields of nests shown as the record's own.
    PREFIXES: ClassVar[Sequence[Field[Any]]] = ()
    WITHIN: ClassVar[Sequence[Field[Any]]] = ()
    #: What the UAPI spelling of its attributes begins with.
    PREFIX: ClassVar[str] = ""
    #: The C struct of its fixed header, and what the spelling of its members begins with.
    STRUCT: ClassVar[str] = ""
    STRUCT_PREFIX: ClassVar[str] = ""

    def __init_subclass__(
        cls, prefix: str = "", struct: str = "", struct_prefix: str = "", layout: type[Record] | None = None
    ) -> None:
        cls.RECORD = layout or cls
        if layout:
            return
        cls.PREFIX, cls.STRUCT, cls.STRUCT_PREFIX = prefix, struct, struct_prefix
        offset = 0
        fields = {}
        codes = "="
        for name, value in list(vars(cls).items()):
            if isinstance(value, Padding):
                offset += value.size
                codes += f"{value.size}x"
                delattr(cls, name)
            elif isinstance(value, Field):
                fields[name] = value
                if value.member:
                    value.number = offset
                    offset += value.kind.size
                    codes += value.kind.format if value.kind.format and value.kind.code == lib.PYNL_INT else "?"
        cls.HEADER = offset
        cls.FIELDS = fields
        cls.MEMBERS = tuple(field for field in fields.values() if field.member)
        cls.PLACES = tuple(
            (f.name, f.number, f.number + f.kind.size, f if f.extended or not f.plain else None) for f in cls.MEMBERS
        )
        cls.PACKED = None if "?" in codes else Struct(codes)
        cls.BLANK = {field.name: field.kind.load(bytes(field.kind.size)) for field in cls.MEMBERS}
        cls.PREFIXES = tuple(field for field in fields.values() if field.length)
        cls.WITHIN = tuple(field for field in fields.values() if field.within)
        sent = {n: f for n, f in fields.items() if not f.within and (f.extended or not f.member)}
        cls.SENT = sent
        cls.ATTRIBUTES = {field.extended[0] if field.extended else field.number: field for field in sent.values()}
        cls.REFERRING = frozenset(name for name, field in fields.items() if field.kind.device or field.kind.record)

    def __init__(self, rows: Rows | None = None, row: int = 0, /, **values: Any) -> None:
        if rows is None:  # only then can a caller be at it: rows are nobody's but pynl's, and made by the million
            if hasattr(self, "_rows"):
                raise AttributeError(f"{self.RECORD.__name__} is immutable: replace(...) makes another")
            rows = self._make(values)
        _set_rows(self, rows)
        _set_row(self, row)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{self.RECORD.__name__} is immutable: replace({name}=...) makes another")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{self.RECORD.__name__} is immutable: replace({name}=None) makes another")

    @classmethod
    def _make(
        cls,
        values: Mapping[str, Any],
        normal: Mapping[str, Any] = MappingProxyType({}),
        complete: Callable[[Mapping[str, Any]], Any] | None = None,
    ) -> Rows:
        """Rows of one record from what a caller gave; raises TypeError or ValueError that name the argument.

        Args:
            values: the fields.
            normal: those of them that another record has: they stay as they are, even if no caller could give them.
            complete: gets the fields that were given, those that are plain as bytes, and returns others by name: those
                that are not among them are the record's too.
        """
        values = cls.translated(values)
        cls.known(values)
        if cls.WITHIN:
            values = cls._nested(values)
        packed: dict[str, Any] = {}
        shown: dict[str, Any] = {}
        lengths: dict[str, int] = {}
        fields = cls.FIELDS
        selected: list[Field[Any]] = []
        for name, value in values.items():
            if value is None:
                continue
            field = fields[name]
            if field.plain:
                try:
                    packed[name] = _prefix(field, value, lengths) if field.length else field.wide.dump(value)
                except (TypeError, ValueError) as error:
                    if normal.get(name) is not value:
                        raise _of(field, error) from None
                    packed[name] = shown[name] = value
            elif field.select:
                selected.append(field)
            else:
                packed[name] = shown[name] = value if normal.get(name) is value else normalize(field, value)
        for field in cls.PREFIXES:
            if field.name in values:
                _fit_length(field, packed, lengths, values, normal)
        for field in selected:  # once what they depend on is there
            packed[field.name] = shown[field.name] = _selected(cls, field, packed, values[field.name])
        for field in cls.WITHIN:
            nest, name = field.within or ("", "")
            if nest in shown:
                packed[field.name] = shown[field.name] = getattr(shown[nest], name)
        if complete:
            rest = complete(packed)
            packed = {**{name: fields[name].wide.dump(rest[name]) for name in rest if name not in packed}, **packed}
        order = tuple(packed)
        for name, value in cls._defaults(packed).items():
            if name not in packed:
                packed[name] = fields[name].wide.dump(value)
        return Packed(fields, cls.BLANK, packed, shown, order)

    @classmethod
    def _nested(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values with those of nests that are shown as the record's own put into their nests."""
        if not any(field.name in values for field in cls.WITHIN):
            return values
        made = dict(values)
        for name, value in values.items():
            if not cls.FIELDS[name].within:
                continue
            nest, inner = cls.FIELDS[name].within or ("", "")
            del made[name]
            outer = made.get(nest)
            if isinstance(outer, Record):
                made[nest] = outer.replace(**{inner: value})
            elif value is not None:
                made[nest] = {**(outer or {}), inner: value}
        return made

    @classmethod
    def translated(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a caller gave, as fields: a class may take arguments that are none, such as its properties."""
        return values

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Header members that follow from other fields; a class may override it.

        Args:
            values: the fields that were given, those that are plain as bytes: an IPv6 address has 16.
        """
        return {}

    @classmethod
    def known(cls, names: Mapping[str, Any] | Sequence[str]) -> None:
        """Raises TypeError for a name that is no field, with the nearest one that is."""
        if not cls.FIELDS.keys() >= (names.keys() if isinstance(names, dict) else set(names)):
            name = next(name for name in names if name not in cls.FIELDS)
            raise TypeError(f"{cls.__name__} has no field {name!r}{nearest(name, cls.FIELDS)}")

    @property
    def unknown(self) -> tuple[Unknown, ...]:
        """Attributes that the declaration does not name, or that it cannot hold: raw."""
        return self._rows.unknown(self._row)

    def replace(self: R, **values: Any) -> R:
        """The same record with some fields changed; None takes a field away."""
        kept = {name: value for name, value in self._given().items() if not self.FIELDS[name].within}
        record: Any = self.RECORD
        made: R = record(record._make({**kept, **values}, kept), 0)
        order, before = made.order(), self.order()
        # What only the header held is not to become an attribute as well.
        header = {field.name for field in self.MEMBERS if field.name not in before and field.name not in values}
        made._rows._order = (
            *(name for name in before if name in order),
            *(name for name in order if name not in before and name not in header),
        )
        made._rows._unknown = self.unknown
        return made

    def asdict(self) -> dict[str, Any]:
        """Every field by name; nested records become dicts, tuples lists."""
        return {name: _plain(getattr(self, name)) for name in self.fields()}

    def fields(self) -> Iterable[str]:
        """The names of its fields: all that are declared, or those that the dump was asked for."""
        return self.FIELDS if self._rows.asked is None else self._rows.asked

    def order(self) -> Sequence[str]:
        """The names of its attributes, in the order that they had, or will have, on the wire."""
        return self._rows.order(self._row)

    def items(self) -> Iterator[tuple[str, Any]]:
        """Name and value of each field that is there."""
        for name in self.fields():
            value = getattr(self, name)
            if value is not None:
                yield name, value

    def _given(self) -> dict[str, Any]:
        """What makes an equal record by hand."""
        return dict(self.items())

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in self.fields())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Record) or other.RECORD is not self.RECORD:
            return NotImplemented
        return self._values() == other._values() and self.unknown == other.unknown

    def __hash__(self) -> int:
        return hash((self.RECORD, self._values()))

    def __repr__(self) -> str:
        shown = ((n, v) for n, v in self.items() if v or not self.FIELDS[n].member)  # a header's zeros say nothing
        values = [f"{name}={_show(value)}" for name, value in shown]
        if self.unknown:
            values.append(f"unknown={self.unknown!r}")
        return f"{type(self).__name__}({', '.join(values)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (self.RECORD, self._given(), self.unknown, self.order(), self._rows.asked)


# Assignment itself is forbidden.
_set_rows, _set_row = (vars(Record)[name].__set__ for name in ("_rows", "_row"))


class Opaque(Record):
    """A nest that no declaration is known for: its attributes are all ``unknown``."""


def _restore(cls: type[R], values: Mapping[str, Any], *rest: Any) -> R:
    return cls(Rows(values, *rest), 0)


def _plain(value: Any) -> Any:
    if isinstance(value, Record):
        return value.asdict()
    if type(value) is tuple:
        return [_plain(item) for item in value]
    return value


def _show(value: Any) -> str:
    """An enum's member by name, everything else as it is."""
    name = getattr(value, "name", None)
    return name if isinstance(value, int) and isinstance(name, str) else repr(value)


def nearest(name: str, names: Mapping[str, Any] | Sequence[str]) -> str:
    """The end of an error message: the near match, where there is one."""
    close = difflib.get_close_matches(name, list(names), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def writable(record: R) -> R:
    """A record that was read, with what its declarations say is to be written of it."""
    made = {}
    for name in record.fields():
        field, value = record.FIELDS[name], getattr(record, name)
        if field.sent:
            made[name] = field.sent(value, record)
        elif isinstance(value, Record):
            made[name] = writable(value)
        if name in made and made[name] is value:
            del made[name]
    return record.replace(**made) if made else record


def normalize(field: Field[Any], value: Any) -> Any:
    """The value as reading it from the wire would give it."""
    kind = field.wide
    try:
        if field.many:
            if isinstance(value, (str, bytes, Mapping)):
                value = [value]
            return tuple(_round_trip(kind, item) for item in value)
        if field.length:
            lengths: dict[str, int] = {}
            return f"{kind.load(_prefix(field, value, lengths))}/{lengths[field.length]}"
        return _round_trip(kind, value)
    except (TypeError, ValueError) as error:
        raise _of(field, error) from None


def _of(field: Field[Any], error: Exception) -> Exception:
    return retold(error, f"{field.name}: {error}")


def _prefix(field: Field[Any], value: Any, lengths: dict[str, int]) -> bytes:
    """The address of a prefix as it is sent; ``lengths`` gets its length."""
    assert field.length
    address, slash, length = str(value).partition("/")
    packed = field.wide.dump(address)
    bits = int(length) if length.isascii() and length.isdecimal() else -1 if slash else 8 * len(packed)
    if not 0 <= bits <= 8 * len(packed):
        raise ValueError(f"expected a prefix length up to {8 * len(packed)}, not {value!r}")
    lengths[field.length] = bits
    return packed


def _fit_length(
    field: Field[Any],
    packed: dict[str, Any],
    lengths: Mapping[str, int],
    values: Mapping[str, Any],
    normal: Mapping[str, Any],
) -> None:
    """Prefixes and their lengths are told twice; what was given decides, the prefix before the length."""
    name, length = field.name, field.length
    assert length is not None
    if normal.get(name) is not values[name] or length not in values:
        packed[length] = bytes((lengths.get(length, 0),))


def chosen(field: Field[Any], selector: Any) -> type[Record]:
    """The class of what a select field holds, given the value of the field that tells."""
    assert field.select
    choices = field.select[1]
    cls: type[Record] = choices.get(selector, choices.get(None, Opaque))
    return cls


def _selected(cls: type[Record], field: Field[Any], packed: Mapping[str, Any], value: Any) -> Record:
    assert field.select
    by = field.select[0]
    told = cls.FIELDS[by].wide.load(packed[by]) if by in packed else None
    inner = chosen(field, told)
    if isinstance(value, Record) and not isinstance(value, inner):
        raise TypeError(f"{field.name}: expected {inner.__name__}, since {by} is {told!r}, not {value!r}")
    return make(inner, value)


def _round_trip(kind: Kind[Any], value: Any) -> Any:
    if kind.record is None:
        data = kind.dump(value)
        return value if type(value) is kind.plain else kind.load(data)
    if not kind.plural:
        return make(kind.record, value)
    if isinstance(value, (str, bytes, Mapping)):
        raise TypeError(f"expected a sequence of {kind.record.__name__}, not {value!r}")
    return tuple(make(kind.record, item) for item in value)


def make(cls: type[R], value: Any) -> R:
    """A record from a record, or from a mapping of its fields."""
    if isinstance(value, cls):
        return value
    if isinstance(value, Mapping):
        return cls(**value)
    raise TypeError(f"expected {cls.__name__} or a mapping of its fields, not {value!r}")
