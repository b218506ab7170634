"""The ``pynl`` command: what this host's kernel says, as tables or JSON."""

from __future__ import annotations

import argparse
import json
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from enum import IntFlag
from typing import Any

from ..netlink import Netlink
from ..schema import Record
from .show import Names, View, address_view, link_view, neighbour_view, render, route_view

_FAMILIES = {"4": socket.AF_INET, "6": socket.AF_INET6, "bridge": 7}

#: Command -> the service's name, and how a record becomes cells.
_COMMANDS: dict[str, tuple[str, Callable[[Names], View]]] = {
    "link": ("links", link_view),
    "addr": ("addresses", address_view),
    "route": ("routes", route_view),
    "neigh": ("neighbours", neighbour_view),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pynl",
        description="Shows links, addresses, routes and neighbours; without a command all of them.",
    )
    parser.add_argument("command", nargs="?", choices=sorted(_COMMANDS), help="what to show")
    parser.add_argument(
        "filters", nargs="*", metavar="FIELD=VALUE", help="only those whose field has this value: oif=eth0 table=254"
    )
    parser.add_argument("-4", dest="family", action="store_const", const="4", help="IPv4 only")
    parser.add_argument("-6", dest="family", action="store_const", const="6", help="IPv6 only")
    parser.add_argument("-j", "--json", action="store_true", help="JSON, with every field that the kernel sent")
    parser.add_argument("-n", "--netns", metavar="NETNS", help="in this network namespace: name, path or process id")
    parser.add_argument("-V", "--version", action="version", version=f"pynl {_version()}")
    return parser


def _version() -> str:
    from .. import __version__

    return __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit status: 0, 1 where the kernel refused, 2 where the words were wrong."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    options = _parser().parse_args(arguments)
    netns = int(options.netns) if options.netns and options.netns.isdigit() else options.netns
    try:
        filters = _filters(options.filters)
        if options.family:
            filters["family"] = _FAMILIES[options.family]
        with Netlink(netns) as nl:
            commands = [options.command] if options.command else ["link", "addr", "route", "neigh"]
            tables = {command: _read(nl, command, filters) for command in commands}
            if options.json:
                lists = {command: [plain(record) for record in table] for command, table in tables.items()}
                json.dump(lists[options.command] if options.command else lists, sys.stdout)
                print()
            else:
                names = Names(nl)
                for command, table in tables.items():
                    render(command, _COMMANDS[command][1](names), table, sys.stdout)
    except (TypeError, ValueError) as error:
        print(f"pynl: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"pynl: {error}", file=sys.stderr)
        return 1
    return 0


def _read(nl: Netlink, command: str, filters: dict[str, Any]) -> Sequence[Record]:
    service = getattr(nl, _COMMANDS[command][0])
    if command == "link" and filters.get("family") in (socket.AF_INET, socket.AF_INET6):
        filters = {name: value for name, value in filters.items() if name != "family"}
    table: Sequence[Record] = service.dump(**filters)
    return table


def _filters(words: Sequence[str]) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"expected FIELD=VALUE, not {word!r}")
        filters[name] = int(value, 0) if value.lstrip("-").isdigit() or value.startswith("0x") else value
    return filters


def plain(value: Any) -> Any:
    """A value as JSON has it: enums by name, bytes in hexadecimal, fields that are not there left out."""
    if isinstance(value, Record):
        shown = {name: plain(item) for name, item in value.items()}
        if value.unknown:
            shown["unknown"] = [{"type": item.type, "payload": item.payload.hex()} for item in value.unknown]
        return shown
    if isinstance(value, IntFlag):
        return [member.name for member in type(value) if member and member & value] or int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return getattr(value, "name", None) or int(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def run() -> None:
    """The console script."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
