"""The layer below the services: one netlink socket of any protocol, its requests and dumps."""

from __future__ import annotations

import errno
import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from ._wire import ffi, lib, message_bytes
from .closing import Closing
from .encode import message
from .errors import ClosedError, DecodeError, check
from .log import WARNING, logger
from .netns import Descriptor, NetNS, home_of, is_here, open_netns
from .reply import Reply
from .schema import Record
from .statistics import Counters
from .turns import Turns

S = TypeVar("S", bound="Socket")

NETLINK_ROUTE = 0

NLM_F_REQUEST = 0x01
NLM_F_ACK = 0x04
NLM_F_DUMP = 0x300

_NLMSG_NOOP = 1
_SOL_NETLINK = 270
_ADD_MEMBERSHIP = 1
_DROP_MEMBERSHIP = 2
_CAP_ACK = 10
_EXT_ACK = 11
_GET_STRICT_CHK = 12

#: A reply up to this many bytes is received by the caller's own thread: most are, and a thread costs more.
_INLINE = 192 << 10
_LONGEST = 2**31 - 1
#: How often a thread that waits for answers looks for signals, in milliseconds.
_LOOK = 100
_HEADER = struct.Struct("=IHHII")


class Message(NamedTuple):
    """One message as the kernel sent it (RFC 3549, section 2.3.2)."""

    type: int
    flags: int
    sequence: int
    port: int
    payload: bytes


class Socket(Closing):
    """One AF_NETLINK socket, usable from several threads: a request holds it until it is answered.

    Args:
        protocol: NETLINK_ROUTE (0), NETLINK_GENERIC (16) ... (linux/netlink.h)
        netns: the network namespace to open it in: name, path, process id or file descriptor; None: this one. The
            calling thread's namespace stays as it is.
        timeout: seconds that the kernel may stay silent while a reply is awaited; None: for ever.
        room: bytes that the kernel has for each datagram of a dump, up to 32,448; 0: as many as it likes. A longer
            message is lost, with EMSGSIZE.

    Raises:
        OSError: there is no such namespace or protocol, or no permission.
    """

    def __init__(
        self,
        protocol: int = NETLINK_ROUTE,
        *,
        netns: NetNS | None = None,
        timeout: float | None = 30.0,
        room: int = 0,
    ) -> None:
        if timeout is not None and (not isinstance(timeout, (int, float)) or not timeout > 0):
            raise ValueError(f"timeout: expected a positive number of seconds, or None, not {timeout!r}")
        self.protocol = protocol
        self.timeout = timeout
        self.room = room
        #: What has come through it and its siblings.
        self.counters = Counters()
        self._turns = Turns()
        self._pid = os.getpid()
        self._closed = False
        #: What a socket that replaces this one is given as well.
        self._options: dict[tuple[int, int], int] = {}
        self._groups: set[int] = set()
        self._sequence = itertools.count(int(time.time()) & 0x3FFFFFFF or 1)
        self._netns = None if netns is None else Descriptor(open_netns(netns))
        self._c = self._open()

    def _open(self) -> Any:
        c = ffi.gc(ffi.new("struct pynl_socket *", {"fd": -1, "wake": -1}), lib.pynl_socket_close)
        netns = self._netns
        if netns is None or is_here(netns.number):
            check(lib.pynl_socket_open(c, self.protocol, -1), "socket")
        else:  # in a thread that ends with it, since its namespace is changed
            results: list[int] = []
            opener = threading.Thread(
                target=lambda: results.append(lib.pynl_socket_open(c, self.protocol, netns.number)), daemon=True
            )
            opener.start()
            opener.join()
            check(results[0], "socket in another namespace")
        #: Whether the kernel applies strict checking, and with it filters, to requests (since 4.20).
        self.strict = lib.pynl_socket_set(c, _SOL_NETLINK, _GET_STRICT_CHK, 1) >= 0
        for option in (_EXT_ACK, _CAP_ACK):  # since 4.12 and 4.3; without them errors say less
            lib.pynl_socket_set(c, _SOL_NETLINK, option, 1)
        if self.room:
            self._tell_room(c)
        return c

    def _tell_room(self, c: Any) -> None:
        """The kernel goes by the longest read so far, and a dump's first datagram is made before any."""
        c.room = self.room
        data = message(_NLMSG_NOOP, NLM_F_REQUEST | NLM_F_ACK, 1, b"")
        check(lib.pynl_socket_send(c, data, len(data)), "NLMSG_NOOP")
        answers = ffi.gc(ffi.new("struct pynl_answers *"), lib.pynl_answers_free)
        while (result := lib.pynl_answers_receive(answers, c, 1, 1, _LOOK)) == -errno.EINTR:
            pass
        check(result, "NLMSG_NOOP")

    @property
    def netns(self) -> int | None:
        """A descriptor of its namespace, whichever the calling thread is in now; None: the same, or it is closed."""
        if self._netns is None and not self._closed:
            self._netns = home_of(self._c.fd)
        return None if self._netns is None else self._netns.number

    @property
    def timeout(self) -> float | None:
        """Seconds that the kernel may stay silent while a reply is awaited; None: for ever."""
        return self._timeout

    @timeout.setter
    def timeout(self, seconds: float | None) -> None:
        self._timeout, self._wait = seconds, _milliseconds(seconds)

    @property
    def port(self) -> int:
        """The port id that the kernel gave (the process id, if it was free)."""
        return int(self._c.port)

    def fileno(self) -> int:
        """The file descriptor, -1 once closed."""
        return int(self._c.fd)

    def set_option(self, level: int, option: int, value: int) -> None:
        """setsockopt(2) with an int."""
        self._usable()
        check(lib.pynl_socket_set(self._c, level, option, value), "setsockopt")
        self._options[level, option] = value

    def get_option(self, level: int, option: int) -> int:
        """getsockopt(2) of an int."""
        self._usable()
        return check(lib.pynl_socket_get(self._c, level, option), "getsockopt")

    def join(self, group: int) -> None:
        """Subscribes to a multicast group by its number (RTNLGRP_*), above 31 as well."""
        self._usable()
        check(lib.pynl_socket_set(self._c, _SOL_NETLINK, _ADD_MEMBERSHIP, group), "NETLINK_ADD_MEMBERSHIP")
        self._groups.add(group)

    def leave(self, group: int) -> None:
        """Ends a subscription."""
        self._usable()
        check(lib.pynl_socket_set(self._c, _SOL_NETLINK, _DROP_MEMBERSHIP, group), "NETLINK_DROP_MEMBERSHIP")
        self._groups.discard(group)

    def request(
        self,
        type: int,
        payload: bytes = b"",
        flags: int = 0,
        *,
        record: type[Record] | None = None,
        name: str | None = None,
    ) -> list[Message]:
        """Sends one request and returns the messages of its answer, the ACK left out.

        Args:
            type: the message's type (RTM_NEWROUTE ...).
            payload: what follows its header.
            flags: NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK.
            record: the payload's class, so that an error can name the attribute at fault.
            name: the type as text, for errors.

        Raises:
            NetlinkError: the kernel refused it.
            DecodeError: some bytes of the answer are no message; ``error.table`` has the messages before them.
        """
        return self._collect(type, payload, flags | NLM_F_ACK, record, name)

    def dump(
        self,
        type: int,
        payload: bytes = b"",
        flags: int = 0,
        *,
        record: type[Record] | None = None,
        name: str | None = None,
    ) -> list[Message]:
        """Sends one dump request (NLM_F_DUMP) and returns all messages of its answer. As :meth:`request`."""
        return self._collect(type, payload, flags | NLM_F_DUMP, record, name)

    def _collect(
        self, type: int, payload: bytes, flags: int, record: type[Record] | None, name: str | None
    ) -> list[Message]:
        parts: list[bytes] = []
        reply = self.begin(type, payload, flags, record=record, name=name)
        try:
            for segment in reply:
                try:
                    parts.append(message_bytes(segment))
                finally:
                    lib.pynl_segment_free(segment)
        except BaseException as error:
            reply.cancel()
            if isinstance(error, DecodeError):
                error.table = split(b"".join(parts))
            raise
        return split(b"".join(parts)) if parts else []

    def exchange(
        self,
        type: int,
        payload: bytes,
        flags: int,
        sink: Callable[[Any], object],
        *,
        record: type[Record] | None = None,
        name: str | None = None,
    ) -> None:
        """Sends a request and gives ``sink`` each C segment of its answer, which ``sink`` then owns.

        A long answer is received by a helper thread while the caller's thread works in ``sink``.
        """
        reply = self.begin(type, payload, flags, record=record, name=name)
        try:
            for segment in reply:
                sink(segment)
        except BaseException:
            reply.cancel()
            raise

    def begin(
        self,
        type: int,
        payload: bytes,
        flags: int,
        *,
        record: type[Record] | None = None,
        name: str | None = None,
        ahead: int = 0,
        outlives: bool = False,
    ) -> Reply:
        """Sends a request and returns its reply, which may still be arriving; the socket is busy until it has.

        Args:
            ahead: how many segments may wait to be taken before the kernel is made to wait; 0: any number.
            outlives: closing the socket does not cut the answer off.
        """
        self._usable()  # a forked child must not wait for a thread of its parent
        turn = self._turns.take(self._not_closed)
        if outlives:
            turn.outlives = True
        try:
            if not self._turns.clean:
                self._reopen()
            self._turns.clean = False  # until its answer has come to its end
            sequence = next(self._sequence) & 0xFFFFFFFF
            data = message(type, flags | NLM_F_REQUEST, sequence, payload)
            request = data, record, name
            reply = Reply(self._c, sequence, self._wait, request, ahead, turn, self._arrived, self.counters)
            sent = lib.pynl_socket_send(self._c, data, len(data))
            if sent < 0:
                check(sent, name)
        except BaseException:
            turn.end(False)
            raise
        reply.receive(0 if ahead else _INLINE)
        return reply

    # ---- many requests in few sends, on a socket that one thread has to itself

    def reserve(self, count: int) -> int:
        """The first of so many sequence numbers that nothing else uses."""
        first = next(self._sequence) & 0xFFFFFFFF
        self._sequence = itertools.count(first + count)
        return first

    def transmit(self, data: Any, size: int) -> None:
        """Sends packed requests; the kernel has carried them out when it returns."""
        self._usable()
        self._turns.clean = False
        check(lib.pynl_socket_send(self._c, data, size), "sendto")

    def collect(self, answers: Any, first: int, count: int) -> bool:
        """Receives until the last of ``count`` requests is answered; False where answers were lost.

        Args:
            answers: struct pynl_answers, which gets the refusals.
            first: the sequence number of the first request.
            count: how many there are.
        """
        silent = time.monotonic() + (float("inf") if self.timeout is None else self.timeout)
        lost = False
        while True:
            result = lib.pynl_answers_receive(answers, self._c, first, count, 0 if lost else _LOOK)
            if result == -errno.ENOBUFS:  # all that will come is there already: a send returns when it is answered
                lost = True
            elif result == -errno.ETIMEDOUT and (lost or time.monotonic() > silent):
                return False
            elif result not in (-errno.EINTR, -errno.ETIMEDOUT):
                check(result, "answers")
                return not lost

    def _arrived(self) -> None:
        if self._closed:
            self._dispose()

    def interrupt(self) -> None:
        """Makes a request that is under way fail with ClosedError. Safe from any thread; the socket works on."""
        self._turns.cancel()

    def sibling(self: S, room: int = 0) -> S:
        """Another socket of the same protocol in the same namespace; ``room`` as for the class."""
        self._usable()
        made = type(self)(self.protocol, netns=self.netns, timeout=self.timeout, room=room)
        made.counters = self.counters
        made._restore(self._options, ())
        return made

    def _not_closed(self) -> None:
        if self._closed:
            raise ClosedError("the socket is closed")

    def _usable(self) -> None:
        if self._closed:
            raise ClosedError("the socket is closed")
        if os.getpid() != self._pid:
            raise ClosedError("the socket belongs to the process that this one was forked from: open one here")

    def _reopen(self) -> None:
        """A socket whose last answer was not read to its end is replaced: the rest may still come."""
        if log := logger("pynl.socket", WARNING):
            log.warning("socket of port %d: replaced, since its last answer was not read to the end", self.port)
        _ = self.netns  # asked for while there is a socket to tell
        lib.pynl_socket_close(self._c)
        self._c = self._open()
        self._restore(self._options, self._groups)

    def _restore(self, options: Mapping[tuple[int, int], int], groups: Iterable[int]) -> None:
        for (level, option), value in options.items():
            self.set_option(level, option, value)
        for group in groups:
            self.join(group)

    def close(self) -> None:
        """Closes it; a thread that waits for an answer on it gets ClosedError. May be called twice.

        A table that was handed out and is still arriving becomes whole all the same.
        """
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._pid:
            lib.pynl_socket_close(self._c)
        elif not self._turns.outliving:  # otherwise the helper closes the socket when its answer has arrived
            self._turns.cancel()
            self._dispose()

    def _dispose(self) -> None:
        turn = self._turns.take(lambda: None)
        lib.pynl_socket_close(self._c)
        self._netns = None
        turn.end(True)

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"port {self.port}"
        return f"<Socket of protocol {self.protocol}, {state}>"


def _milliseconds(timeout: float | None) -> int:
    """As poll(2) takes it: what is longer than its 24 days is for ever."""
    if timeout is None or timeout * 1000 > _LONGEST:
        return -1
    return max(1, int(timeout * 1000))


def split(data: bytes) -> list[Message]:
    """Whole messages, one after another, apart."""
    messages: list[Message] = []
    at = 0
    while at + _HEADER.size <= len(data):
        length, type, flags, sequence, port = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            break
        messages.append(Message(type, flags, sequence, port, data[at + _HEADER.size : at + length]))
        at += (length + 3) & ~3
    if at < len(data):
        raise DecodeError("a message whose length does not fit its datagram", at, data[at:])
    return messages


__all__: Sequence[str] = ["Message", "Socket", "split"]
