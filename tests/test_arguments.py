"""What callers may give, and what they are told when it is something else."""

from __future__ import annotations

import errno
from typing import Any

import pytest
from conftest import Namespace

import pynl


class TestArguments:
    @pytest.mark.parametrize(
        ("type", "payload", "flags", "error"),
        [
            (70000, b"", 0, "type: expected 0 to 65535, not 70000"),
            ("a", b"", 0, "type: expected an integer, not 'a'"),
            (18, b"", 65536, "flags: expected 0 to 65535"),
            (18, "text", 0, "payload: expected bytes, not 'text'"),
        ],
    )
    def test_of_requests(self, netns: Namespace, type: Any, payload: Any, flags: int, error: str) -> None:
        with netns.netlink() as nl:
            with pytest.raises((TypeError, ValueError), match=error):
                nl.socket.request(type, payload, flags)
            assert nl.links.get("lo").ifindex == 1

    @pytest.mark.parametrize("timeout", ["x", 0, -1])
    def test_of_sessions(self, timeout: Any) -> None:
        with pytest.raises(ValueError, match="timeout: expected a positive number"):
            pynl.Netlink(timeout=timeout)

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_of_namespaces(self, name: str) -> None:
        with pytest.raises(ValueError, match="netns: expected the name of a namespace"):
            pynl.Netlink(name)

    @pytest.mark.parametrize(
        ("ask", "error"),
        [
            (lambda nl: nl.routes.get(None), "dst: expected an IP address, not None"),
            (lambda nl: nl.routes.get("10.9.3.0/24"), "dst: expected an IPv4 or IPv6 address"),
            (lambda nl: nl.addresses.get("x"), "address: expected an IPv4 or IPv6 address"),
            (lambda nl: nl.links.get(0), "device: expected a name or a positive index"),
            (lambda nl: nl.links.get(None), "NoneType"),
            (lambda nl: nl.neighbours.get("10.0.0.1", None), "device: expected the name of a device or its index"),
            (lambda nl: nl.routes.dump(oif=1.5), "oif: expected the name of a device or its index"),
            (lambda nl: nl.links.dump(ext_mask=[1]), "ext_mask: expected an integer"),
            (lambda nl: nl.links.add(ifname="v9", kind="veth", ifalias="x" * 65536), "ifalias: 65537 bytes do not fit"),
            (
                lambda nl: nl.neighbours.add(dst="10.0.0.1", lladdr=bytes(33)),
                "lladdr: 33 bytes are no hardware address",
            ),
            (lambda nl: nl.routes.add(dst="10.9.3.0/33"), "dst: expected a prefix length up to 32"),
            (lambda nl: nl.routes.stream(chunk="a"), "chunk: expected a number of records"),
        ],
    )
    def test_of_services(self, netns: Namespace, ask: Any, error: str) -> None:
        with netns.netlink() as nl, pytest.raises((TypeError, ValueError), match=error):
            ask(nl)

    def test_a_device_that_is_not_there_is_named(self, netns: Namespace) -> None:
        with netns.netlink() as nl, pytest.raises(pynl.NetlinkError, match="no device 'nope'") as caught:
            nl.links.get("nope")
        assert caught.value.errno == errno.ENODEV

    def test_addresses_may_be_asked_for_with_their_family(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert nl.addresses.get("127.0.0.1", family=2).prefixlen == 8


class TestFilters:
    def test_unspec_asks_for_every_family(self, netns: Namespace) -> None:
        with netns.netlink() as nl:
            assert len(nl.addresses.dump(family=0)) == len(nl.addresses.dump()) == 2
            assert len(nl.routes.dump(family=0)) == len(nl.routes.dump())

    def test_none_asks_for_those_that_have_no_value(self, netns: Namespace) -> None:
        netns.ip("link add v0 type veth peer name v1")
        netns.ip("link set v0 up")
        netns.ip("addr add 192.0.2.1/24 dev v0")
        netns.ip("route add default via 192.0.2.2")
        with netns.netlink() as nl:
            (default,) = nl.routes.dump(family=2, dst=None)
            assert default.gateway == "192.0.2.2"
            assert all(route.gateway is None for route in nl.routes.dump(gateway=None))
            assert len(nl.routes.dump(gateway=None)) == len(nl.routes.dump()) - 1
            assert not nl.routes.dump(type=None)
