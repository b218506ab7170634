"""Classic BPF programs (linux/filter.h): notifications that nobody wants are dropped before they take up the buffer.

A program may let through what C drops later, but must never drop what C would keep. It looks only at datagrams of one
message of a known length, and where a value cannot be found, the message passes.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from ._wire import lib
from .family import Family
from .fields import Field
from .kinds import Kind
from .plan import column_kind
from .store import Filters

#: struct sock_filter: code, jt, jf, k.
_INSTRUCTION = struct.Struct("=HBBI")
Instruction = tuple[int, int, int, int]

_LOAD = {4: 0x20, 2: 0x28, 1: 0x30}  # BPF_LD | size | BPF_ABS
_LOAD_AT_X = {4: 0x40, 2: 0x48, 1: 0x50}  # BPF_LD | size | BPF_IND
_LENGTH: Instruction = (0x80, 0, 0, 0)
_TO_X: Instruction = (0x07, 0, 0, 0)
_OR_X: Instruction = (0x4C, 0, 0, 0)
_EQUALS_X: Instruction = (0x1D, 1, 0, 0)
#: Loads the place of the first attribute whose type is in X, from the place in A on; 0: there is none.
_ATTRIBUTE: Instruction = (0x20, 0, 0, 0xFFFFF000 + 12)
_PASS: Instruction = (0x06, 0, 0, 0xFFFFFFFF)
_DROP: Instruction = (0x06, 0, 0, 0)

#: struct nlmsghdr.
_HEADER = 16
_TYPE_AT = 4
_NLMSG_ERROR = 2


def _equals(value: int, yes: int = 1, no: int = 0) -> Instruction:
    return 0x15, yes, no, value


def _jump(over: int) -> Instruction:
    return 0x05, 0, 0, over


def _wire(value: int, size: int) -> int:
    """How BPF, which loads in network order, sees a number that is in host order."""
    return int.from_bytes(value.to_bytes(size, sys.byteorder), "big")


def _bytes(load: dict[int, int], at: int, value: bytes) -> list[Instruction]:
    """Drops the message unless these bytes are there."""
    made: list[Instruction] = []
    done = 0
    while done < len(value):
        size = next(size for size in load if size <= len(value) - done)
        part = int.from_bytes(value[done : done + size], "big")
        made += [(load[size], 0, 0, at + done), _equals(part), _DROP]
        done += size
    return made


def _one_message() -> list[Instruction]:
    """Lets a datagram pass whose first message is not all of it."""
    if sys.byteorder == "big":
        high, low = 0, [(_LOAD[2], 0, 0, 2)]
    else:
        high, low = 2, [(_LOAD[1], 0, 0, 1), (0x64, 0, 0, 8), _TO_X, (_LOAD[1], 0, 0, 0), _OR_X]
    shorter: Instruction = (0x35, 1, 0, _HEADER)
    return [_LENGTH, shorter, _PASS, (_LOAD[2], 0, 0, high), _equals(0), _PASS, *low, _TO_X, _LENGTH, _EQUALS_X, _PASS]


def _value(kind: Kind[Any], value: bytes) -> bytes | None:
    """The bytes on the wire of what C compares; None where they are not told by it."""
    if kind.code not in (lib.PYNL_INT, lib.PYNL_BE):
        return value if kind.code == lib.PYNL_ADDRESS else None
    number = int.from_bytes(value, sys.byteorder)
    return number.to_bytes(kind.size, "big" if kind.code == lib.PYNL_BE else sys.byteorder)


def _member(field: Field[Any], value: bytes) -> list[Instruction]:
    if field.kind.code not in (lib.PYNL_INT, lib.PYNL_BE):
        return []
    number = int.from_bytes(value, sys.byteorder)
    if number >> 8 * field.kind.size:  # only its attribute could hold it
        return [_DROP]
    return _bytes(_LOAD, _HEADER + field.number, _value(field.kind, value) or b"")


def _attribute(field: Field[Any], header: int, value: bytes) -> list[Instruction]:
    """Drops messages that have another value; without the attribute, the member that it stands for tells."""
    wire = _value(column_kind(field), value)
    if wire is None or field.many or field.within or field.select:
        return []
    number = field.extended[0] if field.extended else field.number
    there = _bytes(_LOAD_AT_X, 4, wire)
    there = [_TO_X, (_LOAD_AT_X[2], 0, 0, 0), _equals(_wire(4 + len(wire), 2)), _jump(len(there)), *there]
    absent = [*(_member(field, value) if field.member else []), _jump(len(there))]
    start = _HEADER + (header + 3 & ~3)
    return [(0x00, 0, 0, start), (0x01, 0, 0, number), _ATTRIBUTE, _equals(0), _jump(len(absent)), *absent, *there]


def _kind(family: Family[Any], families: Sequence[int], filters: Filters) -> list[Instruction]:
    """What becomes of the messages of one kind."""
    record = family.record
    long_enough: Instruction = (0x35, 1, 0, _HEADER + record.HEADER)
    body = [_LENGTH, long_enough, _PASS]
    if families:
        body.append((_LOAD[1], 0, 0, _HEADER))
        body += [_equals(number, len(families) - at, 0) for at, number in enumerate(families)]
        body.append(_DROP)
    for name, value in filters.found:
        field = record.FIELDS[name]
        if value is None:
            continue
        if field.member and not field.extended:
            body += _member(field, value)
        else:
            body += _attribute(field, record.HEADER, value)
    body.append(_PASS)
    types = [_wire(int(type), 2) for type in (family.new, family.delete)]
    return [(_LOAD[2], 0, 0, _TYPE_AT), _equals(types[0], 2), _equals(types[1]), _jump(len(body)), *body]


def program(kinds: Iterable[tuple[Family[Any], Sequence[int], Filters]]) -> bytes:
    """The program for a socket on which only messages of these kinds are wanted.

    Args:
        kinds: of each, the address families (none: any), and what C filters by.
    """
    # ACKs are for the reader itself (pynl_events_wake, pynl_events_ask).
    made = [*_one_message(), (_LOAD[2], 0, 0, _TYPE_AT), _equals(_wire(_NLMSG_ERROR, 2), 0, 1), _PASS]
    for family, families, filters in kinds:
        made += _kind(family, families, filters)
    made.append(_DROP)
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in made)
