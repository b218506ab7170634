"""What an answer may hold, byte for byte: datagrams of a peer in the kernel's place."""

from __future__ import annotations

import errno
import socket
import struct
import time
from collections.abc import Iterator

import pytest
from captured import header

import pynl
from pynl._wire import ffi, lib, message_bytes
from pynl.reply import Reply
from pynl.statistics import Counters
from pynl.turns import Turns

NOOP, ERROR, DONE, OVERRUN, NEWROUTE = 1, 2, 3, 4, 24
MULTI, INTERRUPTED, FILTERED = 0x2, 0x10, 0x20
SEQUENCE, PORT = 7, 4242


def message(type: int, payload: bytes = b"", flags: int = MULTI, sequence: int = SEQUENCE, port: int = PORT) -> bytes:
    return struct.pack("=IHHII", 16 + len(payload), type, flags, sequence, port) + payload


def route(number: int, **header: int) -> bytes:
    return message(NEWROUTE, struct.pack("=12sHHI", b"\2", 8, 4, number), **header)


DONE_WELL = message(DONE, bytes(4))


class Peer:
    """Sends what a reply receives: struct pynl_socket holds the other end of a pair, whose address is all zeros."""

    def __init__(self, size: int = 1 << 16) -> None:
        self.mine, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.buffer = ffi.new("uint8_t[]", size)
        self.c = ffi.new(
            "struct pynl_socket *",
            {"fd": self.theirs.fileno(), "wake": -1, "port": PORT, "buffer": self.buffer, "size": size},
        )

    def reply(self, timeout: int = 200) -> Reply:
        turn = Turns().take(lambda: None)
        return Reply(self.c, SEQUENCE, timeout, (b"", None, "RTM_GETROUTE"), 0, turn, lambda: None, Counters())

    def answer(self, *datagrams: bytes) -> bytes:
        """What is kept of an answer; raises what ends it."""
        for datagram in datagrams:
            self.mine.send(datagram)
        self.last = self.reply()
        self.last.receive(1 << 30)
        return take(self.last)


def take(reply: Reply) -> bytes:
    kept = b""
    for segment in reply:
        kept += message_bytes(segment)
        lib.pynl_segment_free(segment)
    return kept


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    yield made
    made.mine.close()
    made.theirs.close()


def test_messages_are_kept_in_order_up_to_done(peer: Peer) -> None:
    assert peer.answer(route(1) + route(2), route(3), DONE_WELL) == route(1) + route(2) + route(3)


def test_done_may_come_in_the_same_datagram_and_without_an_error(peer: Peer) -> None:
    assert peer.answer(route(1) + message(DONE)) == route(1)


def test_an_ack_ends_it(peer: Peer) -> None:
    assert peer.answer(route(1), message(ERROR, bytes(4) + bytes(16), flags=0)) == route(1)


def test_noop_and_other_requests_messages_are_passed_over(peer: Peer) -> None:
    others = [route(9, sequence=8), message(DONE, bytes(4), sequence=8), route(9, port=1), message(DONE, port=1)]
    assert peer.answer(route(1) + message(NOOP) + route(2), *others, route(3) + DONE_WELL) == b"".join(
        map(route, (1, 2, 3))
    )


@pytest.mark.parametrize("kind", [ERROR, DONE])
def test_an_error_is_the_kernels(peer: Peer, kind: int) -> None:
    with pytest.raises(pynl.NetlinkError) as caught:
        peer.answer(message(kind, struct.pack("=i", -errno.EPERM) + bytes(16)))
    assert (caught.value.errno, caught.value.request) == (errno.EPERM, "RTM_GETROUTE")


def test_an_overrun_is_an_error(peer: Peer) -> None:
    with pytest.raises(pynl.NetlinkError, match="the kernel lost a part of its answer") as caught:
        peer.answer(route(1), message(OVERRUN), DONE_WELL)
    assert caught.value.errno == errno.ENOBUFS


@pytest.mark.parametrize(
    ("flag", "told"), [(0, (False, False)), (INTERRUPTED, (True, False)), (FILTERED, (False, True))]
)
def test_flags_of_any_message_count(peer: Peer, flag: int, told: tuple[bool, bool]) -> None:
    peer.answer(route(1), route(2, flags=MULTI | flag), route(3), DONE_WELL)
    assert (peer.last.interrupted, peer.last.filtered) == told


def test_a_dump_that_is_interrupted_at_its_end_is(peer: Peer) -> None:
    peer.answer(route(1), message(DONE, bytes(4), flags=MULTI | INTERRUPTED))
    assert peer.last.interrupted


@pytest.mark.parametrize("length", [0, 15, 17, 29, 1000, 0xFFFFFFFF])
def test_a_bad_length_is_decode_error_where_it_is(peer: Peer, length: int) -> None:
    bad = struct.pack("=I", length) + route(3)[4:]
    if length in (17, 29):  # the message itself passes; what stands behind it is none
        bad += b"\1\2\3"
    reply = [route(1), route(2) + bad]
    with pytest.raises(pynl.DecodeError) as caught:
        peer.answer(*reply)
    before = sum(map(len, reply)) - len(bad)
    assert before <= caught.value.offset < before + len(bad)


@pytest.mark.parametrize(
    "data", [b"", bytes(3), struct.pack("=i", 1), struct.pack("=i", -(2**31)), struct.pack("=i", -4096)]
)
def test_an_error_that_is_none_is_decode_error(peer: Peer, data: bytes) -> None:
    with pytest.raises(pynl.DecodeError):
        peer.answer(message(ERROR, data))


def test_a_datagram_too_large_is_emsgsize() -> None:
    peer = Peer(64)
    with pytest.raises(pynl.NetlinkError) as caught:
        peer.answer(route(1) * 4, DONE_WELL)
    assert caught.value.errno == errno.EMSGSIZE


def test_silence_is_etimedout(peer: Peer) -> None:
    started = time.monotonic()
    with pytest.raises(pynl.NetlinkError) as caught:
        peer.answer(route(1))
    assert caught.value.errno == errno.ETIMEDOUT
    assert 0.2 <= time.monotonic() - started < 1


def test_what_others_send_buys_no_time(peer: Peer) -> None:
    reply = peer.reply()
    started = time.monotonic()
    result = -errno.EINTR
    while result == -errno.EINTR and time.monotonic() - started < 5:
        peer.mine.send(route(1, sequence=8))
        result = lib.pynl_reply_receive(reply._c, peer.c, 0, 300)
        peer.mine.send(route(1, sequence=8))
    assert result == -errno.ETIMEDOUT
    assert time.monotonic() - started < 1


def test_a_turn_given_up_before_there_is_a_reply_cancels_it(peer: Peer) -> None:
    turns = Turns()
    turn = turns.take(lambda: None)
    turns.cancel()
    reply = Reply(peer.c, SEQUENCE, 10_000, (b"", None, None), 0, turn, lambda: None, Counters())
    reply.receive(1 << 20)
    with pytest.raises(pynl.ClosedError):
        take(reply)


def test_bytes_of_the_answer_before_the_fault_are_not_lost() -> None:
    """A table tells which records came before; a socket which messages."""
    data = header(struct.pack("=12sHHI", b"\2", 8, 4, 5))
    with pytest.raises(pynl.DecodeError) as caught:
        pynl.Table.decode(pynl.Route, data + b"\1\0")
    assert [record.oif for record in caught.value.table] == [5]
    assert caught.value.offset == len(data)
