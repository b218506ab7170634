"""Settings of virtual functions: the bytes that ip sends, and what a device makes of them."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import captured
import pytest
from conftest import Namespace
from test_verbs import one, part

import pynl
from pynl.encode import encode
from pynl.rtnl.links import Links

NAME = "ip-link-vf"
BUS = Path("/sys/bus/netdevsim")
#: What ip is told of a VF -> the same for pynl.
CASES: Mapping[str, Mapping[int, Mapping[str, Any]]] = {
    "vf 1 mac 02:00:00:00:00:21": {1: {"mac": "02:00:00:00:00:21"}},
    "vf 2 vlan 7 qos 3": {2: {"vlan": {"vlan": 7, "qos": 3}}},
    "vf 2 vlan 7 qos 3 proto 802.1ad": {2: {"vlan_list": [{"vlan": 7, "qos": 3, "vlan_proto": "8021ad"}]}},
    "vf 2 vlan 9": {2: {"vlan": 9}},
    "vf 3 rate 100": {3: {"tx_rate": 100}},
    "vf 3 max_tx_rate 200 min_tx_rate 50": {3: {"rate": {"min_tx_rate": 50, "max_tx_rate": 200}}},
    "vf 1 spoofchk on": {1: {"spoofchk": True}},
    "vf 1 query_rss off": {1: {"rss_query_en": False}},
    "vf 1 trust on": {1: {"trust": 1}},
    "vf 1 state enable": {1: {"link_state": "enable"}},
    "vf 1 state auto": {1: {"link_state": "auto"}},
    "vf 1 node_guid 00:11:22:33:44:55:66:77": {1: {"ib_node_guid": 0x0011223344556677}},
    "vf 1 port_guid 00:11:22:33:44:55:66:78": {1: {"ib_port_guid": {"guid": 0x0011223344556678}}},
    "vf 4 mac 02:00:00:00:00:24 vlan 9 qos 1 rate 30 spoofchk off trust on state disable": {
        4: {
            "mac": "02:00:00:00:00:24",
            "vlan": {"vlan": 9, "qos": 1},
            "tx_rate": 30,
            "spoofchk": 0,
            "trust": True,
            "link_state": "disable",
        }
    },
}


def request(vf: Any, **values: Any) -> pynl.Link:
    """What ``links.set`` sends."""
    with pynl.Netlink() as nl:
        links: Links = nl.links
        return links.request("set", None, {"ifindex": 3, "vf": vf, **values}, [])


@pytest.mark.parametrize(("command", "data"), [*zip(CASES, captured.messages(NAME), strict=True)])
def test_bytes(command: str, data: captured.Captured) -> None:
    """As ip sent them."""
    assert encode(request(CASES[command])) == data.payload


def test_the_capture_has_every_case() -> None:
    text = (captured.FOLDER / f"{NAME}.txt").read_text()
    assert [line.partition("dev v0 ")[2] for line in text.splitlines() if line.startswith("# ip link set")] == [*CASES]


def test_the_fields_own_name() -> None:
    """The shape that reading has."""
    told = {"info": [{"vlan": {"vf": 2, "vlan": 7}}, {"trust": {"vf": 3, "setting": 1}}]}
    with pynl.Netlink() as nl:
        made = nl.links.request("set", None, {"ifindex": 3, "vfinfo_list": told}, [])
    assert made == request({2: {"vlan": 7}, 3: {"trust": True}})


@pytest.mark.parametrize(
    ("vf", "text"),
    [
        ({1: {"vlna": 7}}, "VfInfo has no field 'vlna'; did you mean 'vlan'"),
        ([7], r"vf: expected a mapping of numbers to mappings of what to set, not \[7\]"),
        ({1: 7}, "vf: expected a mapping of numbers to mappings of what to set"),
        ({1: {"rate": {"most": 7}}}, "VfRate has no field 'most'"),
        ({"a": {"vlan": 7}}, "expected an integer, not 'a'"),
        ({-1: {"vlan": 7}}, "expected 0 to 4294967295, not -1"),
        ({1: {"link_state": "up"}}, "link_state: expected one of IFLA_VF_LINK_STATE_AUTO"),
    ],
)
def test_what_is_refused(vf: Any, text: str) -> None:
    with pytest.raises((TypeError, ValueError), match=text):
        request(vf)


def test_both_names_at_once() -> None:
    with pytest.raises(TypeError, match="vf: vfinfo_list tells it already"):
        request({1: {"vlan": 7}}, vfinfo_list={"info": []})


def test_a_device_without_any(netns: Namespace) -> None:
    netns.ip("link add v0 type veth peer name v1")
    with netns.netlink() as nl, pytest.raises(pynl.NetlinkError) as caught:
        nl.links.set("v0", vf={0: {"vlan": 7}})
    assert caught.value.errno == errno.EOPNOTSUPP


@pytest.fixture
def device(netns: Namespace) -> Iterator[str]:
    """A simulated device with four VFs, in the namespace."""
    if not (BUS / "new_device").exists() and shutil.which("modprobe"):
        subprocess.run(["modprobe", "netdevsim"], check=False, capture_output=True)
    if not os.access(BUS / "new_device", os.W_OK):
        pytest.skip("this kernel has no netdevsim")
    number = next(n for n in itertools.count(os.getpid()) if not (BUS / f"devices/netdevsim{n}").exists())
    path = BUS / f"devices/netdevsim{number}"
    (BUS / "new_device").write_text(f"{number} 1")
    try:
        name = _only(path / "net")
        (path / "sriov_numvfs").write_text("4")
        subprocess.run(["ip", "link", "set", name, "netns", netns.name, "name", "eth9"], check=True)
        yield "eth9"
    finally:
        with contextlib.suppress(OSError):
            (BUS / "del_device").write_text(str(number))


def _only(folder: Path) -> str:
    """The name of the device, once udev has left it alone, where that is."""
    for _ in range(50):
        if folder.exists() and (names := os.listdir(folder)):
            return names[0]
        time.sleep(0.1)
    raise RuntimeError(f"nothing in {folder}")


def shown(netns: Namespace, vf: int) -> dict[str, Any]:
    found: dict[str, Any] = one(netns.ip_json("-d link show dev eth9"))["vfinfo_list"][vf]
    return found


def test_a_device_with_vfs(netns: Namespace, device: str) -> None:
    with netns.netlink() as nl:
        nl.links.set(device, vf={1: {"mac": "02:00:00:00:00:21", "vlan": {"vlan": 7, "qos": 3}}, 2: {"trust": True}})
        part(shown(netns, 1), vf=1, address="02:00:00:00:00:21")
        part(shown(netns, 1)["vlan_list"][0], vlan=7, qos=3)
        part(shown(netns, 2), vf=2, trust=True)
        nl.links.set(device, vf={1: {"vlan_list": [{"vlan": 9, "qos": 2, "vlan_proto": "8021ad"}]}})
        part(shown(netns, 1)["vlan_list"][0], vlan=9, qos=2, protocol="802.1ad")
        nl.links.set(device, vf={1: {"rate": {"min_tx_rate": 50, "max_tx_rate": 200}, "spoofchk": True}})
        part(shown(netns, 1)["rate"], min_tx=50, max_tx=200)
        assert shown(netns, 1)["spoofchk"] is True
        nl.links.set(device, vf={1: {"link_state": "disable", "rss_query_en": True}, 3: {"link_state": "enable"}})
        part(shown(netns, 1), link_state="disable", query_rss_en=True)
        assert shown(netns, 3)["link_state"] == "enable"
        assert shown(netns, 0)["link_state"] == "auto"

        link = nl.links.get(device)
        assert link.num_vf == 4
        assert link.vfinfo_list
        infos = link.vfinfo_list.info or ()
        assert [info.mac and info.mac.vf for info in infos] == [0, 1, 2, 3]
        assert infos[1].vlan_list
        assert infos[1].vlan_list.info
        part(infos[1].vlan_list.info[0].asdict(), vf=1, vlan=9, qos=2, vlan_proto=0x88A8)
        part((infos[1].rate or infos[1]).asdict(), min_tx_rate=50, max_tx_rate=200)

        netns.ip(f"link set dev {device} vf 3 vlan 77 mac 02:00:00:00:00:23 max_tx_rate 300 min_tx_rate 20")
        told = (nl.links.get(device).vfinfo_list or pynl.Link()).info[3]  # type: ignore[union-attr]
        assert (told.vlan.vlan, told.mac.mac[:17], told.rate.max_tx_rate) == (77, "02:00:00:00:00:23", 300)
        with pytest.raises(pynl.NetlinkError) as caught:
            nl.links.set(device, vf={9: {"vlan": 7}})
        assert caught.value.errno == errno.EINVAL
