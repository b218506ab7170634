"""What the kernel says of a request: NLMSG_ERROR and NLMSG_DONE, with their extended ACK."""

from __future__ import annotations

import struct
from typing import Any

from ._wire import lib
from .errors import DecodeError, NetlinkError
from .fields import Field, attribute, member
from .kinds import BYTES, TEXT, U32
from .plan import fault, parse
from .schema import Record

NLMSG_ERROR = 2
NLM_F_CAPPED = 0x100
NLM_F_ACK_TLVS = 0x200
_HEADER = 16


class ExtendedAck(Record, prefix="NLMSGERR_ATTR_"):
    """The attributes behind an ACK (linux/netlink.h, since 4.12)."""

    msg = attribute(1, TEXT)
    offs = attribute(2, U32)
    cookie = attribute(3, BYTES)
    policy = attribute(4, BYTES)
    miss_type = attribute(5, U32)
    miss_nest = attribute(6, U32)


class _Error(Record):
    error = member(U32)


def error_of(final: bytes, errno: int, request: bytes, record: type[Record] | None, name: str | None) -> NetlinkError:
    """The exception for a final message that carries an error.

    Args:
        final: the NLMSG_ERROR or NLMSG_DONE message.
        errno: its error, positive.
        request: the message that was sent, to name the attribute at fault.
        record: the class of the request's payload, where known.
        name: the request's type, as text.
    """
    said = _extended(final)
    attribute_name = None
    missing = None
    if said.offs is not None:
        attribute_name = path_at(record, request, said.offs)
    if said.miss_type is not None:
        missing = _missing(record, request, said.miss_type, said.miss_nest)
    return NetlinkError(errno, said.msg, attribute=attribute_name, missing=missing, request=name)


def _extended(final: bytes) -> ExtendedAck:
    length, type, flags = struct.unpack_from("=IHH", final)
    if not flags & NLM_F_ACK_TLVS:
        return ExtendedAck()
    at = _HEADER + 4
    if type == NLMSG_ERROR:  # then struct nlmsghdr of the request, and unless capped the request itself
        if length < at + _HEADER:
            return ExtendedAck()
        echoed = struct.unpack_from("=I", final, at)[0]
        at += _HEADER if flags & NLM_F_CAPPED else (echoed + 3) & ~3
    try:
        return parse(ExtendedAck, final[at:length])
    except DecodeError:
        return ExtendedAck()


def _missing(record: type[Record] | None, request: bytes, type: int, nest: int | None) -> str:
    cls = record
    prefix = ""
    if nest is not None:
        path, cls = _walk(record, request, _HEADER, len(request), nest)
        prefix = ".".join(path) + "." if path else ""
    field = cls.ATTRIBUTES.get(type) if cls else None
    return prefix + (field.name if field else f"type {type}")


def path_at(record: type[Record] | None, request: bytes, offset: int) -> str:
    """The name of the attribute (or header member) at an offset of a request; nested ones with dots."""
    if record is not None:
        path, _ = _walk(record, request, _HEADER, len(request), offset)
        if path:
            return ".".join(path)
    return f"at byte {offset}"


def _walk(
    cls: type[Record] | None, data: bytes, start: int, end: int, offset: int
) -> tuple[list[str], type[Record] | None]:
    """The path to the attribute at ``offset`` within data[start:end], and the class of what is in it."""
    if cls is None:
        return [], None
    for field in cls.MEMBERS:
        if start + field.number <= offset < start + field.number + field.kind.size:
            return [field.name], None
    at = start + ((cls.HEADER + 3) & ~3)
    while at + 4 <= end:
        length, type = struct.unpack_from("=HH", data, at)
        if not 4 <= length <= end - at:
            break
        if at <= offset < at + length:
            found = cls.ATTRIBUTES.get(type & 0x3FFF)
            if found is None:
                return [f"type {type & 0x3FFF}"], None
            path, inner = _inside(found, _inner(cls, found, data[start:end]), data, at + 4, at + length, offset)
            return [found.name, *path], inner
        at += (length + 3) & ~3
    return [], None


def _inner(cls: type[Record], field: Field[Any], data: bytes) -> type[Record] | None:
    """The class of what an attribute holds, told by its sibling where it is a matter of choice."""
    if field.select is None:
        return field.kind.record
    by, choices = field.select
    try:
        told = getattr(parse(cls, data), by)
    except DecodeError:  # a request that was broken, which may be why it was refused
        return None
    return choices.get(told, choices.get(None))


def _inside(
    field: Field[Any], inner: type[Record] | None, data: bytes, start: int, end: int, offset: int
) -> tuple[list[str], type[Record] | None]:
    if inner is None or offset < start:
        return [], inner
    if field.kind.code not in (lib.PYNL_HOPS, lib.PYNL_INDEXED):
        return _walk(inner, data, start, end, offset)
    index = 0
    at = start
    while at + 4 <= end:
        length = struct.unpack_from("=H", data, at)[0]
        if not 4 <= length <= end - at:
            break
        if at <= offset < at + length:
            head = 4 if field.kind.code == lib.PYNL_INDEXED else 0
            path, found = _walk(inner, data, at + head, at + length, offset)
            return [str(index), *path], found
        at += (length + 3) & ~3
        index += 1
    return [], inner


__all__ = ["ExtendedAck", "error_of", "fault", "path_at"]
