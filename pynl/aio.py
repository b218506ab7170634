"""The same session for asyncio: what waits for the kernel does so in a thread, and the loop goes on meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Any, Generic, TypeVar

from . import netlink
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

        submitted = self._thread.submit(work)
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

    async def stream(
        self, *, chunk: int = CHUNK, fields: Sequence[str] | None = None, **filters: Any
    ) -> AsyncIterator[Table[R]]:
        """As :meth:`pynl.Netlink.routes.stream`. Cancelled, it ends with the table that is being made."""
        tables = self._blocking.stream(chunk=chunk, fields=fields, **filters)
        try:
            while (table := await self._session.run(lambda: next(tables, None), _nothing)) is not None:
                yield table
        finally:
            await self._session.run(tables.close, _nothing)

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


def _nothing() -> None:
    pass
