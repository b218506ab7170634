"""Notifications: what the kernel says of changes, in order."""

from __future__ import annotations

import errno
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from . import bpf
from ._wire import ffi, lib
from .blocks import Block, Blocks
from .closing import Closing
from .errors import ClosedError, NetlinkError, check
from .events import ACTIONS, EVENT, Batch, Event, Overrun, Undecoded
from .family import Family
from .log import WARNING, logger
from .netns import NetNS
from .plan import Plan, plan_of
from .socket import Socket
from .statistics import Counters
from .store import Filters, Store

__all__ = ["BUFFER", "Batch", "Event", "Monitor", "Overrun", "Undecoded", "checked"]

M = TypeVar("M", bound="Monitor")

#: Bytes of the receive buffer that are asked for. They are taken only while the reader is behind.
BUFFER = 32 << 20

_SOL_SOCKET = 1
_SO_RCVBUF = 8
_SO_RCVBUFFORCE = 33
_SOL_NETLINK = 270
_LISTEN_ALL_NSID = 8
#: How often a thread that waits looks for signals, in milliseconds.
_LOOK = 100
#: Events of one batch, more or less.
_MOST = 4096
#: What a datagram takes of the receive buffer, at least: struct sk_buff and its like come to more.
_SMALLEST = 256


class _Stock:
    """The table that the next events of a kind go to, made before they come: a reader waits for less."""

    __slots__ = ("record", "store")

    def __init__(self, plan: Plan, like: _Stock | None) -> None:
        self.store = Store(plan)
        if like:
            lib.pynl_table_prepare(self.store.c, like.store.c)
        #: That of an event that comes alone.
        self.record = plan.record(Block(Blocks(self.store), 0, 1), 0)

    @property
    def used(self) -> bool:
        """There are events in it."""
        c = self.store.c
        return bool(c.rows or c.bad)


class Monitor(Closing):
    """What changes in a network namespace, as the kernel announces it: an iterator, and a context manager.

    It has a socket of its own. The loop ends where ``timeout`` seconds pass without an event (and may be begun again),
    and where the monitor is closed. One thread reads at a time; any may close it.

    Args:
        kinds: what is watched, each by its family.
        netns: the namespace: name, path, process id or file descriptor; None: this one.
        all_namespaces: also those that it has a number for (nsid): since 4.2.
        filters: of a kind, by its name: field names and values, as a record shows them (None: it has none). C holds
            events to them before there is an object, and mostly the kernel does so before they take up the buffer.
        buffer: bytes to ask for as the receive buffer; the kernel doubles it, for what it keeps beside the messages.
        timeout: seconds without an event after which the loop ends; None: never.
        counters: what it receives is added to them.

    Raises:
        NetlinkError: EPERM: all namespaces take CAP_NET_BROADCAST.
        OSError: there is no such namespace, or no permission.
        TypeError, ValueError: no kind, a field that cannot be filtered by, a timeout or buffer that cannot be.
    """

    def __init__(
        self,
        kinds: Sequence[Family[Any]],
        *,
        netns: NetNS | None = None,
        all_namespaces: bool = False,
        filters: Mapping[str, Mapping[str, Any]] | None = None,
        buffer: int = BUFFER,
        timeout: float | None = None,
        counters: Counters | None = None,
    ) -> None:
        if not kinds:
            raise TypeError("expected at least one kind of object to watch")
        if not isinstance(buffer, int) or not 0 < buffer < 2**30:
            raise ValueError(f"buffer: expected a number of bytes below 2**30, not {buffer!r}")
        #: What is watched.
        self.kinds = tuple(kinds)
        self.timeout = checked(timeout)
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._closed = False
        #: Read, and to be given by the iterator. A batch until its events are made, so that Ctrl-C may come meanwhile.
        self._pending: Batch | deque[Any] = deque()
        #: Those that were logged.
        self._overruns = 0
        self._names = [kind.name for kind in kinds]
        self._plans = [plan_of(kind.record) for kind in kinds]
        wanted = [_wanted(kind, (filters or {}).get(kind.name, {})) for kind in kinds]
        #: By the number of their kind: what only Python can tell of a record.
        self._tests = {number: test for number, (_, _, test) in enumerate(wanted) if test}
        self._families = [bytes(families) for families, _, _ in wanted]
        self._filters = [Filters(plan, rest) for plan, (_, rest, _) in zip(self._plans, wanted, strict=True)]
        self._program = bpf.program(zip(kinds, self._families, self._filters, strict=True))
        self._stocks = [_Stock(plan, None) for plan in self._plans]
        self._watches = ffi.new("struct pynl_watch[]", [self._watch(number) for number in range(len(kinds))])
        self._counters = counters or Counters()
        events = {"watches": self._watches, "watch_count": len(kinds), "counts": self._counters.c}
        self._c = ffi.gc(ffi.new("struct pynl_events *", events), lib.pynl_events_free)
        self._socket = Socket(netns=netns, timeout=None)
        try:
            self._subscribe(buffer, all_namespaces)
        except BaseException:
            self._socket.close()
            raise

    def _watch(self, number: int) -> Mapping[str, Any]:
        """struct pynl_watch of one kind."""
        kind, plan, filters = self.kinds[number], self._plans[number], self._filters[number]
        made = {
            "plan": plan.c,
            "table": self._stocks[number].store.c,
            "filters": filters.c,
            "filter_count": filters.count,
            "families": ffi.from_buffer("uint8_t[]", self._families[number]),
            "family_count": len(self._families[number]),
            "created": kind.new,
            "deleted": kind.delete,
            "change_mask": kind.change_flags[0],
            "change_flags": kind.change_flags[1],
        }
        if kind.fresh:
            made.update(fresh=kind.record.FIELDS[kind.fresh[0]].number, fresh_value=kind.fresh[1])
        return made

    def _subscribe(self, buffer: int, all_namespaces: bool) -> None:
        c, socket = self._socket._c, self._socket
        if lib.pynl_socket_set(c, _SOL_SOCKET, _SO_RCVBUFFORCE, buffer) < 0:  # it takes CAP_NET_ADMIN
            socket.set_option(_SOL_SOCKET, _SO_RCVBUF, buffer)
        self._receive_buffer = socket.get_option(_SOL_SOCKET, _SO_RCVBUF)
        self._c.program = self._kept = ffi.from_buffer("uint8_t[]", self._program)
        if lib.pynl_socket_filter(c, self._c.program, len(self._program) // 8) >= 0:  # otherwise C alone filters
            self._c.instructions = len(self._program) // 8
        if all_namespaces:
            result = lib.pynl_socket_set(c, _SOL_NETLINK, _LISTEN_ALL_NSID, 1)
            if result == -errno.EPERM:
                raise NetlinkError(errno.EPERM, "to watch all namespaces takes CAP_NET_BROADCAST")
            check(result, "NETLINK_LISTEN_ALL_NSID")
        for group in dict.fromkeys(group for kind in self.kinds for group in kind.groups):
            socket.join(group)

    def fileno(self) -> int:
        """The file descriptor, for select(2) and the like: readable when something has come. -1 once closed.

        Events that were read already do not make it so: see :meth:`pending`.
        """
        return self._socket.fileno()

    def pending(self) -> int:
        """How many events have been read and not yet been given by the iterator."""
        return len(self._pending)

    @property
    def receive_buffer(self) -> int:
        """Bytes of the receive buffer that were granted, as the kernel counts them: a notification takes some 800."""
        return self._receive_buffer

    @property
    def statistics(self) -> Mapping[str, int]:
        """What there was since it was opened.

        ``reads`` (datagrams), ``bytes``, ``messages``, ``skipped`` (messages of no kind that is watched, or not the
        kernel's), ``overruns`` (how often some were lost), ``truncated`` (those not for want of buffer).
        """
        names = ("reads", "bytes", "messages", "skipped", "overruns", "truncated")
        return {name: getattr(self._c, name) for name in names}

    def batch(self, timeout: float | None = None) -> Batch:
        """Waits for an event, and returns it with all others that there are (some thousands at most).

        Args:
            timeout: seconds to wait; 0: not at all; None: as long as the iterator would.

        Returns:
            The batch; an empty one where no event came in time.

        Raises:
            RuntimeError: there are events that the iterator has yet to give.
            ClosedError: it was closed, also while it waited, or belongs to the process this one was forked from.
        """
        if self._pending:
            raise RuntimeError("the iterator has events to give first: see pending()")
        until = _until(self.timeout if timeout is None else checked(timeout))
        while True:
            self._receive(until)
            if (made := self._take()) or (until is not None and time.monotonic() >= until):
                return made

    def upto_now(self) -> Iterator[Batch]:
        """All that has been announced up to now, in batches: it waits for nothing, and ends however fast more comes.

        Raises:
            RuntimeError: there are events that the iterator has yet to give.
            ClosedError: as of :meth:`batch`.
        """
        if self._pending:
            raise RuntimeError("the iterator has events to give first: see pending()")
        c, number, most = self._c, 0, 0
        while True:
            self._usable()
            with self._lock:
                result = self._look(0)
                if result == -errno.ETIMEDOUT:  # nothing is left
                    return
                last = number > 0 and (c.answered >= number or c.reads >= most)
                if not number:
                    number = lib.pynl_events_ask(c, self._socket._c)
                    most = c.reads + self._receive_buffer // _SMALLEST  # all that the queue can hold, had it no answer
            if result > 0:
                if made := self._take():
                    yield made
            elif result != -errno.EINTR:
                self._usable()
                check(result, "notifications")
            if last:
                return

    def _look(self, milliseconds: int) -> int:
        """What pynl_events_receive says."""
        self._usable()
        self._restock()
        return int(lib.pynl_events_receive(self._c, self._socket._c, _MOST, milliseconds))

    def _receive(self, until: float | None) -> int:
        """Waits until there are events to take, and tells how many; 0 where none came in time."""
        while True:
            left = _LOOK if until is None else max(0, min(_LOOK, math.ceil((until - time.monotonic()) * 1000)))
            self._usable()  # before it waits: in a child, a thread of the parent has the lock for ever
            with self._lock:
                result = self._look(left)
            if result > 0:
                return result
            if result not in (-errno.EINTR, -errno.ETIMEDOUT):
                self._usable()
                check(result, "notifications")
            if until is not None and time.monotonic() >= until:
                return 0

    def _restock(self) -> None:
        if self._c.count:  # Ctrl-C came before they were taken
            return
        for number, stock in enumerate(self._stocks):
            if stock.used:
                self._stock(number, _Stock(self._plans[number], stock))

    def _stock(self, number: int, stock: _Stock) -> None:
        self._stocks[number] = stock
        self._watches[number].table = stock.store.c

    def _take(self, *, keep: bool = False) -> Batch:
        """What has been read, in Python's hands; ``keep``: for the iterator."""
        c = self._c
        try:
            data = bytes(ffi.buffer(c.events, c.count * EVENT.size))
            stores = {number: stock.store for number, stock in enumerate(self._stocks) if stock.used}
            made = Batch(self.kinds, data, stores)
            for number, test in self._tests.items():
                made._sift(number, test)
            if c.overruns > self._overruns:
                self._overruns = c.overruns
                if log := logger("pynl.monitor", WARNING):
                    log.warning("notifications of %s were lost", ", ".join(self._names))
            if keep:
                self._pending = made
            c.count = 0
        except BaseException:
            self._torn()
            raise
        return made

    def _take_one(self) -> Event | None:
        """The same, of one event that came alone; None where it has no record."""
        c = self._c
        if c.count != 1:  # a signal's handler has taken it
            return None
        try:
            when, _, _, row, nsid, number, type, flags, action = EVENT.unpack(ffi.buffer(c.events, EVENT.size))
            if row or number in self._tests:
                return None
            record = self._stocks[number].record
            values = ACTIONS[action], self._names[number], record, None if nsid < 0 else nsid, when * 1e-9, flags, type
            made = tuple.__new__(Event, values)
            c.count = 0
        except BaseException:
            self._torn()
            raise
        return made

    def _torn(self) -> None:
        """Such as by Ctrl-C: what is lost here is not lost silently."""
        self._c.count = 0
        self._c.torn = 1

    def _usable(self) -> None:
        if self._closed:
            raise ClosedError("the monitor is closed")
        if os.getpid() != self._pid:
            raise ClosedError("the monitor belongs to the process that this one was forked from: open one here")

    def close(self) -> None:
        """Closes it: a thread that waits for an event gets ClosedError, a loop ends. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._pending = deque()
        if os.getpid() == self._pid:
            lib.pynl_events_wake(self._socket._c)
            with self._lock:  # until no thread is in a call of C with it
                self._socket.close()
        else:
            self._socket.close()

    def __iter__(self: M) -> M:
        return self

    def __next__(self) -> Any:
        until = None if self._pending else _until(self.timeout)
        while not self._pending:
            try:
                count = self._receive(until)
            except ClosedError:
                if self._closed:
                    raise StopIteration from None
                raise
            if count == 1 and (event := self._take_one()):
                return event
            if not self._take(keep=True) and until is not None and time.monotonic() >= until:
                raise StopIteration
        pending = self._pending
        if isinstance(pending, Batch):
            self._pending = pending = deque(pending)
        return pending.popleft()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"a buffer of {self.receive_buffer} bytes"
        return f"<Monitor of {', '.join(kind.name for kind in self.kinds)}, {state}>"


def checked(timeout: Any) -> float | None:
    """A timeout as it was given; ValueError where it can be none."""
    if timeout is None:
        return None
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not timeout >= 0:
        raise ValueError(f"timeout: expected a number of seconds, or None, not {timeout!r}")
    return None if timeout == math.inf else timeout


def _until(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def _wanted(
    kind: Family[Any], filters: Mapping[str, Any]
) -> tuple[Sequence[int], Mapping[str, Any], Callable[[Any], bool] | None]:
    """The address families of the messages to keep (none: any), what C filters by, and what it cannot tell."""
    rest = dict(filters)
    family = rest.pop("family", None)
    tests = []
    for name in kind.wider:
        if rest.get(name) is None:
            continue
        if name not in kind.following.wider:
            raise TypeError(f"{kind.name} cannot be watched by {name}: announcements do not tell it")
        tests.append((kind.following.wider[name], rest.pop(name)))

    def wanted(record: Any) -> bool:
        return all(test(record, value) for test, value in tests)

    return (int(family),) if family else kind.announced, rest, wanted if tests else None
