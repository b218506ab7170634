"""What a monitor's events mean for whoever keeps track of objects: by kind, and where they do not tell enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from .family import Family
from .index import take
from .monitor import Batch, Monitor
from .snapshot import Told
from .store import Store
from .table import Table


class Announced(NamedTuple):
    """The announcements of one kind, in order, and their records as a table."""

    told: list[Told]
    records: Table[Any]


class Heard(NamedTuple):
    """What one batch tells.

    Attributes:
        kinds: by name, those of which something was announced.
        touched: the kinds of which objects may have changed without an announcement, or one was lost.
    """

    kinds: Mapping[str, Announced]
    touched: frozenset[str]


def hear(monitor: Monitor) -> Iterator[Heard]:
    """What has been announced up to now. It waits for nothing.

    Raises:
        ClosedError: the monitor is closed.
    """
    for batch in monitor.upto_now():
        kinds = {family.name: heard for family in monitor.kinds if (heard := _announced(batch, family)).told}
        yield Heard(kinds, frozenset(batch.kinds) if batch.overrun else _touched(monitor, kinds))


def _touched(monitor: Monitor, kinds: Mapping[str, Announced]) -> frozenset[str]:
    touched = set()
    for family in monitor.kinds:
        for name, disturbs in family.following.disturbed.items():
            if name in kinds and any(disturbs(*one) for one in kinds[name].told):
                touched.add(family.name)
    return frozenset(touched)


def _announced(batch: Batch, family: Family[Any]) -> Announced:
    records = batch.table(family.name)
    if not len(records):
        return Announced([], records)
    number, columns = batch.kinds.index(family.name), batch.columns
    rows = zip(*(columns[name] for name in ("kind", "row", "type", "flags")), strict=True)
    heads = [(flags, type == family.delete) for kind, row, type, flags in rows if kind == number and row >= 0]
    told = [Told(record, *head) for record, head in zip(records, heads, strict=True)]
    foreign = bytearray(not family.following.own(one.record) for one in told)
    if any(foreign):
        store = Store(records._store.plan)
        take(store, records._store, foreign)
        told = [one for one, other in zip(told, foreign, strict=True) if not other]
        records = Table(store)
    return Announced(told, records)
