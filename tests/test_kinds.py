"""Links of each kind: what pynl reads of them is what iproute2 reads, here and in captures of other kernels."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from typing import Any

import captured
import pytest
from conftest import Namespace
from kindcases import BASE, CASES, commands, devices
from kindrecords import BOND, RECORDS
from kindshown import DATA, PORT_DATA, Names, shown
from world import MAY_TAP

import pynl
from pynl.encode import encode
from pynl.plan import parse

RTM_NEWLINK, NLM_F_CREATE, NLM_F_EXCL = 16, 0x400, 0x200
#: The devices of a capture, which kindcases.BASE made.
CAPTURED_NAMES = {1: "lo", 2: "u1", 3: "u0", 4: "u3", 5: "u2"}
CAPTURES = [name for name in captured.names() if name.startswith("kind-")]
#: Case or kind -> what differs between what the kernel tells of a link and what it takes to make such a link.
TO_SEND: Mapping[str, Mapping[str, Any]] = {
    "bond.arp": {"primary": None, "primary_reselect": None},
    "bridge": {"fdb_n_learned": None, "vlan_filtering": None, "multi_boolopt": None},
    "bridge.vlan": {"fdb_n_learned": None},
    "geneve": {"ttl_inherit": None},
    "geneve.6": {"ttl": None},
    "gretap.external": {"remote": None},
    "gtp": {"create_sockets": 1},
    "hsr": {"multicast_spec": 5, "version": 1},
    "hsr.prp": {},
    "macsec": {"sci": None, "port": 11},
    "macvlan": {"macaddr_mode": "SET", "macaddr_count": None, "bc_queue_len_used": None},
    "macvlan.passthru": {"macaddr_count": None, "bc_queue_len_used": None},
    "macvtap": {"macaddr_count": None, "bc_queue_len_used": None},
    "netkit": {"primary": None},
    "vlan": {"flags": {"flags": 0x1E, "mask": 0x1F}},
    "vxlan": {"ttl_inherit": None, "remcsum_rx": None},
    "vxlan.6": {"ttl_inherit": True, "remcsum_rx": None},
}
#: What a link that is made anew has of its own.
ITS_OWN = {"root_id", "bridge_id", "gc_timer", "primary", "primary_reselect"}
NO_KIND = ("Unknown device type", "Operation not supported")


def compare(link: pynl.Link, said: Mapping[str, Any], names: Names) -> None:
    """All that ip says of a link's kind and of the link as a port."""
    info: Any = link.linkinfo
    assert (info.kind, info.slave_kind) == (said.get("info_kind"), said.get("info_slave_kind"))
    for key, data, tables, kind in (
        ("info_data", info.data, DATA, info.kind),
        ("info_slave_data", info.slave_data, PORT_DATA, info.slave_kind),
    ):
        if key in said:
            told = shown(tables.get(kind, {}), data, said[key], names)
            assert told == {name: said[key][name] for name in told}
            assert not data.unknown


@pytest.fixture(scope="module")
def base(shared_netns: Namespace) -> Namespace:
    shared_netns.batch(BASE)
    return shared_netns


@pytest.fixture
def case(request: pytest.FixtureRequest, base: Namespace) -> Iterator[str]:
    """The links of a case, made; gone when the test ends."""
    if request.param.startswith("tun") and not MAY_TAP:
        pytest.skip("/dev/net/tun may not be opened")
    try:
        base.batch("\n".join(commands(request.param)))
    except RuntimeError as error:
        if any(text in str(error) for text in NO_KIND):
            pytest.skip(f"this kernel has no {request.param}")
        raise
    yield request.param
    base.ip("link del d0", check=False)


@pytest.mark.parametrize("case", CASES, indirect=True)
def test_a_link_of_this_kernel(case: str, base: Namespace) -> None:
    with base.netlink() as nl:
        names = {link.ifindex: link.ifname or "" for link in nl.links.dump()}
        for device in devices(case):
            (said,) = base.ip_json(f"-d link show dev {device}")
            compare(nl.links.get(device), said["linkinfo"], names)


@pytest.mark.parametrize("name", CAPTURES)
def test_a_link_of_another_kernel(name: str) -> None:
    """Each capture has what ip showed of its links beside the bytes."""
    lines = (captured.FOLDER / f"{name}.txt").read_text().splitlines()
    said = [json.loads(line.partition("link: ")[2]) for line in lines if "by ip -j -d" in line]
    links = [parse(pynl.Link, message.payload) for message in captured.objects(name)]
    assert links
    for link, item in zip(links, said, strict=True):
        compare(link, item, CAPTURED_NAMES)


def to_send(case: str, data: Any) -> dict[str, Any]:
    """The data of a link as the kernel takes it; of a bond, whose mode forbids most options, what is no default."""
    kind = case.partition(".")[0]
    values = dict(data.items() if data else ())
    if kind == "bond":
        values = {name: value for name, value in RECORDS[case].items() if value != getattr(BOND, name)}
    return {**values, **TO_SEND.get(case, TO_SEND.get(kind, {}))}


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("tun")], indirect=True)
def test_a_link_made_of_what_was_read(case: str, base: Namespace) -> None:
    """The kernel takes what pynl makes of a link's data, and tells the same of the new link."""
    with base.netlink() as nl, pynl.Socket(netns=base.name) as socket:
        before = nl.links.get("d0")
        base.ip("link del d0")
        data = to_send(case, before.linkinfo.data)
        link = pynl.Link(ifname="d0", link=before.link, linkinfo={"kind": before.kind, "data": data})
        socket.request(RTM_NEWLINK, encode(link), NLM_F_CREATE | NLM_F_EXCL, record=pynl.Link)
        after = nl.links.get("d0")
        assert after.kind == before.kind
        assert without_its_own(after) == without_its_own(before)


def without_its_own(link: Any) -> dict[str, Any]:
    data = link.linkinfo.data
    return {name: value for name, value in data.items() if name not in ITS_OWN} if data else {}


def test_options_of_a_netkit(base: Namespace) -> None:
    """This iproute2 knows none of them."""
    options = {"mode": "L2", "policy": "PASS", "peer_policy": "DROP", "scrub": "NONE", "peer_scrub": "DEFAULT"}
    link = pynl.Link(ifname="d0", linkinfo={"kind": "netkit", "data": {**options, "headroom": 32, "tailroom": 16}})
    with base.netlink() as nl, pynl.Socket(netns=base.name) as socket:
        try:
            socket.request(RTM_NEWLINK, encode(link), NLM_F_CREATE | NLM_F_EXCL, record=pynl.Link)
        except pynl.NetlinkError as error:
            if error.errno != errno.EOPNOTSUPP:
                raise
            pytest.skip("this kernel has no netkit")
        data: Any = nl.links.get("d0").linkinfo.data
        base.ip("link del d0")
    assert {name: getattr(data, name).name.rpartition("_")[2] for name in options} == options
    assert data.primary == 1
    assert (data.headroom, data.tailroom) in ((32, 16), (None, None))  # since 6.14
