"""Kinds of wire values: how the payload of one attribute or header member becomes a Python value, and back.

A kind is data: a code that tells the C core how to put the value into a column, and two functions for the rare
and the nested values that Python reads and writes itself. ``load`` raises ``ValueError`` for bytes that cannot be
the value (the attribute is then kept raw); ``dump`` raises ``ValueError`` or ``TypeError`` for a value that cannot
be sent.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from typing import Any, Generic, NamedTuple, TypeVar

from ._wire import lib

T = TypeVar("T")
E = TypeVar("E", bound=IntEnum)
F = TypeVar("F", bound=IntFlag)

_BYTE_ORDER = sys.byteorder
#: Bytes that an attribute has room for.
_LONGEST = 0xFFFF - 4


@dataclass(frozen=True, eq=False)
class Kind(Generic[T]):
    """One kind of wire value."""

    #: As the reference and error messages call it.
    name: str
    #: ``enum pynl_kind`` of csrc/pynl.h.
    code: int
    #: Bytes on the wire; 0 where they vary.
    size: int
    load: Callable[[bytes], T]
    dump: Callable[[Any], bytes]
    #: ``enum pynl_style`` of an address.
    style: int = 0
    #: The ``memoryview`` format of a column of it; None where a column holds no numbers.
    format: str | None = None
    #: The index of a device, for which callers may give its name.
    device: bool = False
    #: Names for its numbers.
    enum: type[IntEnum] | type[IntFlag] | None = None
    #: The type that a user sees, as the reference shows it.
    python: str = "int"
    #: The schema's Record class whose fields are inside; None for a plain value.
    record: type[Any] | None = None
    #: A tuple of records, not one.
    plural: bool = False
    #: Values of just this type are as reading gives them, if they can be sent.
    plain: type[Any] | None = None
    #: What a text stands for, of an integer for which callers may give one.
    number: Callable[[str], int] | None = None


def _integer(name: str, order: str, code: str) -> Kind[int]:
    packer = struct.Struct(order + code)

    def load(data: bytes) -> int:
        if len(data) != packer.size:
            raise ValueError(f"{len(data)} bytes are no {name}")
        value: int = packer.unpack(data)[0]
        return value

    endian = lib.PYNL_BE if order == ">" else lib.PYNL_INT
    return named_by(Kind(name, endian, packer.size, load, bytes, format=code, plain=int), None)


def named_by(kind: Kind[T], number: Callable[[str], int] | None) -> Kind[T]:
    """The same kind of integer, for which callers may give a text: ``number`` tells what it stands for."""
    packer = struct.Struct((">" if kind.code == lib.PYNL_BE else "=") + (kind.format or ""))
    pack, bits, signed = packer.pack, 8 * packer.size, (kind.format or "").islower()
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)

    def dump(value: Any) -> bytes:
        if type(value) is not int:
            if number and isinstance(value, str):
                value = number(value)
            elif isinstance(value, bool) or not hasattr(value, "__index__"):
                raise TypeError(f"expected an integer, not {value!r}")
        try:
            return pack(value)
        except struct.error:
            raise ValueError(f"expected {low} to {high}, not {value!r}") from None

    return replace(kind, dump=dump, number=number)


U8 = _integer("u8", "=", "B")
U16 = _integer("u16", "=", "H")
U32 = _integer("u32", "=", "I")
U64 = _integer("u64", "=", "Q")
S8 = _integer("s8", "=", "b")
S16 = _integer("s16", "=", "h")
S32 = _integer("s32", "=", "i")
S64 = _integer("s64", "=", "q")
#: The index of a network device, as attributes and as header members hold it.
DEVICE = replace(U32, device=True)
DEVICE_S32 = replace(S32, device=True)
BE16 = _integer("be16", ">", "H")
BE32 = _integer("be32", ">", "I")
BE64 = _integer("be64", ">", "Q")


def _uint_load(data: bytes) -> int:
    if len(data) not in (4, 8):
        raise ValueError(f"{len(data)} bytes are no uint")
    value: int = struct.unpack("=I" if len(data) == 4 else "=Q", data)[0]
    return value


def _uint_dump(value: Any) -> bytes:
    return U32.dump(value) if isinstance(value, int) and 0 <= value < 1 << 32 else U64.dump(value)


#: NLA_UINT: a number in four bytes where it fits, else in eight.
UINT: Kind[int] = Kind("uint", lib.PYNL_DEEP, 0, _uint_load, _uint_dump)


def enum(kind: Kind[int], names: type[E]) -> Kind[E | int]:
    """An integer whose known values are members of ``names``; any other stays an int."""
    return _of(kind, names, lambda data: named(names, kind.load(data)))


def flags(kind: Kind[int], names: type[F]) -> Kind[F]:
    """An integer of flag bits; unknown bits are kept."""
    return _of(kind, names, lambda data: names(kind.load(data)))


def _of(kind: Kind[int], names: type[Any], load: Callable[[bytes], Any]) -> Kind[Any]:
    made: Kind[Any] = replace(kind, load=load, enum=names, python=names.__name__, plain=names)
    return named_by(made, lambda text: _number(names, text))


def named(names: type[E], value: int) -> E | int:
    """The member of this value, or the plain value where there is none."""
    try:
        return names(value)
    except ValueError:
        return value


def _number(names: type[Any], value: str) -> int:
    wanted = value.upper()
    members: Mapping[str, int] = names.__members__
    for name, member in members.items():
        if wanted in (name, name.partition("_")[2], name.rpartition("_")[2]):
            return member
    ends = [member for name, member in members.items() if name.endswith(f"_{wanted}")]
    if len(ends) == 1:
        return ends[0]
    raise ValueError(f"expected one of {', '.join(members)}, not {value!r}")


def _flag_load(data: bytes) -> bool:
    if data:
        raise ValueError("a flag has no payload")
    return True


def _flag_dump(value: Any) -> bytes:
    if value is not True:
        raise TypeError(f"expected True, or None to leave it out, not {value!r}")
    return b""


FLAG: Kind[bool] = Kind("flag", lib.PYNL_FLAG, 0, _flag_load, _flag_dump, format="B", python="bool")


def _text_load(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _text_dump(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"expected text, not {value!r}")
    if "\0" in value:
        raise ValueError(f"expected text without NUL, not {value!r}")
    data = value.encode("utf-8", "surrogateescape") + b"\0"
    if len(data) > _LONGEST:
        raise ValueError(f"{len(data)} bytes do not fit an attribute")
    return data


#: Names of devices and the like: bytes without NUL, usually UTF-8; others survive as surrogate escapes.
TEXT: Kind[str] = Kind("string", lib.PYNL_TEXT, 0, _text_load, _text_dump, python="str")


def utf8(text: str) -> bytes:
    """Text for files and for other libraries, which want UTF-8: bytes that are none stand as ``\\xff``."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").encode()


def _bytes_dump(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise TypeError(f"expected bytes, not {value!r}")
    return bytes(value)


BYTES: Kind[bytes] = Kind("binary", lib.PYNL_DEEP, 0, bytes, _bytes_dump, python="bytes")


def _ip_load(data: bytes) -> str:
    if len(data) == 4:
        return socket.inet_ntop(socket.AF_INET, data)
    if len(data) == 16:
        return socket.inet_ntop(socket.AF_INET6, data)
    return "0x" + _short(data, "IP").hex()


def _short(data: bytes, what: str) -> bytes:
    """An address that a column has room for."""
    if len(data) > 32:
        raise ValueError(f"{len(data)} bytes are no {what} address")
    return data


def _ip_dump(value: Any) -> bytes:
    if isinstance(value, str):
        try:
            if value.startswith("0x"):  # an address of neither family, as _ip_load shows it
                return _short(bytes.fromhex(value[2:]), "IP")
            return socket.inet_pton(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
        except (OSError, ValueError):
            raise ValueError(f"expected an IPv4 or IPv6 address, not {value!r}") from None
    if isinstance(value, (ipaddress.IPv4Address, ipaddress.IPv6Address)):
        return value.packed
    if isinstance(value, (bytes, bytearray)):
        return _short(bytes(value), "IP")
    raise TypeError(f"expected an IP address, not {value!r}")


def _hex_load(data: bytes) -> str:
    return _short(data, "hardware").hex(":")


def _hex_dump(value: Any) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return _short(bytes(value), "hardware")
    if not isinstance(value, str):
        raise TypeError(f"expected a hardware address, not {value!r}")
    try:
        pairs = value.split(":") if value else []
        if not all(len(pair) == 2 and pair.isalnum() for pair in pairs):
            raise ValueError
        return _short(bytes.fromhex("".join(pairs)), "hardware")
    except ValueError:
        raise ValueError(f"expected pairs of hexadecimal digits with colons, not {value!r}") from None


#: An IPv4 or IPv6 address, told apart by its length.
IP: Kind[str] = Kind("ip", lib.PYNL_ADDRESS, 0, _ip_load, _ip_dump, style=lib.PYNL_IP, python="str")
#: A hardware address of any length up to MAX_ADDR_LEN (32).
HARDWARE: Kind[str] = Kind("hardware", lib.PYNL_ADDRESS, 0, _hex_load, _hex_dump, style=lib.PYNL_HEX, python="str")


def fixed(kind: Kind[T], size: int) -> Kind[T]:
    """The same value in exactly ``size`` bytes, as a member of a struct: shorter ones are padded with zeros."""

    def load(data: bytes) -> T:
        if len(data) != size:
            raise ValueError(f"{len(data)} bytes where {size} were expected")
        return kind.load(data)

    def dump(value: Any) -> bytes:
        data = kind.dump(value)
        if kind.code == lib.PYNL_TEXT:
            data = data[:-1]  # text that fills an array has no NUL behind it
        if len(data) > size:
            raise ValueError(f"expected at most {size} bytes, not {value!r}")
        return data.ljust(size, b"\0")

    return replace(kind, name=f"{kind.name}[{size}]", size=size, load=load, dump=dump)


def packed(kind: Kind[T], python: str) -> Kind[tuple[T, ...]]:
    """Values of one fixed size, one after another."""
    size = kind.size

    def load(data: bytes) -> tuple[T, ...]:
        if len(data) % size:
            raise ValueError(f"{len(data)} bytes are no array of {kind.name}")
        return tuple(kind.load(data[at : at + size]) for at in range(0, len(data), size))

    def dump(value: Any) -> bytes:
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise TypeError(f"expected values of {kind.name}, not {value!r}")
        return b"".join(kind.dump(item) for item in value)

    return Kind(f"{kind.name}[]", lib.PYNL_DEEP, 0, load, dump, python=f"tuple[{python}, ...]")


class Via(NamedTuple):
    """A gateway of another family than its route (struct rtvia, linux/rtnetlink.h, since 4.1)."""

    #: AF_INET, AF_INET6 ...
    family: int
    address: str


def _via_load(data: bytes) -> Via:
    if len(data) < 2:
        raise ValueError("struct rtvia is shorter than its family")
    return Via(struct.unpack_from("=H", data)[0], _ip_load(data[2:]))


def _via_dump(value: Any) -> bytes:
    if isinstance(value, str):
        value = Via(socket.AF_INET6 if ":" in value else socket.AF_INET, value)
    elif isinstance(value, Mapping):
        value = Via(**value)
    family, address = value
    return struct.pack("=H", family) + _ip_dump(address)


def indexed(kind: Kind[T], python: str) -> Kind[tuple[T, ...]]:
    """Plain values in attributes whose types count (the kernel looks at their order only)."""

    def load(data: bytes) -> tuple[T, ...]:
        values = []
        at = 0
        while at < len(data):
            if len(data) - at < 4:
                raise ValueError("an attribute shorter than its header")
            length = int.from_bytes(data[at : at + 2], _BYTE_ORDER)
            if not 4 <= length <= len(data) - at:
                raise ValueError("an attribute longer than what holds it")
            values.append(kind.load(data[at + 4 : at + length]))
            at += (length + 3) & ~3
        return tuple(values)

    def dump(value: Any) -> bytes:
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            raise TypeError(f"expected values of {kind.name}, not {value!r}")
        return b"".join(tlv(index, kind.dump(item)) for index, item in enumerate(value))

    return Kind(f"{kind.name} by index", lib.PYNL_DEEP, 0, load, dump, python=f"tuple[{python}, ...]")


_NLATTR = struct.Struct("=HH").pack


def tlv(type: int, payload: bytes) -> bytes:
    """One attribute: struct nlattr, the payload, and zeros up to four bytes."""
    size = len(payload)
    if size > _LONGEST:
        raise ValueError(f"{size} bytes do not fit an attribute")
    data = _NLATTR(size + 4, type) + payload
    return data + bytes(-size % 4) if size % 4 else data


VIA: Kind[Via] = Kind("rtvia", lib.PYNL_DEEP, 0, _via_load, _via_dump, python="Via")
