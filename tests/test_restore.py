"""What was read makes the same again elsewhere, also by way of a file; and only what differs is changed."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Namespace, _make, _remove
from test_bulk import there, wanted

import pynl
from pynl import Route, Table

SETUP = """
link add v0 address 02:00:00:00:00:a0 type veth peer name v1 address 02:00:00:00:00:a1
link set v0 up
link set v1 up
"""
ADDRESSES = """
addr add 192.0.2.1/24 brd + dev v0
addr add 192.0.2.2/24 dev v0 label v0:x
addr add 10.9.0.1 peer 10.9.0.2/32 dev v0
addr add 10.11.0.1/24 metric 77 scope link dev v1 noprefixroute
addr add 2001:db8::1/64 dev v0 nodad
addr add 2001:db8:9::1 peer 2001:db8:9::2/128 dev v0 nodad
"""
ROUTES = """
route add default via 198.51.100.9 table 42 onlink dev v0
route add 203.0.113.0/24 dev v0
route add default via 203.0.113.1
route add 198.51.100.0/24 via 192.0.2.254 dev v0 src 192.0.2.1 proto bird metric 20 realm 7
route add 198.51.102.0/24 via 192.0.2.254 mtu lock 1300 advmss 1200 initcwnd 20 congctl reno
route add blackhole 198.51.103.0/24
route add 198.51.108.0/24 via inet6 2001:db8::9 dev v0
route add 198.51.109.0/24 nexthop via 192.0.2.10 weight 3 nexthop via inet6 2001:db8::7 dev v0
route add 198.51.115.0/24 encap ip id 7 dst 192.0.2.99 ttl 8 dev v0 table 70000
route add 198.51.116.0/24 encap seg6 mode encap segs 2001:db8::a,2001:db8::b dev v0
route add default via 2001:db8::fe dev v0 pref high
route add 2001:db8:101::/48 nexthop via 2001:db8::10 weight 4 nexthop via 2001:db8::11 dev v0
route add 2001:db8:104::/48 encap seg6local action End.X nh6 2001:db8::5 dev v0
route add 2001:db8:112::/48 from 2001:db8:113::/64 via 2001:db8::fe dev v0
"""
NEIGHBOURS = """
neigh add 192.0.2.50 lladdr 02:00:00:00:00:50 dev v0 nud permanent
neigh add 192.0.2.51 lladdr 02:00:00:00:00:51 dev v0 nud stale extern_learn
neigh add 2001:db8::50 lladdr 02:00:00:00:00:53 dev v0 nud noarp router
"""


@pytest.fixture
def source(netns: Namespace) -> Iterator[pynl.Netlink]:
    netns.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", check=False)
    for lines in (SETUP, ADDRESSES, ROUTES, NEIGHBOURS):
        netns.batch(lines)
    netns.settle()
    with netns.netlink() as nl:
        yield nl


@pytest.fixture
def empty(source: pynl.Netlink) -> Iterator[Namespace]:
    """A namespace that has the same links, and nothing else."""
    made = _make()
    try:
        made.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0", check=False)
        made.batch("link set lo up" + SETUP)
        made.settle()
        yield made
    finally:
        _remove(made)


def by_table(table: Table[Any]) -> Any:
    return table


def by_pickle(table: Table[Any]) -> Any:
    import pickle

    return pickle.loads(pickle.dumps(table))


def by_records(table: Table[Any]) -> Any:
    return list(table)


def by_json(table: Table[Any]) -> Any:
    out = io.StringIO()
    table.write_json(out)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def by_parquet(table: Table[Any]) -> Any:
    parquet = pytest.importorskip("pyarrow.parquet")
    out = io.BytesIO()
    table.write_parquet(out)
    return parquet.read_table(io.BytesIO(out.getvalue()))


WAYS = [by_table, by_pickle, by_records, by_json, by_parquet]


def stable(objects: Any, *volatile: str) -> list[Any]:
    """Without what is of the moment, in an order: the kernel tells the newest first, of some."""
    return sorted((record.replace(**dict.fromkeys(volatile)) for record in objects), key=repr)


@pytest.mark.parametrize("way", WAYS)
def test_a_namespace_restored(source: pynl.Netlink, empty: Namespace, way: Callable[[Table[Any]], Any]) -> None:
    addresses, routes = source.addresses.dump(), source.routes.dump()
    neighbours = source.neighbours.dump()[:]
    with empty.netlink() as nl:
        for service, table in ((nl.addresses, addresses), (nl.routes, routes), (nl.neighbours, neighbours)):
            report = service.restore(way(table))
            assert report.failures == []
            assert report.ok
            assert report.total == len(table)
        assert stable(nl.addresses.dump(), "cacheinfo") == stable(addresses, "cacheinfo")
        assert stable(nl.routes.dump(), "cacheinfo") == stable(routes, "cacheinfo")
        assert stable(nl.neighbours.dump(), "cacheinfo", "probes") == stable(neighbours, "cacheinfo", "probes")


def by_mixed_records(table: Table[Any]) -> Any:
    return [*table, {"dst": "10.255.0.0/16", "oif": "lo", "table": 7}]


NEXTHOPS = """
nexthop add id 1 via 192.0.2.9 dev v0
nexthop add id 2 via 192.0.2.8 dev v0 onlink
nexthop add id 3 via 2001:db8::9 dev v0
nexthop add id 4 blackhole
nexthop add id 5 encap seg6 mode encap segs 2001:db8::a via 192.0.2.7 dev v0
nexthop add id 6 via inet6 2001:db8::9 dev v0
nexthop add id 10 group 1,2
"""
BY_NEXTHOP = """
route add 10.1.0.0/16 nhid 1 table 50
route add 10.2.0.0/16 nhid 2 table 50 metric 5 mtu 1400
route add 10.3.0.0/16 nhid 10 table 50
route add 10.4.0.0/16 nhid 4 table 50
route add 10.5.0.0/16 nhid 5 table 50
route add 10.6.0.0/16 nhid 6 table 50
route add 10.7.0.0/16 via 192.0.2.9 table 50
route add 10.8.0.0/16 table 50 nexthop via 192.0.2.9 nexthop via 192.0.2.8
route add 2001:db8:1::/48 nhid 3 table 50
"""


@pytest.mark.parametrize("way", [*WAYS, by_mixed_records])
def test_routes_by_nexthop_objects(source: pynl.Netlink, netns: Namespace, way: Callable[[Table[Any]], Any]) -> None:
    netns.batch(NEXTHOPS + BY_NEXTHOP)
    routes = source.routes.dump(table=50)
    assert len(routes) == 9
    saved = way(routes)
    assert source.routes.sync(routes, table=50, dry_run=True).same == 9
    report = source.routes.flush(table=50)
    assert (report.done, report.failures, len(source.routes.dump(table=50))) == (9, [], 0)
    report = source.routes.restore(saved)
    assert report.failures == []
    assert stable(source.routes.dump(table=50), "cacheinfo") == stable(routes, "cacheinfo")
    report = source.routes.replace_many(routes, on_error="continue")
    assert report.failures == []
    (gone,) = source.routes.sync([], table=50).reports
    assert (gone.done, gone.failures) == (9, [])
    for route in routes:
        source.routes.add(route)
        source.routes.delete(route)
    assert len(source.routes.dump(table=50)) == 0


def test_routes_by_nexthop_objects_are_put_back(source: pynl.Netlink, netns: Namespace) -> None:
    netns.batch(NEXTHOPS + BY_NEXTHOP)
    routes = source.routes.dump(table=50)[:]
    refused = Route(dst="10.99.0.0/16", nh_id=99, table=50)
    report = source.routes.delete_many([*routes, refused], on_error="rollback")
    assert (report.kept, report.undone) == ([], len(routes))
    plain = [{"dst": route.dst, "oif": "v1", "table": 50, "priority": route.priority} for route in routes[:4]]
    report = source.routes.replace_many([*plain, refused.replace(oif=99)], on_error="rollback")
    assert (report.kept, report.undone) == ([], 4)
    assert stable(source.routes.dump(table=50), "cacheinfo") == stable(routes, "cacheinfo")


def test_a_nexthop_object_instead_of_a_gateway(source: pynl.Netlink, netns: Namespace) -> None:
    netns.batch(NEXTHOPS + BY_NEXTHOP)
    (route,) = source.routes.dump(table=50, dst="10.7.0.0/16")
    source.routes.replace(route, nh_id=1)
    (route,) = source.routes.dump(table=50, dst="10.7.0.0/16")
    assert (route.nh_id, route.gateway) == (1, "192.0.2.9")
    source.routes.replace(route, nh_id=None)
    (route,) = source.routes.dump(table=50, dst="10.7.0.0/16")
    assert (route.nh_id, route.gateway) == (None, "192.0.2.9")
    with pytest.raises(pynl.NetlinkError, match="mutually exclusive"):
        source.routes.add(dst="10.9.0.0/16", nh_id=1, gateway="192.0.2.9")


def test_a_session_restores_a_table_of_any_kind(source: pynl.Netlink, empty: Namespace) -> None:
    with empty.netlink() as nl:
        assert nl.restore(source.addresses.dump()).ok
        assert nl.restore(source.routes.dump()).ok
        with pytest.raises(TypeError, match="expected a table of records that can be written, not of Nexthop"):
            nl.restore(Table.decode(pynl.Nexthop, b""))


def test_what_cannot_be_restored_is_told(source: pynl.Netlink, empty: Namespace) -> None:
    """Without the addresses their gateways are out of reach."""
    with empty.netlink() as nl:
        routes = source.routes.dump(family=socket.AF_INET, table=254)
        report = nl.routes.restore(routes)
        assert report.done + len(report.failures) == len(routes)
        assert {failure.error.errno for failure in report.failures} <= {22, 101, 113}
        for failure in report.failures:
            assert failure.request.dst == routes[failure.index].dst
        assert any(failure.request.dst == "198.51.102.0/24" for failure in report.failures)


#: Two that need the third, which comes last; and one that nothing helps.
LATER = [
    {"dst": "198.51.150.0/24", "gateway": "198.18.5.20", "table": 254},
    {"dst": "198.51.151.0/24", "gateway": "198.18.5.21", "table": 254},
    {"dst": "198.51.152.0/24", "gateway": "233.252.0.1", "table": 254},
    {"dst": "198.18.5.0/26", "oif": "v0", "scope": "link", "table": 254},
]


def rounds(
    nl: pynl.Netlink, monkeypatch: pytest.MonkeyPatch, second: Callable[[Callable[..., Any], Any], Any]
) -> list[Any]:
    """What each round of the restoring is given; the second is made by ``second``."""
    made: list[Any] = []
    whole = nl.routes._many

    def many(verb: str, objects: Any, *rest: Any) -> Any:
        made.append(objects)
        return second(lambda some: whole(verb, some, *rest), objects) if len(made) == 2 else whole(verb, objects, *rest)

    monkeypatch.setattr(nl.routes, "_many", many)
    return made


def test_what_needs_another_is_tried_again(source: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
    made = rounds(source, monkeypatch, lambda send, objects: send(objects))
    report = source.routes.restore(LATER)
    assert (report.total, report.done, report.unsent, report.unknown) == (4, 3, 0, [])
    assert [(f.index, f.request.dst) for f in report.failures] == [(2, "198.51.152.0/24")]
    assert [len(objects) for objects in made[1:]] == [3, 1]
    assert 0 < report.duration < 5


def test_what_a_later_round_does_not_know(source: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
    def second(send: Callable[..., Any], objects: Any) -> Any:
        report = send(objects[1:])
        return pynl.Report(
            total=3, done=1, unknown=[0], failures=[pynl.Failure(2, objects[2], report.failures[0].error)]
        )

    rounds(source, monkeypatch, second)
    report = source.routes.restore(LATER)
    assert (report.total, report.done, report.unsent, report.unknown) == (4, 2, 0, [0])
    assert [f.index for f in report.failures] == [2]


def test_ctrl_c_in_a_later_round(source: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is of all rounds, and of what was not sent again it has what was said of it before."""

    def second(send: Callable[..., Any], objects: Any) -> Any:
        assert send(objects[:1]).ok
        raise pynl.BulkInterrupted(pynl.Report(total=3, done=1, unsent=2))

    rounds(source, monkeypatch, second)
    with pytest.raises(pynl.BulkInterrupted, match="after 2 of 4") as caught:
        source.routes.restore(LATER)
    report = caught.value.report
    assert (report.total, report.done, report.unsent) == (4, 2, 0)
    assert [f.index for f in report.failures] == [1, 2]
    assert {r.dst for r in source.routes.dump()} >= {"198.51.150.0/24", "198.18.5.0/26"}


def test_ctrl_c_in_the_first_round(source: pynl.Netlink, monkeypatch: pytest.MonkeyPatch) -> None:
    def many(*arguments: Any) -> Any:
        error = source.routes.delete_many([{"dst": "198.51.153.0/24"}]).failures[0]
        raise pynl.BulkInterrupted(pynl.Report(total=4, done=1, unsent=2, failures=[error]))

    monkeypatch.setattr(source.routes, "_many", many, raising=True)
    whole = type(source.routes)._many
    monkeypatch.setattr(source.routes, "delete_many", lambda o: whole(source.routes, "delete", o, "continue", None))
    with pytest.raises(pynl.BulkInterrupted) as caught:
        source.routes.restore(LATER)
    report = caught.value.report
    assert (report.total, report.done, report.unsent, [f.index for f in report.failures]) == (4, 1, 2, [0])


def test_json_of_an_unknown_field_is_refused(source: pynl.Netlink) -> None:
    with pytest.raises(TypeError, match="Route has no field 'gatway'; did you mean 'gateway'"):
        source.routes.restore([{"gatway": "192.0.2.9"}])


# ---- differences


def test_sync_changes_only_what_differs(source: pynl.Netlink, netns: Namespace) -> None:
    nl = source
    nl.routes.add_many(wanted(100, protocol="bgp"))
    nl.routes.add(dst="10.99.0.0/16", oif="v0", table=100, protocol="static")
    rows = wanted(100)
    for row in rows:
        del row["table"]
    rows[3] = {**rows[3], "metrics": {"mtu": 1400}}
    rows[4] = {**rows[4], "priority": 4000}
    new = [{"dst": "10.50.0.0/16", "oif": "v0", "priority": 7}, {"dst": "10.51.0.0/16", "gateway": "192.0.2.9"}]
    kept = [row for number, row in enumerate(rows) if number != 9]

    dry = nl.routes.sync([*kept, *new], dry_run=True, table=100, protocol="bgp")
    assert dry.reports == []
    assert len(nl.routes.dump(table=100)) == 101
    found = nl.routes.sync([*kept, *new], table=100, protocol="bgp")
    for difference in (dry, found):
        assert sorted(r.dst for r in difference.added) == ["10.0.4.0/24", "10.50.0.0/16", "10.51.0.0/16"]
        assert [r.dst for r in difference.replaced] == ["10.0.3.0/24"]
        assert sorted(r.dst for r in difference.deleted) == ["10.0.4.0/24", "10.0.9.0/24"]
        assert difference.same == 97
    assert [(report.total, report.ok) for report in found.reports] == [(2, True), (1, True), (3, True)]
    told = dict(there(netns))
    assert len(told) == 102
    assert (told["10.0.4.0/24"], told["10.50.0.0/16"]) == (4000, 7)
    assert told["10.99.0.0/16"] == 0  # another protocol's
    again = nl.routes.sync([*kept, *new], table=100, protocol="bgp")
    assert (list(again.added), list(again.replaced), list(again.deleted)) == ([], [], [])
    assert (again.same, again.reports) == (101, [])
    assert nl.routes.sync([], table=100, protocol="bgp").reports[0].done == 101
    assert [r["dst"] for r in netns.ip_json("route show table 100")][-1] == "10.99.0.0/16"


def test_sync_of_what_was_read_is_nothing(source: pynl.Netlink) -> None:
    for service in (source.routes, source.addresses):
        table = service.dump()
        found = service.sync(table)
        assert (found.same, found.reports) == (len(table), [])
        found = service.sync(list(table))
        assert (found.same, found.reports) == (len(table), [])


def test_sync_of_columns_and_records(source: pynl.Netlink) -> None:
    nl = source
    columns = {"dst": [f"10.{n}.0.0/16" for n in range(50)], "oif": "v0"}
    assert len(nl.routes.sync(columns, table=100).added) == 50
    assert nl.routes.sync(columns, table=100).same == 50
    records = [Route(dst=r.dst, oif=r.oif, table=100, protocol=3, scope=253, type=1) for r in nl.routes.dump(table=100)]
    assert nl.routes.sync(records[:49], table=100).deleted[0].dst == records[49].dst
    assert nl.routes.sync(iter(records), table=100).added[0].dst == records[49].dst
    with pytest.raises(TypeError, match="did you mean 'gateway'"):
        nl.routes.sync([{"gatway": "192.0.2.9"}], table=100)


def test_sync_of_next_hops_by_what_is_told_of_them(source: pynl.Netlink) -> None:
    """The kernel fills in the devices; weights, gateways and flags that differ are differences."""
    nl = source
    hops = [{"gateway": "192.0.2.10", "weight": 3}, {"gateway": "192.0.2.11"}]
    hops6 = [{"gateway": "2001:db8::10", "weight": 2}, {"gateway": "2001:db8::11"}]
    rows = [
        {"dst": "10.1.0.0/16", "multipath": hops},
        {"dst": "10.2.0.0/16", "multipath": [{**hop, "oif": "v0", "flags": "onlink"} for hop in hops]},
        {"dst": "2001:db8:200::/48", "multipath": hops6},
    ]
    assert len(nl.routes.sync(rows, table=100).added) == 3
    told = [hop.oif for route in nl.routes.dump(table=100) for hop in route.multipath or ()]
    assert told
    assert 0 not in told
    again = nl.routes.sync(rows, table=100)
    assert (again.same, again.reports) == (3, [])
    for change in ({"weight": 4}, {"gateway": "192.0.2.12"}, {"oif": "v1"}, {"flags": "onlink", "oif": "v0"}):
        rows[0] = {"dst": "10.1.0.0/16", "multipath": [{**hops[0], **change}, hops[1]]}
        assert [r.dst for r in nl.routes.sync(rows, table=100, dry_run=True).replaced] == ["10.1.0.0/16"]
    rows[0] = {"dst": "10.1.0.0/16", "multipath": hops[:1]}
    assert len(nl.routes.sync(rows, table=100, dry_run=True).replaced) == 1


def test_sync_of_addresses_and_neighbours(source: pynl.Netlink, netns: Namespace) -> None:
    nl = source
    wanted = [{"local": f"198.51.100.{n}/32", "ifindex": "v1"} for n in range(1, 6)]
    found = nl.addresses.sync(wanted, family=socket.AF_INET, ifindex="v1")
    assert (len(found.added), len(found.deleted)) == (5, 1)
    assert nl.addresses.sync(wanted, family=socket.AF_INET, ifindex="v1").reports == []
    shown = netns.ip_json("-4 addr show dev v1")[0]["addr_info"]
    assert [a["local"] for a in shown] == [f"198.51.100.{n}" for n in range(1, 6)]
    entries = [{"dst": f"192.0.2.{n}", "lladdr": f"02:00:00:00:00:{n:02x}"} for n in range(60, 65)]
    found = nl.neighbours.sync(entries, family=socket.AF_INET, ifindex="v0")
    assert (len(found.added), len(found.deleted)) == (5, 2)
    assert nl.neighbours.sync(entries, family=socket.AF_INET, ifindex="v0").reports == []
