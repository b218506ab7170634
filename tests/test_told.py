"""What a caller gets wrong is told by its row and its field, and nothing is sent."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl import NetlinkError


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A namespace with a pair, of which v0 is up, and a bridge without ports."""
    netns.batch("link add v0 type veth peer name v1\nlink set v0 up\nlink add br1 type bridge")
    with netns.netlink() as nl:
        yield nl


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda nl: nl.links.add(ifname="x\ud800", kind="bridge"), ValueError, "ifname: 'utf-8' codec can't"),
        (lambda nl: nl.links.add_many([{"ifname": "x\ud800"}]), ValueError, "row 0: ifname: 'utf-8' codec can't"),
        (lambda nl: nl.links.set("v0", up="no"), TypeError, "up: expected True or False, not 'no'"),
        (lambda nl: nl.links.add_many([{"ifname": "x"}, {"up": 2}]), TypeError, "row 1: up: expected True or False"),
        (lambda nl: nl.set_nsid("/proc/self/ns/net", "1"), TypeError, "nsid: expected a number or None, not '1'"),  # type: ignore[arg-type]
        (lambda nl: nl.set_nsid("/proc/self/ns/net", True), TypeError, "nsid: expected a number or None, not True"),
        (
            lambda nl: nl.links.set("v0", master="br1", slave_data={"cost": 7}),
            TypeError,
            "slave_data: 'v0' is no port yet: first it has to get its master",
        ),
    ],
)
def test_it_is_named(nl: pynl.Netlink, call: Callable[[pynl.Netlink], Any], kind: type[Exception], text: str) -> None:
    before = list(nl.links.dump(fields=["ifname", "flags", "master"]))
    with pytest.raises(kind) as caught:
        call(nl)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(text)
    assert list(nl.links.dump(fields=["ifname", "flags", "master"])) == before


@pytest.mark.parametrize(
    ("objects", "place"),
    [
        ([{"dst": "10.1.0.0/16", "oif": "v0"}, {"dst": "10.2.0.0/16", "oif": "none"}], "row 1: oif: "),
        ({"dst": ["10.1.0.0/16", "10.2.0.0/16"], "oif": "none"}, "row 0: oif: "),
        ([{"dst": "10.1.0.0/16", "multipath": [{"oif": "v0"}, {"oif": "none"}]}], "row 0: multipath: "),
    ],
)
def test_a_device_that_is_not_there(nl: pynl.Netlink, objects: Any, place: str) -> None:
    with pytest.raises(NetlinkError) as caught:
        nl.routes.add_many(objects)
    assert caught.value.errno == errno.ENODEV
    assert caught.value.message == f"{place}no device 'none'"
    assert len(nl.routes.dump(type="unicast", family="inet")) == 0


def test_a_port_of_a_bridge(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.set("v0", master="br1")
    nl.links.set("v0", slave_data={"cost": 7})
    assert netns.ip_json("-d link show dev v0")[0]["linkinfo"]["info_slave_data"]["cost"] == 7


def test_the_peer_of_a_netkit_is_a_link_like_others(nl: pynl.Netlink, netns: Namespace) -> None:
    keep: list[Any] = []
    values = {"ifname": "k0", "kind": "netkit", "peer_info": {"ifname": "k1", "netns": netns.name}}
    peer = nl.links.request("add", None, values, keep).linkinfo.data.peer_info  # type: ignore[union-attr]
    assert (peer.ifname, peer.net_ns_fd) == ("k1", keep[0].number)


@pytest.mark.parametrize("by_json", [False, True])
def test_what_a_bridge_listens_to_is_not_restored(nl: pynl.Netlink, netns: Namespace, by_json: bool) -> None:
    netns.batch("link set br1 up\nlink set v0 master br1\nlink set v1 up")
    netns.settle()
    netns.bridge("fdb add 02:00:00:00:00:77 dev v0 master static")
    entries: Any = nl.neighbours.dump(family="bridge")
    before = sorted(map(repr, entries.values("lladdr")))
    assert "'33:33:00:00:00:01'" in before
    if by_json:
        out = StringIO()
        entries.write_json(out)
        entries = [json.loads(line) for line in out.getvalue().splitlines()]
    netns.bridge("fdb del 02:00:00:00:00:77 dev v0 master")
    nl.neighbours.restore(entries)
    assert sorted(map(repr, nl.neighbours.dump(family="bridge").values("lladdr"))) == before
