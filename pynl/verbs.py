"""What every kind of object that can be written is told: add, replace, change, append, delete, flush."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from typing import Any, NamedTuple, Protocol, TypeVar

from .encode import encode
from .fields import Field
from .netns import Descriptor
from .schema import Opaque, Record
from .service import Service
from .socket import Socket

R = TypeVar("R", bound=Record)

NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

#: Verb -> the flags of its request (RFC 3549, section 2.3.2.1).
FLAGS = {
    "add": NLM_F_CREATE | NLM_F_EXCL,
    "replace": NLM_F_CREATE | NLM_F_REPLACE,
    "change": NLM_F_REPLACE,
    "append": NLM_F_CREATE | NLM_F_APPEND,
    "delete": 0,
    "set": 0,
}


class Change(NamedTuple):
    """One request that changes something, encoded."""

    verb: str
    type: IntEnum
    record: Record
    payload: bytes
    #: What has to stay open until it is carried out.
    keep: tuple[Descriptor, ...] = ()


class Changes(Protocol):
    """Who carries changes out: a socket at once, or a batch later."""

    def change(self, change: Change) -> None:
        """Takes a change."""


class Direct:
    """Carries out each change as it comes; what the kernel refuses is raised."""

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
        self._changes = changes or Direct(socket)

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

    def _change(self, verb: str, record: R | None, values: Mapping[str, Any]) -> None:
        keep: list[Descriptor] = []
        wanted = self.request(verb, record, values, keep)
        self._send(verb, self.FAMILY.delete if verb == "delete" else self.FAMILY.new, wanted, keep)

    def _send(self, verb: str, type: IntEnum, wanted: Record, keep: Sequence[Descriptor] = ()) -> None:
        self._changes.change(Change(verb, type, wanted, encode(wanted), tuple(keep)))

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
            return cls(**self._completed(verb, given))
        kept = {name: None for name in self.FAMILY.volatile if getattr(record, name, None) is not None}
        return self._sent(record.replace(**{**kept, **given}))

    def _arguments(self, values: Mapping[str, Any], keep: list[Descriptor]) -> Mapping[str, Any]:
        """Keyword arguments as fields: a family may take some that are none."""
        return values

    def _completed(self, verb: str, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """The fields of a request that was given by keyword arguments, with what a family adds of itself."""
        return values

    def _sent(self, record: R) -> R:
        """A record that was read, as the kernel takes it."""
        return record


class Replaceable(Verbs[R]):
    """Objects that can be replaced as a whole."""

    def replace(self, record: R | None = None, /, **values: Any) -> None:
        """Makes an object, in the place of the one with the same key if there is one. As :meth:`add`."""
        self._change("replace", record, values)


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


def resolve(cls: type[Record], values: Mapping[str, Any], index: Callable[[str, Any], Any]) -> dict[str, Any]:
    """Fields with device names as indexes, also in nests given as mappings.

    Args:
        cls: the record's class.
        values: fields and values.
        index: argument and device -> index.
    """
    values = cls.translated(values)
    cls.known(values)
    return {name: _resolved(cls.FIELDS[name], value, values, index) for name, value in values.items()}


def _resolved(field: Field[Any], value: Any, values: Mapping[str, Any], index: Callable[[str, Any], Any]) -> Any:
    if isinstance(value, str) and field.kind.device:
        return index(field.name, value)
    inner = field.kind.record
    if field.select:
        by, choices = field.select
        inner = choices.get(values.get(by), choices.get(None, Opaque))
    if inner is None or isinstance(value, (str, Record)):
        return value
    if isinstance(value, Mapping):
        return resolve(inner, value, index)
    if field.kind.plural or field.many:
        return [resolve(inner, item, index) if isinstance(item, Mapping) else item for item in value]
    return value
