"""Records in bulk: the same records, with their plain values laid out for speed.

A record reads its fields from its block of rows, each by a call of a Python function. Where a thousand of them are
made together that call is worth saving: a *layout* is a subclass of the record's class in which the fields that differ
from row to row are slots, filled when the record is made, and those that are the same in all rows of the block stand
once, on the class. Nested fields stay as they are, read when asked for. A layout changes no value and no behaviour.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import new_class
from typing import Any, TypeVar

from .schema import Record

R = TypeVar("R", bound=Record)


def layout(record: type[R], varying: tuple[str, ...], same: Mapping[str, Any]) -> type[R]:
    """A layout of ``record``: called with its block, its row, and the values of ``varying`` in order."""
    lines = [f"def __init__({', '.join(('self', '_rows', '_row', *varying))}):"]
    lines += [f" self.{name} = {name}" for name in ("_rows", "_row", *varying)]
    namespace: dict[str, Any] = {}
    # As dataclasses do: a loop over the names would cost what this saves.
    exec(compile("\n".join(lines), __name__, "exec"), namespace)
    members = {"__slots__": varying, "__init__": namespace["__init__"], "__module__": record.__module__, **same}
    made: Any = new_class(record.__name__, (record,), {"layout": record}, lambda body: body.update(members))
    return made  # type: ignore[no-any-return]
