"""One socket: its threads, deadlines, signals and forks, and the namespace it is in."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl._wire import lib
from pynl.rtnl.constants import MessageType
from pynl.socket import Socket

NLMSG_NOOP = 1  # the kernel takes it without a word, so that its sender waits
GETROUTE = MessageType.RTM_GETROUTE
RTMSG = struct.Struct("=BBBBBBBBI")


def ask_nothing(connection: Socket) -> None:
    """A call that the kernel never answers."""
    connection.exchange(NLMSG_NOOP, b"", 0, lambda segment: None)


def in_thread(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """Starts a call in a thread; its result or exception will be in the list."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as error:
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def wait_for_block(connection: Socket) -> None:
    """Until another thread holds the socket, and a little longer."""
    while connection._turns._holder is None:
        time.sleep(0.001)
    time.sleep(0.02)


def open_files() -> int:
    gc.collect()  # what earlier tests left to the collector
    return len(os.listdir("/proc/self/fd"))


def usable(nl: pynl.Netlink) -> bool:
    return [link.ifname for link in nl.links.dump()][:1] == ["lo"]


class TestThreads:
    def test_share_one_session(self, netns: Namespace) -> None:
        netns.batch("".join(f"route add blackhole 10.0.{n}.0/24 table {100 + n % 2}\n" for n in range(200)))
        with netns.netlink() as nl:

            def work(table: int) -> list[int]:
                return [len(nl.routes.dump(family=socket.AF_INET, table=table)) for _ in range(100)]

            threads = [in_thread(lambda table=table: work(table)) for table in (100, 101, 102)]
            for thread, _ in threads:
                thread.join()
        assert [results[0] for _, results in threads] == [[100] * 100, [100] * 100, [0] * 100]

    def test_closing_wakes_the_one_that_waits(self, netns: Namespace) -> None:
        nl = netns.netlink(timeout=None)
        thread, results = in_thread(lambda: ask_nothing(nl.socket))
        wait_for_block(nl.socket)
        started = time.monotonic()
        nl.close()
        thread.join(5)
        assert not thread.is_alive()
        assert time.monotonic() - started < 1
        assert isinstance(results[0], pynl.ClosedError)

    def test_closing_wakes_those_that_queue(self, netns: Namespace) -> None:
        nl = netns.netlink(timeout=None)
        first, one = in_thread(lambda: ask_nothing(nl.socket))
        wait_for_block(nl.socket)
        second, other = in_thread(nl.links.dump)
        time.sleep(0.02)
        nl.close()
        for thread in (first, second):
            thread.join(5)
            assert not thread.is_alive()
        assert [type(error) for error in one + other] == [pynl.ClosedError] * 2

    def test_a_namespace_is_entered_by_none_that_goes_on(self, netns: Namespace) -> None:
        def current() -> set[str]:
            return {os.readlink(path) for path in Path("/proc/self/task").glob("*/ns/net") if path.exists()}

        before, own = current(), os.readlink("/proc/thread-self/ns/net")
        with netns.netlink() as nl:
            assert usable(nl)
            assert os.readlink("/proc/thread-self/ns/net") == own
            deadline = time.monotonic() + 1
            while current() != before and time.monotonic() < deadline:  # a thread's end takes a moment
                time.sleep(0.001)
            assert current() == before


class TestClosing:
    def test_closed_twice_is_closed(self, netns: Namespace) -> None:
        nl = netns.netlink()
        nl.close()
        nl.close()
        assert nl.socket.fileno() == -1
        assert "closed" in repr(nl)

    @pytest.mark.parametrize(
        "call",
        [
            lambda nl: nl.links.dump(),
            lambda nl: nl.routes.get("127.0.0.1"),
            lambda nl: nl.socket.set_option(270, 12, 1),
            lambda nl: nl.socket.get_option(270, 12),
            lambda nl: nl.socket.join(1),
        ],
        ids=["dump", "get", "set_option", "get_option", "join"],
    )
    def test_use_afterwards_is_closed_error(self, netns: Namespace, call: Callable[[pynl.Netlink], Any]) -> None:
        nl = netns.netlink()
        nl.close()
        with pytest.raises(pynl.ClosedError):
            call(nl)

    def test_leaves_no_file_open(self, netns: Namespace) -> None:
        def cycle() -> None:
            with netns.netlink() as nl:
                usable(nl)

        cycle()
        before = open_files()
        for _ in range(300):
            cycle()
        assert open_files() == before

    def test_dumping_opens_no_file(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            usable(nl)
            before = open_files()
            for _ in range(300):
                usable(nl)
            assert open_files() == before

    def test_forgetting_it_closes_it(self, netns: Namespace) -> None:
        before = open_files()
        usable(netns.netlink())
        gc.collect()
        assert open_files() == before

    def test_tables_outlive_their_session(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            table = nl.links.dump()
            link = table[0]
        del nl
        gc.collect()
        assert (table[0].ifname, link.mtu) == ("lo", 65536)


class TestForks:
    def in_child(self, call: Callable[[], Any]) -> str:
        """What a call in a forked child comes to."""
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            signal.alarm(20)
            try:
                os.write(writing, repr(call()).encode())
            except BaseException as error:
                os.write(writing, f"{type(error).__name__}: {error}".encode())
            finally:
                os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        os.waitpid(child, 0)
        return said

    def test_the_child_gets_closed_error_and_the_parent_goes_on(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert self.in_child(nl.links.dump).startswith("ClosedError: the socket belongs to the process")
            assert usable(nl)

    def test_the_child_may_close_it(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert self.in_child(nl.close) == "None"
            assert usable(nl)

    def test_the_child_may_open_its_own(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert self.in_child(lambda: usable(netns.netlink())) == "True"
            assert usable(nl)

    def test_the_child_of_a_busy_parent_gets_closed_error(self, netns: Namespace) -> None:
        nl = netns.netlink(timeout=None)
        thread, _ = in_thread(lambda: ask_nothing(nl.socket))
        wait_for_block(nl.socket)
        said = self.in_child(nl.links.dump)
        nl.close()
        thread.join()
        assert said.startswith("ClosedError: the socket belongs to the process")


class TestDeadlines:
    def test_a_silent_kernel_is_etimedout_and_the_socket_works_on(self, netns: Namespace) -> None:
        with netns.netlink(timeout=0.2) as nl:
            for _ in range(2):
                started = time.monotonic()
                with pytest.raises(pynl.NetlinkError) as caught:
                    ask_nothing(nl.socket)
                assert caught.value.errno == errno.ETIMEDOUT
                assert 0.2 <= time.monotonic() - started < 1
                assert usable(nl)

    def test_what_was_set_outlives_a_deadline(self, netns: Namespace) -> None:
        with netns.netlink(timeout=0.05) as nl:
            nl.socket.set_option(270, 12, 0)
            with pytest.raises(pynl.NetlinkError):
                ask_nothing(nl.socket)
            assert usable(nl)
            assert nl.socket.get_option(270, 12) == 0

    @pytest.mark.parametrize("timeout", [0, -1, float("nan")])
    def test_must_be_positive(self, timeout: float) -> None:
        with pytest.raises(ValueError, match="timeout"):
            Socket(timeout=timeout)

    def test_may_be_as_long_as_a_day_of_years(self, netns: Namespace) -> None:
        with netns.netlink(timeout=1e9) as nl:
            assert usable(nl)


INTERRUPTED = """
import os, signal, sys, threading, time
import pynl
from pynl._wire import lib

nl = pynl.Netlink(netns=sys.argv[1], timeout=30)
if sys.argv[2] == "alarm":
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
else:
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
if sys.argv[2] == "elsewhere":  # the other thread takes the signal: no call of this one is interrupted
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
started = time.monotonic()
try:
    nl.socket.exchange(1, b"", 0, print)
except KeyboardInterrupt:
    print("interrupted" if time.monotonic() - started < 2 else "late")
print([link.ifname for link in nl.links.dump()])
"""


class TestSignals:
    @pytest.mark.parametrize("how", ["alarm", "kill", "elsewhere"])
    def test_ctrl_c_ends_a_call_and_the_socket_works_on(self, netns: Namespace, how: str) -> None:
        command = [sys.executable, "-c", INTERRUPTED, netns.name, how]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        assert done.stdout == "interrupted\n['lo']\n"

    def test_a_handler_that_returns_lets_the_call_go_on(self, netns: Namespace) -> None:
        seen: list[int] = []

        def handler(number: int, frame: object) -> None:
            seen.append(number)
            if len(seen) > 100:
                raise RuntimeError("each signal makes the call wait anew")

        before = signal.signal(signal.SIGALRM, handler)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            with netns.netlink(timeout=0.3) as nl, pytest.raises(pynl.NetlinkError, match="did not answer in time"):
                ask_nothing(nl.socket)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert 3 < len(seen) < 50


class TestNamespaces:
    def test_by_name_path_file_and_process(self, netns: Namespace) -> None:
        path = Path("/run/netns") / netns.name
        netns.ip("link add only0 type veth peer name only1")
        with subprocess.Popen(["ip", "netns", "exec", netns.name, "sleep", "60"]) as process, path.open() as file:
            try:
                inode = path.stat().st_ino
                while os.stat(f"/proc/{process.pid}/ns/net").st_ino != inode:
                    time.sleep(0.01)
                for given in (netns.name, str(path), path, file.fileno(), process.pid):
                    with pynl.Netlink(netns=given) as nl:
                        assert nl.links.get("only0").ifname == "only0"
                assert os.fstat(file.fileno())
            finally:
                process.kill()

    def test_each_session_stays_in_its_own(self, netns: Namespace) -> None:
        netns.ip("link add only0 type veth peer name only1")
        with netns.netlink() as there, pynl.Netlink() as here:
            assert {"only0", "only1"} <= {link.ifname for link in there.links.dump()}
            assert "only0" not in {link.ifname for link in here.links.dump()}

    def test_stays_in_it_after_the_socket_had_to_be_replaced(self, netns: Namespace) -> None:
        with netns.netlink(timeout=0.05) as nl:
            netns.ip("link add only0 type veth peer name only1")
            with pytest.raises(pynl.NetlinkError):
                ask_nothing(nl.socket)
            assert nl.links.get("only0").ifname == "only0"

    @pytest.mark.parametrize("missing", ["pynl-no-such-name", "/run/netns/pynl-no-such-name", 2**22 + 1])
    def test_that_does_not_exist_is_file_not_found(self, missing: Any) -> None:
        before = open_files()
        with pytest.raises(FileNotFoundError):
            pynl.Netlink(netns=missing)
        assert open_files() == before

    def test_a_file_that_is_none_is_an_oserror(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        before = open_files()
        with pytest.raises(OSError, match="Invalid argument"):
            pynl.Netlink(netns=tmp_path / "file")
        assert open_files() == before

    @pytest.mark.parametrize("wrong", [True, 1.5, b"name", ["name"]])
    def test_of_another_type_is_type_error(self, wrong: Any) -> None:
        with pytest.raises(TypeError, match="netns"):
            pynl.Netlink(netns=wrong)


class TestRequests:
    def test_a_request_returns_its_messages(self, netns: Namespace) -> None:
        payload = bytes(16) + struct.pack("=HH4s", 7, 3, b"lo\0")
        with netns.netlink() as nl:
            (answer,) = nl.socket.request(MessageType.RTM_GETLINK, payload)
            assert answer.type == MessageType.RTM_NEWLINK
            assert answer.port == nl.socket.port
            assert pynl.plan.parse(pynl.Link, answer.payload).ifname == "lo"

    def test_a_dump_returns_all_messages(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            found = nl.socket.dump(GETROUTE, RTMSG.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0))
            assert len(found) == len(nl.routes.dump(family=socket.AF_INET)) > 0
            assert {message.type for message in found} == {MessageType.RTM_NEWROUTE}
            assert all(message.flags & 2 for message in found)

    def test_an_unknown_type_is_eopnotsupp(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            with pytest.raises(pynl.NetlinkError) as caught:
                nl.socket.request(1000, bytes(16), name="RTM_1000")
            assert caught.value.errno == errno.EOPNOTSUPP
            assert caught.value.request == "RTM_1000"
            assert usable(nl)

    def test_a_sink_that_fails_leaves_the_socket_usable(self, netns: Namespace) -> None:
        def sink(segment: Any) -> None:
            raise RuntimeError("no more")

        netns.batch("".join(f"route add blackhole 10.{n >> 8}.{n & 255}.0/24\n" for n in range(4000)))
        payload = RTMSG.pack(2, 0, 0, 0, 0, 0, 0, 0, 0)
        with netns.netlink() as nl:
            with pytest.raises(RuntimeError, match="no more"):
                nl.socket.exchange(GETROUTE, payload, 0x300, sink)
            assert usable(nl)

    def test_groups_above_31_can_be_joined(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            nl.socket.join(33)
            nl.socket.leave(33)
            with pytest.raises(pynl.NetlinkError) as caught:
                nl.socket.join(10000)
            assert caught.value.errno == errno.EINVAL

    def test_notifications_do_not_disturb_answers(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            nl.socket.join(7)
            netns.batch("".join(f"route add blackhole 10.0.{n}.0/24\n" for n in range(50)))
            assert len(nl.routes.dump(family=socket.AF_INET, type="blackhole")) == 50

    def test_of_a_protocol_that_there_is_not_is_an_oserror(self) -> None:
        before = open_files()
        with pytest.raises(OSError, match="not supported"):
            Socket(31)
        assert open_files() == before


class TestAKernelThatDoesNotFilter:
    """Before 4.20, or with strict checking off, it answers with all it has."""

    @pytest.fixture
    def nl(self, netns: Namespace) -> Any:
        netns.batch(
            "link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\naddr add 192.0.2.1/24 dev v0\n"
            "route add 10.1.0.0/16 via 192.0.2.2 proto static\nroute add blackhole 10.2.0.0/16 table 1000\n"
            "neigh add 192.0.2.3 lladdr 02:00:00:00:00:03 dev v0 nud permanent\n"
            "neigh add 192.0.2.4 lladdr 02:00:00:00:00:04 dev v1 nud permanent\n"
        )
        with netns.netlink() as nl:
            nl.socket.set_option(270, 12, 0)
            yield nl

    def test_routes_are_filtered_here(self, nl: pynl.Netlink) -> None:
        assert [route.dst for route in nl.routes.dump(table=1000)] == ["10.2.0.0/16"]
        assert [route.dst for route in nl.routes.dump(family=2, protocol="static")] == ["10.1.0.0/16"]
        assert {route.oif for route in nl.routes.dump(oif="v0")} == {nl.links.get("v0").ifindex}
        assert [route.dst for route in nl.routes.dump(type="blackhole")] == ["10.2.0.0/16"]
        assert len(nl.routes.dump(table=999)) == 0

    def test_links_are_filtered_here(self, nl: pynl.Netlink) -> None:
        assert {link.ifname for link in nl.links.dump(kind="veth")} == {"v0", "v1"}

    def test_addresses_are_filtered_here(self, nl: pynl.Netlink) -> None:
        assert {a.address for a in nl.addresses.dump(family=2, ifindex="v0")} == {"192.0.2.1"}

    def test_neighbours_are_filtered_here(self, nl: pynl.Netlink) -> None:
        assert [n.dst for n in nl.neighbours.dump(family=2, ifindex="v1")] == ["192.0.2.4"]


class TestGivingUp:
    def test_wakes_a_reader_whose_answer_a_helper_receives(self, netns: Namespace) -> None:
        """Only tables that were handed out become whole all the same."""
        sock = pynl.Socket(netns=netns.name, timeout=None)
        reply = sock.begin(1, b"", 0, ahead=1)  # NLMSG_NOOP: the kernel says nothing
        threading.Timer(0.1, sock.close).start()
        started = time.monotonic()
        with pytest.raises(pynl.ClosedError):
            next(reply)
        assert time.monotonic() - started < 2

    def test_interrupting_from_another_thread_is_safe(self, netns: Namespace) -> None:
        over = threading.Event()
        with netns.netlink() as nl:

            def ask() -> None:
                while not over.is_set():
                    with contextlib.suppress(pynl.ClosedError):
                        assert nl.links.get("lo").ifname == "lo"

            worker = threading.Thread(target=ask)
            worker.start()
            for _ in range(3000):
                nl.socket.interrupt()
            over.set()
            worker.join()
            assert nl.links.get("lo").ifname == "lo"
        nl.socket.interrupt()  # of a closed one: nothing to do

    def test_descriptors_are_not_inherited(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert not os.get_inheritable(nl.socket.fileno())


def test_a_change_in_the_middle_of_a_dump_makes_it_inconsistent(netns: Namespace) -> None:
    """NLM_F_DUMP_INTR, which the kernel sets on address dumps; the receiver waits after a quarter megabyte."""
    netns.batch("".join(f"addr add 10.{n >> 8}.{n & 255}.1/32 dev lo\n" for n in range(4000)))
    with netns.netlink() as nl:
        assert nl.addresses.dump().consistent
        reply = nl.socket.begin(22, bytes([2, 0, 0, 0, 0, 0, 0, 0]), 0x300, ahead=1)
        time.sleep(0.2)
        netns.ip("addr add 10.99.0.1/32 dev lo")
        for segment in reply:
            lib.pynl_segment_free(segment)
        assert reply.interrupted


def test_a_kernel_without_the_newer_options(netns: Namespace) -> None:
    """As 4.19: no strict checking, no extended or capped ACK. Filters are then pynl's to apply."""
    if not shutil.which("strace"):
        pytest.skip("strace is not installed")
    netns.ip("link add v0 type veth peer name v1")
    netns.ip("link set v0 up")
    netns.ip("addr add 192.0.2.1/24 dev v0")
    script = """
import sys, pynl
nl = pynl.Netlink(sys.argv[1])
print(nl.socket.strict, len(nl.routes.dump(table=255, oif="v0", family=2)), len(nl.addresses.dump(ifindex="lo")))
try:
    nl.socket.request(24, bytes(12), name="RTM_NEWROUTE")
except pynl.NetlinkError as error:
    print(error.request, error.message)
"""
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=setsockopt:error=ENOPROTOOPT"]
    command = [*strace, sys.executable, "-c", script, netns.name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "False 2 2\nRTM_NEWROUTE None\n", done.stderr
