"""What a rollback undoes, and that it says so of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl.many import Asked
from pynl.rtnl.constants import MessageType


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A bridge that a pair's one end is a port of."""
    netns.batch("""
        link add br0 type bridge
        link add p0 type veth peer name p1
        link set p1 mtu 1450
        link set p0 master br0
        link set br0 up
        link set p0 up
        link set p1 up
        link property add dev p0 altname other-name
        addr add 192.0.2.1/24 dev br0
    """)
    with netns.netlink() as nl:
        yield nl


#: Of a link in ip's words: what a rollback is to leave as it was.
_OWN = ("ifname", "ifindex", "mtu", "master", "link", "altnames", "txqlen", "linkinfo")


def links(netns: Namespace) -> list[dict[str, Any]]:
    shown = netns.ip_json("-d link")
    return [{**{name: link.get(name) for name in _OWN}, "up": "UP" in link["flags"]} for link in shown]


def rolled_back(nl: pynl.Netlink, change: Callable[[pynl.Batch], object]) -> pynl.Report:
    with nl.batch(on_error="rollback") as batch:
        change(batch)
        batch.routes.add(dst="10.0.0.0/8", gateway="203.0.113.1")  # is refused
    assert batch.report is not None
    assert [failure.index for failure in batch.report.failures] == [batch.report.total - 1]
    return batch.report


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.links.set("p1", mtu=1400),
        lambda batch: batch.links.set("p0", ifname="q0"),
        lambda batch: batch.links.set("p0", master=0, up=False, txqlen=7),
        lambda batch: batch.links.set("br0", stp_state=1, forward_delay=900),
        lambda batch: batch.links.add_altnames("br0", "another"),
        lambda batch: batch.links.delete_altnames("p0", "other-name"),
        lambda batch: batch.links.delete("p0"),
    ],
    ids=["mtu", "name", "master", "options", "altnames", "no altnames", "pair"],
)
def test_links_are_what_they_were(nl: pynl.Netlink, netns: Namespace, change: Callable[[pynl.Batch], object]) -> None:
    netns.settle()
    before = links(netns)
    report = rolled_back(nl, change)
    assert (report.undone, report.done, report.kept) == (1, 0, [])
    netns.settle()
    changing = ("timer", "designated", "topology", "root", "port", "state")

    def still(shown: list[dict[str, Any]]) -> str:
        for link in shown:
            for part in (link["linkinfo"] or {}).values():
                if isinstance(part, dict):
                    for name in [name for name in part if any(word in name for word in changing)]:
                        del part[name]
        return str(sorted(shown, key=lambda link: str(link["ifname"])))

    assert still(links(netns)) == still(before)


def test_what_no_dump_of_links_tells_is_kept(nl: pynl.Netlink) -> None:
    """VLANs of ports; links that were removed by their group. Nothing is sent for them."""
    family, before = nl.links.FAMILY, nl.links.read()
    port = pynl.Link(family="AF_BRIDGE", ifindex=before["p0"].ifindex, af_spec={"vlan_info": [{"vid": 100}]})
    requests = [
        Asked("set", family, port, MessageType.RTM_SETLINK),
        Asked("delete", family, port, MessageType.RTM_DELLINK),
        Asked("delete", family, pynl.Link(group=7), MessageType.RTM_DELLINK),
    ]
    assert nl.links.undo(list(enumerate(requests)), before) == ([0, 1, 2], [])


def test_what_was_told_by_less_than_its_key_is_kept(nl: pynl.Netlink, netns: Namespace) -> None:
    """Which routes were removed is not known, though the same was asked for twice."""
    netns.batch("""
        route add 10.1.0.0/16 dev br0 table 100 metric 20
        route add 10.1.0.0/16 dev br0 table 100 metric 30
    """)
    report = rolled_back(nl, lambda batch: [batch.routes.delete(dst="10.1.0.0/16", table=100) for _ in range(2)])
    assert (report.done, report.undone, report.kept) == (2, 0, [0, 1])


def test_a_link_in_another_namespace_is_kept(nl: pynl.Netlink, netns: Namespace, shared_netns: Namespace) -> None:
    report = rolled_back(nl, lambda batch: batch.links.set("p1", netns=shared_netns.name))
    shared_netns.ip("link delete p1")
    assert (report.undone, report.kept) == (0, [0])


def test_a_link_made_and_set_goes_as_one(nl: pynl.Netlink, netns: Namespace) -> None:
    before = links(netns)

    def change(batch: pynl.Batch) -> None:
        batch.links.add(ifname="br1", ifindex=77, kind="bridge")
        batch.links.set(77, mtu=1400)
        batch.links.set("p1", master=77)

    report = rolled_back(nl, change)
    assert (report.undone, report.done, report.kept) == (3, 0, [])
    assert [link["ifindex"] for link in links(netns)] == [link["ifindex"] for link in before]


def test_forwarding_entries_and_proxies_that_were_there_are_put_back(nl: pynl.Netlink, netns: Namespace) -> None:
    """Dumps of neighbours list neither."""
    netns.batch("fdb add 02:00:00:00:00:77 dev p0 master static\nfdb add 02:00:00:00:00:78 dev p0 master", "bridge")
    netns.batch("neigh add proxy 192.0.2.60 dev br0\nneigh add 192.0.2.61 lladdr 02:00:00:00:00:61 dev br0")

    def shown() -> list[Any]:
        fdb = [entry for entry in netns.ip_json("fdb show", "bridge") if entry["mac"].startswith("02:00:00:00:00")]
        return [sorted(fdb, key=str), netns.ip_json("neigh show proxy"), netns.ip_json("neigh show nud permanent")]

    before = shown()
    assert [len(part) for part in before] == [2, 1, 1]

    def change(batch: pynl.Batch) -> None:
        batch.neighbours.replace(lladdr="02:00:00:00:00:77", ifindex="p0", flags="master")
        batch.neighbours.delete(lladdr="02:00:00:00:00:78", ifindex="p0", flags="master")
        batch.neighbours.replace(dst="192.0.2.60", ifindex="br0", proxy=True)
        batch.neighbours.replace(dst="192.0.2.61", ifindex="br0", lladdr="02:00:00:00:00:62")
        batch.neighbours.add(lladdr="02:00:00:00:00:79", ifindex="p0", flags="master")

    report = rolled_back(nl, change)
    assert (report.undone, report.done, report.kept) == (5, 0, [])
    assert shown() == before


@pytest.mark.parametrize(
    "what",
    [
        {"dst": "192.0.2.60", "ifindex": "br0", "proxy": True},
        {"lladdr": "02:00:00:00:00:77", "ifindex": "p0", "flags": "master"},
    ],
)
def test_lost_answers_of_forwarding_entries_and_proxies(
    nl: pynl.Netlink, monkeypatch: pytest.MonkeyPatch, what: dict[str, Any]
) -> None:
    collect = pynl.Socket.collect
    monkeypatch.setattr(pynl.Socket, "collect", lambda *arguments: collect(*arguments) and False)
    with nl.batch() as batch:
        batch.neighbours.add(**what)
    assert batch.report is not None
    assert batch.report.failures == []
