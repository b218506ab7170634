"""Turns: who may use a socket. One request at a time has it, until its answer has come to its end."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Protocol

#: How often a thread that waits for its turn looks for itself, in seconds: a thread that Ctrl-C threw out of its
#: request may not have said so.
_LOOK = 0.1


class Cancelable(Protocol):
    """What a turn is used for."""

    def cancel(self) -> None:
        """Ends it early; safe from any thread."""


class Turn:
    """The right to use a socket, held for as long as the object lives, and at most until its end."""

    #: A helper thread receives the rest of the answer.
    helped = False
    #: Closing the socket waits for the answer, instead of cutting it off.
    outlives = False
    ended = False
    #: It was given up before there was a reply to cancel.
    canceled = False
    reply: weakref.ref[Cancelable] | None = None

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.thread = threading.get_ident()

    def cancel(self) -> None:
        """Gives up what is under way. Safe from any thread."""
        self.canceled = True
        reply = self.reply and self.reply()
        if reply:
            reply.cancel()

    def end(self, clean: bool) -> None:
        """The next may come. ``clean``: the answer was read to its end; otherwise the socket is to be replaced."""
        if not self.ended:
            self._turns.clean = clean
            self.ended = True
        if self._turns.waiting:  # which is told before they look whether this has ended
            self._turns.announce()


class Turns:
    """Gives the turns of one socket.

    An exception may break out of a request between any two instructions, since signals raise KeyboardInterrupt. So
    a turn is no lock that has to be released, but an object that may vanish: nothing else is left behind.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changed: threading.Condition | None = None  # until somebody waits
        #: How many wait, at most: one that Ctrl-C threw out may be among them.
        self.waiting = 0
        self._holder: weakref.ref[Turn] | None = None
        #: The last answer was read to its end.
        self.clean = True

    def take(self, check: Callable[[], object]) -> Turn:
        """Waits for a turn; ``check`` may refuse it by raising."""
        turn = Turn(self)
        with self._lock:
            if self._holder and self._holder() and self._busy():
                self._changed = self._changed or threading.Condition(self._lock)
                self.waiting += 1
                while self._busy():
                    self._changed.wait(_LOOK)
                self.waiting -= 1
            check()
            self._holder = weakref.ref(turn)
        return turn

    def _busy(self) -> bool:
        holder = self._holder and self._holder()
        if not holder or holder.ended:
            return False
        # A thread that asks again has left the request that it was in: by an exception, or for a signal's handler.
        return holder.helped or holder.thread != threading.get_ident()

    @property
    def outliving(self) -> bool:
        """A helper receives an answer that is to become whole even if the socket is closed."""
        holder = self._holder and self._holder()
        return bool(holder and not holder.ended and holder.helped and holder.outlives)

    def cancel(self) -> None:
        """Gives up what is under way, if anything is. Safe from any thread."""
        holder = self._holder and self._holder()
        if holder and not holder.ended:
            holder.cancel()

    def announce(self) -> None:
        """Wakes those who wait."""
        with self._lock:
            if self._changed:
                self._changed.notify_all()
