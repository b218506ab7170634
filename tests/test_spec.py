"""The kernel's own machine-readable specifications against the declarations: every attribute of every set.

The specifications are Documentation/netlink/specs/rt-*.yaml of the kernel's tree. Where they and the C headers
disagree, or a kind of ours says more than theirs, the exception is listed here with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pynl.fields import Field
from pynl.kinds import Kind
from pynl.rtnl import addr, bridge, link, linkkinds, linkstats, neigh, route, rule, tunnels, vf
from pynl.schema import Record

yaml = pytest.importorskip("yaml", reason="PyYAML reads the specifications")

SPECS = Path(__file__).parents[2] / "shared" / "ynl-specs"
if not SPECS.is_dir():
    pytest.skip(f"no specifications in {SPECS}", allow_module_level=True)

#: Specification -> attribute set -> the record that declares it.
SETS: Mapping[str, Mapping[str, type[Record]]] = {
    "rt-addr": {"addr-attrs": addr.Address},
    "rt-neigh": {"neighbour-attrs": neigh.Neighbour},
    "rt-route": {"route-attrs": route.Route, "metrics": route.Metrics},
    "rt-rule": {"fib-rule-attrs": rule.Rule},
    "rt-link": {
        "link-attrs": link.Link,
        "prop-list-link-attrs": link.PropList,
        "af-spec-attrs": link.AfSpec,
        "vfinfo-list-attrs": vf.VfInfoList,
        "vfinfo-attrs": vf.VfInfo,
        "vf-stats-attrs": vf.VfStats,
        "vf-vlan-attrs": vf.VfVlanList,
        "vf-ports-attrs": link.VfPorts,
        "port-self-attrs": link.VirtualPort,
        "linkinfo-attrs": link.LinkInfo,
        "linkinfo-bond-attrs": bridge.Bond,
        "bond-ad-info-attrs": bridge.BondAdInfo,
        "bond-slave-attrs": bridge.BondPort,
        "linkinfo-bridge-attrs": bridge.Bridge,
        "linkinfo-brport-attrs": bridge.BridgePort,
        "linkinfo-gre-attrs": tunnels.Gre,
        "linkinfo-gre6-attrs": tunnels.Gre,
        "linkinfo-vti-attrs": tunnels.Vti,
        "linkinfo-vti6-attrs": tunnels.Vti,
        "linkinfo-geneve-attrs": tunnels.Geneve,
        "linkinfo-hsr-attrs": linkkinds.Hsr,
        "linkinfo-iptun-attrs": tunnels.IpTunnel,
        "linkinfo-ip6tnl-attrs": tunnels.Ip6Tunnel,
        "linkinfo-tun-attrs": linkkinds.Tun,
        "linkinfo-vlan-attrs": linkkinds.Vlan,
        "ifla-vlan-qos": linkkinds.VlanQos,
        "linkinfo-vrf-attrs": linkkinds.Vrf,
        "xdp-attrs": link.Xdp,
        "ifla-attrs": link.Inet,
        "ifla6-attrs": link.Inet6,
        "mctp-attrs": link.Mctp,
        "stats-attrs": linkstats.Stats,
        "link-offload-xstats": linkstats.OffloadStats,
        "hw-s-info-one": linkstats.HwStatsInfo,
        "link-dpll-pin-attrs": link.DpllPin,
        "linkinfo-netkit-attrs": link.Netkit,
        "linkinfo-ovpn-attrs": linkkinds.Ovpn,
    },
}

#: Sets that belong to objects which pynl does not read.
OTHER_SETS = {"ndt-attrs": "neighbour tables", "ndtpa-attrs": "neighbour tables"}

STRUCTS: Mapping[str, type[Record]] = {
    "ifaddrmsg": addr.Address,
    "ifa-cacheinfo": addr.AddressCacheInfo,
    "ndmsg": neigh.Neighbour,
    "nda-cacheinfo": neigh.NeighbourCacheInfo,
    "rtmsg": route.Route,
    "rta-cacheinfo": route.RouteCacheInfo,
    "fib-rule-hdr": rule.Rule,
    "fib-rule-port-range": rule.RulePortRange,
    "fib-rule-uid-range": rule.RuleUidRange,
    "ifinfomsg": link.Link,
    "ifla-bridge-id": bridge.BridgeId,
    "ifla-cacheinfo": link.Inet6CacheInfo,
    "rtnl-link-stats": linkstats.LinkStats,
    "rtnl-link-stats64": linkstats.LinkStats64,
    "rtnl-link-ifmap": link.LinkMap,
    "br-boolopt-multi": bridge.BridgeOptions,
    "if-stats-msg": linkstats.Stats,
    "ifla-vlan-flags": linkkinds.VlanFlagsChange,
    "ifla-vlan-qos-mapping": linkkinds.VlanQosMapping,
    "ifla-geneve-port-range": tunnels.PortRange,
    "ifla-vf-mac": vf.VfMac,
    "ifla-vf-vlan": vf.VfVlan,
    "ifla-vf-tx-rate": vf.VfTxRate,
    "ifla-vf-spoofchk": vf.VfSetting,
    "ifla-vf-link-state": vf.VfLink,
    "ifla-vf-rate": vf.VfRate,
    "ifla-vf-rss-query-en": vf.VfSetting,
    "ifla-vf-trust": vf.VfSetting,
    "ifla-vf-guid": vf.VfGuid,
    "ifla-vf-vlan-info": vf.VfVlanInfo,
}

OTHER_STRUCTS = {
    "rtgenmsg": "a request's header that pynl has no use for",
    "ndtmsg": "neighbour tables",
    "ndt-config": "neighbour tables",
    "ndt-stats": "neighbour tables",
}

#: (set or struct, attribute) -> (our name, reason).
RENAMED = {
    ("neighbour-attrs", "ifindex"): ("via_ifindex", "ndmsg has a member of that name"),
    ("linkinfo-iptun-attrs", "6rd-prefix"): ("sixrd_prefix", "no name in Python begins with a digit"),
    ("linkinfo-iptun-attrs", "6rd-relay-prefix"): ("sixrd_relay_prefix", "no name in Python begins with a digit"),
    ("linkinfo-iptun-attrs", "6rd-prefixlen"): ("sixrd_prefixlen", "no name in Python begins with a digit"),
    ("linkinfo-iptun-attrs", "6rd-relay-prefixlen"): ("sixrd_relay_prefixlen", "no name in Python begins with a digit"),
    ("ifla-vlan-qos-mapping", "from"): ("from_", "a word of Python's"),
    ("ifa-cacheinfo", "ifa-prefered"): ("prefered", "half of the struct's members have the prefix"),
    ("ifa-cacheinfo", "ifa-valid"): ("valid", "half of the struct's members have the prefix"),
    ("ifinfomsg", "index"): ("ifindex", "as every other header has it"),
    ("ifaddrmsg", "index"): ("ifindex", "as every other header has it"),
}

#: (set, attribute) -> (what ours is, why it is not what the specification says).
EXCEPTIONS = {
    # What the specification calls binary, and the C header says more of.
    ("addr-attrs", "anycast"): ("ip", "an IPv6 address (net/ipv6/addrconf.c)"),
    ("addr-attrs", "multicast"): ("ip", "an IPv4 or IPv6 address"),
    ("addr-attrs", "target-netnsid"): ("s32", "an s32 in the kernel's policy (ifa_ipv4_policy)"),
    ("route-attrs", "multipath"): ("hops Nexthop", "struct rtnexthop and attributes (linux/rtnetlink.h)"),
    ("route-attrs", "via"): ("rtvia", "struct rtvia (linux/rtnetlink.h)"),
    ("route-attrs", "encap"): ("by encap_type", "its content follows RTA_ENCAP_TYPE (linux/lwtunnel.h)"),
    ("fib-rule-attrs", "tun-id"): ("be64", "sent in network byte order (net/core/fib_rules.c)"),
    ("neighbour-attrs", "port"): ("be16", "sent in network byte order (drivers/net/vxlan)"),
    ("neighbour-attrs", "fdb-ext-attrs"): ("nest FdbExt", "a nest of NFEA_* (linux/neighbour.h)"),
    ("link-attrs", "cost"): ("binary", "unused"),
    ("link-attrs", "priority"): ("binary", "unused"),
    ("link-attrs", "protinfo"): ("by family", "a nest that the address family tells (the specification's doc)"),
    ("link-attrs", "af-spec"): ("by family", "bridges have another nest (linux/if_bridge.h)"),
    ("link-attrs", "phys-port-id"): ("hardware", "identifies hardware; shown as iproute2 does, in hexadecimal"),
    ("link-attrs", "phys-switch-id"): ("hardware", "identifies hardware; shown as iproute2 does, in hexadecimal"),
    ("link-attrs", "proto-down-reason"): ("nest ProtoDownReason", "a nest (linux/if_link.h), no string"),
    ("vfinfo-attrs", "broadcast"): ("hardware", "struct ifla_vf_broadcast is one hardware address"),
    ("ifla6-attrs", "token"): ("ip", "struct in6_addr (net/ipv6/addrconf.c)"),
    ("linkinfo-attrs", "xstats"): ("by kind", "struct can_device_stats of CAN controllers (linux/can/netlink.h)"),
    ("bond-slave-attrs", "prio"): ("s32", "an s32 in the kernel's policy (bond_slave_policy)"),
    ("linkinfo-iptun-attrs", "flags"): ("u16", "SIT_ISATAP, in host byte order (linux/if_tunnel.h)"),
    ("linkinfo-bridge-attrs", "vlan-protocol"): ("be16", "sent in network byte order (net/bridge/br_netlink.c)"),
    ("linkinfo-bridge-attrs", "mcast-querier-state"): (
        "nest BridgeQuerier",
        "a nest of BRIDGE_QUERIER_* (linux/if_bridge.h)",
    ),
    ("linkinfo-ip6tnl-attrs", "flags"): ("u32", "in host byte order (net/ipv6/ip6_tunnel.c), unlike the parent set's"),
    ("linkinfo-netkit-attrs", "peer-info"): (
        "nest Link",
        "struct ifinfomsg and link attributes (netkit.c)",
    ),
    ("link-offload-xstats", "cpu-hit"): ("struct LinkStats64", "struct rtnl_link_stats64 (linux/if_link.h)"),
    ("link-offload-xstats", "l3-stats"): ("struct HwStats64", "struct rtnl_hw_stats64 (linux/if_link.h)"),
    ("link-offload-xstats", "hw-s-info"): (
        "nest HwStatsInfos",
        "its attributes' types are no count but IFLA_OFFLOAD_XSTATS_* (net/core/rtnetlink.c)",
    ),
}

#: Kinds of links (and of masters) that the specification has no set for, and where their attributes are told.
OTHER_KINDS = {
    "amt": "linux/amt.h",
    "bareudp": "linux/if_link.h",
    "batadv": "linux/batman_adv.h",
    "caif": "linux/caif/if_caif.h",
    "can": "linux/can/netlink.h",
    "dsa": "linux/if_link.h",
    "gtp": "linux/if_link.h",
    "ip6erspan": "as ip6gre (net/ipv6/ip6_gre.c)",
    "ip6gretap": "as ip6gre (net/ipv6/ip6_gre.c)",
    "ipoib": "linux/if_link.h",
    "ipvlan": "linux/if_link.h",
    "ipvtap": "as ipvlan (drivers/net/ipvlan/ipvtap.c)",
    "macsec": "linux/if_link.h",
    "macvlan": "linux/if_link.h",
    "macvtap": "as macvlan (drivers/net/macvtap.c)",
    "ppp": "linux/if_link.h",
    "rmnet": "linux/if_link.h",
    "veth": "linux/veth.h",
    "vrf port": "linux/if_link.h",
    "vxcan": "linux/can/vxcan.h",
    "vxlan": "linux/if_link.h",
    "wwan": "linux/wwan.h",
    "xfrm": "linux/if_link.h",
}

#: Structs whose C declaration differs from the specification; tests/test_uapi.py holds them to the C one.
C_STRUCTS = {
    "rta-cacheinfo": "rta_id, rta_ts and rta_tsage are missing, rta_expires is signed",
    "ifla-bridge-id": "prio is __u8[2], in network byte order",
    "ifla-cacheinfo": "reachable_time is unsigned",
    "ifla-vf-guid": "guid is aligned to 8 bytes",
    "ifla-vf-vlan-info": "vlan_proto is __be16",
    "rtnl-link-ifmap": "padded to 32 bytes",
}


@cache
def spec(name: str) -> Any:
    return yaml.safe_load((SPECS / f"{name}.yaml").read_text())


def python_name(name: str) -> str:
    return name.replace("-", "_")


def attributes(name: str, set_name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number and description of each attribute of a set; a subset takes both from its parent."""
    sets = {found["name"]: found for found in spec(name)["attribute-sets"]}
    chosen = sets[set_name]
    if "subset-of" in chosen:
        parent = {entry["name"]: (number, entry) for number, entry in attributes(name, chosen["subset-of"])}
        for entry in chosen["attributes"]:
            number, inherited = parent[entry["name"]]
            yield number, {**inherited, **entry}
        return
    number = 0
    for entry in chosen["attributes"]:
        number = entry.get("value", number + 1)
        yield number, entry


def kind_of(field: Field[Any]) -> Kind[Any]:
    return field.extended[1] if field.extended else field.kind


def numeric(entry: Mapping[str, Any]) -> str:
    """An integer of the specification by the name of our kind."""
    name = str(entry["type"])
    return f"be{name[1:]}" if entry.get("byte-order") == "big-endian" else name


def expected(name: str, entry: Mapping[str, Any]) -> str:
    """The name of the kind that the specification asks for."""
    type_, hint = entry["type"], entry.get("display-hint", "")
    if type_ == "indexed-array":
        inner = expected(name, {**entry, "type": entry["sub-type"]})
        return f"{inner} by index"
    if hint.startswith("ipv"):
        return "ip"
    if hint == "mac":
        return "hardware"
    if "struct" in entry:
        return f"struct {STRUCTS[entry['struct']].__name__}"
    if type_ == "nest":
        return f"nest {SETS[name][entry['nested-attributes']].__name__}"
    if type_ == "sub-message":
        return f"by {python_name(entry['selector'])}"
    if "sub-type" in entry:
        return f"{entry['sub-type']}[]"
    if type_ in ("pad", "unused", "binary"):
        return "binary"
    if type_ in ("string", "flag", "uint"):
        return str(type_)
    return numeric(entry)


def numbers(definition: Mapping[str, Any]) -> set[int]:
    """The values of an enum or of flags."""
    values, value = set(), definition.get("value-start", 0) - 1
    for entry in definition["entries"]:
        value = entry.get("value", value + 1) if isinstance(entry, dict) else value + 1
        values.add(1 << value if definition["type"] == "flags" else value)
    return values


def check_enum(name: str, entry: Mapping[str, Any], kind: Kind[Any]) -> None:
    if "enum" not in entry:
        return
    definitions = {found["name"]: found for found in spec(name)["definitions"]}
    assert kind.enum is not None, f"the specification names its values: {entry['enum']}"
    assert numbers(definitions[entry["enum"]]) <= {int(member) for member in kind.enum}


def check_choices(name: str, entry: Mapping[str, Any], field: Field[Any]) -> None:
    if entry["type"] != "sub-message":
        return
    messages = {found["name"]: found for found in spec(name)["sub-messages"]}
    assert field.select
    for found in messages[entry["sub-message"]]["formats"]:
        assert field.select[1][found["value"]] is SETS[name][found["attribute-set"]], found["value"]


@pytest.mark.parametrize(
    ("name", "set_name"), [(name, set_name) for name, sets in SETS.items() for set_name in sets], ids=str
)
def test_attributes(name: str, set_name: str) -> None:
    record = SETS[name][set_name]
    for number, entry in attributes(name, set_name):
        if number == 0 and entry["name"] == "unspec":
            continue
        key = (set_name, entry["name"])
        field = record.ATTRIBUTES.get(number)
        assert field is not None, f"{entry['name']} ({number}) is not declared"
        assert field.name == RENAMED.get(key, (python_name(entry["name"]),))[0]
        kind = kind_of(field)
        ours = f"by {field.select[0]}" if field.select else kind.name
        wanted = EXCEPTIONS[key][0] if key in EXCEPTIONS else expected(name, entry)
        assert ours == wanted, f"{entry['name']}: {ours}, the specification says {wanted}"
        assert field.many == entry.get("multi-attr", False), entry["name"]
        check_enum(name, entry, kind)
        if key not in EXCEPTIONS:
            check_choices(name, entry, field)


@pytest.mark.parametrize("name", SETS)
def test_sets_all_declared(name: str) -> None:
    declared = {*SETS[name], *OTHER_SETS}
    assert {found["name"] for found in spec(name)["attribute-sets"]} <= declared
    structs = {found["name"] for found in spec(name)["definitions"] if found["type"] == "struct"}
    assert structs <= {*STRUCTS, *OTHER_STRUCTS}


@pytest.mark.parametrize(
    ("message", "choices", "suffix"),
    [("linkinfo-data-msg", linkkinds.LINK_KINDS, ""), ("linkinfo-member-data-msg", linkkinds.PORT_KINDS, " port")],
)
def test_every_kind_is_of_the_specification_or_of_a_header(
    message: str, choices: Mapping[str, type[Record]], suffix: str
) -> None:
    (formats,) = [found["formats"] for found in spec("rt-link")["sub-messages"] if found["name"] == message]
    specified = {found["value"]: SETS["rt-link"][found["attribute-set"]] for found in formats}
    assert {kind: choices.get(kind) for kind in specified} == specified
    assert {kind + suffix for kind in choices.keys() - specified.keys()} == {
        kind for kind in OTHER_KINDS if kind.endswith(" port") == bool(suffix)
    }


def definitions(type_: str) -> list[tuple[str, str]]:
    if not SPECS.is_dir():
        return []
    return [(name, found["name"]) for name in SETS for found in spec(name)["definitions"] if found["type"] == type_]


@pytest.mark.parametrize(
    ("name", "struct_name"), [pair for pair in definitions("struct") if pair[1] in STRUCTS], ids=str
)
def test_struct(name: str, struct_name: str) -> None:
    """Members, offsets, sizes and byte order."""
    record = STRUCTS[struct_name]
    prefix = record.STRUCT_PREFIX.replace("_", "-")
    definition = next(found for found in spec(name)["definitions"] if found["name"] == struct_name)
    wanted, offset = [], 0
    for entry in definition["members"]:
        short = entry["name"].removeprefix(prefix)
        size = entry.get("len") or int(entry["type"][1:]) // 8
        if entry["type"] != "pad":
            ours = RENAMED.get((struct_name, short), (python_name(short),))[0]
            wanted.append((ours, offset, f"hardware[{size}]" if entry["type"] == "binary" else numeric(entry)))
            member = record.FIELDS.get(ours)
            if member is not None:
                check_enum(name, entry, member.kind)
        offset += size
    declared = [(member.name, member.number, member.kind.name) for member in record.MEMBERS]
    assert (declared == wanted and offset == record.HEADER) == (struct_name not in C_STRUCTS)


def test_exceptions_are_needed() -> None:
    """None is left of a specification that has since been mended."""
    seen = {}
    for name, sets in SETS.items():
        for set_name in sets:
            for _, entry in attributes(name, set_name):
                seen[set_name, entry["name"]] = expected(name, entry)
    mended = [key for key, (ours, _) in EXCEPTIONS.items() if seen.get(key) == ours and ours != "binary"]
    assert not mended
    assert not [key for key in EXCEPTIONS if key not in seen]
