"""What every kind of object that can be written is told: add, replace, change, append, delete, flush."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import IntEnum
from functools import partial
from typing import Any, NamedTuple, Protocol, TypeVar

from .bulk import Failure, Packed, Progress, Report, Requests
from .encode import encode
from .errors import NetlinkError, retold
from .family import left_out
from .fields import Field
from .gather import Same
from .many import FLAGS, Difference, asked_of, difference, raise_with, sendable, told_of
from .netns import Descriptor
from .outcome import Carried, carry_out
from .rows import Rows, Values, beside, columns, columns_of, less, saved_columns
from .schema import Record, chosen, normalize
from .service import Service
from .socket import Socket
from .table import Table

R = TypeVar("R", bound=Record)

#: What the kernel says of an object that is not there.
_GONE = (errno.ENOENT, errno.ESRCH, errno.EADDRNOTAVAIL, errno.ENODEV)


class Change(NamedTuple):
    """One request that changes something, encoded."""

    verb: str
    type: IntEnum
    record: Record
    payload: bytes
    #: The service that was told.
    service: Verbs[Any]
    #: What has to stay open until it is carried out.
    keep: Sequence[Descriptor] = ()


class Changes(Protocol):
    """Who carries changes out: a socket at once, or a batch later."""

    #: Each is carried out before the next is asked for.
    at_once: bool

    def change(self, change: Change) -> None:
        """Takes a change."""


class Direct:
    """Carries out each change as it comes; what the kernel refuses is raised."""

    at_once = True

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def change(self, change: Change) -> None:
        """Sends it, and waits for the ACK."""
        type, record = change.type, change.record
        self._socket.request(type, change.payload, FLAGS[change.verb], record=record.RECORD, name=type.name)


class Verbs(Service[R]):
    """Writes one kind of object, besides reading it.

    Every verb takes a record (one that was read earlier, say, or ``record.replace(...)`` of it), or the record's own
    fields as keyword arguments, or both: the arguments then replace the record's. Devices may be given by name.
    """

    def __init__(self, socket: Socket, changes: Changes | None = None) -> None:
        super().__init__(socket)
        self._changes = Direct(socket) if changes is None else changes

    def add(self, record: R | None = None, /, **values: Any) -> None:
        """Makes a new object.

        Raises:
            NetlinkError: EEXIST: there is one; otherwise why the kernel refused it.
            TypeError: an argument that is no field (the message names the nearest).
            ValueError: a value that a field cannot have. As with TypeError nothing was sent.
        """
        self._change("add", record, values)

    def delete(self, record: R | None = None, /, **values: Any) -> None:
        """Removes an object; what is given has to tell which one.

        Raises:
            NetlinkError: ENOENT, ESRCH, EADDRNOTAVAIL: there is none; otherwise why the kernel refused.
            TypeError, ValueError: as :meth:`add`.
        """
        self._change("delete", record, values)

    # ---- many at once

    def add_many(self, objects: Any, /, *, on_error: str = "stop", progress: Progress | None = None) -> Report:
        """Makes many objects, packed into few sends.

        Args:
            objects: records; mappings of fields; a mapping of columns (lists, arrays; a single value stands for all); a
                Table; or what offers Arrow's PyCapsule stream, such as a data frame.
            on_error: "stop": after a request that is refused nothing more is sent (what was sent together with it is
                carried out, as the report tells); "continue"; "rollback": as "stop", and what was done is undone.
            progress: called with how many are through and how many there are, in another thread, after each send.

        Returns:
            What became of each. A batch collects them, takes neither ``on_error`` nor ``progress``, which are its own,
            and the report says that none was sent yet.

        Raises:
            TypeError, ValueError: as :meth:`add`, naming the row; nothing was sent.
            BulkInterrupted: Ctrl-C; ``report`` tells exactly what was carried out.
        """
        return self._many("add", objects, on_error, progress)

    def delete_many(self, objects: Any, /, *, on_error: str = "stop", progress: Progress | None = None) -> Report:
        """Removes many objects. As :meth:`add_many`."""
        return self._many("delete", objects, on_error, progress)

    def flush(self, **filters: Any) -> Report:
        """Removes all objects that :meth:`dump` finds with these filters; those that went meanwhile count as done.

        Raises:
            TypeError: in a batch: it would not find what the batch itself changes.
        """
        self._not_collected("flush")
        report = self._many("delete", self.dump(**filters), "continue", None)
        gone = [failure for failure in report.failures if failure.error.errno in _GONE]
        report.failures = [failure for failure in report.failures if failure.error.errno not in _GONE]
        report.done += len(gone)
        return report

    def restore(self, objects: Any, /, *, progress: Progress | None = None) -> Report:
        """Makes the objects of a table that was read, or saved and read back, as they were.

        What is there already stays as it is, and counts as done. What needs another object is tried again once that may
        be there.

        Args:
            objects: a table; what ``write_parquet`` or ``write_ipc`` saved, as a data frame or an Arrow table; the
                lines that ``write_json`` wrote, as ``json.loads`` reads them; or records.
            progress: as for :meth:`add_many`.

        Raises:
            TypeError: in a batch: what is refused is to be tried again. Otherwise as :meth:`add_many`.
        """
        self._not_collected("restore")
        started = time.monotonic()
        values: Any = saved_columns(self.FAMILY, objects)
        total = len(next(iter(values.values()), ()))
        places = self._restorable(values, total)
        if len(places) < total:
            values = {name: list(map(column.__getitem__, places)) for name, column in values.items()}
        report = Report()
        refused: dict[int, Failure] = {}
        ended: BaseException | None = None
        wanted: Any = values if places else []
        while len(wanted) and ended is None:
            told, ended = told_of(self._many, "add", wanted, "continue", progress)
            for place in places[: told.total - told.unsent]:
                refused.pop(place, None)
            found = {places[f.index]: f for f in told.failures if f.error.errno != errno.EEXIST}
            refused.update({place: Failure(place, f.request, f.error) for place, f in found.items()})
            report.unknown += [places[row] for row in told.unknown]
            if not report.total:  # later, what was not sent again was refused before
                report.total, report.unsent = total, told.unsent
            places, progress = sorted(refused), None
            wanted = [refused[place].request for place in places] if told.done else []
            self.socket.counters.add(retries=len(wanted))
        report.total, report.failures = total, [refused[place] for place in sorted(refused)]
        report.done = total - len(refused) - len(report.unknown) - report.unsent
        report.duration = time.monotonic() - started
        raise_with(ended, report)
        return report

    def _restorable(self, values: Values, count: int) -> Sequence[int]:
        """The rows that are to be made: not those that only the kernel makes."""
        return range(count)

    def _many(self, verb: str, objects: Any, on_error: str, progress: Progress | None) -> Report:
        family = self.FAMILY
        keep: list[Descriptor] = []
        rows: Requests | None = None
        if isinstance(objects, Table) or not (isinstance(objects, Mapping) or hasattr(objects, "__arrow_c_stream__")):
            given = objects if isinstance(objects, Table) else list(objects)
            objects = columns_of(family, given)
            if beside(family, given, objects) and not (verb == "delete" and family.identity):
                rows = self._one_by_one(verb, given, keep)
        rows = rows or self._rows(verb, objects, keep)
        asked = asked_of(verb, family, rows)
        if not self._changes.at_once:
            if on_error != "stop" or progress is not None:
                raise TypeError("on_error and progress are those of the batch")
            for row in range(len(rows)):
                one = asked(row)
                self._changes.change(Change(verb, one.type, one.record, rows.payload(row)[2], self, keep))
            return Report(total=len(rows), unsent=len(rows))
        return carry_out(self.socket, rows, asked, {family.name: self}, on_error, progress)

    def _not_collected(self, verb: str) -> None:
        if not self._changes.at_once:
            raise TypeError(f"{verb}: what it sends depends on what is there, so it is not for a batch")

    def _one_by_one(self, verb: str, objects: Any, keep: list[Descriptor]) -> Packed:
        """The requests of records with attributes that are not declared: columns cannot hold these."""
        made = []
        family = self.FAMILY
        for row, item in enumerate(objects):
            try:
                record: Any = item if isinstance(item, Record) else None
                payload = encode(self.request(verb, record, {} if record else item, keep))
            except (TypeError, ValueError, NetlinkError) as error:
                raise retold(error, f"row {row}: {getattr(error, 'message', None) or error}") from None
            made.append((family.delete if verb == "delete" else family.new, FLAGS[verb], family.record, payload))
        return Packed(made)

    def _rows(self, verb: str, objects: Any, keep: list[Descriptor]) -> Rows:
        family = self.FAMILY
        names = Names(self._index)
        values = columns_of(family, objects)
        if verb == "delete" and family.identity:
            values = {name: column for name, column in values.items() if name in family.identity}
        elif verb == "delete":
            values = less(family.unsaid, values)
        if type(self)._arguments is not Verbs._arguments:
            values = self._translated(values, keep)

        def complete(fields: Mapping[str, Any]) -> Record:
            return self.request(verb, None, fields, [])

        def resolved(field: Field[Any], value: Any) -> Any:
            return normalize(field, _resolved(field, value, names))

        message = family.delete if verb == "delete" else family.new
        return Rows(family.record, message, FLAGS[verb], values, complete, resolved)

    def _translated(self, values: Values, keep: list[Descriptor]) -> Values:
        """The fields that the arguments of each row stand for."""
        rows = zip(*values.values(), strict=True)
        given = ({n: v for n, v in zip(values, row, strict=True) if v is not None} for row in rows)
        made = []
        for number, row in enumerate(given):
            try:
                made.append(self.FAMILY.record.translated(self._arguments(row, keep)))
            except (TypeError, ValueError) as error:
                raise retold(error, f"row {number}: {error}") from None
        return columns(self.FAMILY.record, made)

    def read(self) -> Mapping[Hashable, R]:
        """All objects by what tells them apart."""
        return {self.FAMILY.key(record): record for record in self.dump()}

    def undo(self, carried: Carried, before: Mapping[Hashable, R]) -> tuple[Sequence[int], Carried]:
        """As :meth:`pynl.outcome.Objects.undo`."""
        return (), carried

    # ---- one request

    def _change(self, verb: str, record: R | None, values: Mapping[str, Any]) -> None:
        keep: list[Descriptor] = []
        wanted = self.request(verb, record, values, keep)
        self._send(verb, self.FAMILY.delete if verb == "delete" else self.FAMILY.new, wanted, keep)

    def _send(self, verb: str, type: IntEnum, wanted: Record, keep: Sequence[Descriptor] = ()) -> None:
        self._changes.change(Change(verb, type, wanted, encode(wanted), self, keep))

    def request(self, verb: str, record: R | None, values: Mapping[str, Any], keep: list[Descriptor]) -> R:
        """The record that a verb sends.

        Args:
            verb: "add" ...
            record: one to begin with, less what only the kernel tells.
            values: fields and values as the caller gave them.
            keep: gets what has to stay open until it is sent.
        """
        cls: type[R] = self.FAMILY.record
        if record is not None and not isinstance(record, cls):
            raise TypeError(f"expected a {cls.__name__}, not {record!r}")
        given = resolve(cls, self._arguments(values, keep), self._index)
        if record is None:
            return cls(cls._make(given, complete=partial(self._completed, verb)))
        if verb == "delete" and self.FAMILY.identity:
            return cls(**{**{name: getattr(record, name) for name in self.FAMILY.identity}, **given})
        made: R = sendable(self.FAMILY, record, **given)
        left = left_out(self.FAMILY.unsaid, partial(getattr, made)) if verb == "delete" else ()
        return made.replace(**dict.fromkeys(left)) if left else made

    def _arguments(self, values: Mapping[str, Any], keep: list[Descriptor]) -> Mapping[str, Any]:
        """Keyword arguments as fields: a family may take some that are none."""
        return values

    def _completed(self, verb: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a family adds of itself to the fields of a request that was given by keyword arguments.

        Args:
            verb: "add" ...
            values: the fields that were given, those that are plain as bytes.
        """
        return {}


class Syncable(Verbs[R]):
    """Objects that are made and removed by their records alone."""

    def sync(self, wanted: Any, /, *, dry_run: bool = False, **filters: Any) -> Difference[R]:
        """Makes what is there what is wanted, and leaves alone what is so already.

        Compared are the fields that any of the wanted objects tells: those of them that do not tell it are wanted
        without it, and what none of them tells may be anything.

        Args:
            wanted: as :meth:`add_many`.
            dry_run: only tell the difference.
            filters: which objects to look at, as :meth:`dump`: ``table=100, protocol="bgp"``. What is wanted gets these
                values where it does not say otherwise.

        Returns:
            The difference, and (unless it is a dry run) the reports of the changes.

        Raises:
            ValueError: two that are wanted are the same object, and differ; or one is none that the filters look at.
                Otherwise as :meth:`add_many`.
        """
        self._not_collected("sync")
        there: Table[R] = self.dump(**filters)
        there.complete()  # rows are compared where they lie, and those of a long answer are still arriving
        values = columns_of(self.FAMILY, wanted)
        count = len(next(iter(values.values()), ()))
        given = self._filtered(values, count, filters) if count else {}
        record, volatile = self.FAMILY.record, self.FAMILY.volatile
        names = [n for n in dict.fromkeys((*given, *record.BLANK)) if n in record.FIELDS and n not in volatile]
        made: Table[R] = Table(self._rows("add", given, []).store())
        looked_at = self._matching(filters)
        for name in looked_at.keys() & values.keys():
            for row, value in enumerate(made.values(name)):
                if value != looked_at[name]:
                    raise ValueError(
                        f"row {row}: {name}: {value!r} is none that the filter {name}={filters[name]!r} finds"
                    )
        found = difference(self.FAMILY, names, made, there)
        if not dry_run:
            steps = (("delete", found.deleted), ("replace", found.replaced), ("add", found.added))
            found.reports = [self._many(verb, records, "continue", None) for verb, records in steps if records]
        return found

    def _filtered(self, values: Values, count: int, filters: Mapping[str, Any]) -> Values:
        """Columns with the filters' values where they have none."""
        family = self.FAMILY
        by = {name: values[name] for name in family.instead if name in values}
        given = less(family.instead, {**{name: Same(value, count) for name, value in filters.items()}, **by})
        made = dict(values)
        for name in filters.keys() & given.keys():
            told = values.get(name, Same(None, count))
            made[name] = [other if value is None else value for value, other in zip(told, given[name], strict=True)]
        return made


class Replaceable(Syncable[R]):
    """Objects that can be replaced as a whole."""

    def replace(self, record: R | None = None, /, **values: Any) -> None:
        """Makes an object, in the place of the one with the same key if there is one. As :meth:`add`."""
        self._change("replace", record, values)

    def replace_many(self, objects: Any, /, *, on_error: str = "stop", progress: Progress | None = None) -> Report:
        """Replaces many objects. As :meth:`add_many`."""
        return self._many("replace", objects, on_error, progress)


class Changeable(Replaceable[R]):
    """Objects that can be replaced only if they are there."""

    def change(self, record: R | None = None, /, **values: Any) -> None:
        """Replaces an object that is there.

        Raises:
            NetlinkError: ENOENT and the like: there is none. As :meth:`add` for the rest.
        """
        self._change("change", record, values)


class Appendable(Changeable[R]):
    """Objects of which several may have the same key."""

    def append(self, record: R | None = None, /, **values: Any) -> None:
        """Makes another object behind those with the same key. As :meth:`add`."""
        self._change("append", record, values)


class Names:
    """The indexes of devices by name, each asked for once."""

    def __init__(self, index: Callable[[str, Any], Any]) -> None:
        self._index = index
        self._known: dict[Any, Any] = {}

    def __call__(self, argument: str, device: Any) -> Any:
        if device not in self._known:
            self._known[device] = self._index(argument, device)
        return self._known[device]


def resolve(cls: type[Record], values: Mapping[str, Any], index: Callable[[str, Any], Any]) -> Mapping[str, Any]:
    """Fields with device names as indexes, also in nests given as mappings.

    Args:
        cls: the record's class.
        values: fields and values.
        index: argument and device -> index.
    """
    values = cls.translated(values)
    referring = values.keys() & cls.REFERRING
    return {**values, **{name: _resolved(_told(cls, name, values), values[name], index) for name in referring}}


def _told(cls: type[Record], name: str, values: Mapping[str, Any]) -> Field[Any]:
    """A field, as that of the record which another field tells where that is so."""
    field = cls.FIELDS[name]
    if not field.select:
        return field
    told = values.get(field.select[0])
    return field.told(chosen(field, None if told is None else normalize(cls.FIELDS[field.select[0]], told)))


def _resolved(field: Field[Any], value: Any, index: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, str) and field.kind.device:
        return index(field.name, value)
    inner = field.kind.record
    if inner is None or isinstance(value, (str, Record)):
        return value
    if isinstance(value, Mapping):
        return resolve(inner, value, index)
    if field.kind.plural or field.many:
        return [resolve(inner, item, index) if isinstance(item, Mapping) else item for item in value]
    return value
