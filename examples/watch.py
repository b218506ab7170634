"""What changes in a network, as it changes: examples/watch.py [NETNS [SECONDS]], until nothing does for so long (2)"""

import sys
import time

import pynl


def shown(event: pynl.Event) -> str:
    record = event.record
    fields = {
        "links": ("ifname", "operstate", "mtu"),
        "addresses": ("local", "address", "prefixlen"),
        "routes": ("dst", "gateway", "oif", "table"),
        "neighbours": ("dst", "lladdr", "state"),
    }.get(event.kind, ("priority", "id", "table"))
    values = {name: getattr(record, name, None) for name in fields}
    return " ".join(f"{name}={value}" for name, value in values.items() if value is not None)


def main(netns: str | None = None, seconds: str = "2") -> None:
    with pynl.Netlink(netns) as nl, nl.monitor(timeout=float(seconds)) as events:
        print(f"watching, with room for {events.receive_buffer >> 20} MB of changes", flush=True)
        for event in events:
            when = time.strftime("%H:%M:%S", time.localtime(event.time))
            if event.record is None:  # some were lost, or one could not be read
                print(when, event.action, flush=True)
            else:
                print(when, f"{event.action:6} {event.kind:10} {shown(event)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:3])
