"""Random changes of everything that a namespace has, by pynl's own verbs; as a program, until it is ended."""

from __future__ import annotations

import contextlib
import random
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pynl

#: What is changed, as the session calls its services.
KINDS = ("routes", "links", "addresses", "neighbours", "rules", "nexthops")

DEVICES = ("d0", "d1", "d2", "v0", "v1", "br0")
ADDRESSES = ("192.0.2.1/24", "192.0.2.2/24", "198.51.100.1/25", "203.0.113.7/32", "2001:db8::1/64", "2001:db8:1::1/64")
PREFIXES = tuple(f"10.{number}.0.0/16" for number in range(5)) + tuple(f"2001:db8:a{n:x}::/48" for n in range(5))
GATEWAYS = ("192.0.2.9", "192.0.2.10", "198.51.100.9"), ("2001:db8::9", "2001:db8::a", "2001:db8:1::9")
VERBS = ("add", "append", "replace", "change", "delete", "delete")


def prepare(nl: pynl.Netlink) -> None:
    """The devices that are there at first."""
    for name, peer in (("d0", "e0"), ("d1", "e1"), ("v0", "v1")):
        nl.links.add(ifname=name, kind="veth", peer={"ifname": peer})
    nl.links.add(ifname="d2", kind="ifb")
    nl.links.add(ifname="br0", kind="bridge")
    for name in (*DEVICES, "e0", "e1"):
        nl.links.set(name, up=True)
    for name, address in zip(("d0", "d0", "d1", "v0", "d0", "d1"), ADDRESSES, strict=True):
        nl.addresses.add(local=address, ifindex=name)


class Churn:
    """Changes, one after another; what the kernel refuses counts as one."""

    def __init__(self, nl: pynl.Netlink) -> None:
        self.nl = nl

    def step(self, kind: int, seed: int) -> None:
        """One change.

        Args:
            kind: the number of one of :attr:`CHANGES`.
            seed: decides the rest.
        """
        chance = random.Random(seed)
        with contextlib.suppress(pynl.NetlinkError):
            self.CHANGES[kind % len(self.CHANGES)](self, chance)

    def _route(self, chance: random.Random) -> None:
        """A prefix has gateways, several of them, a device alone, a nexthop object, or nothing that it leads to."""
        prefix = chance.choice(PREFIXES)
        gateways = GATEWAYS[":" in prefix]
        leads: Sequence[dict[str, Any]] = (
            {"gateway": chance.choice(gateways)},
            {"gateway": chance.choice(gateways)},
            {"multipath": [{"gateway": gateway} for gateway in chance.sample(gateways, chance.randrange(1, 4))]},
            {"oif": chance.choice(DEVICES)},
            {"oif": chance.choice(DEVICES)},
            {"nh_id": chance.randrange(1, 8)},
            {"type": "blackhole"},
        )
        values: dict[str, Any] = {"dst": prefix, "priority": chance.choice((100, 100, 100, 200))}
        values.update(chance.choice(leads))
        if ":" in prefix and values.keys() & {"oif", "type"}:
            values["priority"] += 1000  # beside several next hops the kernel may not list it at all
        verb = chance.choice(VERBS)
        if verb == "delete" and chance.random() < 0.3:
            values = {"dst": prefix}
        if ":" not in prefix and chance.random() < 0.1:
            values["tos"] = 16
        getattr(self.nl.routes, verb)(**values)

    def _address(self, chance: random.Random) -> None:
        verb = chance.choice(("add", "add", "replace", "delete", "flush"))
        device = chance.choice(DEVICES)
        if verb == "flush":
            self.nl.addresses.flush(ifindex=device, family=chance.choice((2, 10)))
        else:
            getattr(self.nl.addresses, verb)(local=chance.choice(ADDRESSES), ifindex=device)

    def _link(self, chance: random.Random) -> None:
        device = chance.choice(DEVICES)
        choice = chance.randrange(9)
        if choice < 3:
            self.nl.links.set(device, up=bool(chance.randrange(2)))
        elif choice == 3:
            self.nl.links.set(device, mtu=chance.randrange(1300, 1500))
        elif choice == 4:
            self.nl.links.set(chance.choice(("e0", "e1")), up=bool(chance.randrange(2)))
        elif choice == 5:
            self.nl.links.set(chance.choice(("d2", "v1")), master=chance.choice((0, "br0")))
        elif choice == 6 and device[0] == "d":
            self.nl.links.delete(device)
        elif choice == 7:
            self.nl.links.set(device, up=False)
            self.nl.links.set(device, ifname="renamed")
            self.nl.links.set("renamed", ifname=device, up=True)
        else:
            self.nl.links.add(ifname=device, kind="ifb", up=bool(chance.randrange(3)))

    def _nexthop(self, chance: random.Random) -> None:
        verb = chance.choice(("add", "add", "replace", "delete"))
        number = chance.randrange(1, 8)
        if verb == "delete":
            self.nl.nexthops.delete(id=number)
        elif number > 5:
            members = chance.sample(range(1, 6), chance.randrange(1, 4))
            getattr(self.nl.nexthops, verb)(id=number, group=[{"id": member} for member in members])
        else:
            device, gateway = chance.choice((("d0", GATEWAYS[number > 3][0]), ("d1", GATEWAYS[number > 3][2])))
            getattr(self.nl.nexthops, verb)(id=number, oif=device, gateway=gateway)

    def _neighbour(self, chance: random.Random) -> None:
        verb = chance.choice(("add", "replace", "append", "delete"))
        values = {"dst": GATEWAYS[chance.randrange(2)][chance.randrange(3)], "ifindex": chance.choice(DEVICES)}
        if verb != "delete":
            values["lladdr"] = f"02:00:00:00:00:{chance.randrange(10, 99)}"
            values["state"] = chance.choice(("permanent", "stale"))
        getattr(self.nl.neighbours, verb)(**values)

    def _rule(self, chance: random.Random) -> None:
        values: dict[str, Any] = {"priority": chance.randrange(100, 103), "family": chance.choice((2, 10))}
        values.update(chance.choice(({"table": 7}, {"table": 8, "iifname": chance.choice(DEVICES)}, {"fwmark": 1})))
        getattr(self.nl.rules, chance.choice(("add", "add", "delete")))(**values)

    CHANGES: Sequence[Callable[[Churn, random.Random], None]] = (
        _route,
        _route,
        _route,
        _address,
        _link,
        _nexthop,
        _neighbour,
        _rule,
    )


def routes(nl: pynl.Netlink, chance: random.Random) -> None:
    """IPv6 routes added and deleted, here and there in a table."""
    prefixes = [f"2001:db8:{chance.randrange(8000):x}:{chance.randrange(1, 9):x}::/64" for _ in range(20)]
    for change in (nl.routes.add, nl.routes.delete):
        for prefix in prefixes:
            with contextlib.suppress(pynl.NetlinkError):
                change(dst=prefix, oif=1, priority=100)


def neighbours(nl: pynl.Netlink, chance: random.Random) -> None:
    """Neighbours added and deleted."""
    addresses = [f"10.1.{chance.randrange(4)}.{chance.randrange(256)}" for _ in range(20)]
    for address in addresses:
        nl.neighbours.replace(dst=address, ifindex="v0", lladdr="02:00:00:00:00:02", state="stale")
    for address in set(addresses):
        nl.neighbours.delete(dst=address, ifindex="v0")


def links(nl: pynl.Netlink, chance: random.Random) -> None:
    """Links added, deleted, and changed in between."""
    for number in range(3):
        nl.links.add(ifname=f"x{number}", kind="ifb")
        for _ in range(100):
            nl.links.set(f"s{chance.randrange(60)}", mtu=chance.randrange(1300, 1500))
    for number in range(3):
        nl.links.delete(f"x{number}")


def main(netns: str, what: str, seed: int) -> None:
    """Changes things until it is ended."""
    chance = random.Random(seed)
    with pynl.Netlink(netns) as nl:
        changing = Churn(nl)
        print("changing", flush=True)
        while True:
            if what == "all":
                changing.step(chance.randrange(len(Churn.CHANGES)), chance.randrange(10**6))
            else:
                {"routes": routes, "neighbours": neighbours, "links": links}[what](nl, chance)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
