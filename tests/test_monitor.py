"""Notifications of the real kernel: each kind, in order, filtered, lost and found again."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Namespace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pynl
from pynl import Event, Overrun, Undecoded
from pynl._wire import ffi, lib
from pynl.encode import encode, message

#: Seconds in which what was announced before has surely come.
SOON = 0.3
KINDS = ("routes", "links", "addresses", "neighbours", "rules", "nexthops")


@pytest.fixture
def veth(netns: Namespace) -> Namespace:
    """With v0 and v1, a pair, and 192.0.2.1/24 on v0."""
    netns.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", check=False)  # which takes two seconds
    netns.ip("link add v0 index 10 type veth peer name v1 index 11")
    for line in ("link set v0 up", "link set v1 up", "addr add 192.0.2.1/24 dev v0"):
        netns.ip(line)
    netns.settle()
    return netns


def routes(count: int, verb: str = "add", first: int = 0, table: int = 254) -> str:
    return "".join(
        f"route {verb} 10.{n >> 8}.{n & 255}.0/24 dev v0 table {table}\n" for n in range(first, first + count)
    )


def told(events: Any) -> list[tuple[str, str, Any]]:
    """What a loop gives until nothing comes any more: action, kind, and what tells the object."""
    return [(event.action, event.kind, name(event.record)) for event in events]


def name(record: Any) -> Any:
    """What the tests call an object."""
    for field in ("ifname", "dst", "local", "priority", "id"):
        value = getattr(record, field, None)
        if value is not None:
            return value
    return None


#: What ip is told, and what is then announced: a pattern of the kinds that the line is about.
TOLD = [
    ("links", "link add b0 type bridge", [("new", "b0")]),
    ("links", "link set v0 master b0", [("change", "v0"), ("change", "b0")]),
    ("links", "link set v0 mtu 1400", [("change", "v0")]),
    ("links", "link delete b0", [("change", "v0"), ("del", "b0")]),
    ("addresses", "addr add 192.0.2.9/24 dev v0", [("new", "192.0.2.9")]),
    ("addresses", "addr delete 192.0.2.9/24 dev v0", [("del", "192.0.2.9")]),
    ("routes", "route add 198.51.100.0/24 via 192.0.2.2", [("new", "198.51.100.0/24")]),
    ("routes", "route replace 198.51.100.0/24 via 192.0.2.3", [("change", "198.51.100.0/24")]),
    ("routes", "route delete 198.51.100.0/24", [("del", "198.51.100.0/24")]),
    ("routes", "route add 2001:db8::/48 dev v0", [("new", "2001:db8::/48")]),
    ("routes", "route replace 2001:db8::/48 dev v0 mtu 1300", [("change", "2001:db8::/48")]),
    ("neighbours", "neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev v0", [("new", "192.0.2.2")]),
    ("neighbours", "neigh delete 192.0.2.2 dev v0", [("new", "192.0.2.2"), ("del", "192.0.2.2")]),
    ("rules", "rule add pref 77 from 192.0.2.7 table 100", [("new", 77)]),
    ("rules", "rule delete pref 77", [("del", 77)]),
    ("nexthops", "nexthop add id 5 via 192.0.2.2 dev v0", [("new", 5)]),
    ("nexthops", "nexthop delete id 5", [("del", 5)]),
]


def test_each_kind_is_announced(veth: Namespace) -> None:
    with veth.netlink() as nl:
        for kind, line, wanted in TOLD:
            with nl.monitor(kind, timeout=SOON) as events:
                before = time.time()
                veth.ip(line)
                found = list(events)
                family = events.kinds[0]
            for event in found:
                assert isinstance(event, Event)
                assert (event.kind, event.nsid) == (kind, None)
                assert before - 0.1 < event.time < time.time()
                assert event.type == (family.delete if event.action == "del" else family.new)
            names = [(event.action, name(event.record)) for event in found]
            assert [item for item in dict.fromkeys(names) if item in wanted] == wanted, (line, names)


def test_what_is_announced_is_what_ip_shows(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", family=2, timeout=SOON) as events:
        veth.batch(routes(20) + "route add 198.51.100.0/24 via 192.0.2.2 metric 7 proto bgp\n")
        told = [
            (route.dst, route.gateway, route.priority, route.protocol)
            for route in (event.record for event in events if event.action == "new")
        ]
        protocols = {"boot": 3, "bgp": 186}
        shown = [
            (route["dst"], route.get("gateway"), route.get("metric"), protocols[name])
            for name in protocols
            for route in veth.ip_json(f"route show proto {name}")
        ]
        assert sorted(told, key=str) == sorted(shown, key=str)


def test_without_kinds_all_are_watched(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor(timeout=SOON) as events:
        assert [kind.name for kind in events.kinds] == list(KINDS)
        veth.ip("link delete v0")
        found = told(events)
        assert ("del", "links", "v0") in found
        assert ("del", "links", "v1") in found
        assert ("del", "addresses", "192.0.2.1") in found
        assert "routes" in {kind for _, kind, _ in found}


def test_bridge_messages_are_no_links_unless_asked_for(veth: Namespace) -> None:
    veth.ip("link add b0 type bridge")
    with veth.netlink() as nl:
        plain, ports = nl.monitor("links", timeout=SOON), nl.monitor("links", family="AF_BRIDGE", timeout=SOON)
        with plain, ports:
            veth.ip("link set v0 master b0")
            veth.ip("link set v0 nomaster")
            assert {event.action for event in plain} == {"change"}
            found = list(ports)
            assert {event.record.family for event in found} == {7}
            assert "del" in {event.action for event in found}  # no longer a port


def test_forwarding_entries_are_no_neighbours_unless_asked_for(veth: Namespace) -> None:
    veth.ip("link add b0 type bridge")
    veth.ip("link set v0 master b0")
    with veth.netlink() as nl:
        plain, entries = nl.monitor("neighbours", timeout=SOON), nl.monitor("neighbours", family=7, timeout=SOON)
        with plain, entries:
            veth.bridge("fdb add 02:00:00:00:00:77 dev v0 master static")
            assert "02:00:00:00:00:77" in {event.record.lladdr for event in entries}
            assert "02:00:00:00:00:77" not in {event.record.lladdr for event in plain}


# ---- batches


def test_a_batch_has_columns_and_tables(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("links", "routes", family=None) as events:
        pass
    with veth.netlink() as nl, nl.monitor("links", "routes") as events:
        veth.batch(routes(300) + "link set v1 mtu 1300\n" + routes(300, "del"))
        time.sleep(SOON)
        batch = events.batch()
        assert len(batch) > 600
        assert batch.kinds == ("links", "routes")
        assert not batch.overrun
        columns = {key: column.tolist() for key, column in batch.columns.items()}
        assert set(columns) == {"time", "read", "row", "nsid", "kind", "type", "flags", "action"}
        table = batch.table("routes")
        assert len(table) == columns["kind"].count(1)
        assert len(batch.table("links")) == columns["kind"].count(0) > 0
        for number, event in enumerate(batch):
            kind, row = columns["kind"][number], columns["row"][number]
            assert event.kind == batch.kinds[kind]
            assert batch.table(event.kind)[row] == event.record
            assert (event.type, event.flags) == (columns["type"][number], columns["flags"][number])
            assert event.action == ("new", "del", "change")[columns["action"][number]]
            assert event.time == pytest.approx(columns["time"][number] / 1e9)
        assert columns["time"] == sorted(columns["time"])
        assert columns["read"] == sorted(columns["read"])
        assert columns["read"][-1] == events.statistics["reads"]
        assert batch[0] is batch[:2][0]
        assert set(columns["nsid"]) == {-1}
        ten = [route for route in table.values("dst") if route and route.startswith("10.")]
        assert ten == [f"10.{n >> 8}.{n & 255}.0/24" for n in (*range(300), *range(300))]
        with pytest.raises(KeyError):
            batch.table("rules")
        assert repr(batch) == f"<Batch of {len(batch)} events>"


def test_a_batch_without_events_is_empty(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("routes") as events:
        before = time.monotonic()
        batch = events.batch(timeout=0.05)
        assert 0.05 <= time.monotonic() - before < 2
        assert not batch
        assert len(batch.table("routes")) == 0
        assert list(batch) == []
        assert not events.batch(0)


def test_what_the_iterator_has_is_not_overtaken(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254) as events:
        veth.batch(routes(3))
        time.sleep(SOON)
        assert next(events).record.dst == "10.0.0.0/24"
        assert events.pending() == 2
        with pytest.raises(RuntimeError, match="pending"):
            events.batch()
        assert [next(events).record.dst for _ in range(2)] == ["10.0.1.0/24", "10.0.2.0/24"]
        assert events.pending() == 0
        assert not events.batch(0)


# ---- filters


@pytest.mark.parametrize(
    ("kinds", "filters", "wanted"),
    [
        (("routes",), {"table": 100}, {"10.0.5.0/24"}),
        (("routes",), {"table": 100000}, {"10.0.6.0/24"}),
        (("routes",), {"table": "main", "oif": "v1"}, {"10.0.7.0/24"}),
        (("routes",), {"family": socket.AF_INET6, "protocol": "boot"}, {"2001:db8::/48"}),
        (("routes",), {"dst": "10.0.5.0/24"}, {"10.0.5.0/24"}),
        (("routes",), {"gateway": "192.0.2.4"}, {"10.0.8.0/24"}),
        (("routes",), {"gateway": None, "table": 254, "family": 2}, {"10.0.1.0/24", "10.0.7.0/24"}),
        (("routes",), {"protocol": "bgp"}, {"10.0.8.0/24"}),
        (("routes",), {"priority": 77}, {"10.0.8.0/24"}),
        (("routes", "links"), {"table": 100}, {"10.0.5.0/24", "v1"}),
        (("routes", "links"), {"ifname": "v7", "table": 100}, {"10.0.5.0/24"}),
        (("links",), {"mtu": 1384}, {"v1"}),
    ],
    ids=str,
)
def test_filters_hold_in_c_and_in_the_kernel(
    veth: Namespace, kinds: tuple[str, ...], filters: Any, wanted: set[str]
) -> None:
    lines = (
        "route add 10.0.1.0/24 dev v0",
        "route add 10.0.5.0/24 dev v0 table 100",
        "route add 10.0.6.0/24 dev v0 table 100000",
        "route add 10.0.7.0/24 dev v1",
        "route add 10.0.8.0/24 via 192.0.2.4 metric 77 proto bgp",
        "route add 2001:db8::/48 dev v0",
        "link set v1 mtu 1384",
    )
    with veth.netlink() as nl, nl.monitor(timeout=SOON) as every, nl.monitor(*kinds, **filters, timeout=SOON) as events:
        veth.batch("\n".join(lines))
        assert {name(event.record) for event in events} == wanted
        assert len(list(every)) == every.statistics["messages"] >= len(lines)
        assert events.statistics["messages"] < every.statistics["messages"]  # the kernel dropped the others


def test_c_filters_alone_where_the_kernel_does_not(veth: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynl.bpf.program", lambda kinds: b"")
    with veth.netlink() as nl, nl.monitor("routes", table=100, timeout=SOON) as events:
        veth.batch(routes(5) + routes(5, first=5, table=100))
        assert {event.record.table for event in events} == {100}
        assert events.statistics["messages"] >= 10


def test_what_is_not_wanted_takes_no_room(veth: Namespace) -> None:
    """A flood beside a buffer of few notifications overruns only who wants it."""
    with veth.netlink() as nl:
        both = nl.monitor("routes", buffer=4096, timeout=SOON)
        few = nl.monitor("routes", buffer=4096, table=100, timeout=SOON)
        far = nl.monitor("routes", buffer=4096, table=100000, timeout=SOON)
        with both, few, far:
            veth.batch(routes(2000))
            veth.ip("route add 10.200.0.0/24 dev v0 table 100")
            veth.ip("route add 10.201.0.0/24 dev v0 table 100000")
            assert [event.record.dst for event in few] == ["10.200.0.0/24"]
            assert [event.record.dst for event in far] == ["10.201.0.0/24"]
            assert "overrun" in {event.action for event in both}


@pytest.mark.parametrize(
    ("kinds", "options", "error"),
    [
        (("rotues",), {}, "did you mean 'routes'"),
        (("routes",), {"gatway": "192.0.2.1"}, "did you mean 'gateway'"),
        (("routes", "links"), {"lladdr": "02:00:00:00:00:01"}, "no field 'lladdr'"),
        (("routes",), {"metrics": {"mtu": 1400}}, "cannot filter by metrics"),
        (("routes",), {"table": -1}, "table"),
        (("routes",), {"timeout": -1}, "timeout"),
        (("routes",), {"timeout": True}, "timeout"),
        (("routes",), {"buffer": 0}, "buffer"),
    ],
)
def test_wrong_arguments_are_named(netns: Namespace, kinds: tuple[str, ...], options: Any, error: str) -> None:
    with netns.netlink() as nl, pytest.raises((TypeError, ValueError), match=error):
        nl.monitor(*kinds, **options)


# ---- overruns


def test_an_overrun_is_an_event_in_its_place(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254, buffer=4096, timeout=SOON) as events:
        assert events.receive_buffer == 8192
        veth.batch(routes(1000))
        found = list(events)
        (at,) = [number for number, event in enumerate(found) if isinstance(event, Overrun)]
        mark = found[at]
        assert (mark.action, mark.kind, mark.record, mark.nsid, mark.reads) == ("overrun", None, None, None, at)
        assert abs(mark.time - time.time()) < 5
        # What was queued before the loss comes before the mark, without a gap; nothing came after it.
        assert [event.record.dst for event in found[:at]] == [f"10.0.{n}.0/24" for n in range(at)]
        assert at == len(found) - 1 > 0
        assert events.statistics["overruns"] == 1
        veth.batch(routes(5, first=2000))  # and the loop goes on
        assert told(events) == [("new", "routes", f"10.7.{208 + n}.0/24") for n in range(5)]


def test_marks_stand_between_before_and_after(veth: Namespace) -> None:
    """While changes go on: what is on either side of a mark is without a gap."""
    with veth.netlink() as nl, nl.monitor("routes", table=254, buffer=20_000, timeout=SOON) as events:
        writer = subprocess.Popen(["ip", "-n", veth.name, "-batch", "-"], stdin=subprocess.PIPE, text=True)
        assert writer.stdin
        writer.stdin.write(routes(20_000))
        writer.stdin.close()
        found = []
        for event in events:
            found.append(event)
            if len(found) % 7 == 0:
                time.sleep(0.0005)
        assert not writer.wait(30)
        marks = [number for number, event in enumerate(found) if event.action == "overrun"]
        assert marks
        numbers = [None if event.record is None else number_of(event.record.dst) for event in found]
        gaps = 0
        for before, after in itertools.pairwise(numbers):
            if before is None or after is None:
                gaps += before is None and after is not None
            else:
                assert after == before + 1
        assert numbers[0] == 0
        assert gaps


def number_of(dst: str) -> int:
    _, high, low, _ = dst.split("/")[0].split(".")
    return int(high) * 256 + int(low)


def test_the_buffer_asked_for_is_granted_to_the_privileged(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("routes", buffer=3_000_000) as events:
        assert events.receive_buffer == 6_000_000  # as the kernel counts


def test_without_privilege_the_buffer_is_what_the_system_allows(netns: Namespace) -> None:
    code = (
        "import os, pynl\n"
        "os.setresuid(65534, 65534, 65534)\n"
        "with pynl.Netlink() as nl:\n"
        "    with nl.monitor('routes', buffer=100_000_000) as events: print(events.receive_buffer)\n"
        "    try: nl.monitor('routes', netns='all')\n"
        "    except pynl.NetlinkError as error: print(error.errno, error)\n"
    )
    size, error = netns.run(sys.executable, "-c", code).splitlines()
    assert 4096 < int(size) < 200_000_000
    assert error.startswith("1 ")
    assert "CAP_NET_BROADCAST" in error


# ---- filters that mean more than one value


def test_routes_are_watched_by_the_device_of_any_hop(veth: Namespace) -> None:
    veth.ip("addr add 198.51.100.1/24 dev v1")
    hops = "nexthop via 192.0.2.9 dev v0 nexthop via 198.51.100.9 dev v1"
    with veth.netlink() as nl, nl.monitor("routes", oif="v0", table=254, timeout=SOON) as events:
        veth.batch(f"route add 10.7.0.0/16 {hops}\nroute add 10.8.0.0/16 dev v1\nroute add 10.9.0.0/16 dev v0\n")
        batch = events.batch(1)
        listed = [route.dst for route in nl.routes.dump(oif="v0", table=254) if route.dst.startswith("10.")]
        assert [event.record.dst for event in batch] == listed == ["10.7.0.0/16", "10.9.0.0/16"]
        assert batch.table("routes").values("dst") == listed
        assert list(batch.columns["row"]) == [0, 1]
        veth.ip("route add 10.10.0.0/16 dev v1")
        assert not events.batch(SOON)
        veth.ip("route add 10.11.0.0/16 dev v1")
        assert list(events) == []
        veth.ip("route add 10.12.0.0/16 dev v1")
        assert list(events.upto_now()) == []
        veth.ip(f"route del 10.7.0.0/16 {hops}")
        assert told(events) == [("del", "routes", "10.7.0.0/16")]


def test_what_is_not_wanted_does_not_put_the_time_off(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", oif="lo", table=254, timeout=0.5) as events:
        over = threading.Event()

        def change() -> None:
            while not over.wait(0.02):
                veth.batch("route add 10.7.0.0/16 dev v0\nroute del 10.7.0.0/16 dev v0\n")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            for read in (events.batch, lambda: list(events)):
                before = time.monotonic()
                assert not list(read())
                assert 0.4 < time.monotonic() - before < 2
        finally:
            over.set()
            thread.join()
        assert events.statistics["messages"] > 2


def test_a_filter_that_announcements_do_not_tell_is_refused(veth: Namespace) -> None:
    veth.ip("link add b0 type bridge")
    with veth.netlink() as nl:
        with pytest.raises(TypeError, match="neighbours cannot be watched by master"):
            nl.monitor("neighbours", master="b0")
        with nl.monitor("links", master="b0", timeout=SOON) as events:
            veth.ip("link set v0 master b0")
            assert {name for _, _, name in told(events)} == {"v0"}


def test_a_message_that_cannot_be_decoded_outlives_those_that_are_not_wanted(netns: Namespace) -> None:
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with netns.netlink() as nl, nl.monitor("routes", oif="lo", timeout=SOON) as events, near, far:
        os.dup2(near.fileno(), events.fileno())
        broken = route("10.0.2.0/24")
        broken = broken[:28] + b"\x00\x50" + broken[30:]
        far.send(route("10.0.1.0/24") + broken)
        (found,) = events
        assert isinstance(found, Undecoded)
        assert found.error.data == broken


# ---- up to now


def test_up_to_now_is_all_that_was_announced(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254) as events:
        assert list(events.upto_now()) == []
        veth.batch(routes(9000))
        found = [event.record.dst for batch in events.upto_now() for event in batch]
        assert len(found) == len(set(found)) == 9000
        assert events.statistics["messages"] == 9000  # the signs are not among them
        assert list(events.upto_now()) == []
        assert not events.batch(0)


def test_up_to_now_ends_while_more_is_announced(fed: tuple[pynl.Monitor, socket.socket]) -> None:
    """Each batch that is taken brings more than it had: only the sign ends it."""
    events, far = fed
    far.setblocking(False)

    def fill() -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                far.send(route("10.0.1.0/24"))

    fill()
    batches = 0
    for _ in events.upto_now():
        if batches == 0:
            asked = events._c.asked
            assert events._c.answered == asked - 1
        if batches == 5:
            while events.batch(0):
                pass
            far.send(message(2, 0, asked, bytes(20)))
        fill()
        batches += 1
        assert batches < 20
    assert batches == 7


def test_up_to_now_ends_without_a_sign(fed: tuple[pynl.Monitor, socket.socket], monkeypatch: Any) -> None:
    """It may have been lost: then all is read that the buffer may have held."""
    events, far = fed
    monkeypatch.setattr(events, "_receive_buffer", 256 * 100)
    far.send(route("10.0.1.0/24"))
    count = 0
    for batch in events.upto_now():
        far.send(route("10.0.1.0/24"))
        count += len(batch)
        assert count < 200
    assert count == 101


def test_up_to_now_ends_at_the_kernels_sign(veth: Namespace) -> None:
    """What was announced later waits for the next time."""
    with veth.netlink() as nl, nl.monitor("routes", table=254, timeout=SOON) as events:
        veth.batch(routes(10))
        batches = events.upto_now()
        assert len(next(batches)) == 10
        found = 10
        veth.batch(routes(6000, first=10))
        found += sum(map(len, batches))
        assert found < 200  # of those that came with the sign
        assert found + len(list(events)) == 6010


def test_up_to_now_has_the_mark_and_goes_no_further(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254, buffer=4096) as events:
        veth.batch(routes(500))
        found: list[Any] = []
        for batch in events.upto_now():
            if not found:
                veth.batch(routes(500, first=500))
            found += batch
        actions = [event.action for event in found]
        assert actions.count("overrun") == 2
        assert actions[-1] == "overrun"
        veth.batch(routes(1, first=20_000))
        assert [event.action for batch in events.upto_now() for event in batch] == ["new"]


def test_up_to_now_after_events_that_nobody_wants(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254, protocol=99) as events:
        lib.pynl_socket_filter(events._socket._c, ffi.NULL, 0)  # as where the kernel filters nothing
        veth.batch(routes(20_000) + "route add 198.51.100.0/24 dev v0 proto 99\n")
        assert [event.record.dst for batch in events.upto_now() for event in batch] == ["198.51.100.0/24"]


def test_up_to_now_is_refused_while_the_iterator_has_events(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254) as events:
        veth.batch(routes(2))
        next(events)
        with pytest.raises(RuntimeError, match="pending"):
            next(events.upto_now())
    with pytest.raises(pynl.ClosedError):
        next(events.upto_now())


# ---- namespaces


@pytest.fixture
def other(netns: Namespace) -> Iterator[str]:
    made = f"{netns.name}b"
    pynl.netns.create(made)
    try:
        yield made
    finally:
        pynl.netns.delete(made)


def test_all_namespaces_are_told_apart(netns: Namespace, other: str) -> None:
    with netns.netlink() as nl:
        nl.set_nsid(other, 42)
        with nl.monitor("links", netns="all", timeout=SOON) as events, nl.monitor("links", timeout=SOON) as own:
            subprocess.run(["ip", "-n", other, "link", "set", "lo", "mtu", "1300"], check=True)
            netns.ip("link set lo mtu 1200")
            found = [(event.nsid, event.record.mtu) for event in events]
            assert found == [(42, 1300), (None, 1200)]
            assert [event.record.mtu for event in own] == [1200]


def test_numbers_of_namespaces_are_announced(netns: Namespace, other: str) -> None:
    with netns.netlink() as nl, nl.monitor("nsids", timeout=SOON) as events:
        nl.set_nsid(other, 42)
        assert [(event.action, event.kind, event.record.nsid) for event in events] == [("new", "nsids", 42)]
        pynl.netns.delete(other)
        assert [(event.action, event.record.nsid) for event in events] == [("del", 42)]
        pynl.netns.create(other)


def test_another_namespace_is_watched(netns: Namespace, other: str) -> None:
    with netns.netlink() as nl, nl.monitor("links", netns=other, ifname="lo", timeout=SOON) as events:
        netns.ip("link set lo mtu 1200")
        subprocess.run(["ip", "-n", other, "link", "set", "lo", "mtu", "1300"], check=True)
        assert [event.record.mtu for event in events] == [1300]


def test_devices_are_looked_up_where_they_are(veth: Namespace, other: str) -> None:
    subprocess.run(["ip", "-n", other, "link", "add", "w0", "index", "77", "type", "veth"], check=True)
    with veth.netlink() as nl:
        with nl.monitor("routes", netns=other, oif="w0") as events:
            assert events.kinds[0].name == "routes"
        with pytest.raises(pynl.NetlinkError, match="no device 'w0'"):
            nl.monitor("routes", oif="w0")


# ---- waiting, closing, signals, forks


def test_a_loop_ends_when_nothing_comes_and_begins_again(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links", timeout=0.2) as events:
        before = time.monotonic()
        assert list(events) == []
        assert 0.2 <= time.monotonic() - before < 2
        netns.ip("link set lo mtu 1200")
        assert told(events) == [("change", "links", "lo")]


def test_an_endless_timeout_is_none(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links", timeout=float("inf")) as events:
        netns.ip("link set lo mtu 1200")
        netns.ip("link set lo mtu 1300")
        assert next(events).record.mtu == 1200
        assert next(events).record.mtu == 1300
        netns.ip("link set lo mtu 1400")
        assert len(events.batch(float("inf"))) == 1
        for timeout in (float("nan"), -1, "x"):
            with pytest.raises(ValueError, match="timeout"):
                events.batch(timeout)  # type: ignore[arg-type]


def test_filtered_events_do_not_put_the_time_off(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("links", ifname="nosuch", timeout=0.5) as events:
        over = threading.Event()

        def change() -> None:
            while not over.wait(0.02):
                veth.ip("link set v0 mtu 1300")
                veth.ip("link set v0 mtu 1400")

        thread = threading.Thread(target=change)
        thread.start()
        try:
            before = time.monotonic()
            assert list(events) == []
            assert time.monotonic() - before < 2
        finally:
            over.set()
            thread.join()
        assert events.statistics["messages"] > 2


def test_the_descriptor_tells_when_to_read(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links") as events:
        assert select.select([events], [], [], 0)[0] == []
        netns.ip("link set lo mtu 1200")
        assert select.select([events], [], [], 5)[0] == [events]
        assert len(events.batch(0)) == 1
        assert select.select([events], [], [], 0)[0] == []
    assert events.fileno() == -1


def test_an_overrun_makes_the_descriptor_readable(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", buffer=4096) as events:
        veth.batch(routes(500))
        assert select.select([events], [], [], 0)[0] == [events]
        batch = events.batch(0)
        while not batch.overrun:
            batch = events.batch(1)
        assert batch[-1].action == "overrun"


def test_closing_ends_a_loop_in_another_thread(netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynl.monitor._LOOK", 20_000)
    with netns.netlink() as nl:
        events = nl.monitor("routes")
        ended = []
        thread = threading.Thread(target=lambda: ended.append(list(events)))
        thread.start()
        time.sleep(0.2)
        before = time.monotonic()
        events.close()
        thread.join(5)
        assert ended == [[]]
        assert time.monotonic() - before < 4  # woken, not found out by looking
        events.close()
        with pytest.raises(pynl.ClosedError):
            events.batch()
        assert list(events) == []
        assert "closed" in repr(events)


def test_closing_wakes_a_thread_that_waits_for_a_batch(netns: Namespace) -> None:
    with netns.netlink() as nl:
        events = nl.monitor("routes", table=100)
        errors = []

        def wait() -> None:
            try:
                events.batch()
            except pynl.ClosedError as error:
                errors.append(error)

        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.1)
        events.close()
        thread.join(5)
        assert len(errors) == 1


def test_a_session_that_is_closed_does_not_close_its_monitors(netns: Namespace) -> None:
    with netns.netlink() as nl:
        events = nl.monitor("links", timeout=SOON)
    netns.ip("link set lo mtu 1200")
    assert told(events) == [("change", "links", "lo")]
    events.close()


def test_ctrl_c_interrupts_the_wait_and_loses_nothing(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links") as events:
        timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        before = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            next(events)
        assert time.monotonic() - before < 2
        netns.ip("link set lo mtu 1200")
        assert next(events).record.mtu == 1200


def test_a_handler_of_signals_may_close(netns: Namespace) -> None:
    with netns.netlink() as nl:
        events = nl.monitor("links")
        before = signal.signal(signal.SIGALRM, lambda *_: events.close())
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            assert list(events) == []
        finally:
            signal.signal(signal.SIGALRM, before)


def test_a_child_does_not_read_its_parents_events(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links", timeout=SOON) as events:
        child = os.fork()
        if not child:
            status = 1
            try:
                try:
                    next(events)
                except pynl.ClosedError:
                    events.close()
                    status = 0
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        netns.ip("link set lo mtu 1200")
        assert told(events) == [("change", "links", "lo")]


def test_a_child_does_not_wait_for_a_thread_of_its_parent(netns: Namespace) -> None:
    with netns.netlink() as nl, nl.monitor("links") as events:
        reader = threading.Thread(target=lambda: list(events))
        reader.start()
        time.sleep(0.2)
        child = os.fork()
        if not child:
            status = 1
            try:
                signal.alarm(5)
                refused = 0
                for read in (lambda: events.batch(0), lambda: next(events), lambda: list(events.upto_now())):
                    try:
                        read()
                    except pynl.ClosedError:
                        refused += 1
                status = refused != 3
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        events.close()
        reader.join(5)


def test_what_python_drops_on_the_way_is_marked(netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where Ctrl-C comes between C and Python."""
    with netns.netlink() as nl, nl.monitor("links", timeout=SOON) as events:
        netns.ip("link set lo mtu 1200")

        class Interrupted:
            def __getitem__(self, action: int) -> str:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("pynl.monitor.ACTIONS", Interrupted())
            with pytest.raises(KeyboardInterrupt):
                next(events)
        netns.ip("link set lo mtu 1300")
        assert [event.action for event in events] == ["overrun", "change"]


def test_what_is_interrupted_while_it_becomes_events_is_not_lost(
    netns: Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where Ctrl-C comes while there are many."""
    with netns.netlink() as nl, nl.monitor("links", timeout=SOON) as events:
        netns.batch("link set lo mtu 1200\nlink set lo mtu 1300\n")

        class Interrupted:
            def __getitem__(self, action: int) -> str:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("pynl.events.ACTIONS", Interrupted())
            with pytest.raises(KeyboardInterrupt):
                next(events)
        assert events.pending() == 2
        assert [event.record.mtu for event in events] == [1200, 1300]


def test_events_outlive_their_monitor(veth: Namespace) -> None:
    with veth.netlink() as nl, nl.monitor("routes", table=254, timeout=SOON) as events:
        veth.batch(routes(3))
        found = list(events)
    assert [event.record.dst for event in found] == ["10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24"]
    assert found[0].record.unknown == ()
    assert json.dumps(found[0].record.asdict()["dst"])


def test_only_the_kernel_is_believed(netns: Namespace) -> None:
    """A process may send to a group, too: its port id is not 0."""
    with netns.netlink() as nl, nl.monitor("links", timeout=SOON) as events:
        code = (
            "import socket, struct\n"
            "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)\n"
            "s.bind((0, 0))\n"
            "s.sendto(struct.pack('=IHHII', 32, 16, 0, 0, 0) + bytes(16), (0, 1))\n"
        )
        netns.run(sys.executable, "-c", code)
        assert list(events) == []
        assert events.statistics["skipped"] == events.statistics["reads"] == 1


# ---- bytes that no kernel sends


@pytest.fixture
def fed(netns: Namespace) -> Iterator[tuple[pynl.Monitor, socket.socket]]:
    """A monitor of routes and links, and a socket whose datagrams it takes for the kernel's."""
    near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with netns.netlink() as nl, nl.monitor("routes", "links", timeout=SOON) as events, near, far:
        os.dup2(near.fileno(), events.fileno())
        yield events, far


def route(dst: str, *, type: int = 24) -> bytes:
    return message(type, 0, 0, encode(pynl.Route(dst=dst, table=254)))


BROKEN = message(24, 0, 0, encode(pynl.Route(dst="10.0.0.0/24", table=254))[:-2] + b"\xff\xff")


def test_many_messages_of_one_datagram_are_one_read(fed: tuple[pynl.Monitor, socket.socket]) -> None:
    events, far = fed
    far.send(route("10.0.1.0/24") + route("10.0.2.0/24", type=25) + message(99, 0, 0, bytes(4)) + route("10.0.3.0/24"))
    found = [(event.action, event.record.dst) for event in events]
    assert found == [("new", "10.0.1.0/24"), ("del", "10.0.2.0/24"), ("new", "10.0.3.0/24")]
    assert (events.statistics["reads"], events.statistics["messages"], events.statistics["skipped"]) == (1, 4, 1)


def test_what_cannot_be_decoded_is_an_event_and_the_loop_goes_on(fed: tuple[pynl.Monitor, socket.socket]) -> None:
    events, far = fed
    broken = route("10.0.2.0/24")
    broken = broken[:28] + b"\x00\x50" + broken[30:]  # an attribute that ends behind its message
    short = message(16, 0, 0, b"\0")  # less than a link's header
    far.send(route("10.0.1.0/24") + broken + short)
    far.send(route("10.0.3.0/24"))
    first, second, third, last = events
    assert (first.record.dst, last.record.dst) == ("10.0.1.0/24", "10.0.3.0/24")
    assert isinstance(second, Undecoded)
    assert (second.action, second.kind, second.record) == ("undecoded", "routes", None)
    assert (second.error.data, second.error.offset) == (broken, 28)
    assert (third.kind, third.error.data, third.error.offset) == ("links", short, len(short))
    far.send(broken)
    batch = events.batch()
    assert batch.overrun
    assert len(batch.table("routes")) == 0


@pytest.mark.parametrize(
    "data",
    [b"", b"\x07", route("10.0.1.0/24")[:-8], route("10.0.1.0/24") + b"\x01\0\0\0" + bytes(20), bytes(200_000)],
    ids=["empty", "short", "cut off", "no message behind one", "larger than any"],
)
def test_bytes_that_are_no_message_are_marked(fed: tuple[pynl.Monitor, socket.socket], data: bytes) -> None:
    events, far = fed
    far.send(data)
    far.send(route("10.0.9.0/24"))
    found = list(events)
    assert found[-1].record.dst == "10.0.9.0/24"
    assert [event.action for event in found if event.record is None] == (["overrun"] if data else [])
    assert events.statistics["truncated"] == bool(data)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300) | st.sampled_from([route("10.0.1.0/24"), BROKEN]), max_size=5))
def test_no_bytes_end_the_loop(fed: tuple[pynl.Monitor, socket.socket], datagrams: list[bytes]) -> None:
    events, far = fed
    for data in datagrams:
        far.send(data)
    far.send(route("10.9.9.0/24"))
    for event in events:
        if event.record is not None and event.record.dst == "10.9.9.0/24":
            break
    else:
        raise AssertionError("the last is missing")
