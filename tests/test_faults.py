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

#: What a monitor has of 1000 new routes: how many events, a mark behind them, and then the next.
WATCHER = """
import sys, pynl
nl = pynl.Netlink(sys.argv[1])
with nl.monitor("routes", table=77, buffer=4096) as events:
    if sys.argv[2:]:
        pynl._wire.lib.pynl_socket_set(events._socket._c, 1, 44, 1)  # SO_LOCK_FILTER: it takes no other filter
    nl.routes.add_many({"dst": [f"10.{n >> 8}.{n & 255}.0/24" for n in range(1000)], "table": 77, "oif": "v0"})
    found = []
    while not found or found[-1].action != "overrun":
        found += events.batch(0)
    print([event.action for event in found].index("overrun") == len(found) - 1 > 5)
    nl.routes.flush(table=77)
    for _ in range(9): events.batch(0)
    nl.routes.add(dst="10.0.0.0/24", table=77, oif="v0")
    print(*(event.action for event in events.batch(0)))
nl.routes.flush(table=77)
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
def injected(world: Namespace) -> Callable[..., list[str]]:
    """Runs CHILD under strace with a fault injected; what it printed."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    if subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], check=False, capture_output=True).returncode:
        pytest.skip("strace may not trace here")

    def run(fault: str, child: str = CHILD, *arguments: str) -> list[str]:
        strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={fault}"]
        command = [*strace, sys.executable, "-c", child, world.name, *arguments]
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
def test_a_fault_is_told_and_the_session_works_on(injected: Callable[..., list[str]], fault: str, first: str) -> None:
    assert injected(fault) == [first, "lo"]


@pytest.mark.parametrize("calls", ["1", "1..2", "2..3", "1..7"])
@pytest.mark.parametrize("locked", [(), ("locked",)])
def test_a_queue_that_overflows_again_is_read_to_its_end(
    injected: Callable[..., list[str]], calls: str, locked: tuple[str, ...]
) -> None:
    """Also where it took no filter that keeps it from filling up."""
    assert injected(f"recvmmsg:error=ENOBUFS:when={calls}", WATCHER, *locked) == ["True", "new"]


def test_a_queue_that_always_overflows_does_not_hold_the_reader(injected: Callable[..., list[str]]) -> None:
    code = WATCHER.split("    found = []", maxsplit=1)[0] + "    print(*(event.action for event in events.batch(0)))\n"
    code += "nl.routes.flush(table=77)\n"
    assert injected("recvmmsg:error=ENOBUFS", code) == ["overrun"]


@pytest.mark.parametrize("size", [1, 15, 17, 100])
def test_a_datagram_cut_short_is_decode_error(injected: Callable[..., list[str]], size: int) -> None:
    first, second = injected(f"recvmsg:retval={size}:when=25")
    assert first.startswith("DecodeError")
    assert first.endswith("True")
    assert second == "lo"


def test_an_empty_datagram_is_nothing(injected: Callable[..., list[str]]) -> None:
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
