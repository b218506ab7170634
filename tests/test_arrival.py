"""Tables whose records are still arriving, streams, and the same for asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import signal
import struct
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
from pynl import Route, Socket

COUNT = 60_000
RTM_NEWROUTE = 24
CREATE = 0x400 | 0x200


def add_routes(namespace: Namespace, count: int, table: int = 254, device: str = "v0") -> None:
    """Routes 20.0.0.0/24 and on, packed into few sends; only the last is acknowledged."""
    index = namespace.index(device)
    with Socket(netns=namespace.name) as sock:
        for first in range(0, count, 1000):
            messages = []
            for number in range(first, min(first + 1000, count)):
                rtmsg = struct.pack("=BBBBBBBBI", 2, 24, 0, 0, 0, 3, 253, 1, 0)
                dst = struct.pack(">I", (20 << 24) + (number << 8))
                payload = rtmsg + struct.pack("=HHIHH4sHHIHHI", 8, 15, table, 8, 1, dst, 8, 4, index, 8, 6, number + 1)
                messages.append(struct.pack("=IHHII", 16 + len(payload), RTM_NEWROUTE, 1 | CREATE, 0, 0) + payload)
            # The first message's header is the socket's to make; those behind it ride along.
            sock.request(RTM_NEWROUTE, b"".join(messages)[16:], CREATE) if len(messages) == 1 else _send(sock, messages)


def _send(sock: Socket, messages: list[bytes]) -> None:
    import socket

    with socket.socket(fileno=os.dup(sock.fileno())) as raw:
        raw.setblocking(True)
        last = bytearray(messages[-1])
        last[6:8] = struct.pack("=H", 1 | CREATE | 4)
        raw.send(b"".join(messages[:-1]) + last)
        (answer,) = struct.unpack_from("=i", raw.recv(1 << 16), 16)
        if answer:
            raise OSError(-answer, os.strerror(-answer))


@pytest.fixture(scope="module")
def world(shared_netns: Namespace) -> Namespace:
    shared_netns.ip("link add v0 type veth peer name v1")
    shared_netns.ip("link set v0 up")
    shared_netns.ip("link set v1 up")
    add_routes(shared_netns, COUNT)
    return shared_netns


@pytest.fixture
def nl(world: Namespace) -> Iterator[pynl.Netlink]:
    with world.netlink() as nl:
        yield nl


def wanted(nl: pynl.Netlink) -> Any:
    return nl.routes.dump(family=2, protocol="boot")


def numbers(routes: Any) -> list[int]:
    return [route.priority - 1 for route in routes]


def threads() -> int:
    return sum("pynl" in thread.name for thread in threading.enumerate())


class TestATable:
    def test_is_handed_out_before_it_is_whole(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        assert table._store.c.rows < COUNT
        assert len(table) == COUNT

    def test_lists_in_the_order_of_the_kernel(self, nl: pynl.Netlink) -> None:
        assert numbers(list(wanted(nl))) == list(range(COUNT))

    def test_a_loop_takes_records_as_they_come(self, nl: pynl.Netlink) -> None:
        assert numbers(wanted(nl)) == list(range(COUNT))

    def test_a_loop_may_begin_again_and_twice_at_once(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        for one, other in zip(table, table, strict=True):
            assert one.priority == other.priority
        assert numbers(table) == list(range(COUNT))

    def test_length_in_the_middle_of_a_loop(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        loop = iter(table)
        assert [next(loop).priority - 1 for _ in range(10)] == list(range(10))
        assert len(table) == COUNT
        assert numbers(loop) == list(range(10, COUNT))

    @pytest.mark.parametrize("index", [0, 1023, 1024, COUNT - 1, -1, -COUNT])
    def test_indexes(self, nl: pynl.Netlink, index: int) -> None:
        assert wanted(nl)[index].priority - 1 == range(COUNT)[index]

    @pytest.mark.parametrize(
        "part",
        [slice(10), slice(1000, 1050), slice(-3, None), slice(None, None, 7001), slice(None, None, -9000)],
        ids=str,
    )
    def test_slices(self, nl: pynl.Netlink, part: slice) -> None:
        table = wanted(nl)[part]
        assert numbers(table) == list(range(COUNT))[part]
        assert len(table) == len(range(COUNT)[part])
        assert [number - 1 for number in table.columns["priority"]] == list(range(COUNT))[part]

    def test_is_true_as_soon_as_it_has_one(self, nl: pynl.Netlink) -> None:
        assert wanted(nl)
        assert not nl.routes.dump(table=4711)

    def test_two_threads_may_read_one(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        found: list[list[int]] = []
        workers = [threading.Thread(target=lambda: found.append(numbers(table))) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert found == [list(range(COUNT))] * 2

    @pytest.mark.parametrize("other", [list, len], ids=["list", "len"])
    def test_a_list_in_one_thread_and_another_in_the_next(self, nl: pynl.Netlink, other: Any) -> None:
        def once() -> list[list[int]]:
            table = wanted(nl)
            found: list[list[int]] = []
            lists = [threading.Thread(target=lambda: found.append(numbers(list(table)))) for _ in range(2)]
            workers = [lists[0], threading.Thread(target=other, args=(table,)), lists[1]]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            return found

        for _ in range(4):
            assert once() == [list(range(COUNT))] * 2

    def test_two_threads_may_dump_through_one_session(self, nl: pynl.Netlink) -> None:
        found: list[list[int]] = []
        workers = [threading.Thread(target=lambda: found.append(numbers(wanted(nl)))) for _ in range(3)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert found == [list(range(COUNT))] * 3

    def test_other_requests_wait_for_it(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        assert nl.links.get("lo").ifindex == 1
        assert len(table) == COUNT

    def test_dropped_early_it_leaves_the_session_usable(self, nl: pynl.Netlink) -> None:
        for _ in range(20):
            next(iter(wanted(nl)))
        gc.collect()
        assert len(wanted(nl)) == COUNT

    def test_outlives_its_session(self, world: Namespace) -> None:
        table = pynl.routes(world.name, family=2, protocol="boot")
        assert numbers(table) == list(range(COUNT))

    def test_given_up_it_says_so_and_keeps_what_it_has(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        table.cancel()
        for _ in range(2):
            with pytest.raises(pynl.ClosedError):
                len(table)
        assert len(wanted(nl)) == COUNT

    def test_pickles_whole(self, nl: pynl.Netlink) -> None:
        assert pickle.loads(pickle.dumps(wanted(nl)))[:10] == wanted(nl)[:10]

    def test_a_thousand_leave_no_descriptor_thread_or_memory_behind(self, world: Namespace) -> None:
        def look() -> tuple[int, int, int]:
            gc.collect()
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return len(os.listdir("/proc/self/fd")), threads(), pages * 4096

        with world.netlink() as nl:

            def dump(times: int) -> None:
                for number in range(times):
                    table = nl.routes.dump(table=255) if number % 50 else wanted(nl)
                    if number % 3:
                        len(table)

            dump(150)
            before = look()
            dump(1000)
            after = look()
        assert after[:2] == before[:2]
        assert after[2] - before[2] < 30e6

    def test_a_fork_meanwhile(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        child = os.fork()
        if not child:
            try:
                len(table)
                os._exit(1)
            except pynl.ClosedError:
                os._exit(0)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(table) == COUNT

    def test_a_fork_while_another_thread_waits_for_it(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        worker = threading.Thread(target=len, args=(table,))
        worker.start()
        child = os.fork()
        if not child:
            signal.alarm(10)
            try:
                os._exit(0 if len(table) == COUNT else 1)  # it may have been whole already
            except pynl.ClosedError:
                os._exit(0)
            finally:
                os._exit(2)
        worker.join()
        assert os.waitpid(child, 0)[1] == 0
        assert len(table) == COUNT

    def test_ctrl_c_ends_the_wait(self, world: Namespace) -> None:
        script = """
import os, signal, sys, threading, pynl
nl = pynl.Netlink(sys.argv[1])
signal.signal(signal.SIGALRM, signal.default_int_handler)
for _ in range(20):
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.005)
        while True:
            list(nl.routes.dump(family=2, protocol="boot"))
    except KeyboardInterrupt:
        pass
print(len(nl.routes.dump(family=2, protocol="boot")))
"""
        done = subprocess.run(
            [sys.executable, "-c", script, world.name], capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == f"{COUNT}\n", done.stderr


class TestManyRecords:
    """What is made in bulk is a record like any other."""

    @pytest.mark.parametrize("name", ["dst", "table", "_row", "nonsense"])
    def test_they_are_immutable(self, nl: pynl.Netlink, name: str) -> None:
        for record in (list(wanted(nl))[7], wanted(nl)[7], Route(dst="10.0.0.0/8")):
            before = dict(record.items())
            with pytest.raises(AttributeError, match="Route is immutable"):
                setattr(record, name, 1)
            with pytest.raises(AttributeError, match="Route is immutable"):
                delattr(record, name)
            for values in ({}, {"table": 5}):
                with pytest.raises((AttributeError, TypeError)):
                    record.__init__(**values)  # type: ignore[misc]
            assert dict(record.items()) == before

    def test_they_equal_those_made_one_by_one(self, nl: pynl.Netlink) -> None:
        table = wanted(nl)
        many = list(table)
        for row in (0, 1023, 1024, COUNT - 1):
            one = table[row]
            assert many[row] == one
            assert (hash(many[row]), repr(many[row])) == (hash(one), repr(one))
            assert isinstance(many[row], Route)


class TestFields:
    def test_only_those_asked_for_are_there(self, nl: pynl.Netlink) -> None:
        table = nl.routes.dump(family=2, protocol="boot", fields=("oif", "dst"))
        assert list(table.columns) == ["dst", "oif"]
        record = table[5]
        assert record.asdict() == {"dst": "20.0.5.0/24", "oif": record.oif}
        assert repr(record) == f"Route(dst='20.0.5.0/24', oif={record.oif})"
        with pytest.raises(AttributeError, match="gateway was not among the fields asked for"):
            _ = record.gateway
        assert pickle.loads(pickle.dumps(record)) == record
        assert {r.dst for r in table} == {f"{20}.{n >> 8}.{n & 255}.0/24" for n in range(COUNT)}

    def test_filters_by_others_work(self, nl: pynl.Netlink) -> None:
        (record,) = nl.routes.dump(family=2, priority=78, fields=["dst"])
        assert record.dst == "20.0.77.0/24"

    def test_nested_ones_may_be_asked_for(self, nl: pynl.Netlink) -> None:
        kinds = {link.kind: link.ifname for link in nl.links.dump(fields=("ifname", "kind"))}
        assert kinds["veth"] in ("v0", "v1")
        assert nl.links.dump(fields=("protinfo",))

    def test_they_may_come_from_a_generator(self, nl: pynl.Netlink) -> None:
        table = nl.routes.dump(fields=(name for name in ("dst", "oif")))  # type: ignore[arg-type]
        assert list(table.columns) == ["dst", "oif"]

    @pytest.mark.parametrize(("fields", "error"), [("dst", "sequence of names"), (["dstt"], "did you mean 'dst'")])
    def test_names_are_checked(self, nl: pynl.Netlink, fields: Any, error: str) -> None:
        with pytest.raises(TypeError, match=error):
            nl.routes.dump(fields=fields)


class TestAStream:
    @pytest.mark.parametrize("chunk", [1, 5000, 10**9])
    def test_gives_all_records_in_tables(self, nl: pynl.Netlink, chunk: int) -> None:
        tables = list(nl.routes.stream(chunk=chunk, family=2, protocol="boot"))
        assert [number for table in tables for number in numbers(table)] == list(range(COUNT))
        assert all(len(table) >= chunk for table in tables[:-1])
        assert (len(tables) == 1) == (chunk == 10**9)

    def test_of_both_families(self, nl: pynl.Netlink) -> None:
        found = [route for table in nl.routes.stream() for route in table]
        assert found == list(nl.routes.dump())

    def test_may_be_left_early(self, nl: pynl.Netlink) -> None:
        before = len(os.listdir("/proc/self/fd"))
        for table in nl.routes.stream(chunk=100):
            assert table
            break
        stream = nl.routes.stream(chunk=100)
        next(stream)
        stream.close()
        with pytest.raises(ZeroDivisionError):
            list(map(lambda table: len(table) / 0, nl.routes.stream(chunk=100)))  # noqa: C417
        gc.collect()
        time.sleep(0.05)
        assert len(os.listdir("/proc/self/fd")) == before
        assert threads() == 0

    def test_waits_for_a_slow_reader(self, nl: pynl.Netlink) -> None:
        found = []
        for table in nl.routes.stream(chunk=10_000, family=2, protocol="boot"):
            time.sleep(0.05)
            found += numbers(table)
        assert found == list(range(COUNT))

    def test_leaves_the_session_free(self, nl: pynl.Netlink) -> None:
        for _ in nl.routes.stream(chunk=10_000):
            assert nl.links.get("lo")

    def test_the_chunk_is_checked(self, nl: pynl.Netlink) -> None:
        with pytest.raises(ValueError, match="chunk"):
            nl.routes.stream(chunk=0)
        with pytest.raises(TypeError, match="did you mean 'table'"):
            nl.routes.stream(tabel=1)


class TestAio:
    def test_the_same_dumps(self, world: Namespace, nl: pynl.Netlink) -> None:
        async def main() -> None:
            async with pynl.aio.Netlink(world.name) as session:
                assert numbers(await session.routes.dump(family=2, protocol="boot")) == list(range(COUNT))
                assert (await session.links.get("lo")).ifindex == 1
                assert [link.ifname for link in await session.links.dump(fields=("ifname",))]
                found = [n async for t in session.routes.stream(family=2, protocol="boot") for n in numbers(t)]
                assert found == list(range(COUNT))
                with pytest.raises(pynl.NetlinkError):
                    await session.links.get("nothing")

        asyncio.run(main())

    def test_tasks_share_a_session(self, world: Namespace) -> None:
        async def main() -> None:
            async with pynl.aio.Netlink(world.name) as session:
                tables = await asyncio.gather(*(session.routes.dump(family=2, protocol="boot") for _ in range(4)))
                assert [len(table) for table in tables] == [COUNT] * 4

        asyncio.run(main())

    def test_the_loop_goes_on_meanwhile(self, world: Namespace) -> None:
        async def main() -> list[float]:
            gaps: list[float] = []

            async def tick() -> None:
                last = time.perf_counter()
                while True:
                    await asyncio.sleep(0.001)
                    now = time.perf_counter()
                    gaps.append(now - last)
                    last = now

            async with pynl.aio.Netlink(world.name) as session:
                ticking = asyncio.create_task(tick())
                for _ in range(5):
                    await session.routes.dump()
                ticking.cancel()
            return gaps

        gaps = sorted(asyncio.run(main()))
        assert len(gaps) > 20
        assert gaps[len(gaps) // 2] < 0.005

    @pytest.mark.parametrize("delay", [0, 0.0005, 0.002, 0.005, 0.01, 0.02])
    def test_a_cancelled_task_ends_and_the_session_works_on(self, world: Namespace, delay: float) -> None:
        async def main() -> None:
            async with pynl.aio.Netlink(world.name) as session:
                for make in (session.routes.dump, lambda: session.links.get("lo"), lambda: drain(session)):
                    task = asyncio.ensure_future(make())  # type: ignore[arg-type]
                    await asyncio.sleep(delay)
                    if not task.cancel():
                        continue
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    assert len(await session.routes.dump(family=2, protocol="boot")) == COUNT

        async def drain(session: pynl.aio.Netlink) -> None:
            async for table in session.routes.stream(chunk=1):
                assert table

        asyncio.run(main())

    def test_a_closed_session_says_so(self, world: Namespace) -> None:
        async def main() -> None:
            session = pynl.aio.Netlink(world.name)
            await session.close()
            with pytest.raises((pynl.ClosedError, RuntimeError)):
                await session.links.dump()

        asyncio.run(main())


def test_a_record_is_a_route(nl: pynl.Netlink) -> None:
    """A record made in bulk is like one that is made alone."""
    bulk = list(wanted(nl)[:2000])
    alone = [wanted(nl)[n] for n in (0, 1500)]
    assert [bulk[0], bulk[1500]] == alone
    assert [hash(bulk[0]), hash(bulk[1500])] == [hash(record) for record in alone]
    assert isinstance(bulk[0], Route)
    assert repr(bulk[0]) == repr(alone[0])


def test_signals_reach_python_meanwhile(nl: pynl.Netlink) -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: seen.append(number))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        for _ in range(5):
            assert len(wanted(nl)) == COUNT
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert seen
