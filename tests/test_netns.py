"""Network namespaces by name, as ip netns keeps them; a thread's visit to one; numbers of namespaces."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl import netns as module


def here() -> str:
    """The calling thread's namespace."""
    return os.readlink("/proc/thread-self/ns/net")


def ip(*words: str) -> str:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=True).stdout


@pytest.fixture
def name(netns: Namespace) -> Iterator[str]:
    """A name that is free, in a place where namespaces can be made; taken away again if the test took it."""
    made = f"{netns.name}-pynl"
    yield made
    if made in pynl.netns.names():
        pynl.netns.delete(made)


class TestNames:
    def test_ip_finds_what_pynl_made(self, name: str) -> None:
        before = here()
        pynl.netns.create(name)
        assert here() == before
        assert name in ip("netns", "list").split()
        (link,) = ip("netns", "exec", name, "ip", "-br", "link").splitlines()
        assert link.split()[:2] == ["lo", "DOWN"]
        path = Path("/run/netns") / name
        assert path.stat().st_ino != Path("/proc/thread-self/ns/net").stat().st_ino
        ip("netns", "delete", name)
        assert name not in pynl.netns.names()
        assert not path.exists()

    def test_pynl_finds_what_ip_made(self, name: str) -> None:
        ip("netns", "add", name)
        assert name in pynl.netns.list()
        with pynl.Netlink(netns=name) as nl:
            assert [link.ifname for link in nl.links.dump(kind=None)] == ["lo"]
        pynl.netns.delete(name)
        assert name not in ip("netns", "list").split()

    def test_they_are_sorted(self, netns: Namespace) -> None:
        names = [f"{netns.name}-{letter}" for letter in "cab"]
        for one in names:
            pynl.netns.create(one)
        try:
            assert [found for found in pynl.netns.names() if found.startswith(f"{netns.name}-")] == sorted(names)
        finally:
            for one in names:
                pynl.netns.delete(one)

    def test_a_namespace_outlives_the_thread_and_keeps_what_is_in_it(self, name: str) -> None:
        pynl.netns.create(name)
        ip("-n", name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
        for _ in range(2):
            with pynl.Netlink(netns=name) as nl:
                assert nl.links.get("v0").kind == "veth"

    def test_taken_names_and_missing_ones(self, name: str) -> None:
        pynl.netns.create(name)
        with pytest.raises(FileExistsError, match=name):
            pynl.netns.create(name)
        with pynl.Netlink(netns=name) as nl:  # which is unharmed
            assert nl.links.get("lo").ifindex == 1
        pynl.netns.delete(name)
        with pytest.raises(FileNotFoundError, match=name):
            pynl.netns.delete(name)

    def test_a_name_without_a_namespace_can_be_deleted(self, name: str) -> None:
        Path("/run/netns", name).touch()
        pynl.netns.delete(name)
        assert name not in pynl.netns.names()

    @pytest.mark.parametrize("odd", ["", ".", "..", "a/b", "/", "a\0b", "x" * 256, "é" * 128])
    def test_names_that_none_can_have(self, odd: str) -> None:
        for use in (pynl.netns.create, pynl.netns.delete):
            with pytest.raises(ValueError, match=r"name: expected the name of a namespace, not "):
                use(odd)

    @pytest.mark.parametrize("odd", ["a\nb", "a\x1b[31mb", "\udc80"])
    def test_names_that_a_terminal_would_obey(self, odd: str) -> None:
        with pytest.raises(ValueError, match="name: expected printable characters"):
            pynl.netns.create(odd)
        assert odd not in pynl.netns.names()

    @pytest.mark.parametrize("odd", [None, 7, b"blue", Path("blue")])
    def test_what_is_no_name(self, odd: Any) -> None:
        with pytest.raises(TypeError, match="name: expected the name of a namespace"):
            pynl.netns.create(odd)

    def test_a_name_may_have_255_bytes_and_blanks(self, netns: Namespace) -> None:
        long = f"{netns.name} é ".ljust(254, "x")
        pynl.netns.create(long)
        try:
            with pynl.netns.enter(long):
                assert os.listdir("/proc/thread-self/net/dev_snmp6") == ["lo"]
        finally:
            pynl.netns.delete(long)

    def test_many_threads_make_one(self, name: str) -> None:
        made: list[bool] = []

        def make() -> None:
            try:
                pynl.netns.create(name)
                made.append(True)
            except FileExistsError:
                made.append(False)

        threads = [threading.Thread(target=make) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [False] * 7 + [True]

    def test_without_a_folder_there_are_none(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(module, "FOLDER", tmp_path / "none")
        assert pynl.netns.names() == []

    @pytest.mark.parametrize("call", ["create({free!r})", "delete({taken!r})", "enter({taken!r}).__enter__()"])
    def test_without_privilege_nothing_is_done(self, netns: Namespace, name: str, call: str) -> None:
        script = f"import pynl; pynl.netns.{call.format(free=name, taken=netns.name)}"
        words = ["unshare", "-U", sys.executable, "-c", script]  # privileged in a user namespace of its own only
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if "unshare" in done.stderr:
            pytest.skip("user namespaces may not be nested")
        assert done.stderr.splitlines()[-1].startswith("PermissionError: ")
        assert name not in pynl.netns.names()
        assert netns.name in pynl.netns.names()


class TestABlock:
    def test_is_in_the_namespace_and_what_follows_is_not(self, netns: Namespace) -> None:
        home, there = here(), str(os.stat(f"/run/netns/{netns.name}").st_ino)
        with pynl.netns.enter(netns.name):
            assert there in here()
            with pynl.Netlink() as nl:
                assert len(nl.links.dump()) == len(netns.ip_json("link"))
        assert here() == home

    @pytest.mark.parametrize("way", ["path", "fd", "pid"])
    def test_by_each_of_its_names(self, netns: Namespace, way: str) -> None:
        with open(f"/run/netns/{netns.name}") as file:
            sleeper = subprocess.Popen(["ip", "netns", "exec", netns.name, "sleep", "60"])
            try:
                while os.readlink(f"/proc/{sleeper.pid}/exe").endswith("/ip"):
                    time.sleep(0.01)
                with pynl.netns.enter({"path": Path(file.name), "fd": file.fileno(), "pid": sleeper.pid}[way]):
                    assert str(os.fstat(file.fileno()).st_ino) in here()
            finally:
                sleeper.kill()
                sleeper.wait()

    def test_an_exception_ends_it(self, netns: Namespace) -> None:
        home = here()
        with pytest.raises(KeyError), pynl.netns.enter(netns.name):  # noqa: PT012
            assert here() != home
            raise KeyError
        assert here() == home

    def test_within_another(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        places = [here()]
        with pynl.netns.enter(netns.name):
            places.append(here())
            with pynl.netns.enter(name):
                places.append(here())
            assert here() == places[1]
        assert here() == places[0]
        assert len(set(places)) == 3

    def test_is_for_one_use(self, netns: Namespace) -> None:
        home = here()
        visit = pynl.netns.enter(netns.name)
        with visit:
            pass
        with pytest.raises(RuntimeError, match="entered before"), visit:
            pass
        assert here() == home

    def test_one_that_is_not_used_changes_nothing(self, netns: Namespace) -> None:
        home, files = here(), len(os.listdir("/proc/self/fd"))
        visit = pynl.netns.enter(netns.name)
        assert here() == home
        del visit
        assert len(os.listdir("/proc/self/fd")) == files

    def test_leaves_no_file_open(self, netns: Namespace) -> None:
        files = len(os.listdir("/proc/self/fd"))
        for _ in range(50):
            with pynl.netns.enter(netns.name):
                pass
        assert len(os.listdir("/proc/self/fd")) == files

    def test_that_does_not_exist(self, netns: Namespace, name: str) -> None:
        home = here()
        with pytest.raises(FileNotFoundError):
            pynl.netns.enter(name)
        with open("/dev/null") as file, pytest.raises(OSError, match="Invalid argument"), pynl.netns.enter(file.name):
            pass
        assert here() == home

    def test_moves_its_own_thread_only(self, netns: Namespace) -> None:
        home, inside, looked, seen = here(), threading.Event(), threading.Event(), []

        def look() -> None:
            inside.wait(10)
            seen.append(here())
            looked.set()

        other = threading.Thread(target=look)
        other.start()
        with pynl.netns.enter(netns.name):
            inside.set()
            assert looked.wait(10)
            assert here() != home
        other.join()
        assert seen == [home]

    def test_a_child_process_leaves_it_too(self, netns: Namespace) -> None:
        home = here()
        reader, writer = os.pipe()
        pid = -1
        try:
            with pynl.netns.enter(netns.name):
                pid = os.fork()
            if pid == 0:
                os.write(writer, here().encode())
        finally:
            if pid == 0:
                os._exit(0)
        os.waitpid(pid, 0)
        os.close(writer)
        with os.fdopen(reader) as file:
            assert file.read() == home
        assert here() == home

    def test_a_signal_at_any_moment_brings_it_home(self, netns: Namespace) -> None:
        home, interrupted, away = here(), 0, 0
        armed: list[bool] = []

        def raises(number: int, frame: object) -> None:
            if armed:  # a signal that came at the last moment is handled some instructions later
                raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, raises)
        try:
            for turn in range(2000):
                try:
                    try:
                        armed.append(True)
                        signal.setitimer(signal.ITIMER_REAL, 1e-6 * (1 + turn % 100))
                        with pynl.netns.enter(netns.name):
                            away += here() != home
                    finally:
                        armed.clear()
                        signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    armed.clear()
                    interrupted += 1
                assert here() == home
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        assert interrupted > 100
        assert away > 100


@pytest.fixture
def moved(netns: Namespace, name: str) -> Iterator[pynl.Netlink]:
    """A session that was opened in a namespace in which the thread no longer is: it is in another."""
    pynl.netns.create(name)
    with pynl.netns.enter(netns.name):
        nl = pynl.Netlink()
    with nl, pynl.netns.enter(name):
        yield nl


class TestASessionStaysWhereItWasOpened:
    def test_with_what_it_opens_later(self, moved: pynl.Netlink, netns: Namespace) -> None:
        assert moved.routes.add_many([{"dst": "10.1.0.0/16", "oif": 1, "table": 77}]).ok
        assert [route["dst"] for route in netns.ip_json("route show table 77")] == ["10.1.0.0/16"]
        assert [route.dst for table in moved.routes.stream(table=77) for route in table] == ["10.1.0.0/16"]
        assert [route.dst for route in moved.routes.snapshot(table=77)] == ["10.1.0.0/16"]
        with moved.mirror("routes", "links") as mirror, moved.monitor("routes") as monitor:
            assert mirror.lookup("10.1.2.3", table=77)
            netns.ip("route add 10.2.0.0/16 dev lo table 77")
            assert mirror.lookup("10.2.2.3", table=77)
            assert next(iter(monitor)).record.dst == "10.2.0.0/16"

    def test_after_an_answer_that_was_given_up(self, moved: pynl.Netlink) -> None:
        ours = moved.socket.netns
        moved.socket._turns.clean = False
        assert [link.flags & 1 for link in moved.links.dump()] == [1]  # that of the thread is down
        assert moved.socket.netns == ours

    def test_or_says_that_it_cannot(self, moved: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: Any) -> int:
            raise PermissionError(errno.EPERM, "no")

        monkeypatch.setattr(module.fcntl, "ioctl", refuse)
        with pytest.raises(PermissionError, match="not this thread's"):
            moved.socket.sibling()
        with pynl.Netlink() as nl, nl.socket.sibling() as socket:  # in its own it needs no permission
            assert socket.netns is None


class TestNumbers:
    def test_ip_lists_what_pynl_assigned(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        with netns.netlink() as nl:
            assert nl.nsid(name) is None
            assert nl.set_nsid(name, 7) == nl.nsid(name) == 7
            assert {"nsid": 7, "name": name} in netns.ip_json("netns list-id")
            with open(f"/run/netns/{name}") as file:
                assert nl.nsid(file.fileno()) == nl.nsid(Path(file.name)) == 7

    def test_pynl_finds_what_ip_assigned(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        netns.ip(f"netns set {name} 9")
        with netns.netlink() as nl:
            assert nl.nsid(name) == 9

    def test_any_that_is_free(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        with netns.netlink() as nl:
            assert nl.set_nsid(name) == nl.nsid(name)
            with pytest.raises(pynl.NetlinkError) as caught:
                nl.set_nsid(name)
            assert caught.value.errno == errno.EEXIST
            assert caught.value.request == "RTM_NEWNSID"

    def test_links_tell_them(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        netns.ip(f"link add v0 type veth peer name v1 netns {name}")
        with netns.netlink() as nl:
            assert nl.links.get("v0").link_netnsid == nl.nsid(name) is not None

    def test_one_that_is_taken(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)
        with netns.netlink() as nl:
            nl.set_nsid(name, 3)
            with pytest.raises(pynl.NetlinkError) as caught:
                nl.set_nsid(netns.name, 3)
            assert caught.value.errno == errno.EEXIST
            assert nl.nsid(netns.name) is None

    def test_wrong_ones(self, netns: Namespace, name: str) -> None:
        with netns.netlink() as nl:
            with pytest.raises(ValueError, match="nsid: expected a number from 0"):
                nl.set_nsid(netns.name, -2)
            with pytest.raises(FileNotFoundError):
                nl.nsid(name)
            with pytest.raises(FileNotFoundError):
                nl.set_nsid(name)

    def test_under_asyncio(self, netns: Namespace, name: str) -> None:
        pynl.netns.create(name)

        async def numbers() -> tuple[int | None, int, int | None]:
            async with pynl.aio.Netlink(netns.name) as nl:
                return await nl.nsid(name), await nl.set_nsid(name, 5), await nl.nsid(name)

        assert asyncio.run(numbers()) == (None, 5, 5)
