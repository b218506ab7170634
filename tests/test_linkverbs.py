"""Links made, set, named, moved and removed: iproute2 reads back what pynl did."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Namespace, _make, _remove
from test_verbs import one, part

import pynl
from pynl.rtnl import constants as c


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    netns.batch("link add v0 type veth peer name v1")
    with netns.netlink() as nl:
        yield nl


@pytest.fixture
def other() -> Iterator[Namespace]:
    """Another namespace."""
    made = _make()
    try:
        yield made
    finally:
        _remove(made)


def link(netns: Namespace, name: str) -> dict[str, Any]:
    return one(netns.ip_json(f"-d link show dev {name}"))


def test_a_link_made_and_removed(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.add(ifname="br0", kind="bridge", address="02:00:00:00:00:b0", mtu=1400, txqlen=77, group=5, up=True)
    seen = link(netns, "br0")
    part(seen, address="02:00:00:00:00:b0", mtu=1400, txqlen=77, group="5")
    assert "UP" in seen["flags"]
    nl.links.delete("br0")
    assert "br0" not in netns.run("ip", "link")
    for device in ("by name", "by index", "by record", "by keyword"):
        nl.links.add(ifname="br0", kind="bridge")
        made = nl.links.get("br0")
        if device == "by keyword":
            nl.links.delete(ifname="br0")
        else:
            nl.links.delete({"by name": "br0", "by index": made.ifindex, "by record": made}[device])
        assert "br0" not in netns.run("ip", "link")


def test_a_link_set(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.set("v0", up=True, mtu=9000, address="02:00:00:00:00:01", txqlen=500, group=7, ifalias="up there")
    seen = link(netns, "v0")
    part(seen, mtu=9000, address="02:00:00:00:00:01", txqlen=500, group="7", ifalias="up there")
    assert "UP" in seen["flags"]
    nl.links.set(nl.links.get("v0").ifindex, up=False)
    assert "UP" not in link(netns, "v0")["flags"]
    assert link(netns, "v0")["mtu"] == 9000  # what was not told stays
    nl.links.set("v0", flags=c.LinkFlags.IFF_NOARP, change=c.LinkFlags.IFF_NOARP)
    assert "NOARP" in link(netns, "v0")["flags"]
    nl.links.set("v0", ifname="w0", ifalias="")
    assert link(netns, "w0").get("ifalias") is None
    nl.links.set("w0", gso_max_segs=100, gso_max_size=20_000)
    part(link(netns, "w0"), gso_max_segs=100, gso_max_size=20_000)


def test_kind_options_are_set_by_their_names(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.add(ifname="vx0", kind="vxlan", id=42, port=4789, local="192.0.2.1", ttl=9, learning=0)
    part(link(netns, "vx0")["linkinfo"]["info_data"], id=42, port=4789, local="192.0.2.1", ttl=9, learning=False)
    nl.links.set("vx0", data={"group": "203.0.113.9"})  # a link has a field of that name
    assert link(netns, "vx0")["linkinfo"]["info_data"]["remote"] == "203.0.113.9"
    nl.links.add(ifname="br0", kind="bridge", ageing_time=20_000, stp_state=1)
    nl.links.set("br0", forward_delay=900, mcast_snooping=0)
    seen = link(netns, "br0")["linkinfo"]["info_data"]
    part(seen, ageing_time=20_000, stp_state=1, forward_delay=900, mcast_snooping=0)
    nl.links.set("v0", master="br0")
    nl.links.set("v0", slave_data={"cost": 7, "priority": 9, "learning": 0, "isolated": 1})
    port = link(netns, "v0")
    part(port, master="br0")
    part(port["linkinfo"]["info_slave_data"], cost=7, priority=9, learning=False, isolated=True)
    nl.links.set("v0", master=0)
    assert "master" not in link(netns, "v0")
    nl.links.add(ifname="mv0", kind="macvlan", link="v0", mode="bridge")
    part(link(netns, "mv0")["linkinfo"]["info_data"], mode="bridge")
    nl.links.add(ifname="ifb0", kind="ifb")
    assert link(netns, "ifb0")["linkinfo"]["info_kind"] == "ifb"


def test_a_link_of_a_group_deleted_together(nl: pynl.Netlink, netns: Namespace) -> None:
    for n in range(3):
        nl.links.add(ifname=f"br{n}", kind="bridge", group=9 if n else 8)
    nl.links.delete(group=9)
    assert [item["ifname"] for item in netns.ip_json("link show type bridge")] == ["br0"]


def test_a_pair_and_its_peer_in_another_namespace(nl: pynl.Netlink, netns: Namespace, other: Namespace) -> None:
    nl.links.add(ifname="p0", kind="veth", peer={"ifname": "p1", "mtu": 1300, "address": "02:00:00:00:00:09"})
    part(link(netns, "p1"), mtu=1300, address="02:00:00:00:00:09")
    nl.links.add(ifname="q0", kind="veth", peer={"ifname": "q1", "netns": other.name})
    far = link(other, "q1")
    assert link(netns, "q0")["link_index"] == far["ifindex"]
    nl.links.add(ifname="r0", kind="veth", netns=other.name, peer={"ifname": "r1"})
    assert link(other, "r0")
    assert link(netns, "r1")


def test_a_link_moved(nl: pynl.Netlink, netns: Namespace, other: Namespace) -> None:
    nl.links.set("v0", netns=other.name)
    assert link(other, "v0")
    with other.netlink() as there, open(f"/run/netns/{netns.name}") as file:
        there.links.set("v0", netns=file.fileno(), ifname="back")
    assert link(netns, "back")
    nl.links.set("back", netns=f"/run/netns/{other.name}")
    child = subprocess.Popen(["ip", "netns", "exec", netns.name, "sleep", "60"])
    try:
        entered = f"net:[{os.stat(f'/run/netns/{netns.name}').st_ino}]"
        while os.readlink(f"/proc/{child.pid}/ns/net") != entered:
            time.sleep(0.01)
        with other.netlink() as there:
            there.links.set("back", netns=child.pid)
    finally:
        child.kill()
        child.wait()
    assert link(netns, "back")
    with pytest.raises(FileNotFoundError):
        nl.links.set("back", netns="nosuchnamespace")


NAMES = ["a", "x" * 15, "v.1-2", "über", "-dash", "a'b", 'a"b', "<&>", "$x", "{}", "😀", "0", "1", "lo0", "\\"]


@pytest.mark.parametrize("name", NAMES)
def test_names(nl: pynl.Netlink, netns: Namespace, name: str) -> None:
    nl.links.add(ifname=name, kind="bridge", up=True)
    assert nl.links.get(name).ifname == name
    assert [item["ifname"] for item in netns.ip_json("link show type bridge")] == [name]
    nl.routes.add(dst="198.51.100.0/24", oif=name)
    nl.addresses.add(local="203.0.113.1/24", ifindex=name)
    assert one(netns.ip_json("route show 198.51.100.0/24"))["dev"] == name
    nl.links.delete(name)
    assert not netns.ip_json("link show type bridge")


@pytest.mark.parametrize("name", ["x" * 16, "x" * 127, "é" * 8, ".", "..", "a b", "a/b", "a:b", "tab\t"])
def test_names_that_none_can_have(nl: pynl.Netlink, name: str) -> None:
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.links.add(ifname=name, kind="bridge")
    assert caught.value.errno in (errno.EINVAL, errno.ERANGE)
    if len(name.encode()) > 15:
        assert caught.value.attribute == "ifname"
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.links.set("v0", ifname=name)
    assert caught.value.errno in (errno.EINVAL, errno.ERANGE)


def test_a_name_of_bytes_that_are_no_text(nl: pynl.Netlink) -> None:
    name = os.fsdecode(b"\xff\xfe.0")
    nl.links.add(ifname=name, kind="bridge")
    assert nl.links.get(name).ifname == name
    assert nl.links.add_many([{"ifname": os.fsdecode(b"\xfd"), "kind": "bridge"}]).ok
    assert nl.links.get(os.fsdecode(b"\xfd")).kind == "bridge"
    nl.links.delete(name)


def test_alternative_names(nl: pynl.Netlink, netns: Namespace) -> None:
    long = "a-name-of-more-than-fifteen-bytes" + "x" * 94
    nl.links.add_altnames("v0", "second", long)
    assert link(netns, "v0")["altnames"] == ["second", long]
    assert nl.links.get(long).ifname == "v0"
    nl.links.set(long, mtu=1400)
    nl.links.set("second", txqlen=5)
    part(link(netns, "v0"), mtu=1400, txqlen=5)
    nl.links.set(long, up=True)
    nl.routes.add(dst="198.51.100.0/24", oif=long)
    assert one(netns.ip_json("route show 198.51.100.0/24"))["dev"] == "v0"
    nl.links.delete_altnames("v0", "second")
    assert link(netns, "v0")["altnames"] == [long]
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.links.add_altnames("v0", long)
    assert caught.value.errno == errno.EEXIST
    with pytest.raises(pynl.NetlinkError):
        nl.links.add_altnames("v0", "x" * 128)
    nl.links.delete(long)
    assert "v0" not in netns.run("ip", "link")


def vlans(netns: Namespace, device: str) -> list[dict[str, Any]]:
    return [v for item in netns.ip_json("vlan show", "bridge") if item["ifname"] == device for v in item["vlans"]]


def test_vlans_of_a_bridge(nl: pynl.Netlink, netns: Namespace) -> None:
    try:
        nl.links.add(ifname="br0", kind="bridge", vlan_filtering=1)
    except pynl.NetlinkError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("this kernel's bridges filter no VLANs")
    nl.links.set("v1", master="br0")
    nl.links.add_vlan("v1", 10, pvid=True, untagged=True)
    nl.links.add_vlan("v1", 20, 23)
    nl.links.add_vlan("br0", 20)
    told = {v["vlan"]: v for v in vlans(netns, "v1")}
    assert set(told[10]["flags"]) == {"PVID", "Egress Untagged"}
    assert 20 in told
    assert told[20].get("vlanEnd", 23) == 23
    assert 20 in {v["vlan"] for v in vlans(netns, "br0")}
    nl.links.delete_vlan("v1", 20, 22)
    nl.links.delete_vlan("br0", 20)
    assert {10, 23} <= {v["vlan"] for v in vlans(netns, "v1")}
    assert not {20, 21, 22} & {v["vlan"] for v in vlans(netns, "v1")}
    assert 20 not in {v["vlan"] for v in vlans(netns, "br0")}


def test_links_of_many(nl: pynl.Netlink, netns: Namespace, other: Namespace) -> None:
    """What the verbs of one take, those of many take as well."""
    report = nl.links.add_many(
        [
            {"ifname": "br0", "kind": "bridge", "up": True},
            {"ifname": "vx0", "kind": "vxlan", "id": 42, "port": 4789},
            {"ifname": "p0", "kind": "veth", "peer": {"ifname": "p1", "netns": other.name}},
            {"ifname": "i0", "kind": "ifb"},
        ]
    )
    assert report.ok
    assert "UP" in link(netns, "br0")["flags"]
    assert link(netns, "vx0")["linkinfo"]["info_data"]["id"] == 42
    assert link(other, "p1")
    assert nl.links.delete_many([{"ifname": "br0"}, {"ifname": "vx0"}, {"ifname": "i0"}]).ok
    assert not netns.ip_json("link show type bridge") + netns.ip_json("link show type vxlan")
