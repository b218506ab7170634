"""A table of the size that routers have: complete, and what ip reads."""

from __future__ import annotations

import pytest
from conftest import Namespace
from test_arrival import add_routes

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
