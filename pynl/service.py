"""What every kind of object can be asked: one generic service, which a family's file may add to."""

from __future__ import annotations

import errno
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

from .arrival import Arrival, Question, begin
from .devices import index_of
from .encode import encode
from .errors import NetlinkError, retold
from .family import Family
from .hearing import hear
from .kinds import IP
from .monitor import Monitor
from .plan import Plan, plan_of
from .schema import Record, normalize
from .snapshot import Told, settle
from .socket import NLM_F_ACK, Socket
from .store import Filters, Store
from .table import Table

R = TypeVar("R", bound=Record)


def address_text(argument: str, value: Any) -> str:
    """An IP address as records show it; TypeError or ValueError name the argument."""
    try:
        return IP.load(IP.dump(value))
    except (TypeError, ValueError) as error:
        raise retold(error, f"{argument}: {error}") from None


#: Records in a table of a stream, unless the caller says otherwise: some ten megabytes of routes.
CHUNK = 50_000
#: Segments of a quarter megabyte that a stream's receiver may be ahead of its reader.
_AHEAD = 8


class Service(Generic[R]):
    """Reads one kind of object through a socket."""

    FAMILY: ClassVar[Family[Any]]

    def __init__(self, socket: Socket) -> None:
        #: The socket that requests go through.
        self.socket = socket
        #: The kinds whose announcements tell of this one's objects, by name.
        self.kinds: Mapping[str, Family[Any]] = {self.FAMILY.name: self.FAMILY}

    def dump(self, *, fields: Sequence[str] | None = None, **filters: Any) -> Table[R]:
        """All objects, or those whose fields have the given values.

        It returns once the kernel has begun to answer; the table's records are decoded while the rest arrives.

        Args:
            fields: the fields to decode, where not all are wanted.
            filters: field names and values, as the record shows them (None: it has none); a device may be given by
                name. They go to the kernel where it takes them, and are applied to what it did not filter.

        Raises:
            NetlinkError: the kernel refused the request.
            TypeError: there is no such field (the message names the nearest), or it cannot be filtered by.
            ValueError: a value that the field cannot have.
            DecodeError: some message could not be decoded; ``error.table`` has all the others. As every error that
                befalls a long answer later, it is raised where the table is used.
        """
        plan, questions = self._questions(fields, filters)
        parts = begin(self.socket, self.FAMILY, questions)
        whole = all(part.reply.whole for part in parts)
        store = Store(plan)
        store.keys = self.FAMILY.following.keys
        store.arrive(Arrival(parts))
        table: Table[R] = Table(store)
        if whole:
            table.complete()
        return table

    def snapshot(self, *, timeout: float | None = 30.0, max_dumps: int | None = 100, **filters: Any) -> Table[R]:
        """All objects, or those whose fields have the given values, complete as of one moment.

        A dump may miss objects that were there all the time, where others change meanwhile. So it listens to what is
        announced. A dump in silence is returned at once; otherwise dumps are merged, with the last word on each object
        that was announced, until they prove that they missed nothing (docs/consistency.md): two or three, mostly.

        Args:
            timeout: seconds after which it is given up; None: never.
            max_dumps: dumps after which it is given up; None: never.
            filters: as :meth:`dump`.

        Raises:
            DumpInterrupted: the objects change too fast; ``error.table`` has them as far as they are known.
            TypeError: a filter that does not tell of each object whether it is meant; otherwise as :meth:`dump`.
        """
        with self.watching(filters) as monitor:
            return self.settled(monitor, timeout, max_dumps, filters)

    def watching(self, filters: Mapping[str, Any]) -> Monitor:
        """A monitor of all that tells of the objects that :meth:`dump` lists with these filters."""
        names = dict.fromkeys((self.FAMILY.name, *self.FAMILY.following.disturbed))
        kinds = [self.kinds[name] for name in names]
        heard = {self.FAMILY.name: self._matching({"family": filters.get("family")})}
        return Monitor(kinds, netns=self.socket.netns, filters=heard, counters=self.socket.counters)

    def settled(
        self, monitor: Monitor, timeout: float | None, max_dumps: int | None, filters: Mapping[str, Any]
    ) -> Table[R]:
        """A snapshot by what a monitor hears; ClosedError once the monitor is closed."""
        name = self.FAMILY.name

        def listen() -> Sequence[Told] | None:
            heard = list(hear(monitor))
            if any(name in one.touched for one in heard):
                return None
            return [told for one in heard if name in one.kinds for told in one.kinds[name].told]

        # What the kernel does not filter by is left to the end: rows that are dropped would prove nothing of others.
        pushed, fields = {*self.FAMILY.pushed, "family"}, self.FAMILY.record.FIELDS
        kept = {name: value for name, value in filters.items() if name in pushed or name not in fields}

        def dump(room: int) -> Sequence[Table[R]]:
            return self.listed(room, **(kept if room else filters))

        wanted, sifted = self._wanted(filters), kept != filters
        return settle(self.FAMILY, dump, listen, wanted, timeout, max_dumps, sifted)

    def listed(self, room: int, **filters: Any) -> Sequence[Table[R]]:
        """A dump on a socket of its own, whose datagrams have so much room; 0: as much as the kernel likes.

        Returns:
            Whole tables: one, or where their room is told, one for each address family.
        """
        if room:
            self.socket.counters.add(retries=1)
        family = filters.get("family")
        protocols = self.FAMILY.protocols if room and not family else (family,)
        with self.socket.sibling(room) as socket:
            service = type(self)(socket)
            tables = [service.dump(**({**filters, "family": one} if one else filters)) for one in protocols]
            try:
                for table in tables if room else ():
                    table.complete()
            except NetlinkError as error:  # some object takes more room
                if error.errno != errno.EMSGSIZE:
                    raise
                return self.listed(0, **filters)
        return tables

    def stream(
        self, *, chunk: int = CHUNK, fields: Sequence[str] | None = None, **filters: Any
    ) -> Generator[Table[R], None, None]:
        """The same as :meth:`dump` in tables of bounded size, on a socket of its own; the kernel waits for the reader.

        Args:
            chunk: the number of records after which a table ends, to within those of a quarter megabyte of messages.
            fields: as :meth:`dump`.
            filters: as :meth:`dump`.

        Returns:
            An iterator of tables, which may be closed early. ``consistent`` tells of all that had been received: the
            last table's counts.

        Raises:
            as :meth:`dump`; DecodeError only where the table with the fault is used, so that the others can be read.
        """
        if not isinstance(chunk, int) or chunk < 1:
            raise ValueError(f"chunk: expected a number of records, not {chunk!r}")
        plan, questions = self._questions(fields, filters)
        return self._stream(plan, questions, chunk)

    def _stream(self, plan: Plan, questions: Sequence[Question], chunk: int) -> Generator[Table[R], None, None]:
        with self.socket.sibling() as socket:
            for question in questions:
                arrival = Arrival(begin(socket, self.FAMILY, [question], _AHEAD))
                try:
                    more = True
                    while more:
                        store = Store(plan)
                        while store.c.rows < chunk and more:
                            more = arrival.advance(store)
                        store.end()
                        if store.c.rows or store.error or not store.consistent:
                            yield Table(store)
                finally:
                    arrival.cancel()

    def _questions(self, fields: Sequence[str] | None, filters: Mapping[str, Any]) -> tuple[Plan, Sequence[Question]]:
        """The plan of a dump, and what to ask: one question for each address family."""
        rest = dict(filters)
        options = self._options(rest)
        absent = tuple(name for name, value in rest.items() if value is None)
        names = None if fields is None else self._fields(fields)
        asked = self.FAMILY, names, tuple(options.items()), tuple(self._normal(rest).items()), absent
        try:
            return _questions(*asked)
        except TypeError:  # an option that is no value may not be hashable either: it is to be told which
            return _questions.__wrapped__(*asked)

    def _matching(self, filters: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the filters that are fields of the record, with values as it shows them; None: it has none."""
        known = {name: value for name, value in filters.items() if name in self.FAMILY.record.FIELDS}
        return dict.fromkeys(known) | self._normal(known)

    def _wanted(self, filters: Mapping[str, Any]) -> Callable[[R], bool]:
        """Whether a record is one that a dump with these filters lists."""
        family = self.FAMILY
        rest = dict(filters)
        self._options(rest)
        tests = []
        for name in family.wider & rest.keys():
            if name not in family.following.wider:
                raise TypeError(f"a snapshot cannot filter by {name}: announcements do not tell it")
            tests.append((family.following.wider[name], self._normal({name: rest.pop(name)})[name]))
        equal = dict.fromkeys(rest) | self._normal(rest)
        families = {equal.pop("family", None)} - {None, 0} or set(family.protocols)

        def wanted(record: R) -> bool:
            return (
                (0 in families or getattr(record, "family", 0) in families)
                and all(getattr(record, name) == value for name, value in equal.items())
                and all(test(record, value) for test, value in tests)
            )

        return wanted

    def _options(self, filters: dict[str, Any]) -> Mapping[str, Any]:
        """Takes from the keyword arguments of a dump those that are no filters; returns the request fields for them."""
        return {}

    def _fields(self, names: Sequence[str]) -> tuple[str, ...]:
        record = self.FAMILY.record
        if isinstance(names, str):
            raise TypeError(f"fields: expected a sequence of names, not {names!r}")
        wanted = tuple(names)
        record.known(wanted)
        return tuple(name for name in record.FIELDS if name in wanted)

    def _normal(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as the record would show them, device names as indexes; None is left out."""
        record = self.FAMILY.record
        record.known(values)
        made = {}
        for name, value in values.items():
            if value is None:
                continue
            field = record.FIELDS[name]
            made[name] = normalize(field, self._index(name, value) if field.kind.device else value)
        return made

    def _index(self, argument: str, device: Any) -> Any:
        """The index of a device given by name or index."""
        if isinstance(device, bool) or not (isinstance(device, str) or hasattr(device, "__index__")):
            raise TypeError(f"{argument}: expected the name of a device or its index, not {device!r}")
        return index_of(self.socket, device)

    def _ask(self, record: R) -> R:
        """The one object that the kernel answers a request with."""
        family = self.FAMILY
        store = Store(plan_of(family.record))
        payload = encode(record)
        self.socket.exchange(family.get, payload, NLM_F_ACK, store.decode, record=family.record, name=family.get.name)
        store.end()
        table: Table[R] = Table(store)
        table.complete()
        if not len(table):
            raise NetlinkError(errno.ENOENT, "the kernel acknowledged, but sent nothing", request=family.get.name)
        return table[0]


@lru_cache(256)
def _questions(
    family: Family[Any],
    fields: tuple[str, ...] | None,
    options: tuple[tuple[str, Any], ...],
    filters: tuple[tuple[str, Any], ...],
    absent: tuple[str, ...],
) -> tuple[Plan, Sequence[Question]]:
    """As :meth:`Service._questions`, made once.

    Args:
        options: fields of the request beside filters.
        absent: fields that are not to be there.
    """
    wanted = dict(filters)
    protocols = family.protocols
    if not wanted.get("family"):  # AF_UNSPEC asks for all families
        wanted.pop("family", None)
    else:
        protocols = (wanted["family"],)
    plan = plan_of(family.record)
    if fields is not None:
        plan = plan_of(family.record, fields, tuple(sorted({*wanted, *absent, "family"})))
    pushed = {family.pushed[name]: value for name, value in wanted.items() if name in family.pushed}
    questions = []
    for protocol in protocols:
        if protocol:  # where the kernel has no such family, it answers with all it has
            wanted["family"] = protocol
        request = family.record(**{**dict(options), **pushed, "family": protocol})
        held = Filters(plan, {**wanted, **dict.fromkeys(absent)}, family.wider)
        questions.append(Question(encode(request), held, "table" in wanted))
    return plan, tuple(questions)
