"""Moves a routing table from one network namespace to another: examples/move_table.py [FROM TO [TABLE]]

Without arguments it makes two namespaces, fills a table of 100,000 routes in the first, and removes them in the end.
"""

import subprocess
import sys
import time

import pynl

COUNT, TABLE = 100_000, 100


def prepare(names: tuple[str, str]) -> None:
    """Two namespaces with the same device, and the routes in the first."""
    for name in names:
        subprocess.run(["ip", "netns", "add", name], check=True)
        with pynl.Netlink(name) as nl:
            nl.links.add(ifname="v0", kind="veth", ifindex=100, peer={"ifname": "v1"})
            nl.links.set("v1", up=True)
            nl.links.set("v0", up=True)
            nl.addresses.add(local="192.0.2.1/24", ifindex="v0")
    with pynl.Netlink(names[0]) as nl:
        numbers = [(20 << 24) + (n << 8) for n in range(COUNT)]
        dst = [f"{n >> 24}.{n >> 16 & 255}.{n >> 8 & 255}.0/24" for n in numbers]
        report = nl.routes.add_many({"dst": dst, "gateway": "192.0.2.9", "table": TABLE, "protocol": "bgp"})
        print(f"{report.done} routes made in {report.duration:.2f} s")


def move(source: str, target: str, table: int) -> None:
    with pynl.Netlink(source) as here, pynl.Netlink(target) as there:
        started = time.monotonic()
        routes = here.routes.dump(table=table)
        print(f"{len(routes)} read in {time.monotonic() - started:.2f} s")
        made = there.routes.add_many(routes, on_error="rollback")
        print(f"{made.done} made in {made.duration:.2f} s")
        if not made.ok:
            sys.exit(f"nothing moved: {made.failures[0].error}")
        gone = here.routes.delete_many(routes, on_error="continue")
        print(f"{gone.done} removed in {gone.duration:.2f} s; moved in {time.monotonic() - started:.2f} s")


if len(sys.argv) > 2:
    move(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 254)
else:
    names = ("move-table-from", "move-table-to")
    try:
        prepare(names)
        move(*names, TABLE)
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "delete", name], check=False)
