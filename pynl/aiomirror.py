"""Mirrors for asyncio: what takes time happens in the session's thread, and the event loop waits for announcements."""

from __future__ import annotations

import os
import weakref
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Protocol, TypeVar

from . import mirror, monitor
from .aiowait import Readable, nothing
from .errors import ClosedError
from .lookup import Matches
from .lpm import MAIN
from .replica import Update
from .table import Table

M = TypeVar("M", bound="Mirror")
T = TypeVar("T")


class Run(Protocol):
    """Does something in the session's thread."""

    def __call__(self, work: Callable[[], T], interrupt: Callable[[], object]) -> Awaitable[T]:
        """The result of ``work``."""


class Mirror:
    """As :class:`pynl.Mirror`. It is read when it is entered: ``async with nl.mirror("routes") as mirror``."""

    def __init__(self, run: Run, opening: Callable[[Callable[[monitor.Monitor], object]], mirror.Mirror]) -> None:
        self._run = run
        self._opening = opening
        self._entered = False
        self._readers: weakref.WeakSet[Changes] = weakref.WeakSet()
        self._made: mirror.Mirror | None = None

    async def _do(self, work: Callable[[mirror.Mirror], T]) -> T:
        blocking = self.blocking
        try:
            return await self._run(lambda: work(blocking), nothing)
        finally:
            for reader in self._readers:  # it has followed for them too, and the descriptor has nothing more to tell
                if reader.blocking.ready:
                    reader.readable.wake()

    @property
    def blocking(self) -> mirror.Mirror:
        """The mirror below; ClosedError before it is entered."""
        if self._made is None:
            raise ClosedError("the mirror is not open: enter it first")
        return self._made

    async def table(self, kind: str) -> Table[Any]:
        """As :meth:`pynl.Mirror.table`."""
        return await self._do(lambda blocking: blocking.table(kind))

    async def link(self, device: int | str) -> Any:
        """As :meth:`pynl.Mirror.link`."""
        return await self._do(lambda blocking: blocking.link(device))

    async def lookup(self, address: Any, *, table: int = MAIN) -> Any:
        """As :meth:`pynl.Mirror.lookup`."""
        return await self._do(lambda blocking: blocking.lookup(address, table=table))

    async def lookup_many(self, addresses: Any, *, table: int = MAIN) -> Matches[Any]:
        """As :meth:`pynl.Mirror.lookup_many`."""
        return await self._do(lambda blocking: blocking.lookup_many(addresses, table=table))

    def changes(self, timeout: float | None = None) -> Changes:
        """As :meth:`pynl.Mirror.changes`: ``async for update in mirror.changes()``."""
        made = Changes(self, timeout)
        self._readers.add(made)
        return made

    async def wait(self, predicate: Callable[[mirror.Mirror], T], timeout: float | None = None) -> T:
        """As :meth:`pynl.Mirror.wait`; ``predicate`` is called in the session's thread, with the mirror below."""
        import asyncio

        changes = self.changes()
        try:
            bound = monitor.checked(timeout)
            until = None if bound is None else asyncio.get_running_loop().time() + bound
            while not (value := await self._do(predicate)):
                if not await changes.arrive(until):
                    raise TimeoutError(f"what was waited for did not come within {timeout} s")
                changes.blocking.skip()
            return value
        finally:
            changes.close()

    async def follow(self) -> None:
        """As :meth:`pynl.Mirror.follow`."""
        await self._do(lambda blocking: blocking.follow())

    async def close(self) -> None:
        """Closes it: loops over changes end. May be called twice."""
        if self._made is not None:
            try:
                await self._do(lambda blocking: blocking.close())
            except ClosedError:  # the session is, and its thread has ended
                self._made.close()

    async def __aenter__(self: M) -> M:
        if self._entered:
            raise RuntimeError("a mirror is entered once: make another")
        self._entered = True
        made: list[mirror.Mirror] = []
        monitors: list[monitor.Monitor] = []
        cancelled: list[bool] = []

        def heard(opened: monitor.Monitor) -> None:
            monitors.append(opened)
            if cancelled:
                opened.close()

        def interrupt() -> None:
            cancelled.append(True)
            for opened in monitors:
                opened.close()

        try:
            await self._run(lambda: made.append(self._opening(heard)), interrupt)
        except BaseException:
            for unwanted in made:
                unwanted.close()
            raise
        self._made = made[0]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class Changes:
    """An asynchronous iterator of updates, in order. A task that is cancelled while it waits loses none."""

    def __init__(self, owner: Mirror, timeout: float | None) -> None:
        self._owner = owner
        self._timeout = monitor.checked(timeout)
        #: The iterator below.
        self.blocking = mirror.Changes(owner.blocking)
        self.readable = Readable()
        #: The loop watches a descriptor for one reader only.
        self._fd = os.dup(owner.blocking.fileno())

    async def arrive(self, until: float | None) -> bool:
        """Waits until there are updates; False where there were none at that time of the event loop.

        Raises:
            ClosedError: the mirror is closed.
        """
        import asyncio

        loop = asyncio.get_running_loop()
        while True:
            await self._owner.follow()
            if self.blocking.ready:
                return True
            if self._fd < 0:
                raise ClosedError("nothing is kept for this iterator any more")
            if until is not None and loop.time() >= until:
                return False
            due = self._owner.blocking.due()
            times = [time for time in (until, None if due is None else loop.time() + due) if time is not None]
            await self.readable.wait(self._fd, min(times, default=None))

    def __aiter__(self) -> Changes:
        return self

    async def __anext__(self) -> Update:
        import asyncio

        while not self.blocking.ready:  # another task may have taken what came
            until = None if self._timeout is None else asyncio.get_running_loop().time() + self._timeout
            try:
                if not await self.arrive(until):
                    raise StopAsyncIteration
            except ClosedError:
                raise StopAsyncIteration from None
        return self.blocking.take()

    def close(self) -> None:
        """No more updates are kept for it. May be called twice."""
        if self._fd >= 0:
            self.readable.close()
            os.close(self._fd)
            self._fd = -1
            self.blocking.close()

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            self.close()
