"""Routes by destination while they change: the longest prefix of a table and of what is not in it."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Generic, TypeVar, overload

from .lpm import Prefixes
from .schema import Record
from .table import Table

R = TypeVar("R", bound=Record)


class Lookup(Generic[R]):
    """The longest prefix of a table's records, less some of them, and of others.

    Args:
        records: the table, which is not changed.
        table: the number of the kernel's table; routes of others are left out.
    """

    def __init__(self, records: Table[R], table: int) -> None:
        self._prefixes = Prefixes(records, table=table)
        self._base = records
        self._next = len(records)
        self._free: list[int] = []
        #: Number -> a record that is not in the table.
        self._others: dict[int, R] = {}
        #: Somebody else has these as well: they must not be changed.
        self._shared = False
        #: Key -> the numbers of its records, where they are not in the table.
        self._numbers: dict[Hashable, list[int]] = {}

    def change(self, key: Hashable, rows: Sequence[int], after: Sequence[R]) -> None:
        """Puts records in the place of those of a key.

        Args:
            key: what they have in common.
            rows: their rows in the table, where they were never changed before.
            after: what there is now, in its order.
        """
        if self._shared:
            self._others, self._shared = dict(self._others), False
        for row in rows:
            self._prefixes.remove(row, self._base[row])
        for number in self._numbers.pop(key, ()):
            self._prefixes.remove(number, self._others.pop(number))
            self._free.append(number)
        for record in after:
            number = self._free.pop() if self._free else self._next
            if not self._prefixes.add(number, record):
                if number != self._next:
                    self._free.append(number)
                continue
            self._next = max(self._next, number + 1)
            self._others[number] = record
            self._numbers.setdefault(key, []).append(number)

    def lookup(self, address: Any) -> R | None:
        """As :meth:`pynl.lpm.Prefixes.lookup`."""
        row = self._prefixes.row(address)
        return None if row is None else _record(self._base, self._others, row)

    def lookup_many(self, addresses: Any) -> Matches[R]:
        """The same of many addresses, as :meth:`pynl.lpm.Prefixes.rows` takes them."""
        self._shared = True
        return Matches(self._prefixes.rows(addresses), self._base, self._others)


class Matches(Sequence["R | None"], Generic[R]):
    """What was found for many addresses: a record for each, or None; records are made when they are asked for.

    Attributes:
        rows: a number for each address, the same where the same record was found, -1 where none was: signed 32-bit
            numbers, which ``numpy.asarray`` does not copy.
    """

    def __init__(self, rows: memoryview, base: Table[R], others: Mapping[int, R]) -> None:
        self.rows = rows
        self._base = base
        self._others = others

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> R | None: ...
    @overload
    def __getitem__(self, index: slice) -> Matches[R]: ...
    def __getitem__(self, index: int | slice) -> R | Matches[R] | None:
        if isinstance(index, slice):
            return Matches(self.rows[index], self._base, self._others)
        row: int = self.rows[index]
        return None if row < 0 else _record(self._base, self._others, row)

    def __repr__(self) -> str:
        return f"<Matches of {len(self)} addresses>"


def _record(base: Table[R], others: Mapping[int, R], row: int) -> R:
    return base[row] if row < len(base) else others[row]
