"""Links as a tree: bridges above their ports, VLANs and the like below what they stand on: examples/tree.py [NETNS]"""

import sys
from collections import defaultdict

import pynl


def main(netns: str | None = None) -> None:
    children = defaultdict(list)
    links = pynl.links(netns)
    here = {link.ifindex for link in links}
    for link in links:
        above = link.master or (link.link if link.kind != "veth" and link.link_netnsid is None else None)
        children[above if above in here else None].append(link)

    def show(parent: int | None, depth: int) -> None:
        for link in children[parent]:
            state = "up" if link.running else "down"
            print(
                f"{'  ' * depth}{link.ifname:16} {link.kind or 'device':10} {state:5} mtu {link.mtu:<6} {link.address}"
            )
            show(link.ifindex, depth + 1)

    show(None, 0)


if __name__ == "__main__":
    main(*sys.argv[1:2])
