"""Links of each kind: what pynl reads of them is what iproute2 reads, here and in captures of other kernels."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import captured
import pytest
from conftest import Namespace
from kindcases import BASE, CASES, commands, devices
from kindshown import DATA, PORT_DATA, Names, shown

import pynl
from pynl.plan import parse

#: The devices of a capture, which kindcases.BASE made.
CAPTURED_NAMES = {1: "lo", 2: "u1", 3: "u0", 4: "u3", 5: "u2"}
CAPTURES = [name for name in captured.names() if name.startswith("kind-")]
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
    try:
        base.batch("\n".join(commands(request.param)))
    except RuntimeError as error:
        if any(text in str(error) for text in NO_KIND):
            pytest.skip(f"this kernel has no {request.param}")
        raise
    yield request.param
    base.ip("link del d0")


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
