"""Links of the kinds that few kernels have all of, made with typed options, and what ip shows of them.

What this kernel lacks is skipped; scripts/test-vm runs these tests under one that has nearly all.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from conftest import Namespace
from test_verbs import one, part

import pynl

#: What a kernel says of a kind that it lacks.
LACKING = (errno.EOPNOTSUPP, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
ENDS = {"local": "192.0.2.1", "remote": "192.0.2.9"}
ENDS6 = {"local": "2001:db8::1", "remote": "2001:db8::9"}

#: Kind (a dot, and what is special, may follow) -> options, and what ip -d shows of them.
KINDS: Mapping[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "dummy": ({}, {}),
    "ifb": ({}, {}),
    "wireguard": ({}, {}),
    "vcan": ({}, {}),
    "nlmon": ({}, {}),
    "team": ({}, {}),
    "vlan": ({"link": "v0", "id": 7}, {"protocol": "802.1Q", "id": 7}),
    "vlan.ad": ({"link": "v0", "id": 8, "protocol": "8021ad"}, {"protocol": "802.1ad", "id": 8}),
    "bond": (
        {"mode": "8023ad", "miimon": 150, "xmit_hash_policy": "layer34", "min_links": 1},
        {"mode": "802.3ad", "miimon": 150, "xmit_hash_policy": "layer3+4", "min_links": 1},
    ),
    "vrf": ({"table": 77}, {"table": 77}),
    "macvlan": ({"link": "v0", "mode": "bridge"}, {"mode": "bridge"}),
    "ipvlan": ({"link": "v0", "mode": "l3"}, {"mode": "l3"}),
    "gre": ({**ENDS, "ttl": 7, "iflags": "key", "ikey": 9}, {**ENDS, "ttl": 7, "ikey": "0.0.0.9"}),
    "gretap": ({**ENDS, "ttl": 8}, {**ENDS, "ttl": 8}),
    "ip6gre": ({**ENDS6, "ttl": 9}, {**ENDS6, "ttl": 9}),
    "ip6gretap": ({**ENDS6, "ttl": 9}, {**ENDS6}),
    "ipip": ({**ENDS, "ttl": 9}, {**ENDS, "ttl": 9}),
    "sit": ({**ENDS, "ttl": 9}, {**ENDS, "ttl": 9}),
    "ip6tnl": ({**ENDS6, "ttl": 9, "proto": 41}, {**ENDS6, "ttl": 9, "proto": "ip6ip6"}),
    "vti": ({**ENDS, "ikey": 5, "okey": 6}, {**ENDS, "ikey": "0.0.0.5", "okey": "0.0.0.6"}),
    "vti6": ({**ENDS6, "ikey": 5}, {**ENDS6, "ikey": "0.0.0.5"}),
    "vxlan": ({"id": 42, "port": 4789, "ttl": 3}, {"id": 42, "port": 4789, "ttl": 3}),
    "geneve": ({"id": 5, "remote": "192.0.2.9", "ttl": 9}, {"id": 5, "remote": "192.0.2.9", "ttl": 9}),
    "bareudp": ({"port": 6635, "ethertype": 0x8847}, {"port": 6635, "ethertype": "mpls_uc"}),
    "bridge": ({"ageing_time": 20_000, "stp_state": 1}, {"ageing_time": 20_000, "stp_state": 1}),
    "xfrm": ({"if_id": 7}, {"if_id": "0x7"}),
    "macsec": ({"link": "v0", "port": 11}, {}),
    "hsr": ({"slave1": "v0", "slave2": "v2", "multicast_spec": 5}, {"slave1": "v0", "slave2": "v2"}),
    "netkit": ({"mode": "l2"}, {}),
    "vxcan": ({}, {}),
    "veth": ({"peer": {"ifname": "d1"}}, {}),
    "batadv": ({}, {}),
}


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A namespace with two pairs that are down, and an address on the first."""
    netns.batch("link add v0 type veth peer name v1\nlink add v2 type veth peer name v3\naddr add 192.0.2.1/24 dev v0")
    with netns.netlink() as nl:
        yield nl


def make(nl: pynl.Netlink, **values: Any) -> None:
    """A link, or the test is skipped where the kernel lacks its kind."""
    try:
        nl.links.add(**values)
    except pynl.NetlinkError as error:
        if error.errno not in LACKING:
            raise
        pytest.skip(f"this kernel has no {values['kind']}")


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("how", ["add", "add_many"])
def test_a_link_of_a_kind(nl: pynl.Netlink, netns: Namespace, case: str, how: str) -> None:
    kind = case.partition(".")[0]
    options, shown = KINDS[case]
    make(nl, ifname="d0", kind=kind, **options)
    if how == "add_many":
        nl.links.delete("d0")
        assert nl.links.add_many([{"ifname": "d0", "kind": kind, **options}]).failures == []
    info = one(netns.ip_json("-d link show dev d0"))["linkinfo"]
    assert info["info_kind"] == kind
    part(info.get("info_data", {}), **shown)
    nl.links.set("d0", group=7, ifalias="named")
    part(one(netns.ip_json("link show dev d0")), group="7", ifalias="named")
    nl.links.delete("d0")
    assert "d0" not in {link.ifname for link in nl.links.dump()}


def test_a_bond_and_its_ports(nl: pynl.Netlink, netns: Namespace) -> None:
    make(nl, ifname="b0", kind="bond", mode="activebackup", miimon=100)
    nl.links.set("v0", master="b0")
    nl.links.set("v0", slave_data={"queue_id": 5, "prio": -7})
    part(one(netns.ip_json("-d link show dev v0"))["linkinfo"]["info_slave_data"], queue_id=5, prio=-7)
    nl.links.set("b0", primary="v0", miimon=200)
    part(one(netns.ip_json("-d link show dev b0"))["linkinfo"]["info_data"], primary="v0", miimon=200)
    nl.links.set("v0", master=0)
    assert "master" not in one(netns.ip_json("link show dev v0"))


def test_a_vrf_and_its_routes(nl: pynl.Netlink, netns: Namespace) -> None:
    make(nl, ifname="red", kind="vrf", table=77, up=True)
    nl.links.set("v2", master="red", up=True)
    nl.links.set("v3", up=True)
    nl.addresses.add(local="198.51.100.1/24", ifindex="v2")
    nl.routes.add(dst="203.0.113.0/24", gateway="198.51.100.9", table=77)
    part(one(netns.ip_json("route show vrf red 203.0.113.0/24")), gateway="198.51.100.9", dev="v2")


def test_mpls_encapsulation(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.set("v0", up=True)
    nl.links.set("v1", up=True)
    values = {"gateway": "192.0.2.9", "encap_type": "mpls"}
    try:
        nl.routes.add(dst="198.51.100.0/24", **values, encap={"dst": "100/200", "ttl": 9})
    except pynl.NetlinkError as error:
        if error.errno not in (*LACKING, errno.EINVAL):
            raise
        pytest.skip("this kernel pushes no MPLS labels")
    seen = one(netns.ip_json("route show 198.51.100.0/24"))
    assert seen["encap"] == "mpls"
    assert [seen["dst"], seen["ttl"]] == [["198.51.100.0/24", "100/200"], 9]
    hops = [{**values, "encap": {"dst": [16]}}, {"gateway": "192.0.2.10", "weight": 2}]
    assert nl.routes.add_many([{"dst": "198.51.101.0/24", "multipath": hops}]).ok
    (route,) = nl.routes.dump(dst="198.51.101.0/24")
    assert route.multipath is not None
    assert [(hop.encap and hop.encap.dst, hop.weight) for hop in route.multipath] == [((16,), 1), (None, 2)]


def test_vlans_of_a_bridge_made_many(nl: pynl.Netlink, netns: Namespace) -> None:
    make(nl, ifname="br0", kind="bridge", vlan_filtering=1, vlan_default_pvid=5)
    part(one(netns.ip_json("-d link show dev br0"))["linkinfo"]["info_data"], vlan_filtering=1, vlan_default_pvid=5)
    nl.links.set("v1", master="br0")
    with nl.batch() as batch:
        for vid in range(100, 200):
            batch.links.add_vlan("v1", vid, untagged=vid == 150)
    assert batch.report is not None
    assert batch.report.ok
    (shown,) = [item for item in netns.ip_json("vlan show", "bridge") if item["ifname"] == "v1"]
    assert {150} == {v["vlan"] for v in shown["vlans"] if v["vlan"] >= 100 and v.get("flags")}
