"""Reads tests/captures: messages that a kernel sent, or was sent (made by scripts/capture)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pynl

FOLDER = Path(__file__).parent / "captures"
RECORDS: dict[int, type[pynl.Record]] = {
    16: pynl.Link,
    20: pynl.Address,
    24: pynl.Route,
    28: pynl.Neighbour,
    32: pynl.Rule,
    104: pynl.NexthopObject,
    116: pynl.NexthopBucket,
}
HEADER = struct.Struct("=IHHII")


class Captured(NamedTuple):
    """One message of a capture."""

    capture: str
    sent: bool
    data: bytes

    @property
    def type(self) -> int:
        return int(HEADER.unpack_from(self.data)[1])

    @property
    def payload(self) -> bytes:
        return self.data[HEADER.size :]

    @property
    def record(self) -> type[pynl.Record]:
        return RECORDS[self.type]


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.txt"))


@cache
def messages(name: str) -> tuple[Captured, ...]:
    lines = (line.split() for line in (FOLDER / f"{name}.txt").read_text().splitlines() if line[0] != "#")
    return tuple(Captured(name, direction == ">", bytes.fromhex(data)) for direction, data in lines)


def objects(name: str) -> list[Captured]:
    """The messages of a capture that describe an object: what the kernel sent of links, routes ..."""
    return [message for message in messages(name) if not message.sent and message.type in RECORDS]


def everything() -> Iterator[Captured]:
    for name in names():
        yield from objects(name)


def header(payload: bytes, type: int = 24, flags: int = 2) -> bytes:
    """One whole message, padded."""
    return HEADER.pack(HEADER.size + len(payload), type, flags, 1, 2) + payload + bytes(-len(payload) % 4)


def attribute(type: int, payload: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(payload), type) + payload + bytes(-len(payload) % 4)


def exercise(record: Any) -> None:
    """Everything that can be asked of a record."""
    from pynl.encode import encode

    for name in type(record).FIELDS:
        getattr(record, name)
    repr(record)
    record.asdict()
    dict(record.items())
    hash(record)
    assert record == record
    assert isinstance(record.unknown, tuple)
    encode(record)
