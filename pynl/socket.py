"""The layer below the services: one netlink socket of any protocol, its requests and dumps."""

from __future__ import annotations

import itertools
import os
import struct
import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, TypeVar

from ._wire import ffi, lib, message_bytes
from .ack import error_of
from .encode import message
from .errors import ClosedError, DecodeError, check
from .netns import NetNS, open_netns
from .schema import Record

S = TypeVar("S", bound="Socket")

NETLINK_ROUTE = 0

NLM_F_REQUEST = 0x01
NLM_F_ACK = 0x04
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP_FILTERED = 0x20
NLM_F_DUMP = 0x300

_SOL_NETLINK = 270
_ADD_MEMBERSHIP = 1
_DROP_MEMBERSHIP = 2
_CAP_ACK = 10
_EXT_ACK = 11
_GET_STRICT_CHK = 12

#: A reply up to this many bytes is received by the caller's own thread: most are, and a thread costs more.
_INLINE = 192 << 10
#: How often a thread that waits for data looks for signals, in milliseconds.
_TICK = 100
_HEADER = struct.Struct("=IHHII")


class Message(NamedTuple):
    """One message as the kernel sent it (RFC 3549, section 2.3.2)."""

    type: int
    flags: int
    sequence: int
    port: int
    payload: bytes


class Outcome(NamedTuple):
    """How a reply ended."""

    #: Every NLM_F_* flag seen on its messages.
    flags: int
    datagrams: int
    bytes: int

    @property
    def interrupted(self) -> bool:
        """The kernel says that what it listed changed meanwhile."""
        return bool(self.flags & NLM_F_DUMP_INTR)

    @property
    def filtered(self) -> bool:
        """The kernel says that it applied the request's filters."""
        return bool(self.flags & NLM_F_DUMP_FILTERED)


class Socket:
    """One AF_NETLINK socket, usable from several threads: a request holds it until it is answered.

    Args:
        protocol: NETLINK_ROUTE (0), NETLINK_GENERIC (16) ... (linux/netlink.h)
        netns: the network namespace to open it in: name, path, process id or file descriptor; None: this one. The
            calling thread's namespace stays as it is.
        timeout: seconds that the kernel may stay silent while a reply is awaited; None: for ever.

    Raises:
        OSError: there is no such namespace or protocol, or no permission.
    """

    def __init__(
        self, protocol: int = NETLINK_ROUTE, *, netns: NetNS | None = None, timeout: float | None = 30.0
    ) -> None:
        if timeout is not None and not timeout > 0:
            raise ValueError(f"timeout: expected a positive number of seconds, or None, not {timeout!r}")
        self.protocol = protocol
        self.timeout = timeout
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._closed = False
        self._dirty = False
        self._sequence = itertools.count(int(time.time()) & 0x3FFFFFFF or 1)
        self._netns = -1 if netns is None else open_netns(netns)
        try:
            self._c = self._open()
        except BaseException:
            self._close_netns()
            raise

    def _open(self) -> Any:
        c = ffi.new("struct pynl_socket *")
        if self._netns < 0:
            check(lib.pynl_socket_open(c, self.protocol, -1), "socket")
        else:  # in a thread that ends with it, since its namespace is changed
            results: list[int] = []
            opener = threading.Thread(
                target=lambda: results.append(lib.pynl_socket_open(c, self.protocol, self._netns)), daemon=True
            )
            opener.start()
            opener.join()
            check(results[0], "socket in another namespace")
        #: Whether the kernel applies strict checking, and with it filters, to requests (since 4.20).
        self.strict = lib.pynl_socket_set(c, _SOL_NETLINK, _GET_STRICT_CHK, 1) >= 0
        for option in (_EXT_ACK, _CAP_ACK):  # since 4.12 and 4.3; without them errors say less
            lib.pynl_socket_set(c, _SOL_NETLINK, option, 1)
        return c

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

    def get_option(self, level: int, option: int) -> int:
        """getsockopt(2) of an int."""
        self._usable()
        return check(lib.pynl_socket_get(self._c, level, option), "getsockopt")

    def join(self, group: int) -> None:
        """Subscribes to a multicast group by its number (RTNLGRP_*), above 31 as well."""
        self.set_option(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def leave(self, group: int) -> None:
        """Ends a subscription."""
        self.set_option(_SOL_NETLINK, _DROP_MEMBERSHIP, group)

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
        """
        answer = bytearray()
        self.exchange(type, payload, flags | NLM_F_ACK, _into(answer), record=record, name=name)
        return split(bytes(answer))

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
        answer = bytearray()
        self.exchange(type, payload, flags | NLM_F_DUMP, _into(answer), record=record, name=name)
        return split(bytes(answer))

    def exchange(
        self,
        type: int,
        payload: bytes,
        flags: int,
        sink: Callable[[Any], object],
        *,
        record: type[Record] | None = None,
        name: str | None = None,
    ) -> Outcome:
        """Sends a request and gives ``sink`` each C segment of its answer, which ``sink`` then owns.

        A long answer is received by a helper thread while the caller's thread works in ``sink``.
        """
        with self._lock:
            self._usable()
            if self._dirty:
                self._reopen()
            sequence = next(self._sequence) & 0xFFFFFFFF
            request = message(type, flags | NLM_F_REQUEST, sequence, payload)
            reply = lib.pynl_reply_new(sequence, self.port, 0)
            if reply == ffi.NULL:
                raise MemoryError("no memory for a reply")
            reply = ffi.gc(reply, lib.pynl_reply_free)
            self._dirty = True  # until its answer has come to its end
            check(lib.pynl_socket_send(self._c, request, len(request)), name)
            state = self._receive(reply, sink, name)
            self._dirty = False
        error = state.error
        if error:
            raise error_of(bytes(ffi.buffer(state.final, state.final_size)), error, request, record, name)
        return Outcome(state.flags, state.datagrams, state.bytes)

    def _receive(self, reply: Any, sink: Callable[[Any], object], name: str | None) -> Any:
        wait = -1 if self.timeout is None else max(1, int(self.timeout * 1000))
        result = self._run(reply, _INLINE, wait)
        if result == 0:
            helper = threading.Thread(target=self._run, args=(reply, 0, wait), daemon=True, name="pynl receiver")
            helper.start()
            try:
                state = _drain(reply, sink)
            except BaseException:
                lib.pynl_reply_cancel(reply)
                lib.pynl_socket_wake(self._c)
                raise
            finally:
                helper.join()
        else:
            state = _drain(reply, sink)
        if state.result == -_EBADMSG:
            data = bytes(ffi.buffer(state.final, state.final_size))
            raise DecodeError("a message whose length does not fit its datagram", 0, data)
        check(state.result, name)
        return state

    def _run(self, reply: Any, limit: int, wait: int) -> int:
        while True:
            result = lib.pynl_reply_receive(reply, self._c, limit, wait)
            if result != -_EINTR:
                return result

    def _usable(self) -> None:
        if self._closed:
            raise ClosedError("the socket is closed")
        if os.getpid() != self._pid:
            raise ClosedError("the socket belongs to the process that this one was forked from: open one here")

    def _reopen(self) -> None:
        """A socket whose last answer was not read to its end is replaced: the rest may still come."""
        lib.pynl_socket_close(self._c)
        self._c = self._open()
        self._dirty = False

    def close(self) -> None:
        """Closes it; a thread that waits for an answer on it gets ClosedError. May be called twice."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() == self._pid:
            lib.pynl_socket_wake(self._c)
            with self._lock:
                lib.pynl_socket_close(self._c)
        else:
            lib.pynl_socket_close(self._c)
        self._close_netns()

    def _close_netns(self) -> None:
        if self._netns >= 0:
            os.close(self._netns)
            self._netns = -1

    def __enter__(self: S) -> S:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_c"):
            self.close()

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"port {self.port}"
        return f"<Socket of protocol {self.protocol}, {state}>"


_EINTR = 4
_EBADMSG = 74


def _drain(reply: Any, sink: Callable[[Any], object]) -> Any:
    """Gives ``sink`` the segments as they come, and returns how the reply ended."""
    state = ffi.new("struct pynl_state *")
    while True:
        segment = lib.pynl_reply_take(reply, _TICK)
        if segment != ffi.NULL:
            sink(segment)
        elif state.result:  # it had ended before the last look: nothing can follow
            return state
        else:
            lib.pynl_reply_state(reply, state)


def _into(answer: bytearray) -> Callable[[Any], object]:
    def sink(segment: Any) -> None:
        try:
            answer.extend(message_bytes(segment))
        finally:
            lib.pynl_segment_free(segment)

    return sink


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


__all__: Sequence[str] = ["Message", "Outcome", "Socket", "split"]
