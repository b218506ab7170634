"""Records as the rows of a table that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TextIO

from ..netlink import Netlink
from ..schema import Record

#: Column headings, and what makes a record's cells.
View = tuple[Sequence[str], Callable[[Any], Sequence[Any]]]


class Names:
    """Device indexes as names, read once when first needed."""

    def __init__(self, nl: Netlink) -> None:
        self._nl = nl
        self._names: dict[int, str] | None = None

    def __call__(self, index: int | None) -> str | None:
        if not index:
            return None
        if self._names is None:
            self._names = {link.ifindex: link.ifname or "" for link in self._nl.links.dump()}
        return self._names.get(index) or f"if{index}"


def _word(value: Any, prefix: str = "") -> str | None:
    """RTN_UNICAST -> unicast; a number without a name stays one."""
    if value is None:
        return None
    name = getattr(value, "name", None)
    return name.removeprefix(prefix).lower() if isinstance(name, str) else str(int(value))


def _words(value: Any, prefix: str) -> str:
    names = [member.name.removeprefix(prefix).lower() for member in type(value) if member and member & value]
    rest = int(value) & ~sum(int(member) for member in type(value))
    return ",".join(names + ([hex(rest)] if rest else []))


def link_view(names: Names) -> View:
    def cells(link: Any) -> Sequence[Any]:
        up = "up" if link.up else "down"
        return (
            link.ifindex,
            link.ifname,
            link.kind,
            up,
            _word(link.operstate, "IF_OPER_"),
            link.mtu,
            link.address,
            names(link.master),
            " ".join(link.altnames),
        )

    return ("index", "name", "kind", "admin", "state", "mtu", "address", "master", "altnames"), cells


def address_view(names: Names) -> View:
    def cells(address: Any) -> Sequence[Any]:
        flags = _words(address.flags, "IFA_F_")
        return (
            names(address.ifindex),
            address.interface,
            address.peer,
            _word(address.scope, "RT_SCOPE_"),
            address.label,
            flags,
        )

    return ("device", "address", "peer", "scope", "label", "flags"), cells


def route_view(names: Names) -> View:
    def via(route: Any) -> str | None:
        if route.multipath:
            hops = (
                f"{hop.gateway or (hop.via.address if hop.via else 'direct')}*{hop.weight}" for hop in route.multipath
            )
            return " ".join(hops)
        return route.gateway or (route.via.address if route.via else None)

    def device(route: Any) -> str | None:
        if route.multipath:
            return " ".join(dict.fromkeys(names(hop.oif) or "" for hop in route.multipath))
        return names(route.oif)

    def cells(route: Any) -> Sequence[Any]:
        return (
            _word(route.type, "RTN_"),
            route.dst or "default",
            via(route),
            device(route),
            route.prefsrc,
            route.priority,
            route.table,
            _word(route.protocol, "RTPROT_"),
            _word(route.scope, "RT_SCOPE_"),
        )

    return ("type", "destination", "gateway", "device", "source", "metric", "table", "protocol", "scope"), cells


def neighbour_view(names: Names) -> View:
    def cells(neighbour: Any) -> Sequence[Any]:
        return (
            neighbour.dst,
            names(neighbour.ifindex),
            neighbour.lladdr,
            _words(neighbour.state, "NUD_") or "none",
            _words(neighbour.flags, "NTF_"),
        )

    return ("address", "device", "hardware address", "state", "flags"), cells


def rule_view(names: Names) -> View:
    def cells(rule: Any) -> Sequence[Any]:
        mask = "" if rule.fwmask in (None, 2**32 - 1) else f"/{rule.fwmask:#x}"
        leads = {"FR_ACT_TO_TBL": rule.table, "FR_ACT_GOTO": rule.goto}
        return (
            rule.priority or 0,
            _word(rule.family, "AF_"),
            rule.src or "all",
            rule.dst or "all",
            rule.iifname,
            rule.oifname,
            None if rule.fwmark is None else f"{rule.fwmark:#x}{mask}",
            _word(rule.action, "FR_ACT_"),
            leads.get(getattr(rule.action, "name", "")),
            _word(rule.protocol, "RTPROT_"),
            _words(rule.flags, "FIB_RULE_"),
        )

    headings = ("priority", "family", "from", "to", "iif", "oif", "mark", "action", "target", "protocol", "flags")
    return headings, cells


def nexthop_view(names: Names) -> View:
    def via(nexthop: Any) -> str | None:
        if nexthop.group:
            return " ".join(f"{entry.id}*{entry.weight}" for entry in nexthop.group)
        return "blackhole" if nexthop.blackhole else nexthop.gateway

    def cells(nexthop: Any) -> Sequence[Any]:
        return (
            nexthop.id,
            _word(nexthop.group_type, "NEXTHOP_GRP_TYPE_") or _word(nexthop.family, "AF_"),
            via(nexthop),
            names(nexthop.oif),
            _word(nexthop.encap_type, "LWTUNNEL_ENCAP_"),
            _word(nexthop.protocol, "RTPROT_"),
            _word(nexthop.scope, "RT_SCOPE_"),
            ",".join(["fdb"] * bool(nexthop.fdb) + [_words(nexthop.flags, "RTNH_F_")]).strip(","),
        )

    return ("id", "type", "via", "device", "encap", "protocol", "scope", "flags"), cells


def render(title: str, view: View, records: Iterable[Record], out: TextIO) -> None:
    """Prints a table; with rich where it is installed, otherwise in plain columns."""
    headings, cells = view
    rows = [["" if cell is None else str(cell) for cell in cells(record)] for record in records]
    try:
        from rich import box
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        _plain(title, headings, rows, out)
        return
    console = Console(file=out)
    if not console.is_terminal:
        _plain(title, headings, rows, out)
        return
    table = Table(title=f"{title} ({len(rows)})", title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    console.print(table)


def printable(text: str) -> str:
    """Names come from the kernel as bytes: what a terminal would obey, and lone surrogates, are escaped."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _plain(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], out: TextIO) -> None:
    lines = [list(headings), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    print(f"{title} ({len(rows)})", file=out)
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip(), file=out)
    print(file=out)
