"""The same session for asyncio: what waits for the kernel does so in a thread, and the loop goes on meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import monitor, netlink
from .aiomirror import Mirror
from .aiowait import Readable, nothing
from .errors import ClosedError
from .monitor import BUFFER
from .netns import NetNS
from .rtnl.addr import Address
from .rtnl.link import Link
from .rtnl.neigh import Neighbour
from .rtnl.nexthop import NexthopBucket, NexthopBuckets, NexthopObject
from .rtnl.route import Route
from .rtnl.rule import Rule
from .schema import Record
from .service import CHUNK
from .service import Service as Blocking
from .statistics import Statistics
from .table import Table

# asyncio and concurrent.futures are imported where they are used: they take longer to import than all of pynl.

N = TypeVar("N", bound="Netlink")
M = TypeVar("M", bound="Monitor")
R = TypeVar("R", bound=Record)
T = TypeVar("T")


class Netlink:
    """As :class:`pynl.Netlink`, for one event loop. Its tasks' requests are carried out one after another.

    A task that is cancelled while it waits ends its request, and with it the thread's wait, before it goes on.
    """

    def __init__(self, netns: NetNS | None = None, *, timeout: float | None = 30.0) -> None:
        from concurrent.futures import ThreadPoolExecutor

        self._blocking = netlink.Netlink(netns, timeout=timeout)
        self._thread = ThreadPoolExecutor(1, "pynl aio")
        self.routes: Service[Route] = Service(self, self._blocking.routes)
        self.links: Service[Link] = Service(self, self._blocking.links)
        self.addresses: Service[Address] = Service(self, self._blocking.addresses)
        self.neighbours: Service[Neighbour] = Service(self, self._blocking.neighbours)
        self.rules: Service[Rule] = Service(self, self._blocking.rules)
        self.nexthops = Nexthops(self, self._blocking.nexthops)

    @property
    def statistics(self) -> Statistics:
        """As :attr:`pynl.Netlink.statistics`."""
        return self._blocking.statistics

    async def run(self, work: Callable[[], T], interrupt: Callable[[], object]) -> T:
        """The result of ``work``, done in the session's thread.

        Where the task is cancelled meanwhile, ``interrupt`` makes the work end soon, and what became of it is dropped.
        """
        import asyncio

        try:
            submitted = self._thread.submit(work)
        except RuntimeError:
            raise ClosedError("the session is closed") from None
        future = asyncio.wrap_future(submitted)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            if not submitted.cancel():  # it has begun
                interrupt()
                await asyncio.gather(future, return_exceptions=True)
            raise

    async def nsid(self, netns: NetNS) -> int | None:
        """As :meth:`pynl.Netlink.nsid`."""
        blocking = self._blocking
        return await self.run(lambda: blocking.nsid(netns), blocking.socket.interrupt)

    async def set_nsid(self, netns: NetNS, nsid: int | None = None) -> int:
        """As :meth:`pynl.Netlink.set_nsid`."""
        blocking = self._blocking
        return await self.run(lambda: blocking.set_nsid(netns, nsid), blocking.socket.interrupt)

    def monitor(
        self,
        *kinds: str,
        netns: NetNS | None = None,
        buffer: int = BUFFER,
        timeout: float | None = None,
        **filters: Any,
    ) -> Monitor:
        """As :meth:`pynl.Netlink.monitor`: ``async with nl.monitor("routes") as events: async for event in events``."""
        options: Any = {"netns": netns, "buffer": buffer, "timeout": timeout, **filters}
        return Monitor(self, lambda: self._blocking.monitor(*kinds, **options))

    def mirror(self, *kinds: str, buffer: int = BUFFER, timeout: float | None = 30.0) -> Mirror:
        """As :meth:`pynl.Netlink.mirror`: ``async with nl.mirror("routes") as mirror: ...``."""
        return Mirror(self.run, lambda heard: self._blocking._mirror(kinds, buffer, timeout, heard))

    async def close(self) -> None:
        """Closes it, once what is under way has ended."""
        import asyncio

        await asyncio.wrap_future(self._thread.submit(self._blocking.close))
        self._thread.shutdown(wait=False)

    async def __aenter__(self: N) -> N:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Service(Generic[R]):
    """One kind of object."""

    def __init__(self, session: Netlink, blocking: Blocking[R]) -> None:
        self._session = session
        self._blocking = blocking

    async def dump(self, *, fields: Sequence[str] | None = None, **filters: Any) -> Table[R]:
        """As :meth:`pynl.Netlink.routes.dump`; the table is whole."""
        arriving: list[Table[R]] = []

        def work() -> Table[R]:
            table = self._blocking.dump(fields=fields, **filters)
            arriving.append(table)
            table.complete()
            return table

        def interrupt() -> None:
            self._blocking.socket.interrupt()
            for table in arriving:
                table.cancel()

        return await self._session.run(work, interrupt)

    async def snapshot(self, *, timeout: float | None = 30.0, max_dumps: int | None = 100, **filters: Any) -> Table[R]:
        """As :meth:`pynl.Netlink.routes.snapshot`. Cancelled, it ends with the dump that is being made."""
        monitors: list[monitor.Monitor] = []

        def work() -> Table[R]:
            with self._blocking.watching(filters) as watching:
                monitors.append(watching)
                return self._blocking.settled(watching, timeout, max_dumps, filters)

        def interrupt() -> None:
            for watching in monitors:
                watching.close()

        return await self._session.run(work, interrupt)

    async def stream(
        self, *, chunk: int = CHUNK, fields: Sequence[str] | None = None, **filters: Any
    ) -> AsyncIterator[Table[R]]:
        """As :meth:`pynl.Netlink.routes.stream`. Cancelled, it ends with the table that is being made."""
        tables = self._blocking.stream(chunk=chunk, fields=fields, **filters)
        try:
            while (table := await self._session.run(lambda: next(tables, None), nothing)) is not None:
                yield table
        finally:
            await self._session.run(tables.close, nothing)

    async def get(self, *arguments: Any, **options: Any) -> R:
        """As the family's own ``get``."""
        blocking: Any = self._blocking  # what get() takes differs from family to family
        record: R = await self._session.run(lambda: blocking.get(*arguments, **options), blocking.socket.interrupt)
        return record


class Nexthops(Service[NexthopObject]):
    """The nexthop objects of a namespace."""

    async def buckets(self, **filters: Any) -> Table[NexthopBucket]:
        """As :meth:`pynl.Netlink.nexthops.buckets`; the table is whole."""
        return await Service(self._session, NexthopBuckets(self._blocking.socket)).dump(**filters)


class Monitor:
    """As :class:`pynl.Monitor`: no thread waits, the event loop does. It is opened when it is entered, or first read.

    A task that is cancelled while it waits loses no event: the next read gives it.
    """

    def __init__(self, session: Netlink, opening: Callable[[], monitor.Monitor]) -> None:
        self._session = session
        self._opening = opening
        self._blocking: monitor.Monitor | None = None
        self._closed = False
        self._pending: deque[Any] = deque()
        self._readable = Readable()

    async def _opened(self) -> monitor.Monitor:
        made: list[monitor.Monitor] = []
        if self._blocking is None and not self._closed:
            try:
                await self._session.run(lambda: made.append(self._opening()), nothing)
                if self._blocking is None and not self._closed:  # another task may have been faster
                    self._blocking = made.pop()
            finally:
                for spare in made:
                    spare.close()
        if self._closed or self._blocking is None:
            raise ClosedError("the monitor is closed")
        return self._blocking

    async def batch(self, timeout: float | None = None) -> monitor.Batch:
        """As :meth:`pynl.Monitor.batch`."""
        made = await self._read(timeout)
        if made is None:
            raise RuntimeError("the iterator has events to give first: see pending()")
        return made

    async def _read(self, timeout: float | None = None) -> monitor.Batch | None:
        """The next batch; None where the iterator has events to give, also those that another task read meanwhile."""
        import asyncio

        loop = asyncio.get_running_loop()
        blocking = await self._opened()
        timeout = blocking.timeout if timeout is None else monitor.checked(timeout)
        until = None if timeout is None else loop.time() + timeout
        while not self._pending:
            if self._closed:
                raise ClosedError("the monitor is closed")
            made = blocking.batch(0)
            if made or (until is not None and loop.time() >= until):
                return made
            await self._readable.wait(blocking.fileno(), until)
        return None

    def fileno(self) -> int:
        """The file descriptor, -1 while it is not open."""
        return -1 if self._blocking is None else self._blocking.fileno()

    def pending(self) -> int:
        """How many events have been read and not yet been given by the iterator."""
        return len(self._pending)

    @property
    def receive_buffer(self) -> int:
        """Bytes of the receive buffer that were granted; 0 while it is not open."""
        return 0 if self._blocking is None else self._blocking.receive_buffer

    @property
    def statistics(self) -> Mapping[str, int]:
        """As :attr:`pynl.Monitor.statistics`; empty while it is not open."""
        return {} if self._blocking is None else self._blocking.statistics

    async def close(self) -> None:
        """Closes it: tasks that wait get ClosedError, loops end. May be called twice."""
        if self._closed:
            return
        self._closed = True
        self._pending.clear()
        self._readable.close()
        if self._blocking is not None:
            self._blocking.close()

    def __aiter__(self: M) -> M:
        return self

    async def __anext__(self) -> Any:
        while not self._pending:
            try:
                made = await self._read()
            except ClosedError:
                if self._closed:
                    raise StopAsyncIteration from None
                raise
            if made is not None:
                if not made:
                    raise StopAsyncIteration
                self._pending.extend(made)
        return self._pending.popleft()

    async def __aenter__(self: M) -> M:
        await self._opened()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
