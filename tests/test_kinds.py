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
from kindshown import DATA, PORT_DATA, Names, shown
from world import MAY_TAP

import pynl
from pynl.encode import encode
from pynl.plan import parse

RTM_NEWLINK, NLM_F_CREATE, NLM_F_EXCL = 16, 0x400, 0x200
#: The devices of a capture, which kindcases.BASE made.
CAPTURED_NAMES = {1: "lo", 2: "u1", 3: "u0", 4: "u3", 5: "u2"}
CAPTURES = [name for name in captured.names() if name.startswith("kind-")]
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


#: What the kernel does not tell of a link, and takes to make such a one.
UNTOLD: Mapping[str, Mapping[str, Any]] = {"hsr": {"version": 1}}


@pytest.mark.parametrize("case", [case for case in CASES if not case.startswith("tun")], indirect=True)
def test_a_link_made_of_what_was_read(case: str, base: Namespace) -> None:
    """The kernel takes what pynl makes of a link's data, and tells the same of the new link."""
    with base.netlink() as nl:
        before = nl.links.get("d0")
        base.ip("link del d0")
        info: Any = before.linkinfo
        if case in UNTOLD:
            info = info.replace(data=info.data.replace(**UNTOLD[case]))
        nl.links.add(before.replace(linkinfo=info, ifindex=0, master=None))
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
