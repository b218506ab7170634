"""A table of the size that routers have: complete, and what ip reads."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable

import pytest
from conftest import Namespace
from test_arrival import add_routes

import pynl

COUNT = 300_000


@pytest.fixture(scope="module")
def world(shared_netns: Namespace) -> Namespace:
    shared_netns.ip("link add v0 type veth peer name v1")
    shared_netns.ip("link set v0 up")
    add_routes(shared_netns, COUNT)
    return shared_netns


def test_three_hundred_thousand_routes_are_what_ip_reads(world: Namespace) -> None:
    seen = world.ip_json("-4 route show table main proto boot")
    expected = [(item["dst"], item["dev"], item["scope"], item["metric"]) for item in seen]
    assert len(expected) == COUNT
    with world.netlink() as nl:
        names = {link.ifindex: link.ifname for link in nl.links.dump()}
        table = nl.routes.dump(family=2, table=254, protocol="boot")
        found = [(r.dst, names[r.oif], r.scope.name.removeprefix("RT_SCOPE_").lower(), r.priority) for r in table]
        assert found == expected
        assert list(table.columns["priority"]) == [metric for *_, metric in expected]
        chunks = nl.routes.stream(family=2, table=254, protocol="boot", fields=("dst",))
        assert [route.dst for chunk in chunks for route in chunk] == [dst for dst, *_ in expected]


async def held(work: Awaitable[object]) -> float:
    """The longest that the event loop was held while it awaited something."""
    worst = 0.0

    async def tick() -> None:
        nonlocal worst
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.001)
            worst = max(worst, time.perf_counter() - before - 0.001)

    ticking = asyncio.create_task(tick())
    kept = await work  # freeing a table takes its time as well
    ticking.cancel()
    assert kept is not None
    return worst


def test_the_event_loop_is_not_held(world: Namespace) -> None:
    """At most 5 ms, or on a busy machine no longer than by two other threads that need no interpreter."""

    async def by_a_dump() -> float:
        async with pynl.aio.Netlink(world.name) as nl:
            return await held(nl.routes.dump(family=2, protocol="boot"))

    async def by_hashing() -> float:
        data = bytes(64 << 20)
        return await held(asyncio.gather(*(asyncio.to_thread(hashlib.sha256, data) for _ in range(2))))

    assert any(asyncio.run(by_a_dump()) < max(0.005, 2 * asyncio.run(by_hashing())) for _ in range(10))
