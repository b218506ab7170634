"""Prints seconds, peak memory in megabytes, count and checksum (as content.py has it)."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pyroute2 import IPRoute

sys.path.append(str(Path(__file__).parent.parent))
import content

with IPRoute() as ipr:
    start = time.perf_counter()
    routes = list(ipr.get_routes(family=2))
    seconds = time.perf_counter() - start
peak = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
rows = (
    (
        route["proto"],
        f"{route.get_attr('RTA_DST')}/{route['dst_len']}",
        route.get_attr("RTA_GATEWAY"),
        route.get_attr("RTA_OIF"),
        route.get_attr("RTA_PRIORITY"),
    )
    for route in routes
)
print(seconds, peak, *content.checked("routes", rows))
