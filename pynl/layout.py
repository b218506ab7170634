"""Records in bulk: the same records, with their plain values laid out for speed.

A record reads its fields from its block of rows, each by a call of a Python function. Where a thousand of them are
made together that call is worth saving: a *layout* is a subclass of the record's class in which the fields that differ
from row to row are slots, filled when the record is made, and those that are the same in all rows of the block stand
once, on the class. Nested fields stay as they are, read when asked for. A layout changes no value and no behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import new_class
from typing import Any, TypeVar

from .schema import Record

R = TypeVar("R", bound=Record)


def layout(record: type[R], varying: tuple[str, ...], same: tuple[tuple[str, Any], ...]) -> Callable[..., R]:
    """As :func:`_layout`, made once: a class takes longer to make than a thousand records."""
    key: Any = record
    made: Callable[..., R] = _layout(key, varying, same)
    return made


@lru_cache(256)
def _layout(record: type[R], varying: tuple[str, ...], same: tuple[tuple[str, Any], ...]) -> Callable[..., R]:
    """What makes records of a layout of ``record``: called with block, row, and the values of ``varying`` in order.

    Slots can be filled at full speed only where assignment is object's own, which records forbid. So a record is made
    as one class, and becomes the other, which differs in that alone, as the last step of its making.
    """
    slots = ("_rows", "_row", *varying)
    lines = [f"def __init__({', '.join(('self', *slots))}):", *(f" self.{name} = {name}" for name in slots)]
    namespace: dict[str, Any] = {}
    # As dataclasses do: a loop over the names would cost what this saves.
    exec(compile("\n".join([*lines, " self.__class__ = made"]), __name__, "exec"), namespace)
    maker: Any = _subclass(
        record, record, object, {"__slots__": varying, "__init__": namespace["__init__"], **dict(same)}
    )
    namespace["made"] = _subclass(maker, record, Record, {"__slots__": ()})
    return maker  # type: ignore[no-any-return]


def _subclass(base: type[Record], record: type[Record], assigns: Any, members: Mapping[str, Any]) -> type[Record]:
    """A subclass with the ``__setattr__`` and ``__delattr__`` of ``assigns``: one without the other is slow."""
    assignment = {"__setattr__": assigns.__setattr__, "__delattr__": assigns.__delattr__}
    named = {"__module__": record.__module__, **assignment, **members}
    return new_class(record.__name__, (base,), {"layout": record}, lambda body: body.update(named))
