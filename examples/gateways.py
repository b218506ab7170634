"""Who are my gateways? The default routes of this namespace and of every named one: examples/gateways.py"""

from pathlib import Path

import pynl


def gateways(netns: str | None) -> None:
    with pynl.Netlink(netns) as nl:
        names = {link.ifindex: link.ifname for link in nl.links.dump(fields=("ifindex", "ifname"))}
        for route in nl.routes.dump(table=254):
            if not route.is_default:
                continue
            for hop in route.multipath or (route,):
                via = hop.gateway or (hop.via and hop.via.address) or "directly"
                print(f"{netns or '-':16} {route.family.name[3:]:6} {via:40} {names.get(hop.oif, '')}")


if __name__ == "__main__":
    named = Path("/run/netns")
    for netns in [None, *sorted(path.name for path in named.iterdir())] if named.is_dir() else [None]:
        try:
            gateways(netns)
        except FileNotFoundError:
            print(f"{netns:16} gone meanwhile")
