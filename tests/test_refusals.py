"""What is refused: by the kernel with its own words, or before anything was sent."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl import Route


@pytest.fixture
def nl(netns: Namespace) -> Iterator[pynl.Netlink]:
    netns.batch("link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\naddr add 192.0.2.1/24 dev v0")
    with netns.netlink() as nl:
        yield nl


Call = Callable[[pynl.Netlink], Any]
ENTRY = {"dst": "192.0.2.50", "ifindex": "v0", "lladdr": "02:00:00:00:00:50"}

REFUSED: dict[str, tuple[Call, int, str]] = {
    "a route that is there": (
        lambda nl: nl.routes.add(dst="192.0.2.0/24", oif="v0", protocol="kernel", prefsrc="192.0.2.1"),
        errno.EEXIST,
        "RTM_NEWROUTE",
    ),
    "an address that is there": (
        lambda nl: nl.addresses.add(local="192.0.2.1/24", ifindex="v0"),
        errno.EEXIST,
        "RTM_NEWADDR",
    ),
    "a link that is there": (lambda nl: nl.links.add(ifname="v0", kind="bridge"), errno.EEXIST, "RTM_NEWLINK"),
    "a device that is not": (lambda nl: nl.routes.add(dst="10.0.0.0/8", oif=999), errno.ENODEV, "RTM_NEWROUTE"),
    "a link that is not": (lambda nl: nl.links.delete("none"), errno.ENODEV, "RTM_DELLINK"),
    "a link to set that is not": (lambda nl: nl.links.set(999, mtu=1400), errno.ENODEV, "RTM_NEWLINK"),
    "a name that is none": (lambda nl: nl.routes.add(dst="10.0.0.0/8", oif="none"), errno.ENODEV, "RTM_GETLINK"),
    "a route to delete that is not": (lambda nl: nl.routes.delete(dst="10.0.0.0/8"), errno.ESRCH, "RTM_DELROUTE"),
    "a route to change that is not": (
        lambda nl: nl.routes.change(dst="10.0.0.0/8", oif="v0"),
        errno.ENOENT,
        "RTM_NEWROUTE",
    ),
    "an address to delete that is not": (
        lambda nl: nl.addresses.delete(local="10.0.0.1/8", ifindex="v0"),
        errno.EADDRNOTAVAIL,
        "RTM_DELADDR",
    ),
    "a neighbour to delete that is not": (
        lambda nl: nl.neighbours.delete(dst="192.0.2.9", ifindex="v0"),
        errno.ENOENT,
        "RTM_DELNEIGH",
    ),
    "a neighbour to change that is not": (
        lambda nl: nl.neighbours.change(**ENTRY),
        errno.ENOENT,
        "RTM_NEWNEIGH",
    ),
    "a kind that is none": (lambda nl: nl.links.add(ifname="x", kind="nonesuch"), errno.EOPNOTSUPP, "RTM_NEWLINK"),
    "a gateway out of reach": (
        lambda nl: nl.routes.add(dst="10.0.0.0/8", gateway="203.0.113.1"),
        errno.ENETUNREACH,
        "RTM_NEWROUTE",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_kernel_refuses(nl: pynl.Netlink, case: str) -> None:
    call, number, request = REFUSED[case]
    with pytest.raises(pynl.NetlinkError) as caught:
        call(nl)
    assert (caught.value.errno, caught.value.request) == (number, request)


def test_a_neighbour_that_is_there(nl: pynl.Netlink) -> None:
    nl.neighbours.add(**ENTRY)
    with pytest.raises(pynl.NetlinkError) as caught:
        nl.neighbours.add(**ENTRY)
    assert caught.value.errno == errno.EEXIST


@pytest.mark.parametrize(
    ("call", "number", "message", "attribute"),
    [
        (
            lambda nl: nl.routes.add(dst="10.0.0.1/8", oif="v0"),
            errno.EINVAL,
            "Invalid prefix for given prefix length",
            None,
        ),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", gateway="203.0.113.1"),
            errno.ENETUNREACH,
            "Nexthop has invalid gateway",
            None,
        ),
        (lambda nl: nl.links.set("v0", mtu=20), errno.EINVAL, "mtu less than device minimum", None),
        (
            lambda nl: nl.links.add(ifname="vx0", kind="vxlan", id=1 << 25),
            errno.ERANGE,
            None,
            "linkinfo.data.id",
        ),
        (
            lambda nl: nl.links.add(ifname="vx0", kind="vxlan", id=1, port=4789, mtu=20),
            errno.EINVAL,
            "MTU must be between 68 and 65535",
            "mtu",
        ),
        (
            lambda nl: nl.links.add(ifname="vx0", kind="vxlan", id=1, address="02:00"),
            errno.EINVAL,
            "Provided link layer address is not Ethernet",
            "address",
        ),
        (
            lambda nl: nl.addresses.add(local="10.0.0.1/24", ifindex="v0", cacheinfo={"valid": 1, "prefered": 2}),
            errno.EINVAL,
            "address lifetime invalid",
            None,
        ),
        (lambda nl: nl.addresses.add(local="10.0.0.1/33", ifindex="v0"), errno.EINVAL, None, None),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", oif="v0", metrics={"cc_algo": "nonesuch"}),
            errno.EINVAL,
            "Unknown tcp congestion algorithm",
            None,
        ),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", encap_type=99, encap={}, oif="v0"),
            errno.EINVAL,
            "Unknown lwt encapsulation type",
            None,
        ),
    ],
)
def test_the_kernels_words_and_the_attribute(
    nl: pynl.Netlink, call: Call, number: int, message: str | None, attribute: str | None
) -> None:
    with pytest.raises(pynl.NetlinkError) as caught:
        call(nl)
    error = caught.value
    assert error.errno == number
    if message:
        assert message.lower() in (error.message or "").lower()
        assert error.message in str(error)
    if attribute:
        assert error.attribute == attribute
        assert f"(attribute {attribute})" in str(error)


UNPRIVILEGED = """
import os, sys, errno, pynl
nl = pynl.Netlink()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
calls = {
    "RTM_NEWROUTE": lambda: nl.routes.add(dst="10.0.0.0/8", oif="v0"),
    "RTM_DELROUTE": lambda: nl.routes.delete(dst="192.0.2.0/24"),
    "RTM_NEWLINK": lambda: nl.links.set("v0", mtu=1400),
    "RTM_DELLINK": lambda: nl.links.delete("v0"),
    "RTM_NEWADDR": lambda: nl.addresses.add(local="10.0.0.1/8", ifindex="v0"),
    "RTM_NEWNEIGH": lambda: nl.neighbours.add(dst="192.0.2.9", ifindex="v0", lladdr="02:00:00:00:00:01"),
}
for request, call in calls.items():
    try:
        call()
    except pynl.NetlinkError as error:
        print(request, error.request == request, error.errno == errno.EPERM)
report = nl.routes.add_many({"dst": ["10.0.0.0/8", "10.1.0.0/16"], "oif": "v0"}, on_error="continue")
print(report.done, [(f.index, f.error.errno == errno.EPERM) for f in report.failures])
"""


@pytest.mark.skipif(os.geteuid() != 0 or "asan" in os.environ.get("LD_PRELOAD", ""), reason="another user is needed")
def test_an_unprivileged_user_gets_eperm(nl: pynl.Netlink, netns: Namespace) -> None:
    try:
        found = netns.run(sys.executable, "-c", UNPRIVILEGED)
    except RuntimeError as error:
        if "setgroups" in str(error) or "setgid" in str(error):
            pytest.skip("this user namespace has no other user")
        raise
    *calls, bulk = found.splitlines()
    assert calls == [f"{name} True True" for name in REQUESTS]
    assert bulk == "0 [(0, True), (1, True)]"
    assert not netns.ip_json("route show 10.0.0.0/8")


REQUESTS = ("RTM_NEWROUTE", "RTM_DELROUTE", "RTM_NEWLINK", "RTM_DELLINK", "RTM_NEWADDR", "RTM_NEWNEIGH")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (
            lambda nl: nl.routes.add(gatway="192.0.2.9"),
            TypeError,
            "Route has no field 'gatway'; did you mean 'gateway'?",
        ),
        (
            lambda nl: nl.links.add(ifname="x", kind="vxlan", leaning=0),
            TypeError,
            "a link of kind 'vxlan' has no field 'leaning'; did you mean 'learning'?",
        ),
        (lambda nl: nl.links.set("v0", mtuu=1), TypeError, "did you mean 'mtu'?"),
        (
            lambda nl: nl.links.add(ifname="x", mastr="br0"),
            TypeError,
            "a link has no field 'mastr'; did you mean 'master'?",
        ),
        (lambda nl: nl.addresses.add(locl="192.0.2.9/24"), TypeError, "did you mean 'local'?"),
        (lambda nl: nl.neighbours.add(dst="192.0.2.9", ladr="x"), TypeError, "did you mean 'lladdr'?"),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", metrics={"mut": 1400}),
            TypeError,
            "Metrics has no field 'mut'; did you mean 'mtu'?",
        ),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", multipath=[{"gatewa": "192.0.2.9"}]),
            TypeError,
            "Nexthop has no field 'gatewa'; did you mean 'gateway'?",
        ),
        (
            lambda nl: nl.routes.add(dst="10.0.0.0/8", encap_type="seg6_local", encap={"acton": 1}),
            TypeError,
            "Seg6Local has no field 'acton'; did you mean 'action'?",
        ),
        (lambda nl: nl.routes.add(dst="10.0.0/8"), ValueError, "dst: expected an IPv4 or IPv6 address, not '10.0.0'"),
        (lambda nl: nl.routes.add(dst="10.0.0.0/40"), ValueError, "dst: expected a prefix length up to 32"),
        (lambda nl: nl.routes.add(dst="10.0.0.0/"), ValueError, "dst: expected a prefix length up to 32"),
        (lambda nl: nl.routes.add(dst="10.0.0.0/8", priority=-1), ValueError, "priority: expected 0 to 4294967295"),
        (lambda nl: nl.routes.add(dst="10.0.0.0/8", type="blakhole"), ValueError, "type: expected one of RTN_UNSPEC"),
        (lambda nl: nl.routes.add(dst="10.0.0.0/8", oif=1.5), TypeError, "oif: expected"),
        (lambda nl: nl.routes.add(pynl.Link(ifname="x")), TypeError, "expected a Route, not Link"),
        (
            lambda nl: nl.links.add(ifname="x", address="02:00"[:4]),
            ValueError,
            "address: expected pairs of hexadecimal",
        ),
        (lambda nl: nl.links.add(ifname="a\0b", kind="bridge"), ValueError, "ifname: expected text without NUL"),
        (lambda nl: nl.links.set("v0", netns=True), TypeError, "netns: expected a name"),
        (lambda nl: nl.links.delete(0), ValueError, "device: expected a name or a positive index, not 0"),
        (lambda nl: nl.addresses.add(local="192.0.2.9/x", ifindex="v0"), ValueError, "local: expected the length"),
    ],
)
def test_wrong_arguments_are_told_and_nothing_is_sent(
    nl: pynl.Netlink, netns: Namespace, call: Call, error: type[Exception], text: str
) -> None:
    shown = ("-4 addr", "route show table all", "neigh show nud permanent", "-br link")
    before = [netns.ip_json(line) for line in shown]
    with pytest.raises(error) as caught:
        call(nl)
    assert not isinstance(caught.value, OSError)
    assert text in str(caught.value)
    assert [netns.ip_json(line) for line in shown] == before


def test_nothing_is_sent_unless_everything_encodes(nl: pynl.Netlink, netns: Namespace) -> None:
    good = [{"dst": f"10.{n // 256}.{n % 256}.0/24", "oif": "v0"} for n in range(5000)]
    for bad in ({"dst": "10.0.0/8"}, {"dst": "10.0.0.0/8", "priority": -1}, {"dst": "10.0.0.0/8", "oif": "none"}):
        with pytest.raises((ValueError, pynl.NetlinkError)):
            nl.routes.add_many([*good, bad])
    with pytest.raises(ValueError, match="row 5000: ifalias: 70001 bytes do not fit"):
        nl.links.add_many([*({"ifname": f"d{n}", "kind": "ifb"} for n in range(5000)), {"ifalias": "x" * 70_000}])

    def bad_at_the_end() -> None:
        with nl.batch() as batch:
            batch.routes.add(dst="10.0.0.0/8", oif="v0")
            batch.routes.add(Route(dst="10.1.0.0/16"), gatway="192.0.2.9")

    with pytest.raises(TypeError, match="did you mean 'gateway'"):
        bad_at_the_end()
    assert not netns.ip_json("route show root 10.0.0.0/8")
    assert len(netns.ip_json("link show")) == 3
