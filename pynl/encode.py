"""Records into bytes: attributes in the order in which the record was given them, or had them on the wire."""

from __future__ import annotations

import struct
import sys
from typing import Any

from ._wire import lib
from .errors import retold
from .fields import Field
from .kinds import Kind, tlv
from .schema import Record

_NLMSGHDR = struct.Struct("=IHHII")


def message(type: int, flags: int, sequence: int, payload: bytes, port: int = 0) -> bytes:
    """struct nlmsghdr and its payload, unpadded (RFC 3549, section 2.3.2).

    Raises:
        TypeError, ValueError: what cannot be a message; the text names the argument.
    """
    try:
        return _NLMSGHDR.pack(_NLMSGHDR.size + len(payload), type, flags, sequence, port) + payload
    except (TypeError, struct.error):
        for name, number in (("type", type), ("flags", flags)):
            if not isinstance(number, int):
                raise TypeError(f"{name}: expected an integer, not {number!r}") from None
            if not 0 <= number <= 0xFFFF:
                raise ValueError(f"{name}: expected 0 to 65535, not {number!r}") from None
        raise TypeError(f"payload: expected bytes, not {payload!r}") from None


def encode(record: Record) -> bytes:
    """A record as the kernel takes it, without the message header.

    Raises:
        ValueError: a value that does not fit its attribute; the text names the field.
    """
    rows, row = record._rows, record._row
    packed, fields = rows.packed, record.SENT
    header = _packed_header(record) if packed else _header(record)
    parts = [header + bytes(-len(header) % 4)]
    for name in rows.order(row):
        field = fields.get(name)
        if field is None:
            continue
        data = packed.get(name)
        if type(data) is bytes and field.plain:
            parts.append(tlv(field.type, data))  # text that is too long was refused before
            continue
        value = rows[name][row]
        if value is None:
            continue
        for item in value if field.many else (value,):
            parts.append(attribute(field, item))
    parts += [tlv(item.type, item.payload) if item.type >= 0 else item.payload for item in rows.unknown(row)]
    return b"".join(parts)


def _packed_header(record: Record) -> bytes:
    packed = record._rows.packed
    header = bytearray(record.HEADER)
    for name, start, stop, field in record.PLACES:
        data = packed.get(name)
        if data is not None:
            if field:
                value = data if not field.plain else int.from_bytes(data, sys.byteorder)
                data = field.kind.dump(_narrow(field, value))
            header[start:stop] = data
    return bytes(header)


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
            raise retold(error, f"{field.name}: {error}") from None
    return bytes(header)


def _narrow(field: Field[Any], value: Any) -> Any:
    """What a member holds of a value that an attribute holds whole."""
    if field.extended and isinstance(value, int) and value >> (8 * field.kind.size):
        overflow = field.extended[2]
        return value & ((1 << 8 * field.kind.size) - 1) if overflow is None else overflow
    return value


def attribute(field: Field[Any], value: Any) -> bytes:
    try:
        if field.length:
            value = value.partition("/")[0]
        data = payload(field.wide, value)
    except (TypeError, ValueError) as error:
        raise retold(error, f"{field.name}: {error}") from None
    return _tlv(field, data)


def _tlv(field: Field[Any], data: bytes) -> bytes:
    try:
        return tlv(field.type, data)
    except ValueError as error:
        raise ValueError(f"{field.name}: {error}") from None


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
