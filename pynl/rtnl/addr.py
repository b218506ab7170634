"""Addresses of devices: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (linux/if_addr.h, RFC 3549 section 3.1.2)."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable, Mapping
from typing import Any

from ..errors import NetlinkError
from ..family import Family
from ..fields import attribute, member, struct
from ..following import Following
from ..iproute2 import named_in
from ..kinds import DEVICE, IP, S32, TEXT, U8, U32, enum, flags
from ..netns import Descriptor
from ..schema import Record
from ..service import address_text
from ..verbs import Changeable
from .constants import AddressFamily, AddressFlags, AddressProtocol, Group, MessageType, RouteScope


class AddressCacheInfo(Record, struct="ifa_cacheinfo"):
    """IFA_CACHEINFO: lifetimes in seconds (2**32 - 1: for ever), stamps in 1/100 s since boot."""

    prefered = member(U32)
    valid = member(U32)
    cstamp = member(U32)
    tstamp = member(U32)


class Address(Record, prefix="IFA_", struct="ifaddrmsg", struct_prefix="ifa_"):
    """An address of a device.

    ``local`` is the device's own address. ``address`` is the same, except on a point-to-point link, where it is
    the peer's. IPv6 has ``local`` only where there is a peer: :attr:`own` is right for both.
    """

    family = member(enum(U8, AddressFamily))
    prefixlen = member(U8)
    flags = member(flags(U8, AddressFlags), extended=(8, flags(U32, AddressFlags), None))
    scope = member(named_in(enum(U8, RouteScope), "rt_scopes"))
    #: Called ifa_index in C.
    ifindex = member(DEVICE)

    address = attribute(1, IP)
    local = attribute(2, IP)
    label = attribute(3, TEXT)
    broadcast = attribute(4, IP)
    anycast = attribute(5, IP)
    cacheinfo = attribute(6, struct(AddressCacheInfo))
    multicast = attribute(7, IP)
    rt_priority = attribute(9, U32)
    target_netnsid = attribute(10, S32)
    proto = attribute(11, named_in(enum(U8, AddressProtocol), "rt_addrprotos"))
    mc_users = attribute(12, U32)

    @classmethod
    def _defaults(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Family and prefix length follow from the address."""
        found = values.get("local") or values.get("address")
        if found is None:
            return {}
        six = len(found) == 16
        made = {"family": AddressFamily.AF_INET6 if six else AddressFamily.AF_INET, "prefixlen": 128 if six else 32}
        return {name: value for name, value in made.items() if name not in values}

    @property
    def own(self) -> str | None:
        """The device's own address, whichever attribute the family has it in."""
        return self.local or self.address

    @property
    def peer(self) -> str | None:
        """The address at the other end of a point-to-point link."""
        return self.address if self.local is not None and self.local != self.address else None

    @property
    def interface(self) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface | None:
        """The device's own address with its prefix length, as ``ipaddress`` shows it."""
        return None if self.own is None else ipaddress.ip_interface(f"{self.own}/{self.prefixlen}")


def _length(name: str, text: str) -> int:
    if not text.isdecimal():
        raise ValueError(f"{name}: expected the length of its prefix behind the slash, not {text!r}")
    return int(text)


#: What the kernel tells of an address, beside the flags that were asked for.
_TOLD = (
    AddressFlags.IFA_F_PERMANENT
    | AddressFlags.IFA_F_SECONDARY
    | AddressFlags.IFA_F_TENTATIVE
    | AddressFlags.IFA_F_DADFAILED
    | AddressFlags.IFA_F_DEPRECATED
    | AddressFlags.IFA_F_STABLE_PRIVACY
)


def _part(request: Address) -> Callable[[Address], bool] | None:
    """Without a peer, or without an address at all, any of the device's with the rest may be meant."""
    if request.address is not None:
        return None
    return lambda there: (
        (there.family, there.ifindex) == (request.family, request.ifindex) and (request.local in (None, there.own))
    )


ADDRESSES = Family(
    name="addresses",
    record=Address,
    new=MessageType.RTM_NEWADDR,
    delete=MessageType.RTM_DELADDR,
    get=MessageType.RTM_GETADDR,
    protocols=(AddressFamily.AF_INET, AddressFamily.AF_INET6),
    pushed={"ifindex": "ifindex"},
    sent={"flags": lambda told: told & ~_TOLD, "cacheinfo": lambda told: told.replace(cstamp=0, tstamp=0)},
    groups=(Group.RTNLGRP_IPV4_IFADDR, Group.RTNLGRP_IPV6_IFADDR),
    key=lambda address: (address.family, address.ifindex, address.own, address.prefixlen, address.peer),
    part=_part,
    following=Following(
        key=("family", "ifindex", "prefixlen", "address", "local"),
        silent=frozenset({"cacheinfo"}),
    ),
)


class Addresses(Changeable[Address]):
    """The addresses of a namespace's devices.

    To write one, ``local`` (or ``address``, where there is no peer) may have its prefix length behind it:
    ``local="192.0.2.1/24"``. ``address`` beside ``local`` is the peer's.
    """

    FAMILY = ADDRESSES

    def _arguments(self, values: Mapping[str, Any], keep: list[Descriptor]) -> Mapping[str, Any]:
        made = dict(values)
        for name in ("address", "local"):
            value = made.get(name)
            text = str(value) if isinstance(value, (str, ipaddress.IPv4Interface, ipaddress.IPv6Interface)) else ""
            if "/" in text:
                made[name], _, length = text.partition("/")
                made["prefixlen"] = _length(name, length)
        own = made.get("local") if made.get("local") is not None else made.get("address")
        if own is not None:
            peer = made.get("address") if made.get("address") is not None else own
            six = ":" in str(own)  # which has both only where they differ
            made.update(address=peer, local=None if six and str(peer) == str(own) else own)
        return made

    def get(self, address: Any, **filters: Any) -> Address:
        """The entry of one of this namespace's own addresses (read by a dump: IPv4 knows no other way).

        Args:
            address: the address, without a length.
            filters: as :meth:`dump`, such as ``ifindex`` where several devices have it.

        Raises:
            NetlinkError: EADDRNOTAVAIL: no device has it.
        """
        text = address_text("address", address)
        family = AddressFamily.AF_INET6 if ":" in text else AddressFamily.AF_INET
        for found in self.dump(**{"family": family, **filters}):
            if found.own == text:
                return found
        raise NetlinkError(errno.EADDRNOTAVAIL, f"no device has {text}", request="RTM_GETADDR")
