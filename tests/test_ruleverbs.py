"""Rules and nexthop objects: made, replaced and removed, read back with ip."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Namespace

import pynl


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    netns.ip("link add v0 type veth peer name v1")
    for line in (
        "link set v0 up",
        "link set v1 up",
        "addr add 192.0.2.1/24 dev v0",
        "addr add 2001:db8::9/64 dev v0 nodad",
    ):
        netns.ip(line)
    with netns.netlink() as nl:
        yield nl


def told(found: list[dict[str, Any]], **wanted: Any) -> bool:
    return any(all(item.get(name) == value for name, value in wanted.items()) for item in found)


class TestRules:
    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ({"src": "198.51.100.0/24", "table": 100}, {"src": "198.51.100.0", "srclen": 24, "table": "100"}),
            ({"fwmark": 7, "fwmask": 15, "table": 70000}, {"fwmark": "0x7", "fwmask": "0xf", "table": "70000"}),
            ({"iifname": "v0"}, {"iif": "v0", "table": "main"}),
            ({"goto": 5000}, {"goto": 5000}),
            ({"action": "blackhole", "dst": "203.0.113.0/24"}, {"action": "blackhole", "dst": "203.0.113.0"}),
            ({"ip_proto": 6, "dport_range": {"start": 80, "end": 90}}, {"ipproto": "tcp", "dport_start": 80}),
            ({"uid_range": {"start": 1, "end": 9}}, {"uid_start": 1, "uid_end": 9}),
            ({"src": "2001:db8::/32", "suppress_prefixlen": 0}, {"src": "2001:db8::", "suppress_prefixlen": 0}),
        ],
        ids=str,
    )
    def test_of_every_kind(
        self, netns: Namespace, nl: pynl.Netlink, values: dict[str, Any], shown: dict[str, Any]
    ) -> None:
        nl.rules.add(priority=1000, **values)
        line = "-6 rule" if ":" in values.get("src", "") else "rule"
        assert told(netns.ip_json(line), priority=1000, **shown)
        rule = nl.rules.get(1000)
        nl.rules.delete(rule)
        assert not told(netns.ip_json(line), priority=1000)
        nl.rules.add(rule)  # as it was read
        assert nl.rules.get(1000) == rule

    def test_twice_is_eexist_and_gone_is_enoent(self, nl: pynl.Netlink) -> None:
        nl.rules.add(priority=7, table=100)
        with pytest.raises(pynl.NetlinkError) as caught:
            nl.rules.add(priority=7, table=100)
        assert caught.value.errno == errno.EEXIST
        nl.rules.delete(priority=7)
        with pytest.raises(pynl.NetlinkError) as caught:
            nl.rules.delete(priority=7)
        assert caught.value.errno == errno.ENOENT

    def test_many_and_flushed(self, netns: Namespace, nl: pynl.Netlink) -> None:
        report = nl.rules.add_many([{"priority": 100 + n, "table": 100 + n} for n in range(200)])
        assert report.ok
        assert len([rule for rule in netns.ip_json("rule") if 100 <= rule["priority"] < 300]) == 200
        assert nl.rules.flush(table=150).done == 1
        assert len(nl.rules.dump(family=2)) == 199 + 3


class TestNexthops:
    def test_single_group_and_blackhole(self, netns: Namespace, nl: pynl.Netlink) -> None:
        nl.nexthops.add(id=1, gateway="192.0.2.2", oif="v0")
        nl.nexthops.add(id=2, gateway="192.0.2.3", oif="v0")
        nl.nexthops.add(id=3, group=[{"id": 1, "weight": 3}, {"id": 2}])
        nl.nexthops.add(id=4, blackhole=True)
        shown = netns.ip_json("nexthop")
        assert told(shown, id=1, gateway="192.0.2.2", dev="v0")
        assert told(shown, id=3, group=[{"id": 1, "weight": 3}, {"id": 2}])
        assert told(shown, id=4, blackhole=None)
        nl.routes.add(dst="198.51.100.0/24", nh_id=3)
        assert told(netns.ip_json("route"), dst="198.51.100.0/24", nhid=3)

    def test_replaced_deleted_and_missing(self, netns: Namespace, nl: pynl.Netlink) -> None:
        nl.nexthops.add(id=1, gateway="192.0.2.2", oif="v0")
        with pytest.raises(pynl.NetlinkError) as caught:
            nl.nexthops.add(id=1, gateway="192.0.2.9", oif="v0")
        assert caught.value.errno == errno.EEXIST
        nl.nexthops.replace(id=1, gateway="192.0.2.9", oif="v0")
        assert told(netns.ip_json("nexthop"), id=1, gateway="192.0.2.9")
        nl.nexthops.delete(id=1)
        assert not netns.ip_json("nexthop")
        with pytest.raises(pynl.NetlinkError) as caught:
            nl.nexthops.delete(id=1)
        assert caught.value.errno == errno.ENOENT

    def test_what_was_read_is_made_again(self, nl: pynl.Netlink) -> None:
        nl.nexthops.add(id=1, gateway="192.0.2.2", oif="v0")
        nl.nexthops.add(id=2, gateway="2001:db8::1", oif="v0")
        resilient = {"buckets": 8, "idle_timer": 100}
        nl.nexthops.add(id=3, group=[{"id": 1}], group_type="res", res_group=resilient)
        before = list(nl.nexthops.dump())
        assert nl.nexthops.flush().done == 3
        assert nl.nexthops.restore(before).ok
        after = list(nl.nexthops.dump())
        assert [one.replace(res_group=None) for one in after] == [one.replace(res_group=None) for one in before]
        assert len(nl.nexthops.buckets(id=3)) == 8
