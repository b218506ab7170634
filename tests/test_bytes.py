"""Captured messages become the records that are written out here, and the same bytes again."""

from __future__ import annotations

import pickle
import struct
from typing import Any

import captured
import pytest
from captured import FOLDER, RECORDS, Captured, everything, exercise, header, messages, objects

import pynl
from pynl import Address, Metrics, Neighbour, Nexthop, NexthopBucket, NexthopObject, Route, Rule, Table, Via
from pynl.ack import error_of
from pynl.encode import encode
from pynl.plan import parse
from pynl.rtnl import constants as c
from pynl.rtnl.addr import AddressCacheInfo
from pynl.rtnl.encap import Ip6Tunnel, IpTunnel, Seg6, Seg6Local, Seg6LocalCounters, Seg6LocalFlavors
from pynl.rtnl.neigh import NeighbourCacheInfo
from pynl.rtnl.route import RouteCacheInfo
from pynl.rtnl.rule import RulePortRange, RuleUidRange

EVERYTHING = list(everything())
FOREVER = 2**32 - 1
NO_TIMES = RouteCacheInfo(clntref=0, lastuse=0, expires=0, error=0, id=0, ts=0, tsage=0, used=0)


def label(message: Captured) -> str:
    return f"{message.capture}-{EVERYTHING.index(message)}"


def read(name: str, **wanted: Any) -> Any:
    """The one record of a capture with these values; parse() and a table agree on it."""
    found = [m for m in objects(name) if all(getattr(parse(m.record, m.payload), k) == v for k, v in wanted.items())]
    assert len(found) == 1
    record = parse(found[0].record, found[0].payload)
    assert Table.decode(found[0].record, found[0].data)[0] == record
    return record


def ipv4(dst: str | None, **values: Any) -> Route:
    """The fields that most of the captured IPv4 routes have."""
    usual = {"table": 254, "protocol": c.RouteProtocol.RTPROT_BOOT, "type": c.RouteType.RTN_UNICAST}
    return Route(**{"family": 2, "dst": dst, **usual, **values})


def ipv6(dst: str | None, **values: Any) -> Route:
    usual = {"oif": 3, "priority": 1024, "cacheinfo": NO_TIMES, "pref": 0}
    return ipv4(dst, **{"family": 10, **usual, **values})


def test_every_capture_tells_how_it_was_made() -> None:
    for path in FOLDER.glob("*.txt"):
        lines = path.read_text().splitlines()
        assert lines[0].startswith("# ")
        assert lines[1].startswith("# Linux ")
        assert lines[2].startswith("# ")


def test_ip_route_asks_in_40_bytes_and_hears_done_in_20() -> None:
    exchange = messages("ip-route")
    request, done = exchange[0].data, exchange[-1].data
    assert len(request) == 40
    assert request[:8] == bytes.fromhex("28 00 00 00 1a 00 01 03")
    assert request[16:] == bytes.fromhex("02 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 08 00 1d 00 01 00 00 00")
    assert len(done) == 20
    assert struct.unpack("=IHHIIi", done)[:3] == (20, 3, 2)
    assert done[16:] == bytes(4)
    routes = Table.decode(Route, b"".join(m.data + bytes(-len(m.data) % 4) for m in objects("ip-route")))
    assert len(routes) == len(exchange) - 2
    assert {route.dst for route in routes if route.table == 255} >= {"127.0.0.1/32", "192.0.2.255/32"}


@pytest.mark.parametrize(
    "expected",
    [
        ipv4(None, oif=3, gateway="192.0.2.2"),
        ipv4("10.1.0.0/16", protocol=4, oif=3, gateway="192.0.2.3", priority=100, prefsrc="192.0.2.1"),
        ipv4("10.2.0.0/16", oif=3, via=Via(10, "2001:db8::2")),
        ipv4("10.3.0.0/16", oif=3, gateway="203.0.113.1", flags=c.RouteFlags.RTNH_F_ONLINK),
        ipv4("10.4.0.0/16", table=1000, type=c.RouteType.RTN_BLACKHOLE),
        ipv4("10.5.0.0/16", protocol=c.RouteProtocol.RTPROT_BIRD, type=c.RouteType.RTN_UNREACHABLE),
        ipv4("10.6.0.0/16", tos=0x10, type=c.RouteType.RTN_PROHIBIT),
        ipv4("10.7.0.0/16", type=c.RouteType.RTN_THROW),
        ipv4("10.8.0.0/16", table=255, oif=3, type=3, scope=c.RouteScope.RT_SCOPE_LINK),
        ipv4("10.9.0.0/16", table=255, oif=3, type=2, scope=c.RouteScope.RT_SCOPE_HOST),
    ],
    ids=lambda route: f"{route.type.name} {route.dst}",
)
def test_an_ipv4_route(expected: Route) -> None:
    assert read("routes-ipv4", dst=expected.dst) == expected


def test_an_ipv4_route_field_by_field() -> None:
    assert read("routes-ipv4", dst="10.1.0.0/16").asdict() == {
        **dict.fromkeys(Route.FIELDS),
        "family": 2,
        "dst_len": 16,
        "src_len": 0,
        "tos": 0,
        "table": 254,
        "protocol": 4,
        "scope": 0,
        "type": 1,
        "flags": 0,
        "dst": "10.1.0.0/16",
        "oif": 3,
        "gateway": "192.0.2.3",
        "priority": 100,
        "prefsrc": "192.0.2.1",
    }


@pytest.mark.parametrize(
    "expected",
    [
        ipv6(None, gateway="2001:db8::2", pref=c.RouterPreference.ICMPV6_ROUTER_PREF_HIGH),
        ipv6("2001:db8:1::/48", src="2001:db8:2::/48", table=1000, gateway="fe80::2", priority=7),
        ipv6("2001:db8:3::/48", oif=1, type=c.RouteType.RTN_UNREACHABLE),
        ipv6("2001:db8:4::/48", gateway="2001:db8::2", cacheinfo=NO_TIMES.replace(expires=300000)),
        ipv6(
            "2001:db8:5::/48",
            oif=None,
            multipath=[
                Nexthop(hops=1, oif=3, gateway="2001:db8::3"),
                Nexthop(hops=0, oif=3, gateway="2001:db8::4"),
            ],
        ),
    ],
    ids=lambda route: f"{route.type.name} {route.dst}",
)
def test_an_ipv6_route(expected: Route) -> None:
    assert read("routes-ipv6", dst=expected.dst) == expected


def test_multipath_with_weights_and_a_gateway_of_another_family() -> None:
    first = Nexthop(flags=0, hops=2, oif=3, gateway="192.0.2.3")
    second = Nexthop(flags=0, hops=255, oif=3, via=Via(10, "2001:db8::4"))
    route = read("routes-multipath", dst="10.1.0.0/16")
    assert route == ipv4("10.1.0.0/16", multipath=[first, second])
    assert [hop.weight for hop in route.multipath] == [3, 256]


def test_multipath_with_a_tunnel_and_onlink() -> None:
    tunnel = IpTunnel(id=7, dst="10.9.9.9", src="0.0.0.0", ttl=0, tos=0, flags=0)
    first = Nexthop(flags=0, hops=0, oif=3, encap_type=c.EncapType.LWTUNNEL_ENCAP_IP, encap=tunnel)
    second = Nexthop(flags=c.NexthopFlags.RTNH_F_ONLINK, hops=0, oif=3, gateway="192.0.2.5")
    assert read("routes-multipath", dst="10.2.0.0/16") == ipv4("10.2.0.0/16", multipath=[first, second])


def test_metrics() -> None:
    features = c.MetricFeatures.RTAX_FEATURE_ECN
    one = Metrics(lock=1 << 2, mtu=1400, advmss=1360, hoplimit=9, initcwnd=20, initrwnd=30, features=features)
    assert read("routes-metrics", dst="10.1.0.0/16").metrics == one
    two = Metrics(lock=1 << 16 | 1 << 13, window=65535, rtt=300, rttvar=75, rto_min=250, quickack=1, cc_algo="reno")
    assert read("routes-metrics", dst="10.2.0.0/16").metrics == two


LOCAL = c.EncapType.LWTUNNEL_ENCAP_SEG6_LOCAL


@pytest.mark.parametrize(
    ("dst", "type", "encap"),
    [
        ("10.1.0.0/16", 2, IpTunnel(id=5, dst="10.0.0.1", src="10.0.0.2", ttl=3, tos=4, flags=5)),
        ("2001:db8:1::/48", 4, Ip6Tunnel(id=6, dst="2001:db8::9", src="2001:db8::8", hoplimit=5, tc=6, flags=0)),
        ("2001:db8:2::/48", 5, Seg6(srh=(c.Seg6Mode.SEG6_IPTUN_MODE_ENCAP, ("2001:db8::a", "2001:db8::b")))),
        ("2001:db8:3::/48", 5, Seg6(srh=(c.Seg6Mode.SEG6_IPTUN_MODE_INLINE, ("2001:db8::a", "::")))),
        ("2001:db8:4::/48", LOCAL, Seg6Local(action=c.Seg6LocalAction.SEG6_LOCAL_ACTION_END_X, nh6="2001:db8::5")),
        (
            "2001:db8:5::/48",
            LOCAL,
            Seg6Local(action=7, table=254, counters=Seg6LocalCounters(packets=0, bytes=0, errors=0)),
        ),
        ("2001:db8:6::/48", LOCAL, Seg6Local(action=10, srh=["2001:db8::c", "2001:db8::d"])),
        ("2001:db8:7::/48", LOCAL, Seg6Local(action=1, flavors=Seg6LocalFlavors(operation=1 << 1))),
        ("2001:db8:8::/48", LOCAL, Seg6Local(action=4, oif=3)),
    ],
)
def test_a_lightweight_tunnel(dst: str, type: int, encap: pynl.Record) -> None:
    route = read("routes-encap", dst=dst)
    assert (route.encap_type, route.encap) == (type, encap)


NO_SUPPRESSION = 2**32 - 1


@pytest.mark.parametrize(
    "values",
    [
        {"priority": 10, "src": "192.0.2.0/24", "dst": "198.51.100.0/24", "table": 100},
        {"priority": 11, "fwmark": 0x10, "fwmask": 0xFF, "table": 4711, "flags": "INVERT", "protocol": "BIRD"},
        {"priority": 12, "iifname": "v0", "oifname": "v9", "tos": 0x10, "table": 100, "flags": 0x10},
        {
            "priority": 13,
            "ip_proto": 6,
            "sport_range": RulePortRange(start=80, end=80),
            "sport_mask": 0xFFFF,
            "dport_range": RulePortRange(start=1000, end=2000),
            "uid_range": RuleUidRange(start=1000, end=2000),
            "table": 100,
        },
        {"priority": 14, "tun_id": 77, "table": 100},
        {"priority": 15, "goto": 32766, "table": 0, "action": "GOTO"},
        {"priority": 16, "goto": 40000, "table": 0, "action": "GOTO", "flags": "UNRESOLVED"},
        {"priority": 17, "action": "BLACKHOLE", "table": 0},
        {"priority": 18, "action": "UNREACHABLE", "table": 0, "src": "10.0.0.0/8"},
        {"priority": 19, "action": "PROHIBIT", "table": 0},
        {"priority": 20, "table": 254, "suppress_prefixlen": 0, "suppress_ifgroup": 7},
        {"priority": 21, "l3mdev": 1, "table": 0},
        {"priority": 22, "action": "NOP", "table": 0},
        {"priority": 23, "src": "10.1.0.0/16", "table": 254, "flow": 3 << 16 | 4},
    ],
    ids=lambda values: str(values["priority"]),
)
def test_a_rule(values: dict[str, Any]) -> None:
    usual = {"family": "AF_INET", "protocol": 0, "suppress_prefixlen": NO_SUPPRESSION}
    assert read("rules-ipv4", priority=values["priority"]) == Rule(**{**usual, **values})


def test_rules_of_ipv6_and_those_with_masks() -> None:
    usual = {"protocol": 0, "suppress_prefixlen": NO_SUPPRESSION, "priority": 10}
    prefixes = Rule(src="2001:db8::/32", dst="2001:db8:1::/48", table=70000, **usual)
    assert read("rules-ipv6", priority=10) == prefixes
    assert (prefixes.family, prefixes.action) == (10, c.RuleAction.FR_ACT_TO_TBL)
    assert (str(prefixes.src_network), str(prefixes.dst_network)) == ("2001:db8::/32", "2001:db8:1::/48")
    ports = {"sport_range": {"start": 0x1230, "end": 0x1230}, "dport_range": {"start": 80, "end": 80}}
    masks = {"sport_mask": 0xFFF0, "dport_mask": 0xFFFF, "flowlabel": 0x12300, "flowlabel_mask": 0xFFF00}
    named = Rule(family=10, table=100, ip_proto=17, dscp=10, dscp_mask=62, **ports, **masks, **usual)
    assert read("rules-masks", priority=10) == named


NO_STATS = {"packets": 0, "packets_hw": 0}


@pytest.mark.parametrize(
    "values",
    [
        {"id": 1, "oif": 3, "gateway": "192.0.2.2", "scope": "LINK"},
        {"id": 2, "oif": 3, "gateway": "192.0.2.3", "scope": "LINK", "protocol": "BIRD", "flags": "ONLINK"},
        {"id": 3, "oif": 3, "gateway": "2001:db8::2", "scope": "LINK"},
        {"id": 4, "blackhole": True},
        {"id": 5, "oif": 3, "scope": "HOST"},
        {
            "id": 6,
            "oif": 3,
            "gateway": "192.0.2.9",
            "scope": "LINK",
            "encap_type": "IP",
            "encap": IpTunnel(id=5, dst="10.9.9.9", src="0.0.0.0", ttl=0, tos=0, flags=0),
        },
        {"id": 20, "gateway": "192.0.2.20", "scope": "LINK", "fdb": True},
    ],
    ids=lambda values: str(values["id"]),
)
def test_a_nexthop_object(values: dict[str, Any]) -> None:
    assert read("nexthops", id=values["id"]) == NexthopObject(**values)


@pytest.mark.parametrize(
    ("id", "weights", "values"),
    [
        (10, {1: 3, 2: 256}, {"group_type": "MPATH"}),
        (
            11,
            {1: 2, 2: 1},
            {
                "group_type": "RES",
                "res_group": {"buckets": 8, "idle_timer": 3000, "unbalanced_timer": 6000, "unbalanced_time": 0},
            },
        ),
        (12, {1: 1000}, {"group_type": "MPATH"}),
        (22, {20: 1, 21: 1}, {"group_type": "MPATH", "fdb": True}),
    ],
)
def test_a_nexthop_group(id: int, weights: dict[int, int], values: dict[str, Any]) -> None:
    stats = {"entry": [{"id": member, **NO_STATS} for member in weights]}
    group = [{"id": member, "weight": weight} for member, weight in weights.items()]
    op_flags = c.NexthopOpFlags.NHA_OP_FLAG_RESP_GRP_RESVD_0
    wanted = NexthopObject(id=id, group=group, group_stats=stats, hw_stats_enable=0, op_flags=op_flags, **values)
    assert read("nexthops", id=id) == wanted
    assert wanted.family == 0


@pytest.mark.parametrize("weight", [0, 65537, -1])
def test_weights_that_no_nexthop_can_have(weight: int) -> None:
    with pytest.raises(ValueError, match="weight: expected 1 to 65536"):
        NexthopObject(id=1, group=[{"id": 2, "weight": weight}])
    with pytest.raises(TypeError, match="weight: expected an integer"):
        NexthopObject(id=1, group=[{"id": 2, "weight": str(weight)}])


def test_a_bucket() -> None:
    assert read("buckets", index=3).replace(idle_time=7) == NexthopBucket(id=11, index=3, nh_id=1, idle_time=7)
    assert [parse(m.record, m.payload).index for m in objects("buckets")] == list(range(8))


def test_routes_through_nexthop_objects() -> None:
    hops = [Nexthop(hops=2, oif=3, gateway="192.0.2.3"), Nexthop(hops=4, oif=3, gateway="192.0.2.4")]
    assert read("routes-nexthop", dst="10.1.0.0/16") == ipv4("10.1.0.0/16", nh_id=10, multipath=hops)
    assert read("routes-nexthop", dst="10.2.0.0/16") == ipv4("10.2.0.0/16", nh_id=1, oif=3, gateway="192.0.2.3")


@pytest.mark.parametrize(
    "expected",
    [
        Address(prefixlen=24, flags=0x80, ifindex=3, address="192.0.2.1", local="192.0.2.1", label="v0:one"),
        Address(
            prefixlen=32,
            flags="PERMANENT",
            scope="LINK",
            ifindex=3,
            address="198.51.100.1",
            local="192.0.2.129",
            label="v0",
        ),
        Address(
            prefixlen=24,
            flags=c.AddressFlags.IFA_F_SECONDARY,
            ifindex=3,
            label="v0",
            address="192.0.2.130",
            local="192.0.2.130",
            broadcast="192.0.2.255",
        ),
        Address(prefixlen=128, flags=0x82, ifindex=3, address="2001:db8::12", local="2001:db8::11"),
        Address(prefixlen=64, flags=0x80 | 0x02 | 0x10 | 0x100 | 0x200, ifindex=3, address="2001:db8::13"),
        Address(
            prefixlen=128,
            flags="PERMANENT",
            scope="HOST",
            ifindex=1,
            address="::1",
            proto=c.AddressProtocol.IFAPROT_KERNEL_LO,
        ),
    ],
    ids=lambda address: f"{address.address} of {address.ifindex}",
)
def test_an_address(expected: Address) -> None:
    found = read("addresses", address=expected.address)
    life = (1800, 3600) if expected.own == "192.0.2.130" else (FOREVER, FOREVER)
    stamps = {name: getattr(found.cacheinfo, name) for name in ("cstamp", "tstamp")}
    assert found == expected.replace(cacheinfo=AddressCacheInfo(prefered=life[0], valid=life[1], **stamps))


@pytest.mark.parametrize(
    "expected",
    [
        Neighbour(ifindex=3, state="PERMANENT", type=1, dst="192.0.2.50", lladdr="02:00:00:00:00:50", probes=0),
        Neighbour(
            ifindex=3,
            state="STALE",
            flags="EXT_LEARNED",
            type=1,
            probes=0,
            dst="192.0.2.51",
            lladdr="02:00:00:00:00:51",
        ),
        Neighbour(
            ifindex=3,
            state="PERMANENT",
            type=1,
            probes=0,
            protocol="BIRD",
            dst="192.0.2.52",
            lladdr="02:00:00:00:00:52",
        ),
        Neighbour(
            ifindex=3,
            state="STALE",
            flags="ROUTER",
            type=1,
            probes=0,
            dst="2001:db8::50",
            lladdr="02:00:00:00:00:53",
        ),
        Neighbour(ifindex=3, flags=c.NeighbourFlags.NTF_PROXY, type=1, dst="192.0.2.60"),
        Neighbour(ifindex=3, flags=c.NeighbourFlags.NTF_PROXY, type=1, dst="2001:db8::60"),
    ],
    ids=lambda neighbour: neighbour.dst,
)
def test_a_neighbour(expected: Neighbour) -> None:
    found = read("neighbours", dst=expected.dst)
    assert (found.cacheinfo is None) == (expected.flags == c.NeighbourFlags.NTF_PROXY)
    assert found.replace(cacheinfo=None) == expected


@pytest.mark.parametrize(
    "expected",
    [
        Neighbour(
            ifindex=2,
            state=c.NeighbourState.NUD_NOARP,
            flags=c.NeighbourFlags.NTF_STICKY,
            lladdr="02:00:00:00:00:72",
            master=4,
            flags_ext=0,
        ),
        Neighbour(
            ifindex=6,
            state=0xC0,
            flags=c.NeighbourFlags.NTF_SELF,
            type=1,
            dst="192.0.2.70",
            lladdr="02:00:00:00:00:71",
            port=1234,
            vni=7,
            via_ifindex=3,
        ),
    ],
    ids=lambda neighbour: neighbour.lladdr,
)
def test_a_forwarding_entry(expected: Neighbour) -> None:
    found = read("fdb", lladdr=expected.lladdr)
    assert found.cacheinfo == NeighbourCacheInfo(confirmed=0, used=0, updated=0, refcnt=0)
    assert found.replace(cacheinfo=None) == expected.replace(family=7)


def test_an_error_with_extended_ack_names_the_nested_attribute() -> None:
    request, answer = messages("error")
    error = error_of(answer.data, 22, request.data, Route, "RTM_NEWROUTE")
    assert (error.errno, error.message, error.attribute) == (22, "Invalid attribute in metrics", "metrics.mtu")
    assert str(error).endswith("Invalid argument: Invalid attribute in metrics (attribute metrics.mtu)")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.attribute, copy.errno) == (str(error), error.attribute, 22)


def test_an_ack_carries_errno_0() -> None:
    request, answer = messages("ack")
    assert answer.type == 2
    assert answer.payload[:4] == bytes(4)
    assert answer.payload[4:20] == request.data[:16]


def to_the_kernel(message: Captured) -> bytes:
    """The payload as the kernel takes it: it wants NLA_F_NESTED with an NHA_ENCAP, which it sends without."""
    if message.record is not NexthopObject:
        return message.payload
    return message.payload.replace(struct.pack("=HH", 0x38, 8), struct.pack("=HH", 0x38, 0x8008))


@pytest.mark.parametrize("message", EVERYTHING, ids=label)
class TestEveryCapturedMessage:
    """What holds for each message that the kernel sent of an object."""

    def test_is_known_in_full(self, message: Captured) -> None:
        def walk(record: pynl.Record) -> None:
            assert record.unknown == (), type(record).__name__
            for name in type(record).FIELDS:
                value = getattr(record, name)
                for item in value if type(value) is tuple else (value,):
                    if isinstance(item, pynl.Record):
                        walk(item)

        walk(parse(message.record, message.payload))
        walk(Table.decode(message.record, message.data)[0])

    def test_becomes_the_same_bytes(self, message: Captured) -> None:
        assert encode(parse(message.record, message.payload)) == to_the_kernel(message)
        assert encode(Table.decode(message.record, message.data)[0]) == to_the_kernel(message)

    def test_is_the_same_record_by_table_and_by_parse(self, message: Captured) -> None:
        one, other = parse(message.record, message.payload), Table.decode(message.record, message.data)[0]
        assert one == other
        assert hash(one) == hash(other)
        assert repr(one) == repr(other)
        assert one.asdict() == other.asdict()
        assert tuple(one.order()) == tuple(other.order())

    def test_survives_pickling_and_remaking(self, message: Captured) -> None:
        record = Table.decode(message.record, message.data)[0]
        copy = pickle.loads(pickle.dumps(record))
        assert copy == record
        assert encode(copy) == to_the_kernel(message)
        assert record.replace() == record


def outcome(read: Any, data: bytes) -> tuple[list[Any], int | None]:
    """The records that come of bytes, and the offset of the DecodeError if there is one."""
    try:
        made = read(data)
    except pynl.DecodeError as error:
        return list(error.table), error.offset
    return [made] if isinstance(made, pynl.Record) else list(made), None


def digest(message: Captured, payload: bytes) -> None:
    """A record or DecodeError: never another exception, and the same whichever way it is read."""
    data = header(payload, message.type)
    one, one_fault = outcome(lambda data: parse(message.record, data), payload)
    other, other_fault = outcome(lambda data: Table.decode(message.record, data), data)
    for record in one + other:
        exercise(record)
    assert one == other
    assert (one_fault is None) == (other_fault is None) == (len(one) == 1)
    assert one_fault is None or 0 <= one_fault <= len(payload)
    assert other_fault is None or 0 <= other_fault <= len(data)


def shapes(messages: list[Captured]) -> list[Captured]:
    """One message for each set of attributes."""
    found: dict[object, Captured] = {}
    for message in messages:
        record = parse(message.record, message.payload)
        found.setdefault((message.type, tuple(record.order()), record.asdict().get("encap_type")), message)
    return list(found.values())


@pytest.mark.parametrize("message", shapes(EVERYTHING), ids=label)
def test_a_message_cut_short_is_a_record_or_decode_error(message: Captured) -> None:
    for length in range(len(message.payload)):
        damaged = message.payload[:length]
        digest(message, damaged)


@pytest.mark.parametrize("message", shapes(EVERYTHING), ids=label)
def test_bytes_cut_off_are_decode_error(message: Captured) -> None:
    data = message.data
    for length in range(1, len(data)):
        with pytest.raises(pynl.DecodeError) as caught:
            Table.decode(message.record, data[:length])
        assert caught.value.offset == 0


@pytest.mark.parametrize("message", shapes(EVERYTHING), ids=label)
def test_a_flipped_bit_is_a_record_or_decode_error(message: Captured) -> None:
    bits = 8 * len(message.payload)
    for bit in range(0, bits, 1 + bits // 300):
        damaged = bytearray(message.payload)
        damaged[bit // 8] ^= 1 << bit % 8
        digest(message, bytes(damaged))


def test_every_kind_of_object_is_among_the_captures() -> None:
    assert {message.type for message in EVERYTHING} == set(RECORDS)
    assert captured.names()


@pytest.mark.parametrize("pattern", ["e", "ea", "ae", "aaae", "eaf", "fea", "aef"])
@pytest.mark.parametrize(("type", "record", "empty"), [(5, Route, "0x"), (2, Neighbour, "")])
def test_addresses_of_no_bytes(pattern: str, type: int, record: type[pynl.Record], empty: str) -> None:
    """One by one, in bulk and in other libraries' hands they are the same, and none is another thing."""
    payloads = {"e": captured.attribute(type, b""), "a": b"", "f": captured.attribute(type, bytes([192, 0, 2, 1]))}
    made = [bytes(record.HEADER) + payloads[letter] for letter in (pattern * 300)[:300]]
    table = Table.decode(record, b"".join(map(header, made)))
    field = record.ATTRIBUTES[type].name
    shown = {"e": empty, "a": None, "f": "192.0.2.1" if record is Route else "c0:00:02:01"}
    expected = [shown[letter] for letter in (pattern * 300)[:300]]
    assert [getattr(parse(record, data), field) for data in made] == expected
    assert [getattr(item, field) for item in list(table)] == expected
    assert [getattr(table[row], field) for row in range(300)] == expected
    assert table.values(field) == expected
    assert [getattr(item, field) for item in table[1:3]] == expected[1:3]
    arrow = pytest.importorskip("pyarrow")
    assert arrow.table(table)[field].to_pylist() == expected
