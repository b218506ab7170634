"""Whole tables of links made again in an empty namespace: a new dump is equal, but for what only the kernel decides."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Namespace, _make, _remove
from kindcases import BASE, CASES, commands
from test_kinds import ITS_OWN, NO_KIND
from test_restore import WAYS
from test_verbs import one, part

from pynl import Link, Table
from pynl.rtnl.constants import LinkFlags
from pynl.schema import writable

WORLD = """
link set lo up
link add name e0 index 40 numtxqueues 4 numrxqueues 3 type veth peer name e1 index 39
link add name br0 index 38 type bridge stp_state 0 forward_delay 900
link set e1 master br0
link set e1 type bridge_slave cost 7 learning off isolated on
link add name mv0 index 37 link e0 type macvlan mode bridge
link add name mv1 index 36 link mv0 type macvlan mode private
link add name vx0 index 35 mtu 1400 type vxlan id 42 dstport 4789 dev br0 group 239.1.1.1
link add name vx1 index 34 type vxlan id 43 dstport 4790 remote 192.0.2.9 ttl inherit
link set vx1 master br0
link add name i0 type ifb
link set e0 mtu 1450 txqueuelen 77 group 9 alias over-there address 02:00:00:00:00:e0
link set e0 arp off
link property add dev e0 altname the-long-name-of-a-link
link property add dev e0 altname another
link set mv0 addrgenmode none
link set mv1 gso_max_segs 100
link set e0 up
link set e1 up
link set br0 up
link set vx0 up
"""
#: Of the moment, or what the kernel alone decides.
VOLATILE = (
    "stats",
    "stats64",
    "carrier",
    "carrier_changes",
    "carrier_up_count",
    "carrier_down_count",
    "operstate",
    "qdisc",
)
#: What a device that has just been made may do.
ITS_DEVICES = ("tso_max_size", "tso_max_segs", "perm_address")


@contextlib.contextmanager
def namespace() -> Iterator[Namespace]:
    made = _make()
    try:
        yield made
    finally:
        _remove(made)


@pytest.fixture
def other() -> Iterator[Namespace]:
    with namespace() as made:
        yield made


def told(link: Link) -> dict[str, Any]:
    """All of a link that lasts."""
    made = {name: value for name, value in link.items() if name not in (*VOLATILE, *ITS_DEVICES)}
    made["flags"] = link.flags & ~(LinkFlags.IFF_RUNNING | LinkFlags.IFF_LOWER_UP)
    info: Any = link.linkinfo
    if info:
        made["linkinfo"] = (info.kind, settings(info.data), info.slave_kind, settings(info.slave_data))
    if link.af_spec and link.af_spec.inet6:
        made["af_spec"] = link.af_spec.inet6.replace(stats=None, icmp6stats=None, cacheinfo=None, conf=None, flags=None)
    return made


def settings(data: Any) -> dict[str, Any]:
    return {name: value for name, value in writable(data).items() if name not in ITS_OWN} if data else {}


def compare(one: Table[Link], other: Table[Link]) -> None:
    left, right = ({link.ifname: told(link) for link in table} for table in (one, other))
    assert left.keys() == right.keys()
    for name in left:
        assert right[name] == left[name]


@pytest.mark.parametrize("way", WAYS)
def test_links_restored(netns: Namespace, other: Namespace, way: Callable[[Table[Any]], Any]) -> None:
    netns.batch(WORLD)
    with netns.netlink() as source, other.netlink() as nl:
        table = source.links.dump()
        report = nl.links.restore(way(table))
        assert report.failures == []
        assert (report.total, report.done, report.unsent) == (len(table), len(table), 0)
        compare(table, nl.links.dump())
        again = nl.restore(table)
        assert again.ok
        compare(table, nl.links.dump())
    for device in ("e0", "e1", "br0", "mv1", "vx0", "vx1"):
        seen, was = (one(n.ip_json(f"-d link show dev {device}")) for n in (other, netns))
        part(seen, **{name: was[name] for name in ("ifindex", "mtu", "address", "group") if name in was})
        assert (seen.get("master"), seen.get("link")) == (was.get("master"), was.get("link"))
        assert ("UP" in seen["flags"]) == ("UP" in was["flags"])
    part(one(other.ip_json("link show dev e0")), ifalias="over-there", txqlen=77)
    part(one(other.ip_json("-d link show dev e1"))["linkinfo"]["info_slave_data"], cost=7, learning=False)


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("tun")])
def test_a_kind_restored(netns: Namespace, other: Namespace, case: str) -> None:
    try:
        netns.batch(BASE + "\n".join(commands(case)))
    except RuntimeError as error:
        if any(text in str(error) for text in NO_KIND):
            pytest.skip(f"this kernel has no {case}")
        raise
    for device in ("u0", "u1", "d0"):  # some kinds have no addresses, and some come up only once they are told more
        netns.ip(f"link set {device} up", check=False)
    with netns.netlink() as source, other.netlink() as nl:
        table = source.links.dump()
        report = nl.links.restore(table)
        assert report.failures == []
        assert report.ok
        compare(table, nl.links.dump())


def test_indexes_that_are_taken(netns: Namespace, other: Namespace) -> None:
    """Whatever names a link by its index is given the new one."""
    netns.batch(WORLD)
    other.batch("\n".join(f"link add name x{n} index {n} type ifb" for n in range(34, 42)))
    with netns.netlink() as source, other.netlink() as nl:
        assert nl.links.restore(source.links.dump()).failures == []
        found = {link.ifname: link for link in nl.links.dump()}
        assert not {found[name].ifindex for name in ("e0", "e1", "br0", "mv0", "mv1", "vx0")} & {*range(34, 42)}
    seen = {name: one(other.ip_json(f"-d link show dev {name}")) for name in ("e0", "e1", "mv0", "mv1", "vx0", "vx1")}
    assert [seen[name]["link"] for name in ("e0", "e1", "mv0", "mv1")] == ["e1", "e0", "e0", "e0"]
    assert [seen[name]["master"] for name in ("e1", "vx1")] == ["br0", "br0"]
    assert seen["vx0"]["linkinfo"]["info_data"]["link"] == "br0"


def test_links_that_are_there_are_set(netns: Namespace) -> None:
    """Nothing is made twice, and what has changed is as it was again."""
    netns.batch(WORLD)
    with netns.netlink() as nl:
        table = nl.links.dump()
        for line in ("set e0 mtu 1300 alias x", "set e1 nomaster down", "set br0 type bridge forward_delay 500"):
            netns.ip(f"link {line}")
        netns.ip("link property del dev e0 altname another")
        netns.ip("link del mv1")
        report = nl.links.restore(table)
        assert report.failures == []
        assert report.done == len(table)
        compare(table, nl.links.dump())


def test_what_could_not_be_done(netns: Namespace, other: Namespace) -> None:
    with namespace() as far:
        netns.batch(f"""
            link add a0 type veth peer name a1
            link add b0 type veth peer name b1
            link set b1 netns {far.name}
            link add br0 type bridge
            link set a0 master br0
            link add mv0 link b0 type macvlan
            link add c0 type ifb
        """)
        with netns.netlink() as source:
            table = source.links.dump()
            half = source.links.dump(ifname="a1")
    other.ip("link add c0 type bridge")
    with other.netlink() as nl:
        progress: list[tuple[int, int]] = []
        report = nl.links.restore(table, progress=lambda done, total: progress.append((done, total)))
        failures = {table[f.index].ifname: f for f in report.failures}
        assert {name: failure.error.errno for name, failure in failures.items()} == {
            "b0": errno.ENODEV,
            "mv0": errno.ENODEV,
            "c0": errno.EEXIST,
        }
        assert "its other end is in another namespace" in str(failures["b0"].error)
        assert failures["mv0"].request.ifname == "mv0"
        assert (report.total, report.done) == (len(table), len(table) - 3)
        assert progress == [(3, 3)]  # the pair, the bridge and the macvlan
        made = {link.ifname for link in nl.links.dump()}
        assert {"a0", "a1", "br0", "c0"} <= made
        assert not {"b0", "mv0"} & made
        for name in ("a0", "br0"):
            nl.links.delete(name)
        report = nl.links.restore(half)
        assert [str(failure.error).partition(": ")[2] for failure in report.failures] == [
            "its other end is not among the links"
        ]
        refused = nl.links.get("c0").replace(mtu=10, ifalias="set all the same")
        report = nl.links.restore([refused])
        assert [(f.index, f.request.mtu, f.error.errno) for f in report.failures] == [(0, 10, errno.EINVAL)]
        assert nl.links.get("c0").ifalias == "set all the same"
        assert nl.links.restore(table[:0]).ok
        with pytest.raises(ValueError, match="ifname: row 0 has none"):
            nl.links.restore([{"mtu": 1400}])
        with pytest.raises(TypeError, match="did you mean 'ifname'"):
            nl.links.restore([{"ifnam": "x"}])


def test_what_ends_it_has_the_report(netns: Namespace, other: Namespace) -> None:
    netns.batch("\n".join(f"link add i{n} mtu 1400 type ifb" for n in range(10)))

    def progress(done: int, total: int) -> None:
        raise LookupError("enough")

    with netns.netlink() as source:
        table = source.links.dump()
    with other.netlink() as nl, pytest.raises(LookupError) as caught:
        nl.links.restore(table, progress=progress)
    report = caught.value.report  # type: ignore[attr-defined]
    with other.netlink() as nl:
        made = {link.ifname for link in nl.links.dump()}
    assert {f"i{n}" for n in range(10)} <= made
    assert report.failures == []
    assert (report.total, report.done, report.unsent) == (len(table), len(table) - 11, 11)  # the loopback is not up
