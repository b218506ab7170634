"""Figures of this host's network for Prometheus: examples/exporter.py [PORT]"""

import sys
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

import pynl


class Collector:
    """Asks the kernel whenever it is asked."""

    def __init__(self, nl: pynl.Netlink) -> None:
        self.nl = nl

    def collect(self) -> Iterator[Metric]:
        routes = GaugeMetricFamily("netlink_routes", "Routes by table", labels=["family", "table"])
        table = self.nl.routes.dump(fields=("family", "table"))
        counts = Counter(zip(table.columns["family"], table.columns["table"], strict=True))
        for (family, number), count in sorted(counts.items()):
            routes.add_metric([f"{family}", f"{number}"], count)
        yield routes

        states = GaugeMetricFamily("netlink_neighbours", "Neighbours by state", labels=["state"])
        for state, count in Counter(entry.state for entry in self.nl.neighbours.dump(fields=("state",))).items():
            states.add_metric([getattr(state, "name", None) or f"{state}"], count)
        yield states

        links = GaugeMetricFamily("netlink_link_up", "Whether a link has a carrier", labels=["ifname"])
        for link in self.nl.links.dump(fields=("ifname", "carrier")):
            links.add_metric([link.ifname or ""], link.carrier or 0)
        yield links

        for name, value in self.nl.statistics._asdict().items():
            yield CounterMetricFamily(f"pynl_{name}", f"What pynl counted: {name}", value=value)


with pynl.Netlink() as nl:
    registry = CollectorRegistry()
    registry.register(Collector(nl))
    server, thread = start_http_server(int(sys.argv[1]) if sys.argv[1:] else 9477, "127.0.0.1", registry)
    print(f"http://127.0.0.1:{server.server_port}/metrics", flush=True)
    thread.join()
