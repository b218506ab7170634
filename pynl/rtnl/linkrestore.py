"""Links that were read, made again: pairs as pairs, what stands on others after them, and everything else set then."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..bulk import Failure, Packed, Progress, Report
from ..encode import encode
from ..errors import NetlinkError
from ..many import FLAGS, Asked, raise_with, told_of
from ..outcome import Carried, carry_out
from ..schema import Record, writable
from ..verbs import Verbs
from .constants import AddressFamily, LinkFlags, MessageType
from .link import Inet6, Link, given
from .linkkinds import LINK_KINDS

#: What a link is made with; everything else is set once it is there, one by one, so that one refusal is no other's.
_MADE = ("ifname", "ifindex", "link_netnsid", "num_tx_queues", "num_rx_queues")
#: What is set of it then.
_SET = (
    *("address", "broadcast", "mtu", "txqlen", "linkmode", "group", "ifalias", "proto_down"),
    *("gso_max_segs", "gso_max_size", "gro_max_size", "gso_ipv4_max_size", "gro_ipv4_max_size"),
)
#: What tells the kernel that there is none.
_NONE = {"ifalias": ""}
#: The flags that the kernel lets anyone set.
_FLAGS = (
    LinkFlags.IFF_UP
    | LinkFlags.IFF_DEBUG
    | LinkFlags.IFF_NOTRAILERS
    | LinkFlags.IFF_NOARP
    | LinkFlags.IFF_PROMISC
    | LinkFlags.IFF_ALLMULTI
    | LinkFlags.IFF_MULTICAST
    | LinkFlags.IFF_PORTSEL
    | LinkFlags.IFF_AUTOMEDIA
    | LinkFlags.IFF_DYNAMIC
)
#: What takes a link to another namespace, from where it cannot be fetched.
_AWAY = ("net_ns_fd", "net_ns_pid", "target_netnsid")
#: Ports before what they have as ports, all that before links are up, and once more what being up has changed.
_STAGES: Sequence[Callable[[str], bool]] = (
    lambda what: what == "master",
    lambda what: what not in ("master", "flags"),
    lambda what: what == "flags",
    lambda what: True,
)


class Request(NamedTuple):
    """One request: the places of the links that it is of, what of them it tells, and the message."""

    places: tuple[int, ...]
    what: str
    record: Link
    type: MessageType = MessageType.RTM_NEWLINK


def restore(service: Verbs[Link], links: Sequence[Link], progress: Progress | None) -> Report:
    """Makes links as they were; what became of it is told by reading them again.

    Args:
        service: of the namespace.
        links: with the indexes that they had.
        progress: told of the links that are made.
    """
    started = time.monotonic()
    restoring = _Restoring(service, links)
    ended = restoring.send("add", restoring.missing(), progress)
    for stage in _STAGES:
        if ended is None:
            ended = restoring.send("set", [request for request in restoring.differences() if stage(request.what)])
    report = restoring.report(ended is None)
    report.duration = time.monotonic() - started
    raise_with(ended, report)
    return report


def undo(
    service: Verbs[Link], carried: Carried, before: Mapping[Hashable, Link]
) -> tuple[Sequence[int], list[tuple[int, Asked[Any]]]]:
    """Makes links that were there what they were, as :meth:`pynl.outcome.Objects.undo`; new ones are left.

    What became of them is told by reading them again.
    """
    by_index = {link.ifindex: link for link in before.values()}
    by_name = {name: link for link in before.values() for name in (link.ifname, *link.altnames)}
    kept: list[int] = []
    left: list[tuple[int, Asked[Any]]] = []
    touched: dict[int, list[int]] = {}
    made = {asked.record.ifindex for _, asked in carried if _makes(asked)} - {0}
    away: set[int] = set()
    for index, asked in carried:
        request: Link = asked.record
        old = by_index.get(request.ifindex) if request.ifindex else by_name.get(request.ifname or request.alt_ifname)
        if old and request.family == AddressFamily.AF_UNSPEC:  # the dump of links does not tell VLANs
            if any(getattr(request, name) for name in _AWAY):
                away.add(old.ifindex)
            touched.setdefault(old.ifindex, []).append(index)
        elif not old and (_makes(asked) or request.ifname):
            left.append((index, asked))
        elif old or request.ifindex not in made:  # otherwise it goes with its link
            kept.append(index)
    if touched:
        _put_back(service, [by_index[index] for index in touched.keys() - away], before)
    there = {link.ifindex: link for link in service.dump()}
    for index, places in touched.items():
        link = by_index[index]
        ends = [link, by_index[link.link]] if _peer(link) and link.link in by_index else [link]
        if not all(_is(one, there.get(one.ifindex)) for one in ends):
            kept += places
    return kept, left


def _is(link: Link, there: Link | None) -> bool:
    """It is what it was, as far as it can be set."""
    if there is None or (link.ifname, {*link.altnames}) != (there.ifname, {*there.altnames}):
        return False
    return not any(_differing(link, there))


def _makes(asked: Asked[Any]) -> bool:
    return asked.verb == "add" and asked.type == MessageType.RTM_NEWLINK


def _put_back(service: Verbs[Link], links: list[Link], before: Mapping[Hashable, Link]) -> None:
    """Links that may have been removed, the other ends of pairs with them, or have other names now."""
    there = {link.ifindex: link for link in service.dump()}
    names: list[Request] = []
    for place, link in enumerate(links):
        new = there.get(link.ifindex)
        if new and new.ifname != link.ifname:
            names.append(Request((place,), "ifname", Link(ifindex=link.ifindex, ifname=link.ifname)))
        if new and (more := [name for name in new.altnames if name not in link.altnames]):
            record = Link(ifindex=link.ifindex, prop_list={"alt_ifname": more})
            names.append(Request((place,), "prop_list", record, MessageType.RTM_DELLINKPROP))
    _Restoring(service, links).send("set", names)
    missing = {link.link for link in links if _peer(link) and link.ifindex not in there}
    ends = [link for link in before.values() if link.ifindex in missing - there.keys() and link not in links]
    restore(service, [*links, *ends], None)


class _Restoring:
    def __init__(self, service: Verbs[Link], links: Sequence[Link]) -> None:
        there = service.dump()
        self._service = service
        self._links = links
        self._known = {link.ifindex: place for place, link in enumerate(links)}
        self._kinds = {link.ifname: link.kind for link in there}
        indexes = _indexes(links, {link.ifname: link.ifindex for link in there})
        self._wanted = [_mapped(link, indexes) for link in links]
        self._order: dict[int, None] = {}
        for place in range(len(links)):
            self._visit(place, set())
        #: Place and what was asked for -> why it was refused.
        self._refused: dict[tuple[int, str], Failure] = {}

    def _visit(self, place: int, seen: set[int]) -> None:
        """Puts a link behind those that it stands on."""
        if place in self._order or place in seen:
            return
        seen.add(place)
        for below in self._below(place):
            self._visit(below, seen)
        self._order[place] = None

    def _below(self, place: int) -> Iterator[int]:
        link = self._links[place]
        if link.link_netnsid is None and not _peer(link):
            yield from _places(self._known, link.link)
        if link.linkinfo and link.linkinfo.data:
            yield from _places(
                self._known, *(getattr(link.linkinfo.data, name) for name in _devices(link.linkinfo.data))
            )

    # ---- making

    def missing(self) -> list[Request]:
        """The requests that make the links that are not there, the two of a pair by one."""
        found: list[Request] = []
        begun: set[int] = set()
        for place in self._order:
            link = self._wanted[place]
            if link.ifname in self._kinds:
                if self._kinds[link.ifname] != link.kind:
                    self._refuse(place, errno.EEXIST, f"there is one of kind {self._kinds[link.ifname]!r}")
            elif place not in begun:
                request = self._pair(place) if _peer(link) else Request((place,), "", Link(**_making(link)))
                begun.update(request.places if request else ())
                found += [request] if request else []
        return found

    def _pair(self, place: int) -> Request | None:
        link = self._links[place]
        other = self._known.get(link.link or 0)
        if link.link_netnsid is not None:
            self._refuse(place, errno.ENODEV, "its other end is in another namespace")
            return None
        if other is None or self._links[other].kind != link.kind:
            self._refuse(place, errno.ENODEV, "its other end is not among the links")
            return None
        places = (place, other)
        if not getattr(link.linkinfo.data if link.linkinfo else None, "primary", True):
            places = (other, place)
        one, two = (_making(self._wanted[end]) for end in places)
        one["linkinfo"]["data"] = {**one["linkinfo"]["data"], _peer(link): {**two, "linkinfo": None}}
        return Request(places, "", Link(**one))

    def _refuse(self, place: int, number: int, text: str) -> None:
        self._refused[place, ""] = Failure(place, self._links[place], NetlinkError(number, text))

    # ---- setting

    def differences(self) -> list[Request]:
        """The requests that make the links that are there what they are to be."""
        there = {link.ifname: link for link in self._service.dump()}
        return [
            Request((place,), *told)
            for place in self._order
            if (place, "") not in self._refused and self._wanted[place].ifname in there
            for told in _differing(self._wanted[place], there[self._wanted[place].ifname])
        ]

    def send(self, verb: str, requests: Sequence[Request], progress: Progress | None = None) -> BaseException | None:
        """Carries requests out, and notes which are refused; returns what ended it before its time."""
        service = self._service
        create = FLAGS["add"]
        flags = [FLAGS[verb] | (create if r.type == MessageType.RTM_NEWLINKPROP else 0) for r in requests]
        packed = Packed([(r.type, f, Link, encode(r.record)) for r, f in zip(requests, flags, strict=True)])

        def asked(index: int) -> Asked[Link]:
            return Asked(verb, service.FAMILY, requests[index].record, requests[index].type)

        services = {service.FAMILY.name: service}
        report, ended = told_of(carry_out, service.socket, packed, asked, services, "continue", progress)
        for failure in report.failures:
            request = requests[failure.index]
            for place in request.places:
                self._refused[place, request.what] = Failure(place, request.record, failure.error)
        return ended

    def report(self, whole: bool) -> Report:
        """What became of each link.

        Args:
            whole: all requests were sent.
        """
        left = [(place, request) for request in self.differences() for place in request.places]
        failures = [failure for (_, what), failure in self._refused.items() if not what]
        kept = NetlinkError(errno.EOPNOTSUPP, "the kernel took it, and kept what it had")
        for place, request in left:
            default = Failure(place, request.record, kept) if whole else None
            failure = self._refused.get((place, request.what), default)
            failures += [failure] if failure else []
        failures.sort(key=lambda failure: failure.index)
        there = {link.ifname for link in self._service.dump(fields=("ifname",))}
        open_ends = {place for place, _ in left} | {n for n, link in enumerate(self._links) if link.ifname not in there}
        failed = {failure.index for failure in failures}
        total, unsent = len(self._links), len(open_ends - failed)
        return Report(total, total - len(failed) - unsent, failures, unsent=unsent)


def _differing(wanted: Link, there: Link) -> Iterator[tuple[Any, ...]]:
    """What differs of a link: its name, and the request that sets it."""

    def setting(what: str, **values: Any) -> tuple[str, Link]:
        return what, Link(ifindex=there.ifindex, **values)

    if (wanted.master or 0) != (there.master or 0):
        yield setting("master", master=wanted.master or 0)
    for name in _SET:
        value, told = (
            _NONE.get(name) if getattr(link, name) is None else getattr(link, name) for link in (wanted, there)
        )
        if value is not None and value != told:
            yield setting(name, **{name: value})
    info, own = wanted.linkinfo, there.linkinfo
    if info and own:
        if data := _changed(info.data, own.data):
            yield setting("data", linkinfo={"kind": info.kind, "data": data})
        if info.slave_kind == own.slave_kind and (data := _changed(info.slave_data, own.slave_data)):
            yield setting("slave_data", linkinfo={"slave_kind": info.slave_kind, "slave_data": data})
    if inet6 := _changed(_inet6(wanted), _inet6(there)):
        yield setting("af_spec", af_spec={"inet6": inet6})
    if names := [name for name in wanted.altnames if name not in there.altnames]:
        yield (*setting("prop_list", prop_list={"alt_ifname": names}), MessageType.RTM_NEWLINKPROP)
    if change := (wanted.flags ^ there.flags) & _FLAGS:
        yield setting("flags", flags=wanted.flags & change, change=change)


def _changed(wanted: Record | None, there: Record | None) -> dict[str, Any]:
    """The fields to send so that nested data become what is wanted."""
    made: dict[str, Any] = {}
    for name, value in wanted.items() if wanted and there else ():
        sent = wanted.FIELDS[name].sent if wanted else None
        other = getattr(there, name)
        told, others = (sent(value, wanted), sent(other, there)) if sent else (value, other)
        if told != others:
            made[name] = value if told is None else told
    return made


def _inet6(link: Link) -> Inet6 | None:
    return link.af_spec.inet6 if link.af_spec else None


def _making(link: Link) -> dict[str, Any]:
    """The arguments of a link that make it anew."""
    made = {name: getattr(link, name) for name in _MADE}
    made["address"] = given(link.address)
    if link.link and not _peer(link):
        made["link"] = link.link
    if link.linkinfo:
        data = link.linkinfo.data and writable(link.linkinfo.data)
        made["linkinfo"] = {
            "kind": link.kind,
            "data": data if data and not _peer(link) else dict(data.items() if data else ()),
        }
    return made


def _peer(link: Link) -> str | None:
    """Of a kind that is made in pairs: the name of what tells the other end."""
    kind = LINK_KINDS.get(link.kind)
    return next((f.name for f in kind.FIELDS.values() if f.kind.record is Link), None) if kind else None


def _devices(record: Record) -> list[str]:
    """The fields that hold indexes of devices."""
    return [field.name for field in record.FIELDS.values() if field.kind.device and not field.within]


def _places(known: Mapping[int, int], *indexes: int | None) -> Iterator[int]:
    for index in indexes:
        if (place := known.get(index or 0)) is not None:
            yield place


def _indexes(links: Sequence[Link], there: Mapping[str | None, int]) -> dict[int, int]:
    """The index that each had -> the one that it has or gets: its own where that is free."""
    taken = set(there.values())
    free = max([*taken, *(link.ifindex for link in links)], default=0)
    made: dict[int, int] = {}
    for link in links:
        if link.ifname in there:
            made[link.ifindex] = there[link.ifname]
        elif link.ifindex in taken:
            free += 1
            made[link.ifindex] = free
        else:
            made[link.ifindex] = link.ifindex
    return made


def _mapped(record: Any, indexes: Mapping[int, int]) -> Any:
    """A link, or what it tells of its kind, with the indexes that links have here."""
    made: dict[str, Any] = {}
    for name in _devices(record):
        value = getattr(record, name)
        if value and not (name == "link" and getattr(record, "link_netnsid", None) is not None):
            made[name] = indexes.get(value, value)
    if isinstance(record, Link) and record.linkinfo:
        info = record.linkinfo
        parts = {name: _mapped(getattr(info, name), indexes) for name in ("data", "slave_data") if getattr(info, name)}
        made["linkinfo"] = info.replace(**parts)
    return record.replace(**made) if made else record
