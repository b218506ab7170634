"""Replies: the answer to one request, received by one thread while another works on what has arrived."""

from __future__ import annotations

import errno
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ._wire import ffi, lib
from .ack import error_of
from .errors import ClosedError, DecodeError, NetlinkError, check
from .log import DEBUG, WARNING, logger
from .schema import Record
from .statistics import Counters
from .turns import Turn

NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP_FILTERED = 0x20

#: How often a thread that waits for data looks for signals, in milliseconds.
_TICK = 100


#: What was sent, for the errors that may come back: the message, the class of its payload, its type as text.
Request = tuple[bytes, "type[Record] | None", "str | None"]


class Log(NamedTuple):
    """What is told of a request when its answer has come to its end."""

    #: Whose memory C counts in until then.
    counters: Counters
    name: str | None
    #: When it was sent, by time.perf_counter().
    begun: float

    def end(self, state: Any) -> None:
        """Logs the answer, where somebody listens."""
        name = self.name or "a request"
        lost = state.overrun or state.result in (-errno.ENOBUFS, -errno.EMSGSIZE)
        if lost and (log := logger("pynl.socket", WARNING)):
            how = "longer than the buffer" if state.result == -errno.EMSGSIZE else "lost"
            log.warning("%s: a part of the answer was %s", name, how)
        if log := logger("pynl.socket", DEBUG):
            counts = state.messages, state.bytes, 1000 * (time.perf_counter() - self.begun)
            log.debug(
                "%s: %d messages of %d bytes in %.2f ms, result %d, error %d", name, *counts, state.result, state.error
            )


class Reply:
    """The answer to one request, on its way: iterating gives its C segments, each then the caller's own.

    It ends by StopIteration or by the exception that tells why it is not whole. Dropping it before its end cancels it.

    Args:
        c_socket: struct pynl_socket.
        sequence: the request's.
        ahead: how many segments may wait before the receiver pauses; 0: any number.
        turn: of the socket; ended by whichever thread receives the end.
        arrived: called by the helper thread after that.
        counters: what comes is added to them.
    """

    #: It has come to its end, whether taken or not.
    whole = True

    def __init__(
        self,
        c_socket: Any,
        sequence: int,
        wait: int,
        request: Request,
        ahead: int,
        turn: Turn,
        arrived: Callable[[], object],
        counters: Counters,
    ) -> None:
        reply = lib.pynl_reply_new(sequence, c_socket.port, ahead, counters.c)
        if not reply:
            raise MemoryError("no memory for a reply")
        self._c = ffi.gc(reply, lib.pynl_reply_free)
        self._socket = c_socket
        self._wait = wait
        self._request = request
        self._turn = turn
        self._arrived = arrived
        self._log = Log(counters, request[2], time.perf_counter())
        self._pid = os.getpid()
        self._state = ffi.new("struct pynl_state *")
        self.whole = False
        turn.reply = weakref.ref(self)
        if turn.canceled:
            self.cancel()

    def receive(self, inline: int) -> None:
        """Receives up to about ``inline`` bytes in the caller's thread, and what is more in a helper thread."""
        turn, claim = self._turn, [True]
        try:
            result = _receive(self._c, self._socket, inline, self._wait) if inline else 0
            if result == 0:
                turn.helped = True
                arguments = claim, self._c, self._socket, self._wait, turn, self._arrived, self._log
                threading.Thread(target=_receive_rest, args=arguments, daemon=True, name="pynl receiver").start()
        except BaseException:  # Ctrl-C may come before, while or after the helper starts
            if _claimed(claim):
                turn.end(False)
            else:
                lib.pynl_reply_cancel(self._c, self._socket)
            raise
        if result != 0:
            self.whole = True
            turn.end(result == 1)
            lib.pynl_reply_state(self._c, self._state)
            self._log.end(self._state)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        state = self._state
        while True:
            if not state.result and os.getpid() != self._pid:
                raise ClosedError("the dump belongs to the process that this one was forked from")
            segment = lib.pynl_reply_take(self._c, 0 if state.result else _TICK)
            if segment:
                return segment
            if state.result:  # it had ended before the last look: nothing can follow
                self.whole = True
                if state.result != 1 or state.error or state.overrun:
                    self._fail()
                raise StopIteration
            lib.pynl_reply_state(self._c, state)

    def _fail(self) -> None:
        """Raises why it is not whole."""
        state, (data, record, name) = self._state, self._request
        if state.result == -errno.EBADMSG:
            rest = bytes(ffi.buffer(state.final, state.final_size))
            raise DecodeError("a message whose length does not fit", state.kept, rest)
        check(state.result, name)
        if state.overrun:
            raise NetlinkError(errno.ENOBUFS, "the kernel lost a part of its answer", request=name)
        raise error_of(bytes(ffi.buffer(state.final, state.final_size)), state.error, data, record, name)

    @property
    def interrupted(self) -> bool:
        """The kernel says, in what has been received so far, that what it listed changed meanwhile."""
        return bool(self._flags() & NLM_F_DUMP_INTR)

    @property
    def filtered(self) -> bool:
        """The kernel says that it applied the request's filters."""
        return bool(self._flags() & NLM_F_DUMP_FILTERED)

    def _flags(self) -> int:
        if not self._state.result:
            lib.pynl_reply_state(self._c, self._state)
        return int(self._state.flags)

    def cancel(self) -> None:
        """Ends it early; its socket is then replaced, since the rest may still come."""
        if not self.whole and os.getpid() == self._pid:
            self.whole = True
            lib.pynl_reply_cancel(self._c, self._socket)

    def __del__(self) -> None:
        if not self.whole:
            self.cancel()


def _receive(c_reply: Any, c_socket: Any, limit: int, wait: int) -> int:
    while True:
        result = lib.pynl_reply_receive(c_reply, c_socket, limit, wait)
        if result != -errno.EINTR:  # after which Python has looked for signals
            return result


def _claimed(claim: list[bool]) -> bool:
    """Whether the caller is the first to ask: popping is atomic."""
    try:
        return claim.pop()
    except IndexError:
        return False


def _receive_rest(
    claim: list[bool],
    c_reply: Any,
    c_socket: Any,
    wait: int,
    turn: Turn,
    arrived: Callable[[], object],
    log: Log,
) -> None:
    """What the helper thread does. It holds no Reply, so that dropping one can cancel it."""
    if _claimed(claim):
        result = _receive(c_reply, c_socket, 0, wait)
        turn.end(result == 1)
        state = ffi.new("struct pynl_state *")
        lib.pynl_reply_state(c_reply, state)
        log.end(state)
        arrived()
