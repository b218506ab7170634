"""A table of the size that routers have: complete, and what ip reads."""

from __future__ import annotations

import asyncio
import time

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


def test_the_event_loop_is_not_held(world: Namespace) -> None:
    """At most 5 ms while a table is dumped; tried again, since a busy machine holds it as well."""

    async def held() -> float:
        worst = 0.0

        async def tick() -> None:
            nonlocal worst
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0.001)
                worst = max(worst, time.perf_counter() - before - 0.001)

        async with pynl.aio.Netlink(world.name) as nl:
            ticking = asyncio.create_task(tick())
            assert len(await nl.routes.dump(family=2, protocol="boot")) == COUNT
            ticking.cancel()
        return worst

    assert any(asyncio.run(held()) < 0.005 for _ in range(20))
