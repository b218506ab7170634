"""What pynl reads of a namespace is what iproute2 reads of it: every key that ip prints, of every object."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest
import world
from conftest import Namespace, Repeated

import pynl
from pynl.encode import encode
from pynl.rtnl import constants as c
from pynl.rtnl.nexthop import NexthopBuckets

Seen = Mapping[str, Any]
#: ip's key -> what it should be for a record, given ip's object and the devices' names by index.
Keys = Mapping[str, Callable[[Any, Seen, Mapping[int, str]], Any]]

FAMILIES = {2: "inet", 10: "inet6"}


@pytest.fixture(scope="module")
def nl(shared_netns: Namespace) -> Iterator[pynl.Netlink]:
    world.populate(shared_netns)
    with shared_netns.netlink() as nl:
        yield nl


@pytest.fixture(scope="module")
def names(nl: pynl.Netlink) -> dict[int, str]:
    return {link.ifindex: link.ifname for link in nl.links.dump()}


def compare(keys: Keys, seen: Sequence[Seen], records: Sequence[Any], names: Mapping[int, str]) -> None:
    """Each of ip's objects, key by key, with the record at its place."""
    assert len(seen) == len(records)
    for item, record in zip(seen, records, strict=True):
        told = {key: keys[key](record, item, names) for key in item}
        assert told == dict(item), record


def flag_names(flags: int, members: Any, prefix: str, *, hidden: int = 0) -> list[str]:
    return [m.name.removeprefix(prefix) for m in members if m & flags and not m & hidden]


def host(prefix: str | None, length: int) -> str:
    """ip leaves the length of a host's own prefix out, and calls the widest one default."""
    if prefix is None:
        return "default"
    return prefix.partition("/")[0] if ipaddress.ip_network(prefix).prefixlen == length else prefix


# ---- links ----

ADDR_GEN = {0: "eui64", 1: "none", 2: "stable_secret", 3: "random"}
MACVLAN_MODES = {1: "private", 2: "vepa", 4: "bridge", 8: "passthru"}


def counters(record: pynl.Link, seen: Seen, names: Mapping[int, str]) -> Seen:
    """Of a link that may count on meanwhile: not less than what ip saw before."""
    said = seen["stats64"]
    stats = record.stats64
    assert stats is not None
    now = {
        "rx": {
            "bytes": stats.rx_bytes,
            "packets": stats.rx_packets,
            "errors": stats.rx_errors,
            "dropped": stats.rx_dropped,
            "over_errors": stats.rx_over_errors,
            "multicast": stats.multicast,
        },
        "tx": {
            "bytes": stats.tx_bytes,
            "packets": stats.tx_packets,
            "errors": stats.tx_errors,
            "dropped": stats.tx_dropped,
            "carrier_errors": stats.tx_carrier_errors,
            "collisions": stats.collisions,
        },
    }
    assert all(now[way].keys() == said[way].keys() for way in said)
    later = all(now[way][key] >= said[way][key] for way in said for key in said[way])
    return said if later else now


def link_flags(record: pynl.Link, seen: Seen, names: Mapping[int, str]) -> list[str]:
    """ip says NO-CARRIER of a link that is up and has none, and nothing of RUNNING."""
    shown = [flag for flag in seen["flags"] if flag != "NO-CARRIER"]
    if "NO-CARRIER" in seen["flags"]:
        assert record.up
        assert not record.running
    told = set(flag_names(record.flags, c.LinkFlags, "IFF_", hidden=c.LinkFlags.IFF_RUNNING))
    assert told == set(shown)
    return list(seen["flags"])


def bridge_id(value: Any) -> str:
    """ip prints the priority, and the address without leading zeros."""
    address = ":".join(f"{int(part, 16):x}" for part in value.addr.split(":"))
    return f"{value.prio:04x}.{address}"


@pytest.fixture(scope="module")
def ip_links(shared_netns: Namespace, nl: pynl.Netlink) -> list[dict[str, Any]]:
    return shared_netns.ip_json("-d -s link show")


LINK_KEYS: Keys = {
    "ifindex": lambda r, s, n: r.ifindex,
    "ifname": lambda r, s, n: r.ifname,
    "flags": link_flags,
    "mtu": lambda r, s, n: r.mtu,
    "qdisc": lambda r, s, n: r.qdisc,
    "operstate": lambda r, s, n: r.operstate.name.removeprefix("IF_OPER_"),
    "linkmode": lambda r, s, n: r.linkmode.name.removeprefix("IF_LINK_MODE_"),
    "group": lambda r, s, n: "default" if r.group == 0 else str(r.group),
    "txqlen": lambda r, s, n: r.txqlen,
    "link_type": lambda r, s, n: {772: "loopback", 1: "ether", 65534: "none"}[r.type],
    "address": lambda r, s, n: r.address,
    "broadcast": lambda r, s, n: r.broadcast,
    "promiscuity": lambda r, s, n: r.promiscuity,
    "allmulti": lambda r, s, n: r.allmulti,
    "min_mtu": lambda r, s, n: r.min_mtu,
    "max_mtu": lambda r, s, n: r.max_mtu,
    "inet6_addr_gen_mode": lambda r, s, n: ADDR_GEN[r.af_spec.inet6.addr_gen_mode],
    "num_tx_queues": lambda r, s, n: r.num_tx_queues,
    "num_rx_queues": lambda r, s, n: r.num_rx_queues,
    "gso_max_size": lambda r, s, n: r.gso_max_size,
    "gso_max_segs": lambda r, s, n: r.gso_max_segs,
    "tso_max_size": lambda r, s, n: r.tso_max_size,
    "tso_max_segs": lambda r, s, n: r.tso_max_segs,
    "gro_max_size": lambda r, s, n: r.gro_max_size,
    "stats64": counters,
    "link": lambda r, s, n: n[r.link],
    "master": lambda r, s, n: n[r.master],
    "ifalias": lambda r, s, n: r.ifalias,
    "altnames": lambda r, s, n: list(r.altnames),
    "linkinfo": lambda r, s, n: {**s["linkinfo"], "info_kind": r.kind} if r.kind else s["linkinfo"],
}


def test_links(nl: pynl.Netlink, ip_links: list[dict[str, Any]], names: dict[int, str]) -> None:
    compare(LINK_KEYS, ip_links, nl.links.dump(), names)


def data_of(nl: pynl.Netlink, seen: Sequence[Seen], name: str) -> tuple[Any, Seen]:
    """A link's data, as pynl and as ip have it."""
    (said,) = [item["linkinfo"]["info_data"] for item in seen if item["ifname"] == name]
    info = nl.links.get(name).linkinfo
    assert info is not None
    return info.data, said


#: What a bridge's timers show changes by the moment; its switches are bits of multi_boolopt.
BRIDGE_APART = {"hello_timer", "tcn_timer", "topology_change_timer", "gc_timer", "no_linklocal_learn"}
BRIDGE_APART |= {"mcast_vlan_snooping"}


def test_a_bridge(nl: pynl.Netlink, ip_links: list[dict[str, Any]]) -> None:
    data, said = data_of(nl, ip_links, "br0")
    told: dict[str, Any] = {}
    for key in said.keys() - BRIDGE_APART:
        value = getattr(data, key)
        told[key] = bridge_id(value) if key.endswith("_id") else value
    told["group_fwd_mask"] = f"{data.group_fwd_mask:x}"
    assert told == {key: said[key] for key in told}
    assert not data.multi_boolopt.optval


def test_a_bridge_port(nl: pynl.Netlink, ip_links: list[dict[str, Any]]) -> None:
    (said,) = [item["linkinfo"]["info_slave_data"] for item in ip_links if item["ifname"] == "v1"]
    info = nl.links.get("v1").linkinfo
    assert info is not None
    port: Any = info.slave_data
    assert info.slave_kind == "bridge"
    assert (port.cost, port.priority) == (said["cost"], said["priority"]) == (7, 9)
    for field, key in (
        ("mode", "hairpin"),
        ("guard", "guard"),
        ("protect", "root_block"),
        ("fast_leave", "fastleave"),
        ("learning", "learning"),
        ("unicast_flood", "flood"),
        ("neigh_suppress", "neigh_suppress"),
        ("vlan_tunnel", "vlan_tunnel"),
        ("isolated", "isolated"),
        ("locked", "locked"),
    ):
        assert bool(getattr(port, field)) == said[key], field
    assert int(said["id"], 16) == port.id
    assert int(said["no"], 16) == port.no
    assert bridge_id(port.root_id) == said["root_id"]


def test_a_vxlan(nl: pynl.Netlink, ip_links: list[dict[str, Any]]) -> None:
    data, said = data_of(nl, ip_links, "vx0")
    assert (data.id, data.group, data.local, data.port) == (42, said["remote"], said["local"], said["port"])
    assert (data.ttl, data.ageing) == (said["ttl"], said["ageing"])
    assert not data.learning
    assert (data.port_range.low, data.port_range.high) == (said["port_range"]["low"], said["port_range"]["high"])
    six, said6 = data_of(nl, ip_links, "vx6")
    assert (six.id, six.group6, six.local6) == (43, said6["group6"], said6["local6"])
    external, _ = data_of(nl, ip_links, "vxe")
    assert external.collect_metadata


def test_macvlans(nl: pynl.Netlink, ip_links: list[dict[str, Any]]) -> None:
    for name in ("mv0", "mvp0", "mvt0"):
        data, said = data_of(nl, ip_links, name)
        assert MACVLAN_MODES[data.mode] == said["mode"]


@pytest.mark.skipif(not world.MAY_TAP, reason="/dev/net/tun may not be opened")
def test_taps(nl: pynl.Netlink, ip_links: list[dict[str, Any]]) -> None:
    for name in ("tap0", "tun0"):
        data, said = data_of(nl, ip_links, name)
        assert {1: "tun", 2: "tap"}[data.type] == said["type"]
        assert bool(data.pi) == said["pi"]
        assert bool(data.multi_queue) == said["multi_queue"]
        assert bool(data.persist) == said["persist"]


# ---- addresses ----

LIFETIME = 2**32 - 1


def near(value: int, said: int) -> int:
    """A lifetime runs on between two readings."""
    return said if abs(value - said) <= 2 else value


def address_flag(flag: int) -> Callable[[Any, Seen, Mapping[int, str]], Any]:
    return lambda r, s, n: bool(r.flags & flag)


ADDRESS_KEYS: Keys = {
    "family": lambda r, s, n: FAMILIES[r.family],
    "local": lambda r, s, n: r.local or r.address,
    "address": lambda r, s, n: r.address,
    "prefixlen": lambda r, s, n: r.prefixlen,
    "metric": lambda r, s, n: r.rt_priority,
    "broadcast": lambda r, s, n: r.broadcast,
    "scope": lambda r, s, n: {0: "global", 253: "link", 254: "host"}[r.scope],
    "label": lambda r, s, n: r.label,
    "protocol": lambda r, s, n: {1: "kernel_lo", 2: "kernel_ra", 3: "kernel_ll"}[r.proto],
    "valid_life_time": lambda r, s, n: near(r.cacheinfo.valid, s["valid_life_time"]),
    "preferred_life_time": lambda r, s, n: near(r.cacheinfo.prefered, s["preferred_life_time"]),
    "secondary": address_flag(c.AddressFlags.IFA_F_SECONDARY),
    "dynamic": lambda r, s, n: not r.flags & c.AddressFlags.IFA_F_PERMANENT,
    "deprecated": address_flag(c.AddressFlags.IFA_F_DEPRECATED),
    "tentative": address_flag(c.AddressFlags.IFA_F_TENTATIVE),
    "nodad": address_flag(c.AddressFlags.IFA_F_NODAD),
    "home": address_flag(c.AddressFlags.IFA_F_HOMEADDRESS),
    "mngtmpaddr": address_flag(c.AddressFlags.IFA_F_MANAGETEMPADDR),
    "noprefixroute": address_flag(c.AddressFlags.IFA_F_NOPREFIXROUTE),
}


def test_addresses(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str]) -> None:
    seen = [(link["ifname"], address) for link in shared_netns.ip_json("-d addr show") for address in link["addr_info"]]
    records = {(names[r.ifindex], r.family, r.own): r for r in nl.addresses.dump()}
    families = {name: number for number, name in FAMILIES.items()}
    assert len(records) == len(seen)
    ordered = [records[device, families[item["family"]], item["local"]] for device, item in seen]
    compare(ADDRESS_KEYS, [item for _, item in seen], ordered, names)


# ---- routes ----


def nexthop(hop: pynl.Nexthop, said: Seen, names: Mapping[int, str]) -> Seen:
    told: dict[str, Any] = {}
    for key in said:
        if key == "via":
            assert hop.via is not None
            told[key] = {"family": FAMILIES[hop.via.family], "host": hop.via.address}
        else:
            told[key] = {
                "gateway": hop.gateway,
                "dev": names[hop.oif],
                "weight": hop.weight,
                "flags": route_flags(hop.flags),
            }[key]
    return told


def route_flags(flags: int) -> list[str]:
    shown = {1: "dead", 2: "pervasive", 4: "onlink", 8: "offload", 16: "linkdown", 32: "unresolved"}
    return [name for flag, name in shown.items() if flags & flag]


METRICS: dict[str, Callable[[Any], Any]] = {
    "mtu": lambda m: m.mtu,
    "advmss": lambda m: m.advmss,
    "initcwnd": lambda m: m.initcwnd,
    "rto_min": lambda m: m.rto_min,
    "ecn": lambda m: None if m.features & 1 else "no",
    "congestion": lambda m: m.cc_algo,
}


def metrics(r: pynl.Route, s: Seen, n: Mapping[int, str]) -> Any:
    return [{key: METRICS[key](r.metrics) for key in s["metrics"][0]}]


def encap(field: str) -> Callable[[Any, Seen, Mapping[int, str]], Any]:
    return lambda r, s, n: getattr(r.encap, field)


def destination(r: pynl.Route, s: Seen, n: Mapping[int, str]) -> Any:
    told = host(r.dst, 32 if r.family == socket.AF_INET else 128)
    if isinstance(s["dst"], Repeated):  # ip's encapsulations have a "dst" of their own
        tunnel: Any = r.encap
        return [told, tunnel.dst]
    return told


ROUTE_KEYS: Keys = {
    "type": lambda r, s, n: str(int(r.type)),
    "dst": destination,
    "from": lambda r, s, n: r.src,
    "table": lambda r, s, n: [str(r.encap.table), str(r.table)] if isinstance(s["table"], Repeated) else str(r.table),
    "protocol": lambda r, s, n: str(int(r.protocol)),
    "scope": lambda r, s, n: str(int(r.scope)),
    "flags": lambda r, s, n: route_flags(r.flags),
    "dev": lambda r, s, n: n[r.oif],
    "gateway": lambda r, s, n: r.gateway,
    "via": lambda r, s, n: {"family": FAMILIES[r.via.family], "host": r.via.address},
    "metric": lambda r, s, n: r.priority,
    "prefsrc": lambda r, s, n: r.prefsrc,
    "flow": lambda r, s, n: {"to": str(r.flow)},
    "metrics": metrics,
    "nexthops": lambda r, s, n: [nexthop(h, said, n) for h, said in zip(r.multipath, s["nexthops"], strict=True)],
    "nhid": lambda r, s, n: r.nh_id,
    "nh_info": lambda r, s, n: s["nh_info"] if s["nh_info"]["id"] == r.nh_id else r.nh_id,
    "pref": lambda r, s, n: {0: "medium", 1: "high", 3: "low"}[r.pref],
    "expires": lambda r, s, n: near(r.cacheinfo.expires // 100, s["expires"]),
    "encap": lambda r, s, n: r.encap_type.name.removeprefix("LWTUNNEL_ENCAP_").lower().replace("_", ""),
    "id": encap("id"),
    "src": encap("src"),
    "hoplimit": encap("hoplimit"),
    "tc": encap("tc"),
    "ttl": encap("ttl"),
    "mode": lambda r, s, n: {0: "inline", 1: "encap"}[r.encap.srh.mode],
    "segs": lambda r, s, n: list(r.encap.srh.segments),
    "action": lambda r, s, n: {2: "End.X", 7: "End.DT6"}[r.encap.action],
    "nh6": encap("nh6"),
}


def tos(r: pynl.Route, s: Seen, n: Mapping[int, str]) -> Any:
    """Of the route, and of its encapsulation under the same key."""
    if isinstance(s["tos"], Repeated):
        return [f"0x{r.tos:02x}", r.encap.tos]  # type: ignore[union-attr]
    return r.encap.tos if r.encap_type == 2 else f"0x{r.tos:02x}"  # type: ignore[union-attr]


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_routes(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str], family: int) -> None:
    flag = "-4" if family == socket.AF_INET else "-6"
    seen = shared_netns.ip_json(f"-d -N {flag} route show table all")
    compare({**ROUTE_KEYS, "tos": tos}, seen, nl.routes.dump(family=family), names)


# ---- neighbours ----

NEIGHBOUR_KEYS: Keys = {
    "dst": lambda r, s, n: r.dst,
    "dev": lambda r, s, n: n[r.ifindex],
    "lladdr": lambda r, s, n: r.lladdr,
    "state": lambda r, s, n: flag_names(r.state, c.NeighbourState, "NUD_"),
    "extern_learn": lambda r, s, n: None if r.flags & c.NeighbourFlags.NTF_EXT_LEARNED else "no",
    "router": lambda r, s, n: None if r.flags & c.NeighbourFlags.NTF_ROUTER else "no",
    "proxy": lambda r, s, n: None if r.flags & c.NeighbourFlags.NTF_PROXY else "no",
    "protocol": lambda r, s, n: r.protocol.name.removeprefix("RTPROT_").lower(),
    "probes": lambda r, s, n: r.probes,
    "refcnt": lambda r, s, n: r.cacheinfo.refcnt,
    "used": lambda r, s, n: near(r.cacheinfo.used // 100, s["used"]),
    "confirmed": lambda r, s, n: near(r.cacheinfo.confirmed // 100, s["confirmed"]),
    "updated": lambda r, s, n: near(r.cacheinfo.updated // 100, s["updated"]),
}


def steady(records: Sequence[Any]) -> list[Any]:
    """Without what the kernel itself asks for meanwhile."""
    return [r for r in records if not r.state & c.NeighbourState.NUD_INCOMPLETE]


def test_neighbours(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str]) -> None:
    seen = [item for item in shared_netns.ip_json("-s neigh show nud all") if item["state"] != ["INCOMPLETE"]]
    records = {(names[r.ifindex], r.dst): r for r in steady(nl.neighbours.dump())}
    assert len(records) == len(seen)
    compare(NEIGHBOUR_KEYS, seen, [records[item["dev"], item["dst"]] for item in seen], names)


def test_proxies(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str]) -> None:
    seen = shared_netns.ip_json("neigh show proxy")
    compare(NEIGHBOUR_KEYS, seen, nl.neighbours.dump(proxy=True), names)
    assert len(seen) == 2


def fdb_flags(r: pynl.Neighbour, s: Seen, n: Mapping[int, str]) -> list[str]:
    shown = {"self": "NTF_SELF", "extern_learn": "NTF_EXT_LEARNED", "offload": "NTF_OFFLOADED", "sticky": "NTF_STICKY"}
    assert {key for key, name in shown.items() if r.flags & c.NeighbourFlags[name]} == set(s["flags"])
    return list(s["flags"])


FDB_KEYS: Keys = {
    "mac": lambda r, s, n: r.lladdr,
    "ifname": lambda r, s, n: n[r.ifindex],
    "dst": lambda r, s, n: r.dst,
    "port": lambda r, s, n: r.port,
    "vni": lambda r, s, n: r.vni,
    "viaIf": lambda r, s, n: n[r.via_ifindex],
    "master": lambda r, s, n: n[r.master],
    "flags": fdb_flags,
    "state": lambda r, s, n: "permanent" if r.state & 0x80 else {0x40: "static", 0x02: "", 0x04: "stale"}[r.state],
    "used": lambda r, s, n: near(r.cacheinfo.used // 100, s["used"]),
    "updated": lambda r, s, n: near(r.cacheinfo.updated // 100, s["updated"]),
}


def test_forwarding_entries(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str]) -> None:
    seen = shared_netns.ip_json("-s -d fdb show", "bridge")
    compare(FDB_KEYS, seen, nl.neighbours.dump(family="AF_BRIDGE"), names)


# ---- rules ----


def flow(part: int) -> Callable[[Any, Seen, Mapping[int, str]], Any]:
    return lambda r, s, n: str(r.flow >> 16 if part else r.flow & 0xFFFF)


def rule_flag(name: str) -> Callable[[Any, Seen, Mapping[int, str]], Any]:
    return lambda r, s, n: None if r.flags & c.RuleFlags[f"FIB_RULE_{name}"] else "no"


def end_of(prefix: str | None) -> tuple[str, int]:
    address, _, length = (prefix or "all/0").partition("/")
    return address, int(length)


RULE_KEYS: Keys = {
    "priority": lambda r, s, n: r.priority or 0,
    "not": rule_flag("INVERT"),
    "src": lambda r, s, n: end_of(r.src)[0],
    "srclen": lambda r, s, n: end_of(r.src)[1],
    "dst": lambda r, s, n: end_of(r.dst)[0],
    "dstlen": lambda r, s, n: end_of(r.dst)[1],
    "tos": lambda r, s, n: f"0x{r.tos:02x}",
    "fwmark": lambda r, s, n: f"{r.fwmark or 0:#x}",
    "fwmask": lambda r, s, n: f"{r.fwmask:#x}",
    "iif": lambda r, s, n: r.iifname,
    "iif_detached": rule_flag("IIF_DETACHED"),
    "oif": lambda r, s, n: r.oifname,
    "oif_detached": rule_flag("OIF_DETACHED"),
    "l3mdev": lambda r, s, n: None if r.l3mdev == 1 else "no",
    "uid_start": lambda r, s, n: r.uid_range.start,
    "uid_end": lambda r, s, n: r.uid_range.end,
    "ipproto": lambda r, s, n: f"ipproto-{r.ip_proto}",
    "sport": lambda r, s, n: r.sport_range.start if r.sport_range.start == r.sport_range.end else "a range",
    "dport_start": lambda r, s, n: r.dport_range.start,
    "dport_end": lambda r, s, n: r.dport_range.end,
    "tun_id": lambda r, s, n: r.tun_id,
    "table": lambda r, s, n: str(r.table),
    "suppress_prefixlen": lambda r, s, n: r.suppress_prefixlen,
    "suppress_ifgroup": lambda r, s, n: str(r.suppress_ifgroup),
    "flow_from": flow(1),
    "flow_to": flow(0),
    "goto": lambda r, s, n: r.goto if r.action == c.RuleAction.FR_ACT_GOTO else r.action,
    "unresolved": rule_flag("UNRESOLVED"),
    "nop": lambda r, s, n: None if r.action == c.RuleAction.FR_ACT_NOP else r.action,
    "action": lambda r, s, n: str(int(r.action)),
    "protocol": lambda r, s, n: str(int(r.protocol)),
}


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_rules(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str], family: int) -> None:
    seen = shared_netns.ip_json(f"-d -N {'-4' if family == socket.AF_INET else '-6'} rule show")
    compare(RULE_KEYS, seen, nl.rules.dump(family=family), names)


def test_the_rules_of_every_family_are_one_dump(nl: pynl.Netlink) -> None:
    found = list(nl.rules.dump())
    apart = [rule for family in (2, 128, 129, 10) for rule in nl.rules.dump(family=family)]
    assert sorted(map(repr, found)) == sorted(map(repr, apart))


def test_get_rule(nl: pynl.Netlink) -> None:
    assert nl.rules.get(0).table == nl.rules.get(0, family="AF_INET6").table == 255
    assert nl.rules.get(10).src_network == ipaddress.ip_network("203.0.113.0/25")
    assert nl.rules.get(10, family="AF_INET6").dst_network == ipaddress.ip_network("2001:db8:f1::/64")
    assert nl.rules.get(32766, table=254).src_network is nl.rules.get(32766).dst_network is None
    with pytest.raises(pynl.NetlinkError, match="no such rule of priority 4711") as caught:
        nl.rules.get(4711)
    assert caught.value.errno == 2


NEW_RULE, NEW_NEXTHOP, CREATE = 32, 104, 0x600  # NLM_F_CREATE | NLM_F_EXCL
PORTS = {"start": 0x1230, "end": 0x1230}


def test_what_pynl_makes_of_a_rule_the_kernel_takes(nl: pynl.Netlink, netns: Namespace) -> None:
    detached = c.RuleFlags.FIB_RULE_IIF_DETACHED
    with netns.netlink() as other:
        before = list(other.rules.dump())
        wanted = [rule for rule in nl.rules.dump() if rule not in before]
        assert wanted
        for rule in wanted:
            made = rule.replace(flags=rule.flags & c.RuleFlags.FIB_RULE_INVERT)
            other.socket.request(NEW_RULE, encode(made), CREATE)
        found = [rule for rule in other.rules.dump() if rule not in before]
        assert [rule.replace(flags=rule.flags & ~detached) for rule in found] == wanted


@pytest.mark.parametrize(
    "values",
    [
        {"family": 2, "table": 100, "ip_proto": 17, "sport_range": PORTS, "sport_mask": 0xFFF0},
        {"family": 2, "table": 100, "dscp": 10, "dscp_mask": 0x3E},
        {"family": 10, "goto": 32766, "flowlabel": 0x12300, "flowlabel_mask": 0xFFF00},
    ],
)
def test_selectors_newer_than_ip(netns: Namespace, values: dict[str, Any]) -> None:
    rule = pynl.Rule(**values, priority=50)
    with netns.netlink() as nl:
        try:
            nl.socket.request(NEW_RULE, encode(rule), CREATE, record=pynl.Rule)
        except pynl.NetlinkError as error:
            if error.attribute not in values:
                raise
            pytest.skip(f"this kernel does not know {error.attribute}: {error}")
        found = nl.rules.get(50, family=rule.family)
    assert {name: getattr(found, name) for name, _ in rule.items()} == dict(rule.items())


# ---- nexthop objects ----


def group(r: Any, s: Seen, n: Mapping[int, str]) -> list[dict[str, int]]:
    """ip does not show a weight of 1."""
    return [{"id": e.id, "weight": e.weight} if e.weight > 1 else {"id": e.id} for e in r.group]


OBJECT_KEYS: Keys = {
    "id": lambda r, s, n: [r.id, r.encap.id] if isinstance(s["id"], Repeated) else r.id,
    "group": group,
    "type": lambda r, s, n: {1: "resilient"}[r.group_type],
    "resilient_args": lambda r, s, n: {
        "buckets": r.res_group.buckets,
        "idle_timer": r.res_group.idle_timer // 100,
        "unbalanced_timer": r.res_group.unbalanced_timer // 100,
        "unbalanced_time": r.res_group.unbalanced_time // 100,
    },
    "gateway": lambda r, s, n: r.gateway,
    "dev": lambda r, s, n: n[r.oif],
    "blackhole": lambda r, s, n: None if r.blackhole else "no",
    "fdb": lambda r, s, n: None if r.fdb else "no",
    "encap": lambda r, s, n: r.encap_type.name.removeprefix("LWTUNNEL_ENCAP_").lower(),
    "src": encap("src"),
    "dst": encap("dst"),
    "ttl": encap("ttl"),
    "tos": encap("tos"),
    "scope": lambda r, s, n: str(int(r.scope)),
    "protocol": lambda r, s, n: str(int(r.protocol)),
    "flags": lambda r, s, n: route_flags(r.flags),
}


@pytest.mark.parametrize(
    ("words", "filters"),
    [
        ("", {}),
        ("groups", {"groups": True}),
        ("dev v0", {"oif": "v0"}),
        ("master br0", {"master": "br0"}),
        ("dev v2", {"oif": "v2"}),
    ],
    ids=str,
)
def test_nexthops(
    nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str], words: str, filters: dict[str, Any]
) -> None:
    seen = shared_netns.ip_json(f"-d -N nexthop show {words}")
    compare(OBJECT_KEYS, seen, nl.nexthops.dump(**filters), names)
    assert bool(seen) == (words not in ("master br0", "dev v2"))


def test_nexthops_below_a_master(netns: Namespace) -> None:
    netns.batch("link add br0 type bridge\nlink add v0 type veth peer name v1\nlink set v0 master br0\nlink set v0 up")
    netns.batch("link set br0 up\nlink set v1 up\nnexthop add id 1 dev v0\nnexthop add id 2 dev v1")
    netns.ip("nexthop add id 3 group 1 type resilient buckets 4")
    with netns.netlink() as nl:
        assert [found.id for found in nl.nexthops.dump(master="br0")] == [1]
        assert [found.index for found in nl.nexthops.buckets(master="br0")] == [0, 1, 2, 3]
        assert not nl.nexthops.buckets(oif="v1")
        with pytest.raises(pynl.NetlinkError, match="no device 'nothing'"):
            nl.nexthops.dump(master="nothing")


def test_nexthops_of_forwarding_entries(nl: pynl.Netlink) -> None:
    assert [found.id for found in nl.nexthops.dump(fdb=True)] == [20, 21, 22]


def test_the_buckets_of_a_resilient_group(nl: pynl.Netlink, shared_netns: Namespace) -> None:
    seen = [
        (item["id"], item["bucket"]["index"], item["bucket"]["nhid"]) for item in shared_netns.ip_json("nexthop bucket")
    ]
    found = nl.nexthops.buckets()
    assert [(bucket.id, bucket.index, bucket.nh_id) for bucket in found] == seen
    assert len(seen) == 8
    assert all(bucket.idle_time is not None for bucket in found)
    assert {bucket.nh_id for bucket in nl.nexthops.buckets(nh_id=2)} == {2}
    assert len(nl.nexthops.buckets(id=11, oif="v0")) == 8
    (one,) = nl.nexthops.buckets(id=11, index=3)
    assert NexthopBuckets(nl.socket).get(11, 3).nh_id == one.nh_id
    for id, index in ((11, 8), (4711, 0)):
        with pytest.raises(pynl.NetlinkError):
            NexthopBuckets(nl.socket).get(id, index)


def test_asyncio_has_rules_and_nexthops_too(nl: pynl.Netlink, shared_netns: Namespace) -> None:
    async def read() -> tuple[Any, ...]:
        async with pynl.aio.Netlink(shared_netns.name) as aio:
            buckets = [(bucket.id, bucket.index) for bucket in await aio.nexthops.buckets(id=11)]
            return list(await aio.rules.dump()), await aio.nexthops.get(3), buckets

    assert asyncio.run(read()) == (list(nl.rules.dump()), nl.nexthops.get(3), [(11, index) for index in range(8)])


def test_in_one_line(nl: pynl.Netlink, shared_netns: Namespace) -> None:
    assert list(pynl.rules(shared_netns.name, table=100)) == list(nl.rules.dump(table=100))
    assert list(pynl.nexthops(shared_netns.name, fdb=True)) == list(nl.nexthops.dump(fdb=True))


def test_get_nexthop(nl: pynl.Netlink) -> None:
    assert nl.nexthops.get(1).gateway_address == ipaddress.ip_address("192.0.2.250")
    assert nl.nexthops.get(4).gateway_address is None
    assert nl.nexthops.get(3) in nl.nexthops.dump()
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.nexthops.get(4711)
    assert caught.value.errno == 2


def test_statistics_of_groups(nl: pynl.Netlink) -> None:
    try:
        found = nl.nexthops.get(3, stats=True)
    except pynl.NetlinkError as error:
        pytest.skip(f"this kernel has none: {error}")
    assert nl.nexthops.get(3).group_stats is None
    assert [(entry.id, entry.packets) for entry in found.group_stats.entry] == [(1, 0), (2, 0)]  # type: ignore[union-attr]
    (both,) = (group for group in nl.nexthops.dump(groups=True, hw_stats=True) if group.id == 3)
    assert [(entry.id, entry.packets_hw) for entry in both.group_stats.entry] == [(1, 0), (2, 0)]
    assert both.hw_stats_used == 0 or both.hw_stats_enable == 0


def test_what_pynl_makes_of_a_nexthop_the_kernel_takes(nl: pynl.Netlink, netns: Namespace) -> None:
    netns.batch("link add v0 index 900 type veth peer name v1\nlink set v0 up\nlink set v1 up")
    netns.batch("addr add 192.0.2.1/24 dev v0\naddr add 2001:db8::1/64 dev v0 nodad")
    resilient = {"unbalanced_time": None, "idle_timer": 3000, "unbalanced_timer": 6000, "buckets": 8}
    with netns.netlink() as other:
        for found in nl.nexthops.dump():
            made = {"scope": 0, "op_flags": None, "oif": None if found.oif is None else 900}
            if found.res_group:
                made["res_group"] = resilient
            other.socket.request(NEW_NEXTHOP, encode(found.replace(**made)), CREATE)
        apart = {"oif": None, "res_group": None}
        assert [r.replace(**apart) for r in other.nexthops.dump()] == [r.replace(**apart) for r in nl.nexthops.dump()]
        heavy = pynl.NexthopObject(id=40, group=[{"id": 1, "weight": 256}, {"id": 2}])
        other.socket.request(NEW_NEXTHOP, encode(heavy), CREATE)
        assert other.nexthops.get(40).group == heavy.group
        assert netns.ip_json("nexthop get id 40")[0]["group"] == [{"id": 1, "weight": 256}, {"id": 2}]


# ---- filters and get ----


@pytest.mark.parametrize(
    ("service", "filters"),
    [
        ("routes", {"table": 254}),
        ("routes", {"table": 1000}),
        ("routes", {"table": 4294967294}),
        ("routes", {"table": 4711}),
        ("routes", {"oif": "v2"}),
        ("routes", {"protocol": "bird"}),
        ("routes", {"type": "RTN_BLACKHOLE"}),
        ("routes", {"scope": "link", "table": 254}),
        ("routes", {"family": socket.AF_INET6, "dst": "2001:db8:100::/48"}),
        ("routes", {"dst": "198.51.100.0/24"}),
        ("routes", {"gateway": "192.0.2.254", "priority": 20}),
        ("routes", {"nh_id": 3}),
        ("links", {"kind": "macvlan"}),
        ("links", {"master": "br0"}),
        ("links", {"ifname": "v0"}),
        ("links", {"mtu": 1400, "group": 7}),
        ("addresses", {"ifindex": "v0"}),
        ("addresses", {"family": socket.AF_INET, "prefixlen": 24}),
        ("addresses", {"label": "v0:alias"}),
        ("rules", {"table": 100, "family": socket.AF_INET}),
        ("rules", {"action": "blackhole"}),
        ("rules", {"action": "to_tbl", "family": "AF_INET6"}),
        ("rules", {"iifname": "v0"}),
        ("rules", {"src": "203.0.113.0/25"}),
        ("rules", {"fwmark": 32}),
        ("nexthops", {"gateway": "192.0.2.250"}),
        ("nexthops", {"blackhole": True}),
        ("nexthops", {"protocol": "bird"}),
        ("nexthops", {"family": "AF_INET6"}),
        ("nexthops", {"oif": "v0", "family": "AF_INET"}),
        ("neighbours", {"ifindex": "v0"}),
        ("neighbours", {"lladdr": "02:00:00:00:00:50"}),
        ("neighbours", {"state": "PERMANENT"}),
        ("neighbours", {"family": "AF_BRIDGE", "vni": 7}),
    ],
    ids=str,
)
def test_a_filter_leaves_what_python_would(
    nl: pynl.Netlink, shared_netns: Namespace, service: str, filters: dict[str, Any]
) -> None:
    served: Any = getattr(nl, service)
    bridge = {"family": filters["family"]} if filters.get("family") == "AF_BRIDGE" else {}
    wanted = {name: value for name, value in filters.items() if name not in bridge}
    for name in {"oif", "ifindex", "master"} & wanted.keys():
        wanted[name] = shared_netns.index(wanted[name])
    shown = served.FAMILY.record(**wanted)

    def passes(record: Any) -> bool:
        if "oif" in wanted and service == "routes" and record.multipath:
            return any(hop.oif == wanted["oif"] for hop in record.multipath)
        return all(getattr(record, name) == getattr(shown, name) for name in wanted)

    found = list(served.dump(**filters))
    running = {"cacheinfo", "stats64", "stats", "linkinfo"} & served.FAMILY.record.FIELDS.keys()  # on between two dumps
    ageing = dict.fromkeys(running)
    expected = [record.replace(**ageing) for record in served.dump(**bridge) if passes(record)]
    assert [record.replace(**ageing) for record in found] == expected
    assert bool(found) == (filters != {"table": 4711})


@pytest.mark.parametrize("dst", ["198.51.100.9", "192.0.2.7", "127.0.0.1", "198.51.108.1", "2001:db8:100::1", "::1"])
def test_get_route(nl: pynl.Netlink, shared_netns: Namespace, names: dict[int, str], dst: str) -> None:
    (seen,) = shared_netns.ip_json(f"-N route get {dst}")
    found = nl.routes.get(dst)
    assert found.dst == f"{dst}/{128 if ':' in dst else 32}"
    assert (found.gateway, found.prefsrc) == (seen.get("gateway"), seen["prefsrc"])
    assert names[found.oif or 0] == seen["dev"]
    matched = nl.routes.get(dst, fibmatch=True)
    (seen,) = shared_netns.ip_json(f"-N route get fibmatch {dst}")
    assert host(matched.dst, 128 if ":" in dst else 32) == seen["dst"]
    # The kernel keeps the local table and the main one in one tree, and may name either.
    apart = {"table": 0, "cacheinfo": None}
    assert matched.replace(**apart) in [r.replace(**apart) for r in nl.routes.dump(family=matched.family)]


@pytest.mark.parametrize(("dst", "errno"), [("198.51.104.1", 113), ("198.51.105.1", 13), ("198.51.103.1", 22)])
def test_get_of_a_route_that_refuses(nl: pynl.Netlink, dst: str, errno: int) -> None:
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.routes.get(dst)
    assert caught.value.errno == errno
    assert caught.value.request == "RTM_GETROUTE"


def test_get_link_by_each_of_its_names(nl: pynl.Netlink) -> None:
    link = nl.links.get("v0")
    for name in (link.ifindex, "a-name-of-more-than-fifteen-bytes", "second"):
        assert nl.links.get(name).ifname == "v0"


@pytest.mark.parametrize("name", ["nothing", 4711, "no-such-name-of-more-than-fifteen-bytes"])
def test_get_of_a_link_that_is_not_there(nl: pynl.Netlink, name: Any) -> None:
    with pytest.raises(pynl.NetlinkError, match="No such device") as caught:
        nl.links.get(name)
    assert caught.value.errno == 19


def test_get_address_and_neighbour(nl: pynl.Netlink) -> None:
    assert nl.addresses.get("192.0.2.77").prefixlen == 24
    assert nl.neighbours.get("192.0.2.50", "v0").lladdr == "02:00:00:00:00:50"
    assert nl.neighbours.get("2001:db8::60", "v0", proxy=True).flags & c.NeighbourFlags.NTF_PROXY
    with pytest.raises(pynl.NetlinkError):
        nl.neighbours.get("192.0.2.99", "v0")
    with pytest.raises(pynl.NetlinkError):
        nl.addresses.get("192.0.2.99")
