"""Fills the namespace it runs in with N IPv4 routes, fast: packed messages, none acknowledged (errors still answer).

    ip netns exec NAME python bench/make_routes.py N [DEVICE]

Route number i is 1.0.0.0/24 + 256 * i via 10.255.0.2, metric 20, protocol bgp, main table.
"""

import socket
import struct
import sys

NETLINK_ROUTE, RTM_NEWROUTE, NLM_F_REQUEST, NLM_F_CREATE, NLM_F_EXCL = 0, 24, 1, 0x400, 0x200
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY = 1, 4, 5, 6
RTPROT_BGP, RT_SCOPE_UNIVERSE, RTN_UNICAST, RT_TABLE_MAIN = 186, 0, 1, 254
FIRST = 1 << 24
GATEWAY = "10.255.0.2"
METRIC = 20


def route(number: int, device: int) -> bytes:
    payload = struct.pack(
        "=8BI", socket.AF_INET, 24, 0, 0, RT_TABLE_MAIN, RTPROT_BGP, RT_SCOPE_UNIVERSE, RTN_UNICAST, 0
    )
    payload += struct.pack("=HH", 8, RTA_DST) + struct.pack(">I", FIRST + (number << 8))
    payload += struct.pack("=HH", 8, RTA_GATEWAY) + socket.inet_aton(GATEWAY)
    payload += struct.pack("=HHI", 8, RTA_OIF, device) + struct.pack("=HHI", 8, RTA_PRIORITY, METRIC)
    flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL
    return struct.pack("=IHHII", 16 + len(payload), RTM_NEWROUTE, flags, number + 1, 0) + payload


def main(count: int, device: str) -> None:
    index = socket.if_nametoindex(device)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as netlink:
        netlink.bind((0, 0))
        for start in range(0, count, 1000):
            netlink.send(b"".join(route(number, index) for number in range(start, min(start + 1000, count))))
            try:
                answer = netlink.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                continue
            raise SystemExit(f"the kernel refused a route: errno {-struct.unpack_from('=i', answer, 16)[0]}")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "v0")
