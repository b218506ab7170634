"""Dumps that are still arriving: the replies that a table's rows come from, decoded as they are needed."""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

from .errors import NetlinkError
from .family import Family
from .reply import Reply
from .socket import NLM_F_DUMP, Socket
from .store import Filters, Store


class Question(NamedTuple):
    """One request of a dump, which may take several: one for each address family."""

    payload: bytes
    filters: Filters
    #: Whether the kernel may answer that there is no such table: none of the rows asked for exist then.
    absent: bool


class Part(NamedTuple):
    """The answer to one question."""

    reply: Reply
    question: Question
    #: The socket to close at its end: one of its own, or None.
    socket: Socket | None

    def next(self) -> Any:
        """Its next segment, or None at its end."""
        try:
            return next(self.reply, None)
        except NetlinkError as error:
            if error.errno == errno.ENOENT and self.question.absent:
                return None
            raise

    def end(self) -> None:
        """Cancels what has not been received."""
        self.reply.cancel()
        if self.socket is not None:
            self.socket.close()


def begin(socket: Socket, family: Family[Any], questions: Sequence[Question], ahead: int = 0) -> Sequence[Part]:
    """Asks; what follows a long answer is asked on another socket, so that both arrive at once."""
    parts: list[Part] = []
    own = None
    try:
        for question in questions:
            if parts and not parts[-1].reply.whole:
                own = socket.sibling()
            reply = (own or socket).begin(
                family.get,
                question.payload,
                NLM_F_DUMP,
                record=family.record,
                name=family.get.name,
                ahead=ahead,
                outlives=not ahead,
            )
            parts.append(Part(reply, question, own))
    except BaseException:
        for part in parts:
            part.end()
        raise
    return parts


class Arrival:
    """The source of a store's rows. Dropping it cancels what has not arrived."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = deque(parts)

    def advance(self, store: Store) -> bool:
        """Decodes the next segment; False at the end of the last part.

        Raises:
            NetlinkError, DecodeError, ClosedError, MemoryError: why a part is not whole; the others are cancelled.
        """
        try:
            while self._parts:
                part = self._parts[0]
                segment = part.next()
                store.consistent = store.consistent and not part.reply.interrupted
                if segment is not None:
                    store.decode(segment, part.question.filters)
                    return True
                self._parts.popleft().end()
        except BaseException:
            self.cancel()
            raise
        return False

    def interrupt(self) -> None:
        """Makes :meth:`advance` fail with ClosedError, also while it waits; safe from any thread."""
        for part in tuple(self._parts):
            part.reply.cancel()

    def cancel(self) -> None:
        """Gives up what has not arrived."""
        while self._parts:
            self._parts.popleft().end()

    def __del__(self) -> None:
        if hasattr(self, "_parts"):
            self.cancel()
