"""Every verb against the kernel: what pynl makes, iproute2 reads back; what the kernel refuses, it says why."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl.rtnl import constants as c


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    """A namespace with v0 and v1, a pair that is up, and addresses on v0."""
    netns.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.all.forwarding=1", check=False)
    netns.batch("""
link add v0 type veth peer name v1
link set v0 up
link set v1 up
addr add 192.0.2.1/24 dev v0
addr add 2001:db8::1/64 dev v0 nodad
""")
    with netns.netlink() as nl:
        yield nl


def one(found: list[dict[str, Any]]) -> dict[str, Any]:
    (item,) = found
    return item


def part(item: Mapping[str, Any], **wanted: Any) -> None:
    """What is told of it has these values."""
    assert {key: item.get(key) for key in wanted} == wanted


# ---- routes


def test_a_route_added_replaced_changed_and_deleted(nl: pynl.Netlink, netns: Namespace) -> None:
    show = "route show 198.51.100.0/24"
    nl.routes.add(dst="198.51.100.0/24", gateway="192.0.2.254", oif="v0", priority=20)
    part(one(netns.ip_json(show)), gateway="192.0.2.254", dev="v0", metric=20)
    nl.routes.replace(dst="198.51.100.0/24", gateway="192.0.2.253", priority=20)
    part(one(netns.ip_json(show)), gateway="192.0.2.253", metric=20)
    nl.routes.change(dst="198.51.100.0/24", gateway="192.0.2.252", priority=20)
    part(one(netns.ip_json(show)), gateway="192.0.2.252", metric=20)
    nl.routes.append(dst="198.51.100.0/24", gateway="192.0.2.251", priority=20)
    assert [r["gateway"] for r in netns.ip_json(show)] == ["192.0.2.252", "192.0.2.251"]
    nl.routes.delete(dst="198.51.100.0/24", gateway="192.0.2.252")
    part(one(netns.ip_json(show)), gateway="192.0.2.251")
    nl.routes.delete(dst="198.51.100.0/24")
    assert not netns.ip_json(show)


def test_what_ip_route_gives_a_route_pynl_gives_it(nl: pynl.Netlink, netns: Namespace) -> None:
    """Scope, table, type and protocol of the same route are the same, whoever adds it."""
    routes: Mapping[str, Mapping[str, Any]] = {
        "198.51.100.0/24 dev v0": {"oif": "v0"},
        "198.51.100.0/24 via 192.0.2.9": {"gateway": "192.0.2.9"},
        "blackhole 198.51.100.0/24": {"type": "blackhole"},
        "unreachable 198.51.100.0/24": {"type": "unreachable"},
        "prohibit 198.51.100.0/24": {"type": "prohibit"},
        "throw 198.51.100.0/24 table 7": {"type": "throw", "table": 7},
        "local 198.51.100.0/24 dev lo": {"type": "local", "oif": "lo"},
        "broadcast 198.51.100.0/24 dev v0": {"type": "broadcast", "oif": "v0"},
        "multicast 198.51.100.0/24 dev v0": {"type": "multicast", "oif": "v0"},
        "198.51.100.0/24 dev v0 table 70000": {"oif": "v0", "table": 70000},
    }
    for line, values in routes.items():
        netns.ip(f"route add {line}")
        (there,) = [r for r in nl.routes.dump(family=socket.AF_INET) if r.dst == "198.51.100.0/24"]
        nl.routes.delete(there)
        nl.routes.add(dst="198.51.100.0/24", **values)
        (made,) = [r for r in nl.routes.dump(family=socket.AF_INET) if r.dst == "198.51.100.0/24"]
        assert made == there, line
        nl.routes.delete(made)


def test_default_routes_of_both_families(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.routes.add(gateway="192.0.2.254")
    nl.routes.add(gateway="2001:db8::fe", oif="v0")
    part(one(netns.ip_json("route show default")), gateway="192.0.2.254")
    part(one(netns.ip_json("-6 route show default")), gateway="2001:db8::fe")
    nl.routes.delete(dst="0.0.0.0/0")
    nl.routes.delete(dst="::/0")
    assert not netns.ip_json("route show default") + netns.ip_json("-6 route show default")


def test_a_route_of_many_next_hops(nl: pynl.Netlink, netns: Namespace) -> None:
    hops = [{"gateway": "192.0.2.10", "weight": 3, "oif": "v0"}, {"gateway": "192.0.2.11", "oif": "v0"}]
    hops.append({"gateway": "203.0.113.9", "oif": "v0", "flags": "onlink"})
    nl.routes.add(dst="198.51.100.0/24", multipath=hops)
    seen = one(netns.ip_json("route show 198.51.100.0/24"))["nexthops"]
    assert [(h["gateway"], h["dev"], h["weight"]) for h in seen] == [
        ("192.0.2.10", "v0", 3),
        ("192.0.2.11", "v0", 1),
        ("203.0.113.9", "v0", 1),
    ]
    assert "onlink" in seen[2]["flags"]


def test_what_a_route_can_carry(nl: pynl.Netlink, netns: Namespace) -> None:
    metrics = {"mtu": 1300, "advmss": 1200, "initcwnd": 20, "cc_algo": "reno", "lock": 1 << 2}
    nl.routes.add(
        dst="198.51.100.0/24", gateway="192.0.2.9", metrics=metrics, prefsrc="192.0.2.1", flow=7, protocol="bgp", tos=16
    )
    seen = one(netns.ip_json("-d -N route show 198.51.100.0/24"))
    part(seen, protocol="186", prefsrc="192.0.2.1", flow={"to": "7"}, tos="0x10")
    part(seen["metrics"][0], advmss=1200, initcwnd=20, congestion="reno")
    assert 1300 in (seen["metrics"][0]["mtu"], *seen["metrics"][0].values())
    nl.routes.add(dst="198.51.101.0/24", gateway="203.0.113.1", oif="v0", flags="onlink")
    part(one(netns.ip_json("route show 198.51.101.0/24")), flags=["onlink"], gateway="203.0.113.1")
    nl.routes.add(dst="198.51.102.0/24", via="2001:db8::9", oif="v0")
    part(one(netns.ip_json("route show 198.51.102.0/24")), via={"family": "inet6", "host": "2001:db8::9"})
    nl.routes.add(dst="2001:db8:1::/48", gateway="2001:db8::9", oif="v0", expires=3000, pref="high", priority=5)
    seen = one(netns.ip_json("-6 -d route show 2001:db8:1::/48"))
    part(seen, pref="high", metric=5)
    assert 2990 <= seen["expires"] <= 3000
    nl.routes.add(dst="2001:db8:2::/48", src="2001:db8:3::/64", oif="v0")
    assert one(netns.ip_json("-6 route show 2001:db8:2::/48"))["from"] == "2001:db8:3::/64"


@pytest.mark.parametrize(
    ("dst", "values", "shown"),
    [
        (
            "198.51.100.0/24",
            {"encap_type": "ip", "encap": {"id": 7, "dst": "192.0.2.99", "ttl": 8}},
            {"encap": "ip", "id": 7, "ttl": 8},
        ),
        (
            "2001:db8:1::/48",
            {"encap_type": "ip6", "encap": {"id": 6, "dst": "2001:db8::9", "src": "2001:db8::8", "hoplimit": 5}},
            {"encap": "ip6", "id": 6, "src": "2001:db8::8", "hoplimit": 5},
        ),
        (
            "2001:db8:1::/48",
            {"encap_type": "seg6", "encap": {"srh": (1, ["2001:db8::a", "2001:db8::b"])}},
            {"encap": "seg6", "mode": "encap", "segs": ["2001:db8::a", "2001:db8::b"]},
        ),
        (
            "198.51.100.0/24",
            {"encap_type": "seg6", "encap": {"srh": (1, "2001:db8::a,2001:db8::b")}},
            {"encap": "seg6", "segs": ["2001:db8::a", "2001:db8::b"]},
        ),
        (
            "2001:db8:1::/48",
            {"encap_type": "seg6_local", "encap": {"action": "end_x", "nh6": "2001:db8::5"}},
            {"encap": "seg6local", "action": "End.X", "nh6": "2001:db8::5"},
        ),
        (
            "2001:db8:1::/48",
            {"encap_type": "seg6_local", "encap": {"action": "END_DT6", "table": 100}},
            {"encap": "seg6local", "action": "End.DT6"},
        ),
    ],
)
def test_encapsulations(
    nl: pynl.Netlink, netns: Namespace, dst: str, values: dict[str, Any], shown: dict[str, Any]
) -> None:
    nl.routes.add(dst=dst, oif="v0", **values)
    part(one(netns.ip_json(f"{'-6' if ':' in dst else ''} route show {dst}")), **shown)
    nl.routes.delete(dst=dst)
    assert nl.routes.add_many([{"dst": dst, "oif": "v0", **values}]).ok
    part(one(netns.ip_json(f"{'-6' if ':' in dst else ''} route show {dst}")), **shown)


def test_values_as_objects_and_records(nl: pynl.Netlink, netns: Namespace) -> None:
    link = nl.links.get("v0")
    network = ipaddress.ip_network("198.51.100.0/24")
    nl.routes.add(dst=network, gateway=ipaddress.ip_address("192.0.2.9"), oif=link.ifindex)
    (route,) = nl.routes.dump(dst=network)
    nl.routes.add(route.replace(table=100))
    nl.routes.add(route, table=101, priority=7)
    part(one(netns.ip_json("route show table 100")), dst="198.51.100.0/24", gateway="192.0.2.9", dev="v0")
    part(one(netns.ip_json("route show table 101")), dst="198.51.100.0/24", metric=7)
    nl.routes.delete(route)
    assert not netns.ip_json("route show 198.51.100.0/24")


def test_flush(nl: pynl.Netlink, netns: Namespace) -> None:
    for n in range(5):
        nl.routes.add(dst=f"10.{n}.0.0/16", oif="v0", table=100, protocol="bgp" if n < 3 else "static")
    report = nl.routes.flush(table=100, protocol="bgp")
    assert (report.total, report.done, report.ok) == (3, 3, True)
    assert [r["dst"] for r in netns.ip_json("route show table 100")] == ["10.3.0.0/16", "10.4.0.0/16"]
    assert nl.routes.flush(table=100).done == 2
    assert nl.routes.flush(table=100).total == 0
    assert nl.addresses.flush(ifindex="v0", family=socket.AF_INET).ok
    assert not [a for a in netns.ip_json("addr show dev v0")[0]["addr_info"] if a["family"] == "inet"]
    nl.neighbours.add(dst="192.0.2.50", lladdr="02:00:00:00:00:50", ifindex="v0")
    assert nl.neighbours.flush(ifindex="v0", dst="192.0.2.50").done == 1
    assert not netns.ip_json("neigh show 192.0.2.50")


# ---- addresses


def addresses(netns: Namespace, device: str) -> dict[str, dict[str, Any]]:
    return {item["local"]: item for item in netns.ip_json(f"-d addr show dev {device}")[0]["addr_info"]}


def test_addresses(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.addresses.add(local="198.51.100.1/24", ifindex="v1", label="v1:x", broadcast="198.51.100.255")
    nl.addresses.add(local="10.9.0.1", address="10.9.0.2/32", ifindex="v1", scope="link")
    nl.addresses.add(address="2001:db8:1::1/64", ifindex="v1", flags="nodad")
    nl.addresses.add(local="2001:db8:9::1", address="2001:db8:9::2/128", ifindex="v1", flags="nodad", rt_priority=77)
    nl.addresses.add(local=ipaddress.ip_interface("198.51.101.1/25"), ifindex="v1", flags="noprefixroute")
    lifetime = {"valid": 3600, "prefered": 1800}
    nl.addresses.add(local="198.51.102.1/24", ifindex="v1", cacheinfo=lifetime)
    seen = addresses(netns, "v1")
    part(seen["198.51.100.1"], prefixlen=24, label="v1:x", broadcast="198.51.100.255", scope="global")
    part(seen["10.9.0.1"], address="10.9.0.2", prefixlen=32, scope="link")
    part(seen["2001:db8:1::1"], prefixlen=64, nodad=True)
    part(seen["2001:db8:9::1"], address="2001:db8:9::2", prefixlen=128, metric=77)
    part(seen["198.51.101.1"], prefixlen=25, noprefixroute=True)
    part(seen["198.51.102.1"], dynamic=True)
    assert 3590 <= seen["198.51.102.1"]["valid_life_time"] <= 3600
    assert 1790 <= seen["198.51.102.1"]["preferred_life_time"] <= 1800

    nl.addresses.replace(local="198.51.102.1/24", ifindex="v1", cacheinfo={"valid": 2**32 - 1, "prefered": 2**32 - 1})
    nl.addresses.change(local="2001:db8:1::1/64", ifindex="v1", cacheinfo={"valid": 600, "prefered": 0})
    seen = addresses(netns, "v1")
    assert seen["198.51.102.1"]["valid_life_time"] == 2**32 - 1
    part(seen["2001:db8:1::1"], deprecated=True)

    nl.addresses.delete(local="198.51.102.1/24", ifindex="v1")
    nl.addresses.delete(nl.addresses.get("2001:db8:9::1"))
    nl.addresses.delete(nl.addresses.get("10.9.0.1"))
    assert not {"198.51.102.1", "2001:db8:9::1", "10.9.0.1"} & addresses(netns, "v1").keys()


# ---- neighbours


@pytest.mark.parametrize("state", ["permanent", "noarp", "reachable", "stale", "delay", "probe", "failed", "none"])
def test_a_neighbour_of_every_state(nl: pynl.Netlink, netns: Namespace, state: str) -> None:
    for dst in ("192.0.2.50", "2001:db8::50"):
        hardware = {} if state in ("failed", "none") else {"lladdr": "02:00:00:00:00:50"}
        nl.neighbours.add(dst=dst, ifindex="v0", state=state, **hardware)
        found = nl.neighbours.get(dst, "v0")
        told = found.state.name
        moved = {"delay": ("NUD_PROBE", "NUD_FAILED"), "probe": ("NUD_FAILED",)}.get(state, ())
        assert told in (f"NUD_{state.upper()}", *moved)
        if state not in ("none", "delay", "probe"):
            (seen,) = netns.ip_json(f"neigh show {dst} nud all")
            assert seen["state"] == [state.upper()]
            assert seen.get("lladdr") == hardware.get("lladdr")


def test_neighbours(nl: pynl.Netlink, netns: Namespace) -> None:
    entry = {"dst": "192.0.2.50", "ifindex": "v0"}
    nl.neighbours.add(**entry, lladdr="02:00:00:00:00:50", protocol="bird")
    part(one(netns.ip_json("-d neigh show 192.0.2.50")), lladdr="02:00:00:00:00:50", state=["PERMANENT"])
    nl.neighbours.replace(**entry, lladdr="02:00:00:00:00:51", state="reachable", flags="ext_learned")
    part(one(netns.ip_json("neigh show 192.0.2.50")), lladdr="02:00:00:00:00:51", extern_learn=None)
    nl.neighbours.change(**entry, lladdr="02:00:00:00:00:52", state="permanent")
    part(one(netns.ip_json("neigh show 192.0.2.50")), lladdr="02:00:00:00:00:52", state=["PERMANENT"])
    nl.neighbours.delete(**entry)
    assert not netns.ip_json("neigh show 192.0.2.50 nud permanent")
    nl.neighbours.add(dst="2001:db8::51", ifindex="v0", lladdr="02:00:00:00:00:53", flags="router", state="stale")
    part(one(netns.ip_json("neigh show 2001:db8::51")), router=None, state=["STALE"])
    nl.neighbours.add(dst="192.0.2.52", ifindex="v0", state="none", flags_ext="managed")
    managed = nl.neighbours.get("192.0.2.52", "v0")
    assert managed.flags_ext is not None
    assert managed.flags_ext & c.NeighbourExtFlags.NTF_EXT_MANAGED


def test_proxies(nl: pynl.Netlink, netns: Namespace) -> None:
    for dst in ("192.0.2.60", "2001:db8::60"):
        nl.neighbours.add(dst=dst, ifindex="v0", proxy=True)
    assert sorted(p["dst"] for f in ("-4", "-6") for p in netns.ip_json(f"{f} neigh show proxy")) == [
        "192.0.2.60",
        "2001:db8::60",
    ]
    nl.neighbours.delete(dst="192.0.2.60", ifindex="v0", proxy=True)
    nl.neighbours.delete(nl.neighbours.get("2001:db8::60", "v0", proxy=True))
    assert not netns.ip_json("-4 neigh show proxy") + netns.ip_json("-6 neigh show proxy")


def test_forwarding_entries(nl: pynl.Netlink, netns: Namespace) -> None:
    nl.links.add(ifname="br0", kind="bridge")
    nl.links.set("v1", master="br0")
    nl.links.add(ifname="vx0", kind="vxlan", id=42, port=4789, local="192.0.2.1", learning=0)
    nl.neighbours.add(
        lladdr="02:00:00:00:00:71",
        ifindex="v1",
        flags=c.NeighbourFlags.NTF_MASTER | c.NeighbourFlags.NTF_STICKY,
        state="noarp",
    )
    nl.neighbours.add(lladdr="02:00:00:00:00:70", ifindex="vx0", flags="self", dst="192.0.2.70", family="bridge")
    nl.neighbours.append(lladdr="00:00:00:00:00:00", ifindex="vx0", flags="self", dst="192.0.2.71", family="bridge")
    nl.neighbours.append(
        lladdr="00:00:00:00:00:00", ifindex="vx0", flags="self", dst="192.0.2.72", family="bridge", vni=7, port=99
    )
    seen = netns.ip_json("fdb show dev vx0", "bridge")
    assert {(s["mac"], s["dst"], s.get("vni"), s.get("port")) for s in seen} == {
        ("02:00:00:00:00:70", "192.0.2.70", None, None),
        ("00:00:00:00:00:00", "192.0.2.71", None, None),
        ("00:00:00:00:00:00", "192.0.2.72", 7, 99),
    }
    (sticky,) = [s for s in netns.ip_json("fdb show dev v1", "bridge") if s["mac"] == "02:00:00:00:00:71"]
    part(sticky, state="static", master="br0", flags=["sticky"])
    nl.neighbours.delete(lladdr="02:00:00:00:00:71", ifindex="v1", flags="master")
    nl.neighbours.delete(lladdr="02:00:00:00:00:70", ifindex="vx0", flags="self", family="bridge", dst="192.0.2.70")
    assert "02:00:00:00:00:71" not in {s["mac"] for s in netns.ip_json("fdb show dev v1", "bridge")}
    assert "02:00:00:00:00:70" not in {s["mac"] for s in netns.ip_json("fdb show dev vx0", "bridge")}
