"""What small.c does, with pynl: prints the median of the seconds that one took, and a checksum of what was read.

ip netns exec NAME python bench/small.py get|dump TIMES
"""

from __future__ import annotations

import statistics
import sys
import time

import pynl


def get(_: pynl.Netlink) -> int:
    with pynl.Netlink() as nl:
        lo = nl.links.get("lo")
    assert lo.ifname == "lo"
    return lo.mtu or 0


def dump(nl: pynl.Netlink) -> int:
    return sum(route.oif or 0 for route in nl.routes.dump(family=2))


def main(what: str, times: str) -> None:
    read = {"get": get, "dump": dump}[what]
    took = []
    with pynl.Netlink() as nl:
        for _ in range(int(times)):
            start = time.perf_counter()
            checksum = read(nl)
            took.append(time.perf_counter() - start)
    print(f"{statistics.median(took):.9f} {checksum}")


if __name__ == "__main__":
    main(*sys.argv[1:])
