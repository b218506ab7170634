"""Makes COUNT routes of content.py one by one; prints seconds."""

from __future__ import annotations

import socket
import struct
import sys
import time
from pathlib import Path

from pyroute2 import IPRoute

sys.path.append(str(Path(__file__).parent.parent))
import content


def dotted(number: int) -> str:
    return socket.inet_ntoa(struct.pack(">I", number))


same = {"proto": content.RTPROT_BGP, "flags": content.RTNH_F_ONLINK}
routes = [
    {"dst": f"{dotted(dst)}/24", "gateway": dotted(gateway), "oif": device, "priority": metric, **same}
    for dst, gateway, device, metric in map(content.route_values, range(int(sys.argv[1])))
]
with IPRoute() as ipr:
    start = time.perf_counter()
    for route in routes:
        ipr.route("add", **route)
    print(time.perf_counter() - start)
