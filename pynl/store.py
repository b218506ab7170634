"""The C table behind a Table: what is decoded into it, what is filtered out, and what is still to come."""

from __future__ import annotations

import os
import struct
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ._wire import ffi, lib
from .errors import ClosedError, DecodeError, check
from .fields import Field
from .plan import Keys, Plan, column_kind

_LENGTH = struct.Struct("=I")
#: Bytes that the kernel has for a datagram of a dump, at the least (NLMSG_GOODSIZE where pages have 4 KB).
_ROOM = 3700


class Source(Protocol):
    """Where a store's rows come from."""

    def advance(self, store: Store) -> bool:
        """Decodes what comes next into the store; False where nothing will."""

    def interrupt(self) -> None:
        """Makes ``advance`` fail with ClosedError, also while it waits; safe from any thread."""


class Store:
    """The C table behind one or more views of it, and the segments that its rows lie in.

    Its rows may still be arriving; several threads may use it meanwhile.

    Args:
        plan: what its rows are decoded by.
        table: struct pynl_table, which the store owns from here on; None: an empty one.

    Attributes:
        consistent: False where the kernel said that what it listed changed meanwhile.
        error: why the rows are not all there.
    """

    def __init__(self, plan: Plan, table: Any = None) -> None:
        self.plan = plan
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self.consistent = True
        #: Makes what tells its rows apart, where each object should be listed once.
        self.keys: Callable[[Plan], Keys | None] | None = None
        self.error: Exception | None = None
        self._source: Source | None = None
        if table is None:
            table = lib.pynl_table_new(plan.column_kinds, plan.column_widths, len(plan.columns))
        if table == ffi.NULL:
            raise MemoryError("no memory for a table")
        self.c = ffi.gc(table, lib.pynl_table_free)

    @property
    def lock(self) -> threading.RLock:
        """Held while rows are added, which may move the columns, and while columns are read.

        Raises:
            ClosedError: in a child process, of rows that were still arriving when it was forked: the thread that had
                them in hand is not here.
        """
        if self._pid != os.getpid():
            if self._source:
                raise ClosedError("the dump belongs to the process that this one was forked from")
            self._pid, self._lock = os.getpid(), threading.RLock()
        return self._lock

    def decode(self, segment: Any, filters: Filters | None = None) -> int:
        """Decodes a C segment, which the table owns from here on; returns how many rows it added."""
        c, count = (filters.c, filters.count) if filters else (ffi.NULL, 0)
        with self.lock:
            return check(lib.pynl_table_decode(self.c, self.plan.c, c, count, segment))

    def decode_bytes(self, data: bytes) -> int:
        """Decodes whole messages, one after another."""
        segment = lib.pynl_segment_new(ffi.from_buffer("uint8_t[]", data), len(data))
        if segment == ffi.NULL:
            raise MemoryError("no memory for the messages")
        added = self.decode(segment)
        self.end()
        return added

    def append(self, message: bytes) -> None:
        """Decodes one whole message; :meth:`finish` comes after the last."""
        data = ffi.from_buffer("uint8_t[]", message)
        with self.lock:
            check(lib.pynl_table_append(self.c, self.plan.c, ffi.NULL, 0, data, len(message)))

    def finish(self) -> None:
        """Makes what was appended readable."""
        with self.lock:
            lib.pynl_table_finish(self.c)

    def arrive(self, source: Source) -> None:
        """The rows come from ``source``, as they are needed."""
        self._source = source

    def need(self, rows: int | None = None, meanwhile: Callable[[], object] | None = None) -> None:
        """Waits until there are this many rows, or until there are all; ``meanwhile`` is called whenever some came.

        Raises:
            Exception: ``error``, where it has all rows that there will be.
        """
        while self._source and (rows is None or self.c.rows < rows):
            with self.lock:
                self._advance()
            if meanwhile:
                meanwhile()
        if self.error and (rows is None or self.c.rows < rows):
            raise self.error

    def _advance(self) -> None:
        try:
            if self._source and not self._source.advance(self):
                self._source = None
                self.end()
        except BaseException as error:
            self._source = None
            self.error = error if isinstance(error, Exception) else ClosedError(f"the dump was ended by {error!r}")
            raise

    def cancel(self) -> None:
        """Gives up what has not arrived; safe from any thread."""
        source = self._source
        if source:
            source.interrupt()

    def end(self) -> None:
        """All rows are there: notes the messages that could not be decoded."""
        c = self.c
        if c.bad:
            data = b"" if c.bad_message == ffi.NULL else message_at(c.bad_message)
            reason = f"{c.bad} message(s) could not be decoded as {self.plan.record.__name__}, the first"
            self.error = DecodeError(reason, c.bad_at + c.bad_attribute, data)

    def message(self, row: int) -> bytes:
        """The bytes of a row's message, header and all."""
        return message_at(self.c.messages[row])

    def datagrams(self, room: int = 0) -> tuple[list[int], bool]:
        """The row at which each datagram of a dump begins, and whether the last one had room for any row more.

        What comes in one datagram the kernel listed at one instant, one object after another, and where it had room
        for more there was no more. How large an object may be that did not fit is not known: half of the room is taken
        for enough, and the longest message that was seen.

        Args:
            room: bytes that a datagram had, as of the socket's ``room``; 0: as many as the kernel gives any.
        """
        room = room or _ROOM
        with self.lock:
            c = self.c
            count = int(c.start_count)
            ended = not count or c.starts[count - 1].size + max(c.longest, room // 2) <= room
            return [int(c.starts[number].row) for number in range(count)], ended

    def column(self, name: str) -> Any:
        """struct pynl_column of a field; KeyError where it has none."""
        return self.c.columns[self.plan.columns[name]]


def message_at(pointer: Any) -> bytes:
    """A message in C memory: its header begins with its length."""
    (length,) = _LENGTH.unpack(ffi.buffer(pointer, _LENGTH.size))
    return bytes(ffi.buffer(pointer, length))


class Filters:
    """What a row's fields must be to be kept, as C compares them.

    Args:
        plan: the plan of the table.
        wanted: field name -> value, as the record would show it; None: the row has none.
        pushed: those that messages with NLM_F_DUMP_FILTERED are not held to: the kernel filtered by them.

    Raises:
        TypeError: a field that has no column, and cannot be filtered by.
    """

    def __init__(self, plan: Plan, wanted: Mapping[str, Any], pushed: frozenset[str] = frozenset()) -> None:
        found: list[tuple[str, bytes | None]] = []
        for name, value in wanted.items():
            found += [(name, None)] if value is None else _filter(plan.record.FIELDS[name], value)
        self.count = len(found)
        #: The columns that are compared, and with what.
        self.found: Sequence[tuple[str, bytes | None]] = found
        self._values = [ffi.NULL if value is None else ffi.from_buffer("uint8_t[]", value) for _, value in found]
        rows = [
            (plan.columns[name], name in pushed, len(value or b""), c)
            for (name, value), c in zip(found, self._values, strict=True)
        ]
        self.c = ffi.new("struct pynl_filter[]", rows)


def _filter(field: Field[Any], value: Any) -> list[tuple[str, bytes | None]]:
    """The columns that must be equal, and to what."""
    kind = column_kind(field)
    if kind.code in (lib.PYNL_INT, lib.PYNL_BE, lib.PYNL_FLAG):
        width = max(kind.size, 1)
        return [(field.name, (int(value) & ((1 << 8 * width) - 1)).to_bytes(8, sys.byteorder))]
    if kind.code == lib.PYNL_TEXT:
        return [(field.name, kind.dump(value)[:-1])]
    if kind.code == lib.PYNL_ADDRESS and field.length:
        address, _, length = value.partition("/")
        return [(field.name, kind.dump(address)), (field.length, int(length).to_bytes(8, sys.byteorder))]
    if kind.code == lib.PYNL_ADDRESS:
        return [(field.name, kind.dump(value))]
    raise TypeError(f"cannot filter by {field.name}: its values are nested")
