"""What every kind of object can be asked: one generic service, which a family's file may add to."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from .devices import index_of
from .encode import encode
from .errors import NetlinkError
from .family import Family
from .plan import plan_of
from .schema import Record, normal
from .socket import NLM_F_ACK, NLM_F_DUMP, Outcome, Socket
from .store import Filters, Store
from .table import Table

R = TypeVar("R", bound=Record)


class Service(Generic[R]):
    """Reads one kind of object through a socket."""

    FAMILY: ClassVar[Family[Any]]

    def __init__(self, socket: Socket) -> None:
        self._socket = socket

    def dump(self, **filters: Any) -> Table[R]:
        """All objects, or those whose fields have the given values.

        Args:
            filters: field names and values, as the record shows them; a device may be given by name. They go to the
                kernel where it takes them, and are applied to what it did not filter.

        Raises:
            NetlinkError: the kernel refused the request.
            TypeError: there is no such field (the message names the nearest), or it cannot be filtered by.
            ValueError: a value that the field cannot have.
            DecodeError: some message could not be decoded; ``error.table`` has all the others.
        """
        return self._dump(filters, {})

    def _dump(self, filters: Mapping[str, Any], extra: Mapping[str, Any]) -> Table[R]:
        """``extra``: request fields that are no filters."""
        family = self.FAMILY
        wanted = self._normal(filters)
        protocols = family.protocols
        if "family" in wanted:
            protocols = (wanted["family"],)
        request = {family.pushed[name]: value for name, value in wanted.items() if name in family.pushed}
        request = {**family.request, **extra, **request}
        store = Store(plan_of(family.record))
        consistent = True
        for protocol in protocols:
            outcome = self._dump_one(store, {**request, "family": protocol}, wanted)
            consistent = consistent and not outcome.interrupted
        table: Table[R] = Table(store, consistent=consistent)
        table.complain()
        return table

    def _dump_one(self, store: Store, request: Mapping[str, Any], wanted: Mapping[str, Any]) -> Outcome:
        family = self.FAMILY
        if request["family"]:  # where the kernel has no such family, it answers with all it has
            wanted = {**wanted, "family": request["family"]}
        filters = Filters(store.plan, wanted, family.wider)
        payload = encode(family.record(**request))
        try:
            return self._socket.exchange(
                family.get,
                payload,
                NLM_F_DUMP,
                lambda segment: store.decode(segment, filters),
                record=family.record,
                name=family.get.name,
            )
        except NetlinkError as error:
            if error.errno == errno.ENOENT and "table" in wanted:  # how a strict kernel says that there is none
                return Outcome(0, 0, 0)
            raise

    def _normal(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values as the record would show them, device names as indexes; None is left out."""
        record = self.FAMILY.record
        record.known(values)
        made = {}
        for name, value in values.items():
            if value is None:
                continue
            field = record.FIELDS[name]
            if field.kind.device:
                value = index_of(self._socket, value)
            made[name] = normal(field, value)
        return made

    def _ask(self, record: R) -> R:
        """The one object that the kernel answers a request with."""
        family = self.FAMILY
        store = Store(plan_of(family.record))
        payload = encode(record)
        self._socket.exchange(family.get, payload, NLM_F_ACK, store.decode, record=family.record, name=family.get.name)
        table: Table[R] = Table(store)
        table.complain()
        if not len(table):
            raise NetlinkError(errno.ENOENT, "the kernel acknowledged, but sent nothing", request=family.get.name)
        return table[0]
