"""Records into bytes: attributes in the order in which the record was given them, or had them on the wire."""

from __future__ import annotations

import struct
from typing import Any

from ._wire import lib
from .fields import Field
from .kinds import Kind, tlv
from .schema import Record

NLA_F_NESTED = 0x8000
_NLMSGHDR = struct.Struct("=IHHII")


def message(type: int, flags: int, sequence: int, payload: bytes, port: int = 0) -> bytes:
    """struct nlmsghdr and its payload, unpadded (RFC 3549, section 2.3.2).

    Raises:
        TypeError, ValueError: what cannot be a message; the text names the argument.
    """
    for name, number in (("type", type), ("flags", flags)):
        if not isinstance(number, int):
            raise TypeError(f"{name}: expected an integer, not {number!r}")
        if not 0 <= number <= 0xFFFF:
            raise ValueError(f"{name}: expected 0 to 65535, not {number!r}")
    if not isinstance(payload, (bytes, bytearray, memoryview)):
        raise TypeError(f"payload: expected bytes, not {payload!r}")
    return _NLMSGHDR.pack(_NLMSGHDR.size + len(payload), type, flags, sequence, port) + payload


def encode(record: Record) -> bytes:
    """A record as the kernel takes it, without the message header.

    Raises:
        ValueError: a value that does not fit its attribute; the text names the field.
    """
    header = _header(record)
    header += bytes(-len(header) % 4)
    parts = []
    rows, row = record._rows, record._row
    for name in record.order():
        field = record.FIELDS.get(name)
        if field is None or field.within or (field.member and not field.extended):
            continue
        value = rows[name][row]
        if value is None:
            continue
        for item in value if field.many else (value,):
            parts.append(attribute(field, item))
    parts += [tlv(item.type, item.payload) if item.type >= 0 else item.payload for item in record.unknown]
    return header + b"".join(parts)


def _header(record: Record) -> bytes:
    rows, row = record._rows, record._row
    values = [
        _narrow(field, rows[field.name][row]) if field.extended else rows[field.name][row] for field in record.MEMBERS
    ]
    if record.PACKED:
        try:
            return record.PACKED.pack(*values)
        except struct.error:  # for its reason, one by one
            pass
    header = bytearray(record.HEADER)
    for field, value in zip(record.MEMBERS, values, strict=True):
        if value is None:  # a struct that an older kernel cut short
            return bytes(header[: field.number])
        try:
            header[field.number : field.number + field.kind.size] = field.kind.dump(value)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{field.name}: {error}") from None
    return bytes(header)


def _narrow(field: Field[Any], value: Any) -> Any:
    """What a member holds of a value that an attribute holds whole."""
    if field.extended and isinstance(value, int) and value >> (8 * field.kind.size):
        overflow = field.extended[2]
        return value & ((1 << 8 * field.kind.size) - 1) if overflow is None else overflow
    return value


def attribute(field: Field[Any], value: Any) -> bytes:
    number = field.extended[0] if field.extended else field.number
    kind = field.extended[1] if field.extended else field.kind
    try:
        if field.length:
            value = value.partition("/")[0]
        return tlv(number | (NLA_F_NESTED if field.nested else 0), payload(kind, value))
    except (TypeError, ValueError) as error:
        raise type(error)(f"{field.name}: {error}") from None


def payload(kind: Kind[Any], value: Any) -> bytes:
    """One attribute's payload."""
    if kind.record is None:
        return kind.dump(value)
    if not kind.plural:
        return encode(value)
    if kind.code == lib.PYNL_HOPS:
        return b"".join(_hop(item) for item in value)
    if kind.code == lib.PYNL_INDEXED:
        return b"".join(tlv(index + 1, encode(item)) for index, item in enumerate(value))
    return b"".join(encode(item) for item in value)


def _hop(record: Record) -> bytes:
    """struct rtnexthop begins with its own length."""
    data = encode(record)
    return struct.pack("=H", len(data)) + data[2:] + bytes(-len(data) % 4)


def message_of(record: Record, type: int) -> bytes:
    """The message that a record was read from; of one that was made by hand, what the kernel would send of it."""
    read = record._rows.message(record._row)
    return message(type, 0, 0, encode(record)) if read is None else read
