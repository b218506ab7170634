"""What the benchmarks' namespaces hold: known to the last bit, so that a fast wrong answer is a failed benchmark.

    ip netns exec NAME python bench/content.py KIND COUNT      fills the namespace it runs in

The fields that tell one object from the next differ from row to row, as in life; the others (a route's table,
protocol, scope and type) are the same. Every object has two numbers made of several of its fields, and the checksum
is the sum of their products modulo 2**64: it changes with any field, and if the fields of two objects are exchanged.
"""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

NETLINK_ROUTE, NLM_F_REQUEST, NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE = 0, 1, 0x100, 0x200, 0x400
RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH = 16, 20, 24, 28
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINKINFO = 1, 3, 4, 18
IFA_LOCAL, IFA_RT_PRIORITY = 2, 9
NDA_DST, NDA_LLADDR = 1, 2
RTPROT_BGP, RT_TABLE_MAIN, RTN_UNICAST, RTNH_F_ONLINK, NUD_PERMANENT = 186, 254, 1, 4, 0x80

#: The two ends of the veth pair that namespaces have, by the indexes that they are made with.
DEVICES = (10, 11)
#: The index of the first link of a namespace full of them.
FIRST_LINK = 1000
MASK = (1 << 64) - 1


def attribute(type: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), type) + payload + bytes(-len(payload) % 4)


def message(type: int, number: int, payload: bytes) -> bytes:
    """A request that only errors are answered of."""
    flags = NLM_F_REQUEST | NLM_F_CREATE | (NLM_F_REPLACE if type == RTM_NEWNEIGH else NLM_F_EXCL)
    return struct.pack("=IHHII", 16 + len(payload), type, flags, number + 1, 0) + payload


def u32(value: int) -> bytes:
    return struct.pack("=I", value)


# ---- one function a kind: the values of object number i


def route_values(i: int) -> tuple[int, int, int, int]:
    """Destination (of 24 bits), gateway, device, metric."""
    return 0x01000000 + (i << 8), 0x0AFF0001 + i % 16, DEVICES[(i >> 4) & 1], 20 + i % 7


def route6_values(i: int) -> tuple[int, int, int, int]:
    """As route_values; the destination is 48 bits of 128."""
    return (0x2001 << 112) + (i << 80), (0xFE80 << 112) + 1 + i % 16, DEVICES[(i >> 4) & 1], 20 + i % 7


def link_values(i: int) -> tuple[int, int, int]:
    """Index, MTU, hardware address."""
    return FIRST_LINK + i, 1400 + i % 100, (0x02 << 40) + i


def address_values(i: int) -> tuple[int, int]:
    """Address (of 32 bits), metric."""
    return 0x14000000 + i, 100 + i % 7


def neighbour_values(i: int) -> tuple[int, int]:
    """Address, hardware address."""
    return 0x0A010001 + i, (0x02 << 40) + 3 * i


# ---- the messages that make them


def route(i: int) -> bytes:
    dst, gateway, device, metric = route_values(i)
    head = struct.pack("=8BI", socket.AF_INET, 24, 0, 0, RT_TABLE_MAIN, RTPROT_BGP, 0, RTN_UNICAST, RTNH_F_ONLINK)
    rest = attribute(RTA_GATEWAY, struct.pack(">I", gateway)) + attribute(RTA_OIF, u32(device))
    attributes = attribute(RTA_DST, struct.pack(">I", dst)) + rest + attribute(RTA_PRIORITY, u32(metric))
    return message(RTM_NEWROUTE, i, head + attributes)


def route6(i: int) -> bytes:
    dst, gateway, device, metric = route6_values(i)
    head = struct.pack("=8BI", socket.AF_INET6, 48, 0, 0, RT_TABLE_MAIN, RTPROT_BGP, 0, RTN_UNICAST, 0)
    rest = attribute(RTA_GATEWAY, gateway.to_bytes(16, "big")) + attribute(RTA_OIF, u32(device))
    attributes = attribute(RTA_DST, dst.to_bytes(16, "big")) + rest + attribute(RTA_PRIORITY, u32(metric))
    return message(RTM_NEWROUTE, i, head + attributes)


def link(i: int) -> bytes:
    """A veth pair: links number 2i and 2i + 1."""

    def end(number: int) -> tuple[bytes, bytes]:
        index, mtu, hardware = link_values(number)
        named = attribute(IFLA_IFNAME, b"b%d\0" % number) + attribute(IFLA_MTU, u32(mtu))
        return struct.pack("=BxHiII", 0, 0, index, 0, 0), named + attribute(IFLA_ADDRESS, hardware.to_bytes(6, "big"))

    head, attributes = end(2 * i)
    peer = attribute(1, b"".join(end(2 * i + 1)))
    info = attribute(1, b"veth\0") + attribute(2, peer)
    return message(RTM_NEWLINK, i, head + attributes + attribute(IFLA_LINKINFO, info))


def address(i: int) -> bytes:
    local, metric = address_values(i)
    head = struct.pack("=4BI", socket.AF_INET, 32, 0, 0, DEVICES[0])
    attributes = attribute(IFA_LOCAL, struct.pack(">I", local)) + attribute(IFA_RT_PRIORITY, u32(metric))
    return message(RTM_NEWADDR, i, head + attributes)


def neighbour(i: int) -> bytes:
    dst, hardware = neighbour_values(i)
    head = struct.pack("=B3xiHBB", socket.AF_INET, DEVICES[0], NUD_PERMANENT, 0, 0)
    attributes = attribute(NDA_DST, struct.pack(">I", dst)) + attribute(NDA_LLADDR, hardware.to_bytes(6, "big"))
    return message(RTM_NEWNEIGH, i, head + attributes)


# ---- the checksum


def products(pairs: Iterable[tuple[int, int]]) -> int:
    return sum((a * b) & MASK for a, b in pairs) & MASK


def route_pair(dst: int, length: int, gateway: int, device: int, metric: int) -> tuple[int, int]:
    """What every reader of routes computes, here and in bench/peers; of IPv6 the upper and the lower half count."""
    return (dst >> 64 if dst >> 32 else dst) + length, (gateway & MASK) + device + metric


#: What an object's two numbers are made of, as pynl names it. The first field tells ours from what else is there.
FIELDS = {
    "routes": ("protocol", "dst", "gateway", "oif", "priority"),
    "routes6": ("protocol", "dst", "gateway", "oif", "priority"),
    "links": ("ifindex", "mtu", "address"),
    "addresses": ("ifindex", "local", "prefixlen", "rt_priority"),
    "neighbours": ("ifindex", "dst", "lladdr", "state"),
}


def ip(text: str) -> int:
    return int.from_bytes(socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text), "big")


def mac(text: str) -> int:
    return int(text.replace(":", ""), 16)


def checked(kind: str, rows: Iterable[Sequence[Any]]) -> tuple[int, int]:
    """How many of the rows, each the FIELDS of its kind as pynl gives them, are ours; and their checksum."""
    if kind.startswith("routes"):
        pairs = [
            route_pair(ip(dst.partition("/")[0]), int(dst.partition("/")[2]), ip(gateway), device, metric)
            for protocol, dst, gateway, device, metric in rows
            if protocol == RTPROT_BGP
        ]
    elif kind == "links":
        pairs = [(index + mtu, mac(address)) for index, mtu, address in rows if index >= FIRST_LINK]
    elif kind == "addresses":
        pairs = [(ip(local) + length, metric) for index, local, length, metric in rows if index == DEVICES[0]]
    else:
        pairs = [(ip(dst), mac(lladdr) + state) for index, dst, lladdr, state in rows if index == DEVICES[0]]
    return len(pairs), products(pairs)


@cache
def expected(kind: str, count: int) -> int:
    """The checksum of ``count`` objects."""
    numbers = range(count)
    if kind == "routes":
        return products(route_pair(dst, 24, *rest) for dst, *rest in map(route_values, numbers))
    if kind == "routes6":
        return products(route_pair(dst, 48, *rest) for dst, *rest in map(route6_values, numbers))
    if kind == "links":
        return products((index + mtu, hardware) for index, mtu, hardware in map(link_values, numbers))
    if kind == "addresses":
        return products((local + 32, metric) for local, metric in map(address_values, numbers))
    return products((dst, hardware + NUD_PERMANENT) for dst, hardware in map(neighbour_values, numbers))


MAKERS = {"routes": route, "routes6": route6, "links": link, "addresses": address, "neighbours": neighbour}


def fill(kind: str, count: int) -> None:
    """Sends the requests, packed and none acknowledged; an error is answered all the same."""
    make = MAKERS[kind]
    requests = count // 2 if kind == "links" else count
    batch = 100 if kind == "links" else 1000
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        for start in range(0, requests, batch):
            netlink.send(b"".join(map(make, range(start, min(start + batch, requests)))))
            try:
                answer = netlink.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            except OSError as error:
                raise SystemExit(f"the kernel refused more {kind} than its answers had room for: {error}") from None
            raise SystemExit(f"the kernel refused {kind}: errno {-struct.unpack_from('=i', answer, 16)[0]}")


if __name__ == "__main__":
    fill(sys.argv[1], int(sys.argv[2]))
