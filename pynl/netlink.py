"""The session: one namespace's objects, each kind behind its service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Generic, TypeVar

from .batch import Collected
from .bulk import Progress, Report
from .closing import Closing
from .mirror import Mirror
from .monitor import BUFFER, Monitor
from .netns import NetNS
from .rtnl.addr import Address, Addresses
from .rtnl.link import Link
from .rtnl.links import Links
from .rtnl.neigh import Neighbour, Neighbours
from .rtnl.nexthop import NexthopObject, Nexthops
from .rtnl.nsid import NsIds, assign_nsid, nsid_of
from .rtnl.route import Route, Routes
from .rtnl.rule import Rule, Rules
from .schema import nearest
from .service import Service
from .socket import Socket
from .statistics import Statistics
from .table import Table
from .verbs import Changes, Verbs

B = TypeVar("B", bound="Batch")
V = TypeVar("V", bound=Verbs[Any])


class Each(Generic[V]):
    """A service of every session, made when it is first used there."""

    def __init__(self, service: type[V]) -> None:
        self.service = service

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, session: Any, owner: type | None = None) -> V:
        if session is None:
            raise AttributeError(f"{self._name} is a session's")
        made = self.service(session.socket, session._changes)
        made.kinds = KINDS
        vars(session)[self._name] = made
        return made


class Services:
    """Every kind of object of one namespace, each behind its service.

    Args:
        socket: of the namespace.
        changes: who carries changes out; None: the socket, at once.
    """

    def __init__(self, socket: Socket, changes: Changes | None = None) -> None:
        #: The rtnetlink socket below the services.
        self.socket = socket
        self._changes = changes

    routes = Each(Routes)
    links = Each(Links)
    addresses = Each(Addresses)
    neighbours = Each(Neighbours)
    rules = Each(Rules)
    nexthops = Each(Nexthops)


#: What there is, as the services are called.
KINDS = {name: each.service.FAMILY for name, each in vars(Services).items() if isinstance(each, Each)}


class Batch(Services):
    """Changes that are checked as they are given, collected, and sent together when the block ends.

    Its services are those of :class:`Netlink`; what they read is read at once. ``add_many`` and the like are collected
    too; ``flush``, ``sync`` and ``restore``, which depend on what is there, are not for a batch. A block that is left
    by an exception sends nothing.
    """

    def __init__(self, socket: Socket, on_error: str, progress: Progress | None) -> None:
        self._collected = Collected(socket, on_error, progress)
        super().__init__(socket, self._collected)
        #: What became of the changes, once they have been sent: None until then, and after an exception.
        self.report: Report | None = None

    def __len__(self) -> int:
        return len(self._collected)

    def send(self) -> Report:
        """Sends what has been collected so far.

        Raises:
            BulkInterrupted: Ctrl-C; its ``report`` tells exactly what was carried out.
        """
        self.report = self._collected.send()
        return self.report

    def __enter__(self: B) -> B:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and (len(self) or self.report is None):
            self.send()


class Netlink(Services, Closing):
    """A session with the kernel of one network namespace; several threads may share it.

    Args:
        netns: the namespace: name, path, process id or file descriptor; None: this one.
        timeout: seconds that the kernel may stay silent while an answer is awaited; None: for ever.

    Raises:
        OSError: there is no such namespace, or no permission.
    """

    def __init__(self, netns: NetNS | None = None, *, timeout: float | None = 30.0) -> None:
        super().__init__(Socket(netns=netns, timeout=timeout))

    @property
    def statistics(self) -> Statistics:
        """What has come through its sockets so far: ``messages``, ``bytes``, ``overruns`` and the like."""
        return self.socket.counters.read()

    def nsid(self, netns: NetNS) -> int | None:
        """The number that this session's namespace has for another (``link_netnsid`` of links), or None.

        Args:
            netns: the other: name, path, process id or file descriptor.

        Raises:
            OSError: there is no such namespace.
        """
        return nsid_of(self.socket, netns)

    def set_nsid(self, netns: NetNS, nsid: int | None = None) -> int:
        """Gives another namespace a number here, and returns it.

        Args:
            netns: the other: name, path, process id or file descriptor.
            nsid: the number, from 0; None: one that is free.

        Raises:
            NetlinkError: EEXIST: it has a number, or the number is another's.
            OSError: there is no such namespace.
            TypeError, ValueError: what is no number, or a negative one.
        """
        if isinstance(nsid, bool) or not (nsid is None or hasattr(nsid, "__index__")):
            raise TypeError(f"nsid: expected a number or None, not {nsid!r}")
        if nsid is not None and nsid < 0:
            raise ValueError(f"nsid: expected a number from 0, or None, not {nsid!r}")
        assign_nsid(self.socket, netns, nsid)
        made = self.nsid(netns)
        assert made is not None
        return made

    def monitor(
        self,
        *kinds: str,
        netns: NetNS | None = None,
        buffer: int = BUFFER,
        timeout: float | None = None,
        **filters: Any,
    ) -> Monitor:
        """Watches changes: ``with nl.monitor("routes", "links") as events: for event in events: ...``

        Args:
            kinds: what to watch, as the services are called; without any: all of them. ``"nsids"``: the numbers that
                the namespace gives to others.
            netns: another namespace than the session's: name, path, process id or file descriptor; ``"all"``: the
                session's, and all that it has a number for (:meth:`set_nsid`); events tell which (``nsid``).
            buffer: bytes to ask for as the receive buffer.
            timeout: seconds without an event after which the loop ends; None: never.
            filters: field names and values, as :meth:`pynl.Netlink.routes.dump` takes them. One holds for each of the
                kinds that have such a field.

        Returns:
            The monitor; it knows of every change from now on.

        Raises:
            NetlinkError: EPERM: all namespaces take CAP_NET_BROADCAST.
            OSError: there is no such namespace, or no permission.
            TypeError: there is no such kind, or none of them has such a field, or it cannot be filtered by.
            ValueError: a value that the field cannot have.
        """
        watched = list(self._chosen(kinds, {"nsids": NsIds(self.socket)}).values())
        fields = {name: field for service in watched for name, field in service.FAMILY.record.FIELDS.items()}
        for name in filters:
            if name not in fields:
                raise TypeError(f"what is watched has no field {name!r}{nearest(name, fields)}")
        everywhere = netns == "all"
        with self.socket.sibling() if netns is None or everywhere else Socket(netns=netns) as socket:
            wanted = {service.FAMILY.name: type(service)(socket)._matching(filters) for service in watched}
            return Monitor(
                [service.FAMILY for service in watched],
                netns=socket.netns,
                all_namespaces=everywhere,
                filters=wanted,
                buffer=buffer,
                timeout=timeout,
                counters=self.socket.counters,
            )

    def batch(self, *, on_error: str = "stop", progress: Progress | None = None) -> Batch:
        """Changes of any kind, packed into few sends: ``with nl.batch() as batch: batch.routes.add(...)``.

        Args:
            on_error: as for ``add_many``: "stop", "continue" or "rollback".
            progress: as for ``add_many``.

        Returns:
            The batch; its ``report`` tells what became of each change.
        """
        return Batch(self.socket, on_error, progress)

    def mirror(self, *kinds: str, buffer: int = BUFFER, timeout: float | None = 30.0) -> Mirror:
        """A live copy: ``with nl.mirror("routes", "links") as mirror: mirror.table("routes")``

        Args:
            kinds: what to copy, as the services are called; without any: all of them.
            buffer: bytes to ask for as the receive buffer of its monitor.
            timeout: seconds after which reading what changes all the time is given up; None: never.

        Returns:
            The mirror; it has read everything.

        Raises:
            DumpInterrupted: what is copied changes too fast.
            TypeError: there is no such kind.
            OSError: there is no permission.
        """
        return self._mirror(kinds, buffer, timeout)

    def _mirror(
        self,
        kinds: Sequence[str],
        buffer: int,
        timeout: float | None,
        heard: Callable[[Monitor], object] = lambda monitor: None,
    ) -> Mirror:
        """The same; ``heard`` is told the mirror's monitor, which ends its reading when it is closed."""
        services = self._chosen(kinds)
        families = [service.FAMILY for service in services.values()]
        others = [name for family in families for name in family.following.disturbed]
        watched = dict.fromkeys((*services, *others))
        kinds_watched = [KINDS[name] for name in watched]
        counters = self.socket.counters
        monitor = Monitor(kinds_watched, netns=self.socket.netns, buffer=buffer, counters=counters)
        try:
            heard(monitor)
            socket = self.socket.sibling()
        except BaseException:
            monitor.close()
            raise
        return Mirror({name: type(service)(socket) for name, service in services.items()}, monitor, timeout)

    def _chosen(
        self, kinds: Sequence[str], others: Mapping[str, Service[Any]] = MappingProxyType({})
    ) -> Mapping[str, Service[Any]]:
        """The services of these names, or all; ``others`` only by their names."""
        for kind in kinds:
            if kind not in KINDS and kind not in others:
                raise TypeError(f"there is nothing called {kind!r}{nearest(str(kind), [*KINDS, *others])}")
        return {name: others.get(name) or getattr(self, name) for name in dict.fromkeys(kinds or KINDS)}

    def restore(self, table: Table[Any], /, *, progress: Progress | None = None) -> Report:
        """Makes the objects of a table that was read, here or elsewhere: see the services' ``restore``."""
        for name, family in KINDS.items():
            if family.record is table.record:
                service: Verbs[Any] = getattr(self, name)
                return service.restore(table, progress=progress)
        raise TypeError(f"expected a table of records that can be written, not of {table.record.__name__}")

    def close(self) -> None:
        """Closes it; a thread that waits for an answer gets ClosedError. May be called twice."""
        self.socket.close()

    def __repr__(self) -> str:
        return f"<Netlink on {self.socket!r}>"


def routes(netns: NetNS | None = None, **filters: Any) -> Table[Route]:
    """The routes of a namespace, in one line; filters as :meth:`pynl.Netlink.routes.dump` takes them."""
    with Netlink(netns) as nl:
        return nl.routes.dump(**filters)


def links(netns: NetNS | None = None, **filters: Any) -> Table[Link]:
    """The links of a namespace, in one line."""
    with Netlink(netns) as nl:
        return nl.links.dump(**filters)


def addresses(netns: NetNS | None = None, **filters: Any) -> Table[Address]:
    """The addresses of a namespace's devices, in one line."""
    with Netlink(netns) as nl:
        return nl.addresses.dump(**filters)


def neighbours(netns: NetNS | None = None, **filters: Any) -> Table[Neighbour]:
    """The neighbours of a namespace, in one line."""
    with Netlink(netns) as nl:
        return nl.neighbours.dump(**filters)


def rules(netns: NetNS | None = None, **filters: Any) -> Table[Rule]:
    """The routing rules of a namespace, in one line."""
    with Netlink(netns) as nl:
        return nl.rules.dump(**filters)


def nexthops(netns: NetNS | None = None, **filters: Any) -> Table[NexthopObject]:
    """The nexthop objects of a namespace, in one line."""
    with Netlink(netns) as nl:
        return nl.nexthops.dump(**filters)
