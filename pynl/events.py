"""What a monitor gives: events, where some of them were lost, and the batches that they come in."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, overload

from ._wire import ffi
from .blocks import records
from .errors import DecodeError
from .family import Family
from .index import take
from .plan import fault, plan_of
from .store import Store, message_at
from .table import Table

#: struct pynl_event: time, read, message, row, nsid, kind, type, flags, action.
EVENT = struct.Struct("=qQQiihHHH")
#: Of the columns: format, and place in the struct in units of it.
_COLUMNS = {
    "time": ("q", 0),
    "read": ("Q", 1),
    "row": ("i", 6),
    "nsid": ("i", 7),
    "kind": ("h", 16),
    "type": ("H", 17),
    "flags": ("H", 18),
    "action": ("H", 19),
}
#: ``enum pynl_action``.
ACTIONS = ("new", "del", "change")


class Event(NamedTuple):
    """One change that the kernel announced.

    Attributes:
        action: "new", "del", or "change" where the kernel tells it from "new": of routes, links and nexthop objects.
        kind: as the session calls its service: "routes", "links" ...
        record: the object as it is now, or was when it went.
        nsid: the namespace that it is from, by the number that the monitor's has for it; None: the monitor's own.
        time: when it was read, in seconds since the epoch.
        flags: NLM_F_* of the message.
        type: RTM_*.
    """

    action: str
    kind: str
    record: Any
    nsid: int | None
    time: float
    flags: int
    type: int


class Overrun(NamedTuple):
    """Here notifications were lost, since the receive buffer was full: what is known may be out of date.

    Attributes:
        time: when it was noticed, in seconds since the epoch.
        reads: how many reads (datagrams) came before it since the monitor was opened.
        action: "overrun".
        kind: None, as are ``record`` and ``nsid``.
    """

    time: float
    reads: int
    action: str = "overrun"
    kind: None = None
    record: None = None
    nsid: None = None


class Undecoded(NamedTuple):
    """A notification whose message is malformed: some object of its kind has changed.

    Attributes:
        kind: as of an Event, and so ``nsid`` and ``time``.
        error: its ``data`` are the message, its ``offset`` tells where the fault lies.
        action: "undecoded".
        record: None.
    """

    kind: str
    nsid: int | None
    time: float
    error: DecodeError
    action: str = "undecoded"
    record: None = None


class Batch(Sequence[Any]):
    """The events of one read, in order: each an Event, an Overrun, or an Undecoded."""

    __slots__ = ("_bytes", "_data", "_families", "_made", "_stores", "_tables")

    def __init__(self, families: Sequence[Family[Any]], data: bytes, stores: Mapping[int, Store]) -> None:
        self._families = families
        self._data = data
        #: By the number of their kind.
        self._stores = stores
        #: What the messages that could not be decoded lie in.
        self._bytes = stores
        self._tables: dict[str, Table[Any]] = {}
        self._made: list[Any] | None = None

    @property
    def kinds(self) -> Sequence[str]:
        """The names of the kinds that are watched; ``columns["kind"]`` counts them."""
        return tuple(family.name for family in self._families)

    @property
    def overrun(self) -> bool:
        """Whether something was lost: there is an Overrun or an Undecoded."""
        return -1 in self.columns["row"]

    def table(self, kind: str) -> Table[Any]:
        """The records of one kind, in order: ``columns["row"]`` counts them.

        Raises:
            KeyError: it is not watched.
        """
        if kind not in self._tables:
            if kind not in self.kinds:
                raise KeyError(kind)
            number = self.kinds.index(kind)
            store = self._stores.get(number)
            self._tables[kind] = Table(store or Store(plan_of(self._families[number].record)))
        return self._tables[kind]

    @property
    def columns(self) -> Mapping[str, memoryview]:
        """What the events have beside their records, one item an event.

        ``kind`` (-1: an Overrun), ``row`` of the kind's table (-1: there is none), ``action`` (0: new, 1: del, 2:
        change), ``type``, ``flags``, ``nsid`` (-1: the monitor's own), ``time`` in nanoseconds since the epoch, and
        ``read``, the number of the datagram.
        """
        data = memoryview(self._data)
        made = {}
        for name, (code, at) in _COLUMNS.items():
            cast: Any = data.cast
            made[name] = cast(code)[at :: EVENT.size // struct.calcsize(code)]
        return made

    def _sift(self, number: int, wanted: Callable[[Any], bool]) -> None:
        """Drops the events of one kind whose records are not wanted, before anybody has seen them."""
        if number not in self._stores:
            return
        old, store = self._stores[number], Store(plan_of(self._families[number].record))
        without = bytearray(not wanted(record) for record in records(old))
        take(store, old, without)
        self._stores = {**self._stores, number: store}
        kept, row = [], 0
        for event in EVENT.iter_unpack(self._data):
            if event[5] != number or event[3] < 0:
                kept.append(EVENT.pack(*event))
            elif not without[event[3]]:
                kept.append(EVENT.pack(*event[:3], row, *event[4:]))
                row += 1
        self._data = b"".join(kept)

    def _events(self) -> list[Any]:
        if self._made is None:
            read = {number: records(store) for number, store in self._stores.items()}
            made: list[Any] = []
            for when, reads, message, row, nsid, number, type, flags, action in EVENT.iter_unpack(self._data):
                where = None if nsid < 0 else nsid
                if row >= 0:
                    name = self._families[number].name
                    values = ACTIONS[action], name, next(read[number]), where, when * 1e-9, flags, type
                    made.append(tuple.__new__(Event, values))
                elif number < 0:
                    made.append(Overrun(when * 1e-9, reads))
                else:
                    made.append(self._undecoded(number, message, where, when * 1e-9))
            self._made = made
        return self._made

    def _undecoded(self, number: int, message: int, nsid: int | None, when: float) -> Undecoded:
        family = self._families[number]
        header = 16 + family.record.HEADER
        data = message_at(ffi.cast("uint8_t *", message))
        at = len(data) if len(data) < header else fault(data, header)
        error = DecodeError(f"a notification could not be decoded as {family.record.__name__}", at, data)
        return Undecoded(family.name, nsid, when, error)

    def __len__(self) -> int:
        return len(self._data) // EVENT.size

    def __iter__(self) -> Iterator[Any]:
        return iter(self._events())

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        return self._events()[index]

    def __repr__(self) -> str:
        return f"<Batch of {len(self)} events>"
