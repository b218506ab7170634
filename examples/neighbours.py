"""Who is on the wire? Neighbours by device, the ones that answered last first: examples/neighbours.py [NETNS]"""

import sys
from itertools import groupby

import pynl


def main(netns: str | None = None) -> None:
    with pynl.Netlink(netns) as nl:
        names = {link.ifindex: link.ifname for link in nl.links.dump(fields=("ifindex", "ifname"))}
        found = [neighbour for neighbour in nl.neighbours.dump() if neighbour.lladdr and neighbour.cacheinfo]
    found.sort(key=lambda neighbour: (neighbour.ifindex, neighbour.cacheinfo.confirmed))
    for ifindex, group in groupby(found, key=lambda neighbour: neighbour.ifindex):
        print(names[ifindex])
        for neighbour in group:
            seconds = neighbour.cacheinfo.confirmed // 100
            print(f"  {neighbour.dst:40} {neighbour.lladdr}  {neighbour.state.name[4:].lower():10} {seconds} s ago")


if __name__ == "__main__":
    main(*sys.argv[1:2])
