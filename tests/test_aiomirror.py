"""Mirrors and snapshots under asyncio: the same answers, a loop that goes on, and nothing lost by a cancellation."""

from __future__ import annotations

import asyncio
import contextlib

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
