"""The pynl command."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from conftest import Namespace

from pynl.rtnl.constants import RouteType


@pytest.fixture(scope="module")
def host(shared_netns: Namespace) -> Namespace:
    shared_netns.ip("link add eth0 type veth peer name far")
    for line in ("link set eth0 up", "link set far up", "addr add 192.0.2.2/24 dev eth0"):
        shared_netns.ip(line)
    shared_netns.ip("addr add 2001:db8::2/64 dev eth0 nodad")
    shared_netns.ip("route add default via 192.0.2.1")
    shared_netns.ip("neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev eth0")
    shared_netns.settle()
    return shared_netns


def pynl(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pynl.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)


def found(*words: str) -> Any:
    return json.loads(pynl("-j", *words).stdout)


def test_without_a_command_it_shows_all(host: Namespace) -> None:
    shown = pynl("-n", host.name).stdout
    for title in ("link (", "addr (", "route (", "neigh ("):
        assert title in shown
    for value in ("eth0", "192.0.2.2/24", "2001:db8::2/64", "02:00:00:00:00:01", "default"):
        assert value in shown


def test_json_has_what_ip_has(host: Namespace) -> None:
    assert [link["ifname"] for link in found("-n", host.name, "link")] == [
        link["ifname"] for link in host.ip_json("link")
    ]
    addresses = [a["local"] for link in host.ip_json("addr") for a in link["addr_info"]]
    assert sorted(a.get("local", a["address"]) for a in found("-n", host.name, "addr")) == sorted(addresses)
    assert len(found("-n", host.name, "route")) == len(host.ip_json("route show table all"))
    (neighbour,) = found("-n", host.name, "neigh", "state=PERMANENT")
    assert (neighbour["dst"], neighbour["lladdr"]) == ("192.0.2.1", "02:00:00:00:00:01")
    assert neighbour["state"] == ["NUD_PERMANENT"]


def test_rules(host: Namespace) -> None:
    host.ip("rule add from 203.0.113.0/24 fwmark 0x10/0xff iif eth0 blackhole priority 7 protocol static")
    host.ip("rule add from 203.0.113.0/24 priority 8 goto 32766")
    shown = [line.split() for line in pynl("-n", host.name, "rule", "family=2").stdout.splitlines()]
    assert ["0", "inet", "all", "all", "to_tbl", "255", "kernel"] in shown
    assert ["7", "inet", "203.0.113.0/24", "all", "eth0", "0x10/0xff", "blackhole", "static"] in shown
    assert ["8", "inet", "203.0.113.0/24", "all", "goto", "32766", "unspec"] in shown
    (rule,) = found("-n", host.name, "rule", "action=blackhole")
    assert (rule["priority"], rule["iifname"], rule["fwmask"]) == (7, "eth0", 255)


def test_nexthops(host: Namespace) -> None:
    host.batch(
        "nexthop add id 1 via 192.0.2.9 dev eth0 onlink protocol static\n"
        "nexthop add id 2 via 192.0.2.8 fdb\n"
        "nexthop add id 3 blackhole\n"
        "nexthop add id 4 dev eth0 encap ip id 5 dst 10.9.9.9\n"
        "nexthop add id 5 group 1,3/4 type resilient buckets 8"
    )
    shown = [line.split() for line in pynl("-n", host.name, "nexthop").stdout.splitlines()]
    assert ["1", "inet", "192.0.2.9", "eth0", "static", "link", "onlink"] in shown
    assert ["2", "inet", "192.0.2.8", "unspec", "link", "fdb"] in shown
    assert ["3", "inet", "blackhole", "unspec", "universe"] in shown
    assert ["4", "inet", "eth0", "ip", "unspec", "host"] in shown
    assert ["5", "res", "1*3", "4*1", "unspec", "universe"] in shown
    (group,) = found("-n", host.name, "nexthop", "groups=1")
    assert group["group"] == [{"id": 1, "weight": 3}, {"id": 4, "weight": 1}]
    assert [item["id"] for item in found("-n", host.name, "nexthop", "fdb=true")] == [2]


def test_all_in_one_json(host: Namespace) -> None:
    assert sorted(found("-n", host.name)) == ["addr", "link", "neigh", "route"]


@pytest.mark.parametrize(("option", "family"), [("-4", "AF_INET"), ("-6", "AF_INET6")])
def test_families(host: Namespace, option: str, family: str) -> None:
    for command in ("addr", "route", "rule"):
        assert {item["family"] for item in found("-n", host.name, option, command)} == {family}


def test_filters(host: Namespace) -> None:
    routes = found("-n", host.name, "route", "table=254", "family=2", "type=unicast")
    assert [route.get("dst") for route in routes] == [None, "192.0.2.0/24"]
    assert {route["type"] for route in routes} == {RouteType.RTN_UNICAST.name}
    assert [link["ifname"] for link in found("-n", host.name, "link", "ifname=eth0")] == ["eth0"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("route", "tabel=1"), 2, "Route has no field 'tabel'; did you mean 'table'?"),
        (("route", "table"), 2, "expected FIELD=VALUE, not 'table'"),
        (("route", "oif=nothing"), 1, "no device 'nothing'"),
        (("route", "type=strange"), 2, "type: "),
        (("-n", "no-such-namespace", "link"), 1, "No such file or directory: '/run/netns/no-such-namespace'"),
        (("nexthop", "blackhole=2"), 2, "blackhole: expected True"),
        (("nonsense",), 2, "invalid choice: 'nonsense'"),
    ],
    ids=str,
)
def test_errors_say_what_was_wrong(words: tuple[str, ...], status: int, said: str) -> None:
    done = pynl(*words, check=False)
    assert done.returncode == status
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reader_that_goes_away_is_no_error(host: Namespace) -> None:
    command = f"{sys.executable} -m pynl.cli -n {host.name} route | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stderr == ""
