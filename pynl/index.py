"""Rows of a table by what tells them apart, compared with those of another table: in C, a hash for each row."""

from __future__ import annotations

from typing import Any

from ._wire import ffi, lib
from .errors import check
from .plan import Keys
from .store import Store


class Index:
    """The rows of one table, which may still be growing.

    Attributes:
        repeats: how many rows have both the key and the content of an earlier one.
    """

    def __init__(self, store: Store, keys: Keys, c: Any = None) -> None:
        if c is None:
            index = lib.pynl_index_new()
            if index == ffi.NULL:
                raise MemoryError("no memory for an index")
            c = ffi.gc(index, lib.pynl_index_free)
        self._c, self._store, self._keys = c, store, keys
        self.repeats = 0

    def compared(self, keys: Keys) -> Index:
        """The same index, of which matches are compared by other contents; the key is the same."""
        return Index(self._store, keys, self._c)

    def extend(self, marks: bytearray | None = None) -> None:
        """Takes in the rows that were added since.

        Args:
            marks: one byte for each of them, which becomes 1 where it repeats an earlier row.
        """
        c_marks: Any = ffi.NULL if marks is None else ffi.from_buffer("uint8_t[]", marks)
        with self._store.lock:
            self.repeats += check(lib.pynl_index_extend(self._c, self._keys.c, self._store.c, c_marks))

    def match(self, other: Store, marks: bytearray | None = None) -> memoryview:
        """Looks for all rows of another table.

        Args:
            other: the table.
            marks: one byte for each row of the index's own table, which becomes 1 where it is found. Each is
                found once then.

        Returns:
            For each row of the other table, the row that is equal to it; -1: no row has its key; otherwise -2 - the
            first row that has.
        """
        count = other.c.rows
        rows = ffi.new("int32_t[]", count)
        c_marks: Any = ffi.NULL if marks is None else ffi.from_buffer("uint8_t[]", marks)
        with self._store.lock, other.lock:
            c, keys = self._store.c, self._keys.c
            check(lib.pynl_index_match(self._c, keys, c, other.c, 0, count, rows, c_marks))
        return memoryview(ffi.buffer(rows) if count else b"").cast("i")

    def alike(self, row: int) -> list[int]:
        """All rows with the key that this is the first row of, in their order."""
        rows = [row]
        while (following := check(lib.pynl_index_next(self._c, rows[-1]))) != row:
            rows.append(following)
        return rows


def take(store: Store, other: Store, without: bytearray | None = None, first: int = 0, count: int | None = None) -> int:
    """Copies rows of another table of the same plan to the end of a table.

    Args:
        store: the table that gets them.
        other: the table that has them.
        without: one byte for each row from ``first``: those that are not 0 are left out.
        first: the first of the rows.
        count: how many; None: all from there on.

    Returns:
        How many were copied.
    """
    if count is None:
        count = other.c.rows - first
    marks: Any = ffi.NULL if without is None else ffi.from_buffer("uint8_t[]", without)
    with store.lock, other.lock:
        copied = check(lib.pynl_table_take(store.c, store.plan.c, other.c, marks, first, count))
        lib.pynl_table_finish(store.c)
    return copied
