"""Many changes at once: what they ask for, and how what is wanted differs from what is there."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from .bulk import BulkInterrupted, Report, Requests
from .family import Family, left_out
from .following import NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE
from .index import Index, take
from .plan import Keys, column_kind, parse, plan_of
from .schema import Record
from .store import Store
from .table import Table

R = TypeVar("R", bound=Record)

#: Verb -> the flags of its request (RFC 3549, section 2.3.2.1).
FLAGS = {
    "add": NLM_F_CREATE | NLM_F_EXCL,
    "replace": NLM_F_CREATE | NLM_F_REPLACE,
    "change": NLM_F_REPLACE,
    "append": NLM_F_CREATE | NLM_F_APPEND,
    "delete": 0,
    "set": 0,
}


@dataclass(frozen=True)
class Asked(Generic[R]):
    """What one request was to do."""

    verb: str
    family: Family[R]
    record: R
    #: Of its message.
    type: IntEnum


def sendable(family: Family[R], record: R, **values: Any) -> R:
    """A record that was read, as the kernel takes it: without what only the kernel tells."""
    there = record.fields()
    own = {name: None for name in family.volatile if name in there and getattr(record, name) is not None}
    told = {name: getattr(record, name) for name in family.sent if name in there}
    sent = {name: family.sent[name](value) for name, value in told.items() if value is not None}
    known = {**{name: getattr(record, name) for name in family.instead if name in there}, **values}
    left = left_out(family.instead, known.get).intersection(there)
    return record.replace(**{**own, **sent, **dict.fromkeys(left), **values})


def told_of(work: Callable[..., Report], *arguments: Any) -> tuple[Report, BaseException | None]:
    """One of several rounds: its report, and what ended it."""
    try:
        return work(*arguments), None
    except BaseException as error:
        if not isinstance(getattr(error, "report", None), Report):
            raise
        report: Report = error.report  # type: ignore[attr-defined]
        return report, error


def raise_with(error: BaseException | None, report: Report) -> None:
    """Raises what ended one of several rounds, with the report of them all."""
    if isinstance(error, BulkInterrupted):
        raise BulkInterrupted(report)
    if error is not None:
        error.report = report  # type: ignore[attr-defined]
        raise error


def asked_of(verb: str, family: Family[Any], requests: Requests) -> Callable[[int], Asked[Any]]:
    """What the requests of one verb and family were to do."""

    def asked(index: int) -> Asked[Any]:
        _, record, payload = requests.payload(index)
        return Asked(verb, family, parse(record, payload), family.delete if verb == "delete" else family.new)

    return asked


@dataclass
class Difference(Generic[R]):
    """What ``sync`` changed, or would change.

    Attributes:
        added: records that were not there.
        replaced: records in the place of others with the same key.
        deleted: records that were there and not wanted.
        same: how many were there as wanted.
        reports: what became of the deletions, replacements and additions, of those that there were; empty of a dry run.
    """

    added: Sequence[R] = ()
    replaced: Sequence[R] = ()
    deleted: Sequence[R] = ()
    same: int = 0
    reports: list[Report] = field(default_factory=list)


def difference(family: Family[R], names: Sequence[str], wanted: Table[R], there: Table[R]) -> Difference[R]:
    """What has to be done so that what is there becomes what is wanted.

    Args:
        family: of both.
        names: the fields that are compared.
        wanted: with the kernel's own defaults or without.
        there: what the kernel told.

    Raises:
        ValueError: two of the wanted ones have the same key.
    """
    keys = Keys(plan_of(family.record), names, (), _masks(family))
    met = bytearray(len(wanted))
    index = Index(wanted._store, keys)
    index.extend(met)  # what is wanted twice is wanted once
    kept = bytearray(map((-1).__lt__, index.match(there._store, met)))
    new = _once(family, names, wanted, met)
    old: dict[Hashable, list[R]] = {}
    for record in _without(there, kept):
        old.setdefault(family.key(record), []).append(record)
    added = [record for key, record in new.items() if key not in old]
    replaced, same = [], 0
    for key, wish in new.items():
        if others := old.get(key):
            found = next((record for record in others if _met(family, names, wish, record)), None)
            others.remove(others[0] if found is None else found)  # what is left there is removed
            same += found is not None
            if found is None:
                replaced.append(wish)
    deleted = [record for records in old.values() for record in records]
    return Difference(added, replaced, deleted, sum(met) - index.repeats + same)


def _once(family: Family[R], names: Sequence[str], wanted: Table[R], met: bytearray) -> dict[Hashable, R]:
    """The wanted objects that are not there, by their keys, which no other has."""
    few = _without(wanted, met)
    rows = (row for row, there in enumerate(met) if not there)
    made: dict[Hashable, tuple[int, R]] = {}
    for row, record in zip(rows, few, strict=True):
        other, _ = made.setdefault(family.key(record), (row, record))
        if other != row:
            raise ValueError(f"rows {other} and {row} are the same object, and differ: {record!r}")
    index = Index(few._store, Keys(plan_of(family.record), family.following.key, names, _masks(family)))
    index.extend()
    for row, found in enumerate(index.match(wanted._store) if made else ()):
        if found < -1 and (key := family.key(wanted[row])) in made:
            other, record = made[key]
            raise ValueError(f"rows {row} and {other} are the same object, and differ: {record!r}")
    return {key: record for key, (_, record) in made.items()}


def _met(family: Family[R], names: Sequence[str], wanted: R, there: R) -> bool:
    """What is there is what is wanted, but for what the kernel filled in."""
    told = sendable(family, there)
    for name in names:
        value = getattr(wanted, name)
        left = name in family.filled and value in (None, family.filled[name])
        if not left and not _agrees(value, getattr(told, name)):
            return False
    return True


def _agrees(wanted: Any, there: Any) -> bool:
    """They are equal; of several nested ones, such as next hops, each in all that is told of the wanted one."""
    if type(wanted) is not tuple or type(there) is not tuple or len(wanted) != len(there):
        return bool(wanted == there)
    pairs = zip(wanted, there, strict=True)
    return all(_met_by(one, other) if isinstance(one, Record) else one == other for one, other in pairs)


def _met_by(wanted: Record, there: Any) -> bool:
    """No device is told by 0, everything else by its absence."""
    told = ((name, value) for name, value in wanted.items() if value or not wanted.FIELDS[name].kind.device)
    return type(there) is type(wanted) and all(getattr(there, name) == value for name, value in told)


def _without(table: Table[R], marks: bytearray) -> Table[R]:
    """The rows that are not marked, apart from the others: reading a few of many is as fast as reading few."""
    store = Store(table._store.plan)
    take(store, table._store, marks)
    return Table(store)


def _masks(family: Family[Any]) -> Mapping[str, int]:
    """The bits of numbers that are compared: those that are sent."""
    numbers = {name: kind for name in family.sent if (kind := column_kind(family.record.FIELDS[name])).format}
    return {name: int(family.sent[name](kind.load(b"\xff" * kind.size))) for name, kind in numbers.items()}


def is_met(family: Family[R], wanted: R, there: R) -> bool:
    """What is there is all that a request tells."""
    told = dict.fromkeys((*(name for name, _ in wanted.items()), *family.record.BLANK))
    return _met(family, [name for name in told if name not in family.volatile], wanted, there)
