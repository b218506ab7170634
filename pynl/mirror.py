"""A live copy of what the kernel has, which follows its announcements and reads again what they do not tell."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from .blocks import collector_paused
from .closing import Closing
from .errors import ClosedError, DumpInterrupted
from .hearing import hear
from .log import DEBUG, WARNING, logger
from .lookup import Matches
from .lpm import MAIN
from .monitor import Monitor, checked
from .replica import Replica, Step, Story, Update
from .service import Service
from .snapshot import Told, settle
from .table import Table

T = TypeVar("T")

#: How often a thread that waits looks whether the mirror was closed, in milliseconds.
_LOOK = 100
#: The longest pause before objects are read again that nobody asks for, in seconds.
_PAUSE = 10.0


class Mirror(Closing):
    """A live copy of some kinds of objects of one namespace.

    It follows the kernel whenever it is asked for something; what was announced until then waits in its monitor's
    receive buffer. Where that overflowed, and where objects may have changed without an announcement, it reads them
    again (docs/consistency.md): at once where somebody asks for them, otherwise after pauses that grow while it has to
    be done again and again. Several threads may use it.

    Args:
        services: what is copied, by name, through a socket of its own.
        monitor: of these kinds, and of those whose announcements tell that they have to be read again.
        timeout: seconds after which reading what changes all the time is given up; None: never.

    Raises:
        DumpInterrupted: what is copied changes too fast.
        NetlinkError: the kernel refused.
    """

    def __init__(self, services: Mapping[str, Service[Any]], monitor: Monitor, timeout: float | None = 30.0) -> None:
        self._services = services
        self._monitor = monitor
        self._timeout = timeout
        self._lock = threading.RLock()
        self._replicas: dict[str, Replica[Any]] = {}
        #: Kinds that have to be read again -> the earliest time for it, where nobody asks for them.
        self._stale: dict[str, float] = {}
        #: Kind -> the pause before it is read again, and when that was done last.
        self._paused: dict[str, tuple[float, float]] = {}
        #: What has happened, for :class:`Changes`.
        self.story = Story()
        self._pid = os.getpid()
        self._links: tuple[Table[Any] | None, Mapping[Any, Any]] = (None, {})
        #: What was announced is in hand: after an exception, such as Ctrl-C, it is not known how far that came.
        self._torn = False
        #: How often a kind was read again.
        self.resyncs = 0
        try:
            for kind, service in services.items():
                self._replicas[kind] = Replica(service.FAMILY, self._read(kind), self.story)
        except BaseException:
            self.close()
            raise

    # ---- what there is

    def table(self, kind: str) -> Table[Any]:
        """All objects of a kind, as of now. The same table is returned until one changes.

        Raises:
            KeyError: it is not copied.
            DumpInterrupted: it has to be read again, and changes too fast.
            ClosedError: the mirror is closed.
        """
        with self._locked():
            return self._now(kind).table()

    def _now(self, kind: str) -> Replica[Any]:
        """A kind, up to date."""
        if kind not in self._replicas:
            raise KeyError(f"{kind!r} is not copied, only {', '.join(self._replicas)}")
        self._listen()
        if kind in self._stale:
            self._resync(kind)
        return self._replicas[kind]

    def link(self, device: int | str) -> Any:
        """The link with an index, a name or an alternative name; None where there is none.

        Raises:
            KeyError: links are not copied.
        """
        with self._locked():
            table = self.table("links")
            if self._links[0] is not table:
                found: dict[Any, Any] = {}
                for link in table:
                    names = link.prop_list.alt_ifname if link.prop_list else None
                    found.update(dict.fromkeys((link.ifindex, link.ifname, *(names or ())), link))
                self._links = table, found
            return self._links[1].get(device)

    def lookup(self, address: Any, *, table: int = MAIN) -> Any:
        """The route that the kernel would choose for a destination from one table, or None: see :class:`Prefixes`.

        Args:
            address: as text, an ``ipaddress`` object, or packed.
            table: the number of the table.

        Raises:
            KeyError: routes are not copied.
            ValueError: no address.
        """
        with self._locked():
            return self._now("routes").lookup(table).lookup(address)

    def lookup_many(self, addresses: Any, *, table: int = MAIN) -> Matches[Any]:
        """As :meth:`lookup` of many addresses, in C.

        Args:
            addresses: a sequence of addresses, or a buffer, as :meth:`Prefixes.rows` takes them.
            table: the number of the table.
        """
        with self._locked():
            return self._now("routes").lookup(table).lookup_many(addresses)

    # ---- what changes

    def changes(self, timeout: float | None = None) -> Changes:
        """What changes from now on: an iterator of updates.

        Whoever applies them to its ``tables`` has what :meth:`table` returns afterwards.

        Args:
            timeout: seconds without a change after which the loop ends (and may be begun again); None: never.

        Raises:
            as :meth:`table`.
        """
        with self._locked():
            tables = {kind: self._now(kind).table() for kind in self._replicas}
            return Changes(self, timeout, tables)

    def wait(self, predicate: Callable[[Mirror], T], timeout: float | None = None) -> T:
        """Waits until ``predicate(mirror)`` is true, and returns its value; it is asked whenever something changed.

        Raises:
            TimeoutError: it was not true within ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        changes = Changes(self)
        while True:
            value = predicate(self)
            if value:
                return value
            if not changes.arrive(end):
                raise TimeoutError(f"what was waited for did not come within {timeout} s")
            changes.skip()

    def follow(self) -> None:
        """Takes what was announced, and reads again what is due: what :meth:`changes` does while it waits."""
        with self._locked():
            self._listen()
            now = time.monotonic()
            for kind in [kind for kind, due in self._stale.items() if due <= now]:
                try:
                    self._resync(kind)
                except DumpInterrupted as error:
                    self._put_off(kind, error)

    @property
    def stale(self) -> frozenset[str]:
        """The kinds that are not up to date, since they have to be read again and nobody asked for them yet."""
        return frozenset(self._stale)

    def fileno(self) -> int:
        """For select(2) and the like: readable when something was announced. -1 once closed."""
        return self._monitor.fileno()

    def due(self) -> float | None:
        """Seconds until something is to be read again; None: nothing is."""
        return max(0.0, min(self._stale.values()) - time.monotonic()) if self._stale else None

    # ---- following

    def _listen(self, reading: str | None = None) -> Sequence[Told] | None:
        """Takes what was announced; that of the kind which is being read is returned, the rest applied.

        Returns:
            None: what has been read of that kind does not count.
        """
        self.story.resume()
        told: list[Told] = []
        lost = self._torn
        for kind in self._replicas if self._torn else ():
            self._stale.setdefault(kind, 0.0)
        self._torn = True
        for heard in hear(self._monitor):
            lost = lost or reading in heard.touched
            for kind, replica in self._replicas.items():
                announced = heard.kinds.get(kind)
                if kind == reading or kind in self._stale:
                    continue
                known = kind not in heard.touched
                if known and announced:
                    with collector_paused():
                        known = replica.apply(announced)[1]
                if not known:
                    self._stale[kind] = time.monotonic() + self._pause(kind)
            if reading and reading in heard.kinds:
                told += heard.kinds[reading].told
        self._torn = False
        return None if lost else told

    def _read(self, kind: str) -> Table[Any]:
        service = self._services[kind]
        return settle(service.FAMILY, service.listed, lambda: self._listen(kind), lambda _: True, self._timeout, None)

    def _resync(self, kind: str) -> None:
        started = time.monotonic()
        table = self._read(kind)
        with collector_paused():
            updates = self._replicas[kind].replace(table)
        self._stale.pop(kind, None)
        self.resyncs += 1
        self._services[kind].socket.counters.add(resyncs=1)
        self._pause_longer(kind, time.monotonic() - started)
        log = logger("pynl.mirror", DEBUG)
        if log:
            log.debug("%s were read again: %d objects, %d updates", kind, len(table), len(updates))

    def _put_off(self, kind: str, error: DumpInterrupted) -> None:
        """Reads a kind again later: it changes too fast, and nobody asks for it."""
        self._pause_longer(kind, 1.0)
        self._stale[kind] = time.monotonic() + self._pause(kind)
        log = logger("pynl.mirror", WARNING)
        if log:
            log.warning("a mirror is not up to date: %s", error)

    def _pause_longer(self, kind: str, least: float) -> None:
        pause, _ = self._paused.get(kind, (0.0, 0.0))
        self._paused[kind] = min(_PAUSE, max(2 * pause, least)), time.monotonic()

    def _pause(self, kind: str) -> float:
        """How long to wait before a kind is read again: not at all after some quiet time."""
        pause, last = self._paused.get(kind, (0.0, 0.0))
        if time.monotonic() - last > 4 * pause:
            self._paused.pop(kind, None)
            return 0.0
        return pause

    def _locked(self) -> threading.RLock:
        """The lock; in a forked child the thread that holds it may not exist.

        Raises:
            ClosedError: the mirror is closed, or belongs to the process this one was forked from.
        """
        if os.getpid() != self._pid:
            raise ClosedError("the mirror belongs to the process that this one was forked from: open one here")
        if self._monitor.fileno() < 0:
            raise ClosedError("the mirror is closed")
        return self._lock

    def close(self) -> None:
        """Closes it: a loop over changes ends. May be called twice."""
        self._monitor.close()
        for service in self._services.values():
            service.socket.close()

    def __repr__(self) -> str:
        return f"<Mirror of {', '.join(self._services)}>"


class Changes:
    """An iterator of updates, in order; one thread at a time. What has not been taken is kept for as long as it lives.

    Attributes:
        tables: what there was before the first update, by kind.
    """

    def __init__(
        self, mirror: Mirror, timeout: float | None = None, tables: Mapping[str, Table[Any]] = MappingProxyType({})
    ) -> None:
        if mirror.fileno() < 0:
            raise ClosedError("the mirror is closed")
        self._mirror, self._story = mirror, mirror.story
        self._timeout = checked(timeout)
        self.tables = tables
        self._closed = False
        #: The step that was reached, and how many of its updates were taken.
        self._place = self._story.last, len(self._story.last.updates)

    def _ahead(self) -> tuple[Step, int] | None:
        """Where the next update is, if there is one."""
        step, taken = self._place
        while taken == len(step.updates):
            if step.next is None or step is self._story.last:
                return None
            step, taken = step.next, 0
        return step, taken

    @property
    def ready(self) -> bool:
        """Whether there is an update to be taken without waiting."""
        return self._ahead() is not None

    def take(self) -> Update:
        """The next update; IndexError where none is ready."""
        ahead = self._ahead()
        if ahead is None:
            raise IndexError("no update is ready")
        step, number = ahead
        self._place = step, number + 1
        return step.updates[number]

    def skip(self) -> None:
        """Drops what has come."""
        self._place = self._story.last, len(self._story.last.updates)

    def close(self) -> None:
        """Ends it: what has not been taken is dropped."""
        self._place = Step(), 0
        self._closed = True

    def arrive(self, end: float | None) -> bool:
        """Waits until there are updates; False where there were none at the time ``end`` (of time.monotonic()).

        Raises:
            ClosedError: the mirror is closed, or the iterator.
        """
        while True:
            if self._closed:
                raise ClosedError("the iterator is closed")
            self._mirror.follow()
            if self.ready:
                return True
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            due = self._mirror.due()
            waits = [_LOOK, *(int(1000 * wait) + 1 for wait in (left, due) if wait is not None)]
            poll = select.poll()
            poll.register(self._mirror.fileno(), select.POLLIN)
            poll.poll(min(waits))

    def __iter__(self) -> Changes:
        return self

    def __next__(self) -> Update:
        try:
            if not self.ready and not self.arrive(None if self._timeout is None else time.monotonic() + self._timeout):
                raise StopIteration
        except (ClosedError, ValueError):  # which poll() says of a descriptor that was just closed
            raise StopIteration from None
        return self.take()
