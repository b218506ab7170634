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

from ..kinds import Via
from ..netlink import Netlink
from ..netns import FOLDER
from ..plan import column_kind
from ..schema import Record
from .show import Names, View, address_view, link_view, neighbour_view, nexthop_view, render, route_view, rule_view

_FAMILIES = {"4": socket.AF_INET, "6": socket.AF_INET6}

#: Command -> the service's name, and how a record becomes cells.
_COMMANDS: dict[str, tuple[str, Callable[[Names], View]]] = {
    "link": ("links", link_view),
    "addr": ("addresses", address_view),
    "route": ("routes", route_view),
    "neigh": ("neighbours", neighbour_view),
    "rule": ("rules", rule_view),
    "nexthop": ("nexthops", nexthop_view),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="pynl",
        description="Shows links, addresses, routes, neighbours, rules and nexthops; without a command the first four.",
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
    options = _parser().parse_intermixed_args(arguments)
    try:
        with Netlink(_netns(options.netns)) as nl:
            commands = [options.command] if options.command else ["link", "addr", "route", "neigh"]
            tables = {command: _read(nl, command, options) for command in commands}
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


def _netns(word: str | None) -> str | int | None:
    """The namespace of this name, if there is one; otherwise digits are a process id."""
    return int(word) if word and word.isdigit() and not (FOLDER / word).exists() else word


def _read(nl: Netlink, command: str, options: argparse.Namespace) -> Sequence[Record]:
    service = getattr(nl, _COMMANDS[command][0])
    filters = _filters(service.FAMILY.record, options.filters)
    if options.family and command != "link":  # of which the kernel knows no such families
        filters["family"] = _FAMILIES[options.family]
    table: Sequence[Record] = service.dump(**filters)
    return table


def _filters(record: type[Record], words: Sequence[str]) -> dict[str, Any]:
    filters: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"expected FIELD=VALUE, not {word!r}")
        record.known([name])
        kind = column_kind(record.FIELDS[name])
        if kind.python == "bool":
            filters[name] = value.lower() in ("1", "true") or value
        else:
            filters[name] = _number(value) if kind.format else value
    return filters


def _number(word: str) -> int | str:
    """A number, or a word: the name of a device or of an enum's member."""
    try:
        return int(word, 16 if word.lower().startswith("0x") else 10)
    except ValueError:
        return word


def plain(value: Any) -> Any:
    """A value as JSON has it: enums by name, bytes in hexadecimal, fields that are not there left out."""
    if isinstance(value, Record):
        shown = {name: plain(item) for name, item in value.items()}
        if value.unknown:
            shown["unknown"] = [{"type": item.type, "payload": item.payload.hex()} for item in value.unknown]
        return shown
    if isinstance(value, IntFlag):
        known = [member for member in type(value) if member and member & value]
        rest = int(value) & ~sum(known)
        return [str(member.name) for member in known] + ([rest] if rest else [])
    if isinstance(value, int) and not isinstance(value, bool):
        return getattr(value, "name", None) or int(value)
    if isinstance(value, (bytes, bytearray)):
        return value.hex()
    if isinstance(value, Via):
        return {name: plain(item) for name, item in value._asdict().items()}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def run() -> None:
    """The console script."""
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
