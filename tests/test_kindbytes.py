"""The data of each kind of link in captured messages: the records that are written out, and the kernel's own bytes."""

from __future__ import annotations

import struct

import captured
import pytest
from captured import Captured
from kindcases import CAPTURED_CASES, CASES, devices
from kindrecords import PORTS, RECORDS

import pynl
from pynl.encode import encode
from pynl.plan import parse
from pynl.rtnl.can import CanStats

LINKINFO, DATA, PORT_DATA = 18, 2, 5


def attributes(data: bytes) -> dict[int, list[bytes]]:
    """Type -> the payloads of these attributes, without their padding."""
    found: dict[int, list[bytes]] = {}
    while data:
        length, type = struct.unpack_from("=HH", data)
        found.setdefault(type, []).append(data[4:length])
        data = data[(length + 3) & ~3 :]
    return found


def of(case: str, device: str) -> Captured:
    """The message of a capture that tells of a device."""
    return captured.objects(f"kind-{case}")[devices(case).index(device)]


def sent(message: Captured, type: int) -> dict[int, list[bytes]]:
    """What the kernel sent of a link's data, or of its data as a port."""
    (info,) = attributes(message.payload[pynl.Link.HEADER :])[LINKINFO]
    (data,) = attributes(info)[type]
    return attributes(data)


@pytest.mark.parametrize("case", RECORDS)
def test_data(case: str) -> None:
    """Read, it is the record; a record made by hand gives each attribute as the kernel had it."""
    message = of(case, "d0")
    assert parse(pynl.Link, message.payload).linkinfo.data == RECORDS[case]
    assert attributes(encode(RECORDS[case])) == sent(message, DATA)


@pytest.mark.parametrize("case", PORTS)
def test_data_of_a_port(case: str) -> None:
    message = of(case, "u0")
    assert parse(pynl.Link, message.payload).linkinfo.slave_data == PORTS[case]
    assert attributes(encode(PORTS[case])) == sent(message, PORT_DATA)


def test_counters_of_a_can_bus() -> None:
    assert parse(pynl.Link, of("can", "d0").payload).linkinfo.xstats == CanStats()


@pytest.mark.parametrize("case", [case for case in (*CASES, *CAPTURED_CASES) if case not in RECORDS])
def test_a_kind_without_data(case: str) -> None:
    info = parse(pynl.Link, of(case, "d0").payload).linkinfo
    assert (info.kind, info.data) == (case, None)


def test_every_case_is_captured() -> None:
    assert {f"kind-{case}" for case in (*CASES, *CAPTURED_CASES)} == {n for n in captured.names() if n[:5] == "kind-"}
    assert {case for case in (*CASES, *CAPTURED_CASES) if "u0" in devices(case)} == {*PORTS, "team"}
