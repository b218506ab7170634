"""pynl: netlink for Python.

::

    import pynl

    for route in pynl.routes(table=254):
        print(route.dst, route.gateway, route.oif)

    with pynl.Netlink(netns="blue") as nl:
        print(nl.links.get("eth0").mtu)
"""

import sys

if sys.platform != "linux":
    raise ImportError("pynl speaks to the Linux kernel, and runs on Linux only")

from . import aio, netns
from .bulk import BulkInterrupted, Failure, Report
from .errors import ClosedError, DecodeError, DumpInterrupted, NetlinkError
from .kinds import Via
from .many import Difference
from .monitor import Event, Monitor, Overrun, Undecoded
from .netlink import Batch, Netlink, addresses, links, neighbours, nexthops, routes, rules
from .rtnl.addr import Address
from .rtnl.link import Link
from .rtnl.neigh import Neighbour
from .rtnl.nexthop import NexthopBucket, NexthopObject
from .rtnl.route import Metrics, Nexthop, Route
from .rtnl.rule import Rule
from .schema import Record
from .socket import Message, Socket
from .statistics import Statistics
from .table import Table
from .values import Unknown

__version__ = "0.1.0"

__all__ = [
    "Address",
    "Batch",
    "BulkInterrupted",
    "ClosedError",
    "DecodeError",
    "Difference",
    "DumpInterrupted",
    "Event",
    "Failure",
    "Link",
    "Message",
    "Metrics",
    "Monitor",
    "Neighbour",
    "Netlink",
    "NetlinkError",
    "Nexthop",
    "NexthopBucket",
    "NexthopObject",
    "Overrun",
    "Record",
    "Report",
    "Route",
    "Rule",
    "Socket",
    "Statistics",
    "Table",
    "Undecoded",
    "Unknown",
    "Via",
    "addresses",
    "aio",
    "links",
    "neighbours",
    "netns",
    "nexthops",
    "routes",
    "rules",
]
