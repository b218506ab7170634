"""Many requests in few sends: what is sent together, what becomes of each request, and the report of it all."""

from __future__ import annotations

import errno
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from ._wire import ffi, lib
from .ack import error_of
from .encode import message
from .errors import NetlinkError
from .schema import Record
from .socket import NLM_F_ACK, NLM_F_REQUEST, Socket

_SOL_SOCKET = 1
_SO_SNDBUF = 7
_SO_RCVBUF = 8
_SO_RCVBUFFORCE = 33
#: What one answer takes of the receive buffer: the kernel counts the memory of its skb, not its bytes.
_ANSWER = 832
#: Answers to ask room for: with more requests in a send, what a send costs is no longer seen.
_WINDOW = 4096
#: What the kernel keeps of the send buffer for itself.
_RESERVED = 32
_HEADER = struct.Struct("=IHHII")

T = TypeVar("T")

#: Called with how many requests are through, and how many there are.
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Failure:
    """A request that was not carried out.

    Attributes:
        index: its place among the requests, from 0.
        request: what was asked for.
        error: why not.
    """

    index: int
    request: Record
    error: NetlinkError


@dataclass
class Report:
    """What became of many requests.

    Attributes:
        total: how many there were.
        done: how many were carried out (and not undone).
        failures: those that the kernel refused, in order.
        unknown: the places of those of which it cannot be told, since answers were lost and what is there now does not
            tell either.
        unsent: how many were never sent, since something before them failed or Ctrl-C came.
        undone: how many were carried out and then undone.
        kept: the places of those that could not be undone.
        duration: seconds.
    """

    total: int = 0
    done: int = 0
    failures: list[Failure] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    unsent: int = 0
    undone: int = 0
    kept: list[int] = field(default_factory=list)
    duration: float = 0.0

    @property
    def ok(self) -> bool:
        """Every request was carried out."""
        return self.done == self.total


class BulkInterrupted(KeyboardInterrupt):
    """Ctrl-C among many requests; ``report`` tells exactly which were carried out."""

    def __init__(self, report: Report) -> None:
        super().__init__(f"interrupted after {report.done} of {report.total} requests")
        self.report = report


class Requests(Protocol):
    """Requests that are encoded a piece at a time."""

    def __len__(self) -> int:
        """How many there are."""

    def pack(self, first: int, most: int, sequence: int, room: int) -> tuple[Any, int, int]:
        """C memory with requests from ``first``, how many (at most ``most``, in ``room`` bytes), and their bytes.

        The last asks for an ACK; they are numbered from ``sequence``.
        """

    def payload(self, index: int) -> tuple[str, type[Record], bytes]:
        """The message type as text, the class and the bytes of one request."""


class Packed:
    """Requests that were encoded one by one: type, flags, class, payload."""

    def __init__(self, requests: Sequence[tuple[Any, int, type[Record], bytes]]) -> None:
        self._requests = requests

    def __len__(self) -> int:
        return len(self._requests)

    def pack(self, first: int, most: int, sequence: int, room: int) -> tuple[Any, int, int]:
        """As :meth:`Requests.pack`."""
        made: list[bytes] = []
        size = last = 0
        for type, flags, _, payload in self._requests[first : first + most]:
            data = message(type, flags | NLM_F_REQUEST, (sequence + len(made)) & 0xFFFFFFFF, payload)
            data += bytes(-len(data) % 4)
            if size + len(data) > room:
                break
            last = size
            size += len(data)
            made.append(data)
        if not made:
            raise NetlinkError(errno.EMSGSIZE, "the request is larger than the send buffer")
        out = bytearray(b"".join(made))
        out[last + 6 : last + 8] = struct.pack("=H", struct.unpack_from("=H", out, last + 6)[0] | NLM_F_ACK)
        return ffi.from_buffer("uint8_t[]", out), len(made), size

    def payload(self, index: int) -> tuple[str, type[Record], bytes]:
        """As :meth:`Requests.payload`."""
        type, _, record, payload = self._requests[index]
        return type.name, record, payload


class Outcomes:
    """Who was refused, and of whom it is not known."""

    def __init__(self) -> None:
        self.errors: dict[int, NetlinkError] = {}
        self.unknown: list[int] = []
        #: How many were sent.
        self.sent = 0
        #: What ended it before its time.
        self.failed: BaseException | None = None


def apart(work: Callable[[list[KeyboardInterrupt]], T]) -> tuple[T, bool]:
    """Does work in a thread of its own, which no signal interrupts.

    Args:
        work: gets a list to which every Ctrl-C that comes meanwhile is added; it is to end soon then.

    Returns:
        What it returned, and whether Ctrl-C came. What it raised is raised.
    """
    came: list[KeyboardInterrupt] = []
    made: list[T] = []
    failed: list[BaseException] = []
    begun = threading.Lock()
    over = threading.Event()  # up to 3.12 a thread may be called dead before it is, once its join() was interrupted

    def body() -> None:
        if not begun.acquire(blocking=False):  # Ctrl-C came while it was started, and it was started again
            return
        try:
            made.append(work(came))
        except BaseException as error:
            failed.append(error)
        finally:
            over.set()

    while not over.is_set():
        try:
            while not over.is_set():
                if not begun.locked():
                    threading.Thread(target=body, daemon=True, name="pynl bulk").start()
                over.wait()
        except KeyboardInterrupt as error:
            came.append(error)
    if failed:
        raise failed[0]
    return made[0], bool(came)


def run(
    socket: Socket,
    requests: Requests,
    stop: bool,
    progress: Progress | None = None,
    ended: Callable[[], bool] = lambda: False,
) -> Outcomes:
    """Sends all requests, or up to those that are sent together with the first that is refused.

    What ``progress`` raises, or whatever else ends it, is noted in the outcomes and not raised.

    Args:
        socket: of the namespace.
        requests: encoded.
        stop: after the first that is refused.
        progress: see :data:`Progress`.
        ended: asked between two sends whether to end.
    """
    outcomes = Outcomes()
    try:
        with socket.sibling() as line:
            _send_all(line, requests, outcomes, stop, progress, ended)
    except BaseException as error:
        outcomes.failed = error
    return outcomes


def _send_all(
    line: Socket,
    requests: Requests,
    outcomes: Outcomes,
    stop: bool,
    progress: Progress | None,
    ended: Callable[[], bool],
) -> None:
    total = len(requests)
    window = _window(line)
    room = line.get_option(_SOL_SOCKET, _SO_SNDBUF) - _RESERVED
    while outcomes.sent < total and not (stop and outcomes.errors) and not ended():
        _send(line, requests, outcomes, window, room)
        if progress:
            progress(outcomes.sent, total)


def _window(line: Socket) -> int:
    """How many answers the receive buffer holds, made larger where the caller may."""
    try:
        line.set_option(_SOL_SOCKET, _SO_RCVBUFFORCE, _WINDOW * _ANSWER)
    except NetlinkError:
        line.set_option(_SOL_SOCKET, _SO_RCVBUF, _WINDOW * _ANSWER)
    return max(1, min(_WINDOW, line.get_option(_SOL_SOCKET, _SO_RCVBUF) // _ANSWER))


def _send(line: Socket, requests: Requests, outcomes: Outcomes, window: int, room: int) -> None:
    first = outcomes.sent
    sequence = line.reserve(window)
    try:
        data, count, size = requests.pack(first, window, sequence, room)
        line.transmit(data, size)
    except NetlinkError as error:  # nothing was carried out: the first is at fault, or is as good as any
        outcomes.errors[first] = error
        outcomes.sent += 1
        return
    outcomes.sent += count
    answers = ffi.gc(ffi.new("struct pynl_answers *"), lib.pynl_answers_free)
    try:
        whole = line.collect(answers, sequence, count)
    except (NetlinkError, MemoryError):
        whole = False
    line.counters.add(answers.messages, answers.bytes, overruns=not whole)
    refused = {}
    for final in _messages(answers):
        index = first + ((_HEADER.unpack_from(final)[3] - sequence) & 0xFFFFFFFF)
        name, record, payload = requests.payload(index)
        refused[index] = error_of(final, _code(final), message(0, 0, 0, payload), record, name)
    outcomes.errors.update(refused)
    if not whole:
        outcomes.unknown += [index for index in range(first, first + count) if index not in refused]


def _messages(answers: Any) -> Iterator[bytes]:
    data = bytes(ffi.buffer(answers.data, answers.size)) if answers.size else b""
    at = 0
    while at < len(data):
        length = _HEADER.unpack_from(data, at)[0]
        yield data[at : at + length]
        at += (length + 3) & ~3


def _code(final: bytes) -> int:
    return -int(struct.unpack_from("=i", final, _HEADER.size)[0])
