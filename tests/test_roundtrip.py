"""A random route, added and read back, is the same route: what the kernel says of its own aside."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Namespace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pynl
from pynl import Route

TABLE = 4242


@pytest.fixture(scope="module")
def nl(shared_netns: Namespace) -> Iterator[pynl.Netlink]:
    shared_netns.run(
        "sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.forwarding=1", check=False
    )
    shared_netns.batch("""
link add v0 type veth peer name v1
link set v0 up
link set v1 up
addr add 192.0.2.1/24 dev v0
addr add 2001:db8::1/64 dev v0 nodad
""")
    with shared_netns.netlink() as nl:
        yield nl


GATEWAY4 = st.integers(2, 250).map(lambda n: f"192.0.2.{n}")
GATEWAY6 = st.integers(2, 65000).map(lambda n: f"2001:db8::{n:x}")
METRICS = st.fixed_dictionaries(
    {},
    optional={
        "mtu": st.integers(1280, 60_000),
        "advmss": st.integers(256, 60_000),
        "hoplimit": st.integers(1, 255),
        "initcwnd": st.integers(1, 2**32 - 1),
        "window": st.integers(1, 2**32 - 1),
        "rto_min": st.integers(1, 2**32 - 1),
        "quickack": st.just(1),
        "cc_algo": st.just("reno"),
        "lock": st.sampled_from([1 << 2, 1 << 8, 1 << 2 | 1 << 8]),
    },
).filter(bool)
BYTE = st.integers(0, 255)
ID = st.integers(0, 2**64 - 1)
SEGMENTS = st.lists(GATEWAY6, min_size=1, max_size=4)
IP = {"id": ID, "dst": GATEWAY4, "src": GATEWAY4, "ttl": BYTE, "tos": BYTE, "flags": st.just(0)}
IP6 = {"id": ID, "dst": GATEWAY6, "src": GATEWAY6, "hoplimit": BYTE, "tc": BYTE, "flags": st.just(0)}
ENCAP4 = st.one_of(
    st.fixed_dictionaries({"encap_type": st.just("ip"), "encap": st.fixed_dictionaries(IP)}),
    SEGMENTS.map(lambda segments: {"encap_type": "seg6", "encap": {"srh": (1, segments)}}),
)
ENCAP6 = st.one_of(
    st.fixed_dictionaries({"encap_type": st.just("ip6"), "encap": st.fixed_dictionaries(IP6)}),
    st.tuples(st.integers(0, 1), SEGMENTS).map(lambda srh: {"encap_type": "seg6", "encap": {"srh": srh}}),
)


@st.composite
def prefixes(draw: st.DrawFn, six: bool) -> str:
    """Outside of what v0's addresses bring."""
    width = 128 if six else 32
    length = draw(st.integers(8, width))
    start = (0x2002 << 112) if six else (20 << 24)
    number = start | draw(st.integers(0, (1 << (width - 16)) - 1))
    packed = (number >> (width - length) << (width - length)).to_bytes(width // 8, "big")
    return f"{socket.inet_ntop(socket.AF_INET6 if six else socket.AF_INET, packed)}/{length}"


@st.composite
def hops(draw: st.DrawFn, six: bool) -> list[dict[str, Any]]:
    gateways = draw(st.lists(GATEWAY6 if six else GATEWAY4, min_size=2, max_size=5, unique=True))
    weights = st.integers(1, 256)
    return [{"gateway": gateway, "oif": "v0", "weight": draw(weights)} for gateway in gateways]


@st.composite
def routes(draw: st.DrawFn) -> dict[str, Any]:
    """What the kernel takes."""
    six = draw(st.booleans())
    values: dict[str, Any] = {"dst": draw(prefixes(six)), "table": TABLE, "protocol": draw(st.integers(3, 255))}
    values["priority"] = draw(st.integers(1, 2**32 - 1))
    if not six:
        values["tos"] = draw(st.sampled_from([0, 4, 8, 16, 28]))
    kind = draw(st.sampled_from(["device", "gateway", "via", "many", "encap", "nothing"]))
    if kind == "nothing":
        values["type"] = draw(st.sampled_from(["blackhole", "unreachable", "prohibit"]))
        return {**values, "oif": "lo"} if six else values
    if kind == "many":
        values["multipath"] = draw(hops(six))
    else:
        values["oif"] = "v0"
    if kind == "gateway":
        values["gateway"] = draw(GATEWAY6 if six else GATEWAY4)
        values["flags"] = draw(st.sampled_from([0, 4]))  # RTNH_F_ONLINK
    if kind == "via" and not six:
        values["via"] = draw(GATEWAY6)
    if kind == "encap":
        values.update(draw(ENCAP6 if six else ENCAP4))
    if draw(st.booleans()):
        values["metrics"] = draw(METRICS)
    if draw(st.booleans()):
        values["prefsrc"] = "2001:db8::1" if six else "192.0.2.1"
    if not six and kind != "many" and draw(st.booleans()):
        values["flow"] = draw(st.integers(1, 2**32 - 1))
    if six and draw(st.booleans()):
        values["pref"] = draw(st.sampled_from([0, 1, 3]))
    return values


def told(route: Route, asked: Route) -> Route:
    """Without what the kernel adds: the times of a cache, and what IPv6 says of routes that say nothing of it."""
    return route.replace(cacheinfo=None, **({} if asked.pref is not None else {"pref": None}))


def comparable(route: Route) -> dict[str, Any]:
    return {name: value for name, value in route.asdict().items() if value is not None}


@pytest.mark.parametrize("how", ["add", "add_many"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=routes())
def test_a_random_route_is_what_the_kernel_tells(nl: pynl.Netlink, how: str, values: dict[str, Any]) -> None:
    if how == "add":
        nl.routes.add(**values)
    else:
        assert nl.routes.add_many([values]).failures == []
    try:
        (found,) = nl.routes.dump(table=TABLE)
        asked = nl.routes.request("add", None, values, [])
        assert comparable(told(found, asked)) == comparable(asked)
        again = found.replace(priority=(found.priority or 0) % 1000 + 1_000_000)
        nl.routes.add(again)
        nl.routes.delete(again)
        assert list(nl.routes.dump(table=TABLE)) == [found]
    finally:
        nl.routes.flush(table=TABLE)
    assert not len(nl.routes.dump(table=TABLE))
