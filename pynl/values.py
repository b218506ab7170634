"""What records point to: the values of their fields, one a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from .fields import Field


class Unknown(NamedTuple):
    """An attribute that its declaration does not name, or whose payload cannot be what is declared."""

    #: The attribute's type, with the NLA_F_* bits; -1: bytes behind the end of a struct, from a newer kernel.
    type: int
    payload: bytes


class Rows(dict[str, Sequence[Any]]):
    """Field name -> values, one a row. As it stands: of one record."""

    __slots__ = ("__weakref__", "_order", "_unknown", "asked")

    #: Of a record made by hand: field name -> the bytes of what is plain.
    packed: Mapping[str, Any] = MappingProxyType({})

    def __init__(
        self,
        values: Mapping[str, Any],
        unknown: tuple[Unknown, ...] = (),
        order: Sequence[str] | None = None,
        asked: Sequence[str] | None = None,
    ) -> None:
        super().__init__({name: (value,) for name, value in values.items()})
        self._unknown = unknown
        self._order = tuple(values) if order is None else tuple(order)
        #: The only fields that were read; None: all.
        self.asked = asked

    def __missing__(self, name: str) -> Sequence[Any]:
        if self.asked is not None:
            raise AttributeError(f"{name} was not among the fields asked for")
        return _ABSENT

    def unknown(self, row: int) -> tuple[Unknown, ...]:
        """What a row's message held beside the declared attributes."""
        return self._unknown

    def beside(self) -> bool:
        """Whether there may be a row whose message held something beside the declared attributes."""
        return bool(self._unknown)

    def order(self, row: int) -> Sequence[str]:
        """The names of a row's attributes, in the order of the wire."""
        return self._order

    def same(self, row: int, other: Rows, other_row: int) -> bool:
        """Whether both were read from the same bytes, but for the message's header."""
        return False

    def message(self, row: int) -> bytes | None:
        """The message that a row was read from; None where it was made by hand."""
        return None


_ABSENT = (None,)


class Packed(Rows):
    """The row of a record made by hand: what is plain is kept as it is sent, and shown when it is first read.

    Args:
        fields: those of the record's class.
        blank: the members of a header of zeros.
        packed: field name -> bytes; of what is not plain, its value.
        values: the fields that are not to be made of bytes.
        order: the names of its attributes.
    """

    __slots__ = ("_blank", "_fields", "packed")

    def __init__(
        self,
        fields: Mapping[str, Field[Any]],
        blank: Mapping[str, Any],
        packed: Mapping[str, Any],
        values: Mapping[str, Any],
        order: tuple[str, ...],
    ) -> None:
        self._fields, self._blank, self.packed = fields, blank, packed
        self._order, self._unknown, self.asked = order, (), None
        for name, value in values.items():
            self[name] = (value,)

    def __missing__(self, name: str) -> Sequence[Any]:
        field, data = self._fields[name], self.packed.get(name)
        if data is None:
            value = self._blank.get(name)
        else:
            value = field.wide.load(data)
            if field.length:
                value = f"{value}/{self[field.length][0]}"
        self[name] = made = (value,)
        return made
