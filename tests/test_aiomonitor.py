"""Notifications in an event loop: no thread waits, and a cancelled task loses none."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest
from conftest import Namespace

import pynl

SOON = 0.3


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, 60))


def change(netns: Namespace, *sizes: int) -> None:
    """Sets the MTU of the loopback device: one event each."""
    netns.batch("".join(f"link set lo mtu {size}\n" for size in sizes))


async def later(netns: Namespace, *sizes: int) -> None:
    await asyncio.sleep(0.1)
    await asyncio.to_thread(change, netns, *sizes)


def test_events_come_in_a_loop(netns: Namespace) -> None:
    async def work() -> list[int]:
        found = []
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("links") as events:
            assert events.receive_buffer > 0
            changes = asyncio.create_task(later(netns, 1201, 1202, 1203))
            threads = threading.active_count()
            async for event in events:
                found.append(event.record.mtu)
                if len(found) == 3:
                    break
            await changes
            assert threading.active_count() <= threads + 1  # that of the changes
            assert events.statistics["messages"] == 3
        return found

    assert run(work()) == [1201, 1202, 1203]


def test_a_loop_may_begin_without_a_block(netns: Namespace) -> None:
    async def work() -> list[int]:
        async with pynl.aio.Netlink(netns.name) as nl:
            events = nl.monitor("links", timeout=1)
            assert events.fileno() == -1
            changes = asyncio.create_task(later(netns, 1201))
            found = [event.record.mtu async for event in events]
            await changes
            await events.close()
            return found

    assert run(work()) == [1201]


def test_a_loop_ends_when_nothing_comes_and_begins_again(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("links", timeout=0.2) as events:
            before = time.monotonic()
            assert [event async for event in events] == []
            assert 0.2 <= time.monotonic() - before < 2
            assert not await events.batch(0)
            change(netns, 1201)
            assert [event.record.mtu async for event in events] == [1201]

    run(work())


def test_a_batch_is_what_has_come(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("links") as events:
            change(netns, 1201, 1202)
            batch = await events.batch()
            assert batch.table("links").values("mtu") == [1201, 1202]
            change(netns, 1203, 1204)
            assert (await events.__anext__()).record.mtu == 1203
            assert events.pending() == 1
            with pytest.raises(RuntimeError, match="pending"):
                await events.batch()

    run(work())


def test_two_tasks_share_the_events(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("links", timeout=0.5) as events:

            async def read() -> list[int]:
                return [event.record.mtu async for event in events]

            tasks = [asyncio.create_task(read()) for _ in range(3)]
            await asyncio.sleep(0.1)
            await later(netns, *range(1201, 1221))
            found = await asyncio.gather(*tasks)
            assert sorted(mtu for part in found for mtu in part) == list(range(1201, 1221))

    run(work())


def test_an_overrun_is_an_event(netns: Namespace) -> None:
    netns.ip("link add v0 type veth peer name v1")
    netns.ip("link set v0 up")

    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("routes", buffer=4096, timeout=SOON) as events:
            netns.batch("".join(f"route add 10.0.{n}.0/24 dev v0\n" for n in range(200)))
            found = [event.action async for event in events]
            assert found[-1] == "overrun"
            assert set(found[:-1]) == {"new"}
            netns.ip("route del 10.0.7.0/24 dev v0")
            assert [event.action async for event in events] == ["del"]

    run(work())


def test_a_task_cancelled_at_any_point_loses_no_event(netns: Namespace) -> None:
    """The reader is cancelled after every number of steps of the event loop, over and over; the next goes on."""
    count = 400
    random.seed(7)

    async def work() -> list[int]:
        found: list[int] = []
        async with pynl.aio.Netlink(netns.name) as nl, nl.monitor("links") as events:

            async def read() -> None:
                async for event in events:
                    found.append(event.record.mtu)

            changes = asyncio.create_task(later(netns, *range(1000, 1000 + count)))
            step = 0
            while len(found) < count:
                reader = asyncio.create_task(read())
                for _ in range(step % 9):
                    await asyncio.sleep(0)
                if step % 50 == 0:
                    await asyncio.sleep(random.random() * 0.02)
                reader.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reader
                step += 1
            await changes
            assert step > 20
        return found

    assert run(work()) == list(range(1000, 1000 + count))


def test_cancelled_while_it_opens_nothing_is_left_open(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl:
            for steps in range(12):
                events = nl.monitor("links", timeout=SOON)
                task = asyncio.create_task(events.batch())
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                change(netns, 1201 + steps)
                await events.close()
                with pytest.raises(pynl.ClosedError):
                    await events.batch()
            gc.collect()
            count = netns_sockets()
            for _ in range(5):
                async with nl.monitor("links"):
                    assert netns_sockets() > count
            assert netns_sockets() == count

    run(work())


def netns_sockets() -> int:
    """Open descriptors of this process that are sockets."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            found += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
    return found


def test_closing_ends_a_loop_that_waits(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl:
            events = nl.monitor("links")

            async def read() -> list[Any]:
                return [event async for event in events]

            reader = asyncio.create_task(read())
            await asyncio.sleep(0.1)
            batch = asyncio.create_task(events.batch())
            await asyncio.sleep(0.05)
            await events.close()
            assert await asyncio.wait_for(reader, 1) == []
            with pytest.raises(pynl.ClosedError):
                await asyncio.wait_for(batch, 1)
            await events.close()

    run(work())


def test_errors_of_opening_reach_the_task(netns: Namespace) -> None:
    async def work() -> None:
        async with pynl.aio.Netlink(netns.name) as nl:
            with pytest.raises(TypeError, match="did you mean 'links'"):
                async with nl.monitor("lnks"):
                    pass
            with pytest.raises(pynl.NetlinkError, match="no device"):
                await nl.monitor("routes", oif="nosuch").batch()

    run(work())
