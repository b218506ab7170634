"""What a socket may do to its reader: interrupted calls, lost and broken datagrams, strangers, no memory."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from captured import attribute, header
from conftest import Namespace
from test_arrival import add_routes

import pynl
from pynl import Route, Table

ROUTES = 20_000

#: Dumps, says what came of it, and whether the session still works.
CHILD = """
import sys, pynl
nl = pynl.Netlink(sys.argv[1], timeout=2)
try:
    print("routes", len(nl.routes.dump(family=2, protocol="boot")))
except MemoryError:
    print("MemoryError")
except pynl.NetlinkError as error:
    print("errno", error.errno, error.request)
except pynl.DecodeError as error:
    print("DecodeError", error.offset, len(error.data), len(error.table) < 20_000)
print(nl.links.get("lo").ifname)
"""

#: Keeps tables until there is no memory; a thread that cannot start for want of it is a RuntimeError of Python's own.
HUNGRY = """
import resource, sys, pynl
nl = pynl.Netlink(sys.argv[1])
resource.setrlimit(resource.RLIMIT_AS, (160 << 20, 160 << 20))
kept = []
try:
    while True:
        kept.append(nl.routes.dump(family=2, protocol="boot"))
        kept[-1].complete()
except (MemoryError, RuntimeError):
    count = len(kept)
    del kept
    print(count > 2, len(nl.routes.dump(family=2, protocol="boot")))
"""


@pytest.fixture(scope="module")
def world(shared_netns: Namespace) -> Namespace:
    shared_netns.ip("link add v0 type veth peer name v1")
    shared_netns.ip("link set v0 up")
    add_routes(shared_netns, ROUTES)
    return shared_netns


@pytest.fixture(scope="module")
def injected(world: Namespace) -> Callable[[str], list[str]]:
    """Runs CHILD under strace with a fault injected; what it printed."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here")

    def run(fault: str) -> list[str]:
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}"]
        command = [*strace, sys.executable, "-c", CHILD, world.name]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert not done.returncode, done.stderr
        return done.stdout.splitlines()

    return run


WHOLE = f"routes {ROUTES}"


@pytest.mark.parametrize(
    ("fault", "first"),
    [
        ("recvmsg:error=EINTR:when=1+3", WHOLE),
        ("recvmsg:error=EINTR:when=20", WHOLE),
        ("poll:error=EINTR:when=1+2", WHOLE),
        ("recvmsg:error=EAGAIN:when=2+5", WHOLE),
        ("recvmsg:error=ENOBUFS:when=1", f"errno {errno.ENOBUFS} RTM_GETROUTE"),
        ("recvmsg:error=ENOBUFS:when=30", f"errno {errno.ENOBUFS} RTM_GETROUTE"),
        ("recvmsg:error=ENOMEM:when=30", "MemoryError"),
        ("sendto:error=ENOBUFS:when=1", f"errno {errno.ENOBUFS} RTM_GETROUTE"),
        ("sendto:error=EPERM:when=1", f"errno {errno.EPERM} RTM_GETROUTE"),
        ("sendto:retval=28:when=1", f"errno {errno.ETIMEDOUT} RTM_GETROUTE"),
    ],
)
def test_a_fault_is_told_and_the_session_works_on(injected: Callable[[str], list[str]], fault: str, first: str) -> None:
    assert injected(fault) == [first, "lo"]


@pytest.mark.parametrize("size", [1, 15, 17, 100])
def test_a_datagram_cut_short_is_decode_error(injected: Callable[[str], list[str]], size: int) -> None:
    first, second = injected(f"recvmsg:retval={size}:when=25")
    assert first.startswith("DecodeError")
    assert first.endswith("True")
    assert second == "lo"


def test_an_empty_datagram_is_nothing(injected: Callable[[str], list[str]]) -> None:
    """The one it was before is lost with it here; what follows is read."""
    first, second = injected("recvmsg:retval=0:when=3")
    assert int(first.split()[1]) <= ROUTES
    assert second == "lo"


@pytest.mark.skipif("asan" in os.environ.get("LD_PRELOAD", ""), reason="AddressSanitizer needs more address space")
def test_no_memory_is_memory_error_and_leaves_the_session_usable(world: Namespace) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY, world.name], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == f"True {ROUTES}\n", done.stderr


def answer_from_a_stranger(port: int, sequence: int) -> bytes:
    """What would end a dump, if it came from the kernel."""
    return struct.pack("=IHHIIi", 20, 3, 2, sequence, port, -errno.EPERM)


def test_messages_of_other_processes_are_not_heard(world: Namespace) -> None:
    """Their port id is not the kernel's 0, whatever they write into the header."""
    with world.netlink() as nl, pynl.Socket(netns=world.name) as stranger:
        with socket.socket(fileno=os.dup(stranger.fileno())) as raw:
            try:
                for sequence in range(100):
                    raw.sendto(answer_from_a_stranger(nl.socket.port, sequence), (nl.socket.port, 0))
            except PermissionError as error:
                pytest.skip(f"sending to another process's netlink socket: {error}")
        assert len(nl.routes.dump(family=2, protocol="boot")) == ROUTES
        assert nl.links.get("lo").ifindex == 1


@pytest.mark.parametrize("length", [0, 1, 15, 2**32 - 1, 1000])
def test_a_bad_message_length_ends_the_datagram(length: int) -> None:
    good = header(bytes(12))
    bad = struct.pack("=IHHII", length, 24, 2, 1, 2) + bytes(12)
    with pytest.raises(pynl.DecodeError) as caught:
        Table.decode(Route, good * 3 + bad + good)
    assert caught.value.offset == 3 * len(good)
    assert len(caught.value.table) == 3


@pytest.mark.parametrize("type", [1, 4, 8, 9, 15, 16, 22, 30])
def test_an_attribute_without_a_payload(type: int) -> None:
    (route,) = Table.decode(Route, header(bytes(12) + attribute(type, b"")))
    assert route.asdict()
    assert route.unknown == () or route.unknown == ((type, b""),)


@pytest.mark.parametrize("length", [0, 1, 3, 9, 65535])
def test_an_attribute_whose_length_does_not_fit(length: int) -> None:
    payload = bytes(12) + struct.pack("=HHI", length, 4, 7)
    with pytest.raises(pynl.DecodeError) as caught:
        Table.decode(Route, header(payload))
    assert caught.value.offset == 28
    assert caught.value.data == header(payload)


def test_a_link_with_more_than_fits_32_kilobytes(netns: Namespace) -> None:
    """One message larger than the kernel's usual datagram is read whole."""
    netns.ip("link add v0 type veth peer name v1")
    names = [f"{'n' * 100}{number}" for number in range(100)]
    netns.batch("\n".join(f"link property add dev v0 altname {name}" for name in names))
    with netns.netlink() as nl:
        link: Any = nl.links.get("v0")
        assert set(link.altnames) == set(names)
        assert next(other for other in nl.links.dump() if other.ifname == "v0").altnames == link.altnames
