"""Declarations: one line declares one attribute, or one member of a fixed header.

A declaration is a descriptor, so it is at once the record's property, its type hint, and what the plan for the C
core, the encoder and the reference are made from (schema.py has an example).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from ._wire import lib
from .kinds import Kind

T = TypeVar("T")

#: What is to be written of a value that was read, and of the record that has it; None: it is left out.
Sent = Callable[[Any, Any], Any]


NLA_F_NESTED = 0x8000


class Field(property, Generic[T]):
    """One declared attribute or header member."""

    def __init__(
        self,
        kind: Kind[T],
        number: int = -1,
        *,
        member: bool = False,
        many: bool = False,
        extended: tuple[int, Kind[Any], int | None] | None = None,
        length: str | None = None,
        nested: bool = False,
        constant: str | None = None,
        select: tuple[str, Mapping[Any, type[Any]]] | None = None,
        within: tuple[str, str] | None = None,
        sent: Sent | None = None,
        doc: str = "",
    ) -> None:
        super().__init__()
        self.kind = kind
        #: That of its attribute: of a header member, the one of the attribute beside it.
        self.wide: Kind[Any] = extended[1] if extended else kind
        #: The attribute's type (of a header member: its offset, known once its class is made).
        self.number = number
        self.member = member
        #: The attribute comes any number of times; its value is a tuple.
        self.many = many
        #: A header member too narrow for its values: (attribute type, kind, what the member then holds).
        self.extended = extended
        #: The header member with the prefix length that is shown behind this address.
        self.length = length
        #: NLA_F_NESTED is set when it is sent.
        self.nested = nested
        #: The name of its number, where that is not the class's prefix and its own name.
        self.constant = constant
        #: The field that tells what is inside, and the record for each of its values (None: for all others).
        self.select = select
        #: A field of a nest shown as one of the message: (the nest's field, the name in it).
        self.within = within
        #: One value of a fixed form: neither nested, nor many, nor for Python alone to read.
        self.plain = not (self.wide.record or many or within or kind.code == lib.PYNL_DEEP)
        #: Of its attribute, as it is sent.
        self.type = (extended[0] if extended else number) | (NLA_F_NESTED if nested else 0)
        #: What is to be written of it once it was read, where that is not the same.
        self.sent = sent
        self.doc = doc
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

        def read(record: Any) -> Any:
            return record._rows[name][record._row]

        super().__init__(read, doc=self.doc or None)

    def told(self, record: type[Any]) -> Field[Any]:
        """A select field once it is known which record it holds."""
        made: Field[Any] = Field(_nested("nest", self.kind.code, record, plural=False), self.number, nested=self.nested)
        made.name = self.name
        return made

    if TYPE_CHECKING:

        @overload
        def __get__(self, record: None, owner: type | None = None) -> Field[T]: ...
        @overload
        def __get__(self, record: object, owner: type | None = None) -> T: ...
        def __get__(self, record: Any, owner: type | None = None) -> Field[T] | T: ...


def never(value: Any, record: Any) -> None:
    """Only the kernel tells it: as ``sent`` of an attribute."""


def unless(default: Any) -> Sent:
    """It is left out where it has its default, which the kernel may refuse to be told: as ``sent`` of an attribute."""
    return lambda value, record: None if value == default else value


def attribute(
    number: int, kind: Kind[T], *, nested: bool = False, constant: str | None = None, sent: Sent | None = None
) -> Field[T | None]:
    """An attribute: its type, and the kind of its payload.

    ``nested`` sets NLA_F_NESTED when it is sent; ``constant`` is its UAPI name where that is not its class's prefix
    and its own name; ``sent`` tells what is to be written of a value that was read.
    """
    return Field(kind, number, nested=nested, constant=constant, sent=sent)  # type: ignore[arg-type]


def many(number: int, kind: Kind[T], *, nested: bool = False) -> Field[tuple[T, ...] | None]:
    """An attribute that comes any number of times: a tuple."""
    return Field(kind, number, many=True, nested=nested)  # type: ignore[arg-type]


def member(kind: Kind[T], *, extended: tuple[int, Kind[Any], int | None] | None = None) -> Field[T]:
    """The next member of the fixed header (or struct).

    ``extended`` names the attribute that carries the value where the member is too narrow for it: its type, its
    kind, and what the member holds then (None: the low bits).
    """
    return Field(kind, member=True, extended=extended)


def select(
    number: int, by: str, choices: Mapping[Any, type[Any]], *, nested: bool = False, sent: Sent | None = None
) -> Field[Any]:
    """A nest (or struct) whose content another field of the same record tells: ``by`` is that field's name.

    What no choice is known for is an :class:`Opaque`.
    """
    kind = replace(_nested("nest", lib.PYNL_DEEP, object, plural=False), name=f"as {by} tells", python="Record")
    return Field(kind, number, nested=nested, select=(by, choices), sent=sent)


def within(nest: str, field: Field[T]) -> Field[T]:
    """A field of a nest, shown as one of the message itself, with a column of its own."""
    return Field(field.kind, within=(nest, field.name))


def prefix(number: int, kind: Kind[str], length: str) -> Field[str | None]:
    """An address attribute shown with its prefix length, which the header member ``length`` holds."""
    return Field(kind, number, length=length)  # type: ignore[arg-type]


class Padding:
    """Bytes of a fixed header that mean nothing."""

    def __init__(self, size: int) -> None:
        self.size = size


def pad(size: int) -> Padding:
    """Padding within a fixed header."""
    return Padding(size)


def _nested(name: str, code: int, record: type[T], plural: bool) -> Kind[Any]:
    def refuse(value: Any) -> Any:
        raise TypeError(f"{record.__name__} is no plain value")

    label = record.__name__
    python = f"tuple[{label}, ...]" if plural else label
    return Kind(f"{name} {label}", code, 0, refuse, refuse, python=python, record=record, plural=plural)


def nest(record: type[T]) -> Kind[T]:
    """Attributes within an attribute."""
    return _nested("nest", lib.PYNL_NEST, record, plural=False)


def struct(record: type[T]) -> Kind[T]:
    """A C struct: shorter ones, from older kernels, leave the members that they lack at None."""
    return _nested("struct", lib.PYNL_DEEP, record, plural=False)


def structs(record: type[T]) -> Kind[tuple[T, ...]]:
    """C structs of one size, one after another."""
    return _nested("structs", lib.PYNL_DEEP, record, plural=True)


def hops(record: type[T]) -> Kind[tuple[T, ...]]:
    """struct rtnexthop records, each with its own length and attributes behind it."""
    return _nested("hops", lib.PYNL_HOPS, record, plural=True)


def indexed(record: type[T]) -> Kind[tuple[T, ...]]:
    """Nests in attributes whose types count."""
    return _nested("indexed", lib.PYNL_INDEXED, record, plural=True)
