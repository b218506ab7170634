"""The longest prefix that matches: which row of a table an address belongs to, one by one or a million at once."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from array import array
from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from ._wire import ffi, lib
from .errors import check, retold
from .gather import Column
from .kinds import IP
from .schema import Record
from .table import Table

R = TypeVar("R", bound=Record)

#: RT_TABLEMAIN, RTN_THROW (linux/rtnetlink.h).
MAIN, _THROW = 254, 9
_WIDTHS = {socket.AF_INET: 4, socket.AF_INET6: 16}
_PREFIX = ("dst", "dst_len", "family")
#: Rows where these are not 0 are for packets with that service, or of those sources, only.
_ZERO = ("tos", "src_len")
#: ``memoryview`` formats of numbers of 32 bits, each the address itself: in network order, and in the machine's.
_NETWORK = (">I", "!I")
_NATIVE = ("I", "=I", "@I", "<I" if sys.byteorder == "little" else ">I")


class Prefixes(Generic[R]):
    """The rows of a table by their prefixes, IPv4 and IPv6: of those that an address is in, the longest is found.

    What is found is what the kernel's own lookup in that table finds (``nl.routes.get``) for a packet of which no more
    is known than its destination, as long as all next hops are alive: of the same prefix the route of the lowest
    ``priority``, and of those the first. Routes with a ``tos`` or a source prefix are left out; one of the type
    ``throw`` says that the table has none; ``unreachable`` and its like are found as any other. An IPv4 address mapped
    into IPv6 is an IPv6 address. Threads may share an object.

    Args:
        records: a table of routes, or of any records with a prefix ``dst``, its ``dst_len`` and a ``family``; without
            a ``dst``, a record is its family's default. None: nothing, to add to.
        table: the kernel's table; routes of others are left out.

    Raises:
        ValueError: the table was read without a field that decides (``fields=``): the text names it.
    """

    def __init__(self, records: Table[R] | None = None, *, table: int = MAIN) -> None:
        self.records = records
        self.table = table
        self._lock = threading.Lock()
        lpm = lib.pynl_lpm_new()
        if lpm == ffi.NULL:
            raise MemoryError("no memory for prefixes")
        self._c = ffi.gc(lpm, lib.pynl_lpm_free)
        if records is not None:
            self._load(records)

    def _load(self, records: Table[R]) -> None:
        rows, store, fields = records._range(), records._store, records.record.FIELDS
        there = store.plan.columns

        def column(name: str) -> Any:
            if name not in there and (name in fields or name in _PREFIX):
                raise ValueError(f"records: {records.record.__name__} without {name}, which decides about prefixes")
            return ffi.addressof(store.column(name)) if name in there else ffi.NULL

        address, length, family = map(column, _PREFIX)
        tests, values = [column("table"), *map(column, _ZERO)], [self.table, *(0 for _ in _ZERO)]
        if tests[0] == ffi.NULL:
            values[0] = 0
        with store.lock:
            source = (address, length, family, column("priority"), column("type"), _THROW, tests, values)
            c = ffi.new("struct pynl_lpm_source *", source)
            check(lib.pynl_lpm_load(self._c, c, rows.start, rows.step, len(rows)))

    def __len__(self) -> int:
        """How many rows can be found, or would be but for others of the same prefix."""
        return lib.pynl_lpm_count(self._c)

    def __repr__(self) -> str:
        return f"<Prefixes of {len(self)} rows>"

    # ---- changes

    def add(self, row: int, record: R, *, first: bool = False) -> bool:
        """Adds a record: a microsecond or two, however many there are.

        Args:
            row: its number, below 2**30, by which it will be found; 8 bytes are taken for each number up to it.
            record: its prefix; False is returned of one that does not count: of another table, with a ``tos`` ....
            first: before those of the same prefix and ``priority``, not behind them.

        Raises:
            ValueError: there is a row of this number, or it cannot be one.
        """
        prefix = self._prefix(record)
        if prefix is None:
            return False
        address, length = prefix
        none = lib.PYNL_LPM_NONE if getattr(record, "type", None) == _THROW else 0
        flags = none | (lib.PYNL_LPM_FIRST if first else 0)
        rank = getattr(record, "priority", None) or 0
        with self._lock:
            done = lib.pynl_lpm_insert(self._c, address, len(address), length, rank, _number(row), flags)
        if done in (-errno.EEXIST, -errno.EINVAL):
            reason = "is there already" if done == -errno.EEXIST else f"cannot have the prefix {record!r}"
            raise ValueError(f"row: {row} {reason}")
        check(done)
        return True

    def remove(self, row: int, record: R) -> bool:
        """Removes a record, given as it was added; False of one that does not count.

        Raises:
            ValueError: the row is not there with this prefix.
        """
        prefix = self._prefix(record)
        if prefix is None:
            return False
        address, length = prefix
        with self._lock:
            done = lib.pynl_lpm_remove(self._c, address, len(address), length, _number(row))
        if done < 0:
            raise ValueError(f"row: {row} is not there with the prefix {record!r}")
        return True

    def _prefix(self, record: Any) -> tuple[bytes, int] | None:
        """Address and length; None of a record that does not count."""
        if getattr(record, "table", self.table) != self.table or any(getattr(record, name, 0) for name in _ZERO):
            return None
        width = _WIDTHS.get(record.family)
        if record.dst is None:
            return None if record.dst_len or not width else (bytes(width), 0)
        text, _, length = record.dst.partition("/")
        address = IP.dump(text)
        return (address, int(length)) if len(address) == width and int(length) <= 8 * width else None

    # ---- looking up

    def row(self, address: Any) -> int | None:
        """The number of the row whose prefix is the longest that an address is in; None: there is none.

        Args:
            address: text, an ``ipaddress`` object, or its 4 or 16 bytes.

        Raises:
            ValueError, TypeError: it is no address.
        """
        packed, out = _packed(address), ffi.new("int32_t[1]")
        with self._lock:
            check(lib.pynl_lpm_find(self._c, packed, ffi.NULL, len(packed), 1, out))
        row: int = out[0]
        return row if row >= 0 else None

    def lookup(self, address: Any) -> R | None:
        """The record whose prefix is the longest that an address is in; None: there is none. Arguments as of ``row``.

        Raises:
            ValueError: the object was made without a table, and knows rows only.
        """
        if self.records is None:
            raise ValueError("there is no table to look the record up in: ask for its row")
        row = self.row(address)
        return None if row is None else self.records[row]

    def rows(self, addresses: Any, *, width: int | None = None) -> memoryview:
        """The same of many addresses, in C and without the GIL.

        Args:
            addresses: n of them, as

                - a list of what ``row`` takes, of both families if need be;
                - a buffer of bytes of shape (n, 4) or (n, 16);
                - a flat buffer of n times ``width`` bytes: ``bytes``, or the data of an Arrow fixed-size binary array;
                - a buffer of n texts of 4 or 16 bytes (NumPy's ``S4``, ``V16``);
                - a buffer of n unsigned 32-bit numbers, each an IPv4 address: network order (NumPy's ``>u4``) is read
                  where it lies, the machine's own is copied.
            width: 4 or 16: the bytes of an address in a flat buffer.

        Returns:
            n signed 32-bit numbers (``"i"``): the row, or -1 where there is none. ``numpy.asarray`` does not copy it.

        Raises:
            TypeError, ValueError: they are no such addresses; the text names the first of a list.
        """
        data, lengths, width, count = _listed(addresses) if _is_list(addresses) else _buffered(addresses, width)
        out = ffi.new("int32_t[]", max(count, 1))
        pointer = ffi.NULL if lengths is None else ffi.from_buffer("uint8_t[]", lengths)
        with self._lock:
            check(lib.pynl_lpm_find(self._c, ffi.from_buffer("uint8_t[]", data), pointer, width, count, out))
        return memoryview(ffi.buffer(out, 4 * count)).cast("i")


def _number(row: int) -> int:
    """What C refuses, if it is none."""
    return row if 0 <= row < 1 << 30 else 1 << 30


def _packed(address: Any) -> bytes:
    if isinstance(address, memoryview):
        address = bytes(address)
    try:
        packed = IP.dump(address)
    except (TypeError, ValueError) as error:
        raise retold(error, f"address: {error}") from None
    if len(packed) not in (4, 16):
        raise ValueError(f"address: expected 4 or 16 bytes, not {address!r}")
    return packed


#: Bytes, the bytes used of each address (None: all), the bytes from one to the next, how many there are.
_Addresses = tuple[Any, Any, int, int]


def _is_list(addresses: Any) -> bool:
    if isinstance(addresses, str):
        raise TypeError("addresses: expected many, not one text")
    try:
        return memoryview(addresses).format == "O"
    except TypeError:
        return True


def _listed(addresses: Iterable[Any]) -> _Addresses:
    values = list(addresses)
    count = len(values)
    if set(map(type, values)) == {str}:  # read in C, if they are as they should be
        lines = ("\n".join(values) + "\n").encode("ascii", "replace")
        data, lengths = bytearray(16 * count), bytearray(count)
        column = Column(data, 16, [False] * count, count, lengths=lengths)
        text = ffi.from_buffer("char[]", lines)
        found = lib.pynl_text_parse(text, len(lines), lib.PYNL_IP, count, column.c, ffi.NULL)
        if found == count == lines.count(b"\n") and set(lengths) <= {4, 16}:
            return data, lengths, 16, count
    packed = []
    for row, value in enumerate(values):
        try:
            packed.append(_packed(value))
        except (TypeError, ValueError) as error:
            raise retold(error, f"row {row}: {error}") from None
    return b"".join(item.ljust(16, b"\0") for item in packed), bytes(map(len, packed)), 16, count


def _buffered(addresses: Any, width: int | None) -> _Addresses:
    given = memoryview(addresses)
    data: Any = given if given.c_contiguous else given.tobytes()
    if given.ndim == 1 and given.format in _NATIVE + _NETWORK:
        if given.format not in _NETWORK and sys.byteorder == "little":
            data = array("I", given.tobytes())
            data.byteswap()
        return data, None, 4, len(given)
    shape = given.shape or ()
    if len(shape) == 2 and given.itemsize == 1:
        found = shape[1]
    elif given.ndim == 1 and given.format[-1] in "sx" and given.format[:-1]:
        found = given.itemsize
    elif given.ndim == 1 and given.itemsize == 1:
        if width is None:
            raise ValueError("width: a flat buffer of bytes has to be told its own, 4 or 16")
        found = width
    else:
        raise TypeError(f"addresses: expected bytes or unsigned 32-bit numbers, not {given.format} of {shape}")
    if found not in (4, 16) or width not in (None, found) or given.nbytes % found:
        raise ValueError(f"addresses: expected 4 or 16 bytes each, not {given.nbytes} bytes of {found}")
    return data, None, found, given.nbytes // found
