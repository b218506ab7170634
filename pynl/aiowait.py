"""How tasks wait for a descriptor: an event loop takes one reader of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio


class Readable:
    """The tasks that wait until a descriptor is readable: all of them are woken."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Future[None]] = set()
        #: What the loop watches; -1: nothing.
        self._fd = -1

    async def wait(self, fd: int, until: float | None) -> None:
        """Waits until there may be something, or until that time of the event loop."""
        import asyncio

        loop = asyncio.get_running_loop()
        future = loop.create_future()
        self._waiting.add(future)
        if self._fd < 0:
            loop.add_reader(fd, self.wake)
            self._fd = fd
        timer = None if until is None else loop.call_at(until, self.wake)
        try:
            await future
        finally:
            if timer:
                timer.cancel()
            self._waiting.discard(future)
            if not self._waiting:
                self._stop()

    def wake(self) -> None:
        """Lets them look."""
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def close(self) -> None:
        """The same, before the descriptor is closed."""
        self._stop()
        self.wake()

    def _stop(self) -> None:
        if self._fd >= 0:
            import asyncio

            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = -1


def nothing() -> None:
    """Interrupts what is over soon."""
