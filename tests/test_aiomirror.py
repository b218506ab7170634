"""Mirrors and snapshots under asyncio: the same answers, a loop that goes on, and nothing lost by a cancellation."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

import pytest
from conftest import Namespace

import pynl


@pytest.fixture
def world(netns: Namespace) -> Namespace:
    netns.ip("link set lo up")
    netns.ip("link add v0 type veth peer name v1")
    return netns


async def add(nl: pynl.Netlink, number: int) -> None:
    await asyncio.to_thread(nl.routes.add, dst=f"198.51.100.{number}/32", oif="lo")


def test_a_mirror_answers_as_the_blocking_one(world: Namespace) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes", "links") as mirror:
                assert list(await mirror.table("routes")) == list(other.routes.dump())
                await add(other, 7)
                assert (await mirror.lookup("198.51.100.7")).dst == "198.51.100.7/32"
                assert [r and r.dst for r in await mirror.lookup_many(["198.51.100.7", "192.0.2.1"])] == [
                    "198.51.100.7/32",
                    None,
                ]
                link = await mirror.link("v0")
                assert (await mirror.link(link.ifindex)).ifname == "v0"
                assert await mirror.link("v9") is None

    asyncio.run(main())


def test_changes_come_in_order_while_the_loop_goes_on(world: Namespace) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes") as mirror:
                changes = mirror.changes(timeout=5)
                writer = asyncio.gather(*(add(other, number) for number in range(1, 21)))
                found = set()
                async for update in changes:
                    found.add(update.record.dst)
                    if len(found) == 20:
                        break
                await writer
                assert found == {f"198.51.100.{number}/32" for number in range(1, 21)}
                changes.close()

    asyncio.run(main())


def test_a_loop_over_changes_ends_in_time_and_with_the_mirror(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl, nl.mirror("links") as mirror:
            assert [update async for update in mirror.changes(timeout=0.05)] == []
            endless = mirror.changes()
            task = asyncio.create_task(anext(endless, None))
            await asyncio.sleep(0.1)
            await mirror.close()
            assert await asyncio.wait_for(task, 5) is None
            with pytest.raises(pynl.ClosedError):
                await mirror.table("links")

    asyncio.run(main())


def test_waiting_for_a_condition(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl, nl.mirror("links") as mirror:
            waiting = asyncio.create_task(mirror.wait(lambda mirror: mirror.link("late"), timeout=10))
            await asyncio.sleep(0.05)
            await asyncio.to_thread(world.ip, "link add late type veth peer name later")
            assert (await waiting).ifname == "late"
            with pytest.raises(TimeoutError, match=r"did not come within 0\.05 s"):
                await mirror.wait(lambda mirror: mirror.link("never"), timeout=0.05)

    asyncio.run(main())


def test_before_it_is_entered_a_mirror_is_not_open(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl:
            with pytest.raises(pynl.ClosedError, match="enter it first"):
                await nl.mirror("links").table("links")
            with pytest.raises(TypeError, match="nothing called 'link'"):
                async with nl.mirror("link"):
                    pass

    asyncio.run(main())


@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.002, 0.005, 0.02, 0.1])
def test_an_update_that_came_is_not_lost_by_a_cancellation(world: Namespace, delay: float) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes") as mirror:
                changes = mirror.changes(timeout=5)
                found = []
                for number in range(1, 11):
                    task = asyncio.create_task(anext(changes))
                    writer = asyncio.create_task(add(other, number))
                    await asyncio.sleep(delay)
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        found.append((await task).record.dst)
                    await writer
                while len(found) < 10:
                    found.append((await anext(changes)).record.dst)
                assert found == [f"198.51.100.{number}/32" for number in range(1, 11)]

    asyncio.run(main())


@pytest.mark.parametrize("delay", [0.0, 0.0005, 0.002, 0.01])
def test_after_a_cancelled_snapshot_or_mirror_the_session_works_on(world: Namespace, delay: float) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl:
            for work in (nl.routes.snapshot(), nl.mirror().__aenter__()):
                task = asyncio.ensure_future(work)
                await asyncio.sleep(delay)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert {link.ifname for link in await nl.links.snapshot()} >= {"lo", "v0", "v1"}

    asyncio.run(main())


def test_a_snapshot_is_what_is_there(world: Namespace) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl:
                await add(other, 1)
                assert list(await nl.routes.snapshot(dst="198.51.100.1/32")) == [
                    route for route in other.routes.dump() if route.dst == "198.51.100.1/32"
                ]

    asyncio.run(main())


def test_two_tasks_share_the_updates(world: Namespace) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes") as mirror:
                changes = mirror.changes()
                readers = [asyncio.create_task(anext(changes)) for _ in range(3)]
                await asyncio.sleep(0.1)
                for number in (1, 2, 3):
                    await add(other, number)
                    await asyncio.sleep(0.1)
                found = await asyncio.wait_for(asyncio.gather(*readers), 5)
                assert {update.record.dst for update in found} == {f"198.51.100.{number}/32" for number in (1, 2, 3)}

    asyncio.run(main())


def test_what_another_task_has_read_wakes_the_one_that_waits(world: Namespace) -> None:
    async def main() -> None:
        with world.netlink() as other:
            async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes") as mirror:
                changes = mirror.changes()
                waiting = asyncio.create_task(anext(changes))
                await asyncio.sleep(0.1)
                other.routes.add(dst="198.51.100.1/32", oif="lo")
                mirror.blocking.follow()  # before the loop has seen that there is something
                await mirror.table("routes")
                assert (await asyncio.wait_for(waiting, 5)).record.dst == "198.51.100.1/32"

    asyncio.run(main())


def test_an_iterator_that_is_closed_ends_the_loop_that_waits(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl, nl.mirror("routes") as mirror:
            changes = mirror.changes()
            waiting = asyncio.create_task(anext(changes, None))
            await asyncio.sleep(0.1)
            changes.close()
            assert await asyncio.wait_for(waiting, 5) is None

    asyncio.run(main())


def test_a_mirror_closes_after_its_session(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl:
            mirror = await nl.mirror("links").__aenter__()
            changes = mirror.changes()
        with pytest.raises(pynl.ClosedError, match="the session is closed"):
            await mirror.table("links")
        assert await anext(changes, None) is None
        await mirror.close()
        assert mirror.blocking.fileno() == -1
        await mirror.close()

    asyncio.run(main())


def test_a_mirror_is_entered_once(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl, nl.mirror("links") as mirror:
            with pytest.raises(RuntimeError, match="entered once"):
                await mirror.__aenter__()
            assert (await mirror.link("lo")).ifindex == 1

    asyncio.run(main())


@pytest.mark.parametrize("early", [False, True])
def test_a_mirror_that_opens_for_long_is_cancelled_soon(
    world: Namespace, monkeypatch: pytest.MonkeyPatch, early: bool
) -> None:
    """As where what it reads changes all the time; ``early``: before its monitor is there."""
    opened: list[pynl.Monitor] = []

    class Slow(pynl.Monitor):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            time.sleep(0.3)
            super().__init__(*arguments, **options)
            opened.append(self)

    def stuck(services: Any, monitor: pynl.Monitor, timeout: Any) -> Any:
        monitor.batch(10)
        raise AssertionError("not interrupted")

    monkeypatch.setattr("pynl.netlink.Monitor", Slow)
    monkeypatch.setattr("pynl.netlink.Mirror", stuck)

    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl:
            task = asyncio.ensure_future(nl.mirror("links").__aenter__())
            await asyncio.sleep(0.1 if early else 0.6)
            task.cancel()
            before = time.monotonic()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - before < 3
            assert [monitor.fileno() for monitor in opened] == [-1]
            assert (await nl.links.get("lo")).ifindex == 1

    asyncio.run(main())


def test_a_timeout_may_be_endless_but_not_nonsense(world: Namespace) -> None:
    async def main() -> None:
        async with pynl.aio.Netlink(world.name) as nl, nl.mirror("links") as mirror:
            waiting = asyncio.create_task(anext(mirror.changes(timeout=float("inf"))))
            await asyncio.sleep(0.1)
            await asyncio.to_thread(world.ip, "link set lo mtu 1300")
            assert (await asyncio.wait_for(waiting, 5)).record.ifname == "lo"
            with pytest.raises(ValueError, match="timeout"):
                mirror.changes(timeout=-1)

    asyncio.run(main())
