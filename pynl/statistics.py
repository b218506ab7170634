"""What has gone through a session's sockets, counted."""

from __future__ import annotations

import threading
from typing import NamedTuple

from ._wire import ffi


class Statistics(NamedTuple):
    """Counts since the session was opened, of all its sockets: requests, dumps, changes, monitors.

    They only grow.
    """

    #: Messages received.
    messages: int = 0
    #: Bytes received.
    bytes: int = 0
    #: How often the kernel had to drop what it had to say, since its reader was too slow.
    overruns: int = 0
    #: How often a mirror read all again after that.
    resyncs: int = 0
    #: What was asked again: dumps for a snapshot, and objects of a ``restore`` that needed others first.
    retries: int = 0
    #: Datagrams that were longer than the buffer, and came cut off.
    truncations: int = 0


class Counters:
    """The counts while they grow; several threads add to them.

    Attributes:
        c: struct pynl_counts, which C adds what it receives to.
    """

    def __init__(self) -> None:
        self.c = ffi.new("struct pynl_counts *")
        self._lock = threading.Lock()
        self._added = [0] * len(Statistics._fields)

    def add(
        self,
        messages: int = 0,
        bytes: int = 0,
        overruns: int = 0,
        resyncs: int = 0,
        retries: int = 0,
        truncations: int = 0,
    ) -> None:
        """Adds to them; nothing is lost to another thread that does so."""
        more = messages, bytes, overruns, resyncs, retries, truncations
        with self._lock:
            self._added = [old + new for old, new in zip(self._added, more, strict=True)]

    def read(self) -> Statistics:
        """All of them, up to now."""
        c = self.c
        received = c.messages, c.bytes, c.overruns, 0, 0, c.truncations
        return Statistics(*map(int.__add__, self._added, received))
