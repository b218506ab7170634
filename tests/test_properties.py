"""What holds of any record and any bytes. Records are made from the declarations: a new attribute is covered."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from captured import RECORDS, attribute, exercise, header
from hypothesis import given
from hypothesis import strategies as st

import pynl
from pynl import Address, Neighbour, NexthopBucket, NexthopObject, Record, Route, Rule, Table
from pynl._wire import lib
from pynl.encode import encode
from pynl.fields import Field
from pynl.kinds import Kind
from pynl.plan import parse
from pynl.rtnl.encap import ENCAPS
from pynl.rtnl.link import Link
from pynl.rtnl.linkkinds import LINK_KINDS, PORT_KINDS

TYPES = {record: type for type, record in RECORDS.items()}
FAMILIES = [Route, Link, Address, Neighbour, Rule, NexthopObject, NexthopBucket]


def raw(kind: Kind[Any]) -> st.SearchStrategy[bytes]:
    """Payloads that a kind may have on the wire."""
    if kind.size:
        return st.binary(min_size=kind.size, max_size=kind.size)
    if kind.code == lib.PYNL_TEXT:
        return st.text("abcé-0", max_size=20).map(lambda text: text.encode() + b"\0")
    if kind.code == lib.PYNL_ADDRESS:
        return st.sampled_from([b"\x00" * 4, b"\xc0\x00\x02\x01", b"\x20\x01\x0d\xb8" + b"\0" * 11 + b"\1"])
    if kind.code == lib.PYNL_FLAG:
        return st.just(b"")
    return st.binary(max_size=12)


@st.composite
def payloads(draw: st.DrawFn, record: type[Record], depth: int = 0) -> bytes:
    """The bytes of a record: some of its attributes in any order, whole or not quite."""
    data = draw(st.binary(min_size=record.HEADER, max_size=record.HEADER))
    data += bytes(-len(data) % 4)
    fields = [field for field in record.ATTRIBUTES.items() if depth < 3]
    for number, field in draw(st.lists(st.sampled_from(fields), max_size=4)) if fields else ():
        data += attribute(number, draw(contents(field, depth)))
    return data


def contents(field: Field[Any], depth: int) -> st.SearchStrategy[bytes]:
    kind = field.extended[1] if field.extended else field.kind
    if field.select:
        choices = sorted({*field.select[1].values()}, key=lambda record: record.__name__)
        return st.sampled_from(choices).flatmap(lambda record: payloads(record, depth + 1)) if choices else st.just(b"")
    if kind.record is None:
        return st.one_of(raw(kind), st.binary(max_size=8))
    if kind.code == lib.PYNL_HOPS:
        return st.lists(payloads(kind.record, depth + 1), max_size=2).map(_hops)
    if kind.code == lib.PYNL_INDEXED:
        items = st.lists(payloads(kind.record, depth + 1), max_size=2)
        return items.map(lambda found: b"".join(attribute(n + 1, data) for n, data in enumerate(found)))
    return payloads(kind.record, depth + 1)


def _hops(found: list[bytes]) -> bytes:
    return b"".join(struct.pack("=H", len(data)) + data[2:] for data in found)


def read(record: type[Record], data: bytes) -> list[Any]:
    """One record, or none."""
    try:
        return [parse(record, data)]
    except pynl.DecodeError as error:
        if not 0 <= error.offset <= len(data):
            raise
        return []


def decode(record: type[Record], data: bytes) -> Sequence[Any]:
    """The records of all messages that are some."""
    try:
        return Table.decode(record, data)
    except pynl.DecodeError as error:
        if not 0 <= error.offset <= len(data):
            raise
        return error.table


@pytest.mark.parametrize("record", FAMILIES)
@given(data=st.data())
def test_a_record_becomes_bytes_and_the_same_record_again(record: type[Record], data: st.DataObject) -> None:
    made = parse(record, data.draw(payloads(record)))
    again = parse(record, encode(made))
    assert again == made
    assert encode(again) == encode(made)
    assert hash(again) == hash(made)


@pytest.mark.parametrize("record", FAMILIES)
@given(data=st.data())
def test_a_table_and_a_single_record_agree(record: type[Record], data: st.DataObject) -> None:
    payload = data.draw(payloads(record))
    (found,) = Table.decode(record, header(payload, TYPES[record]))
    assert found == parse(record, payload)
    exercise(found)


def test_a_nest_that_comes_again_replaces_the_one_before() -> None:
    payload = bytes(16) + attribute(18, attribute(1, b"veth\0")) + attribute(18, b"")
    (found,) = Table.decode(Link, header(payload, TYPES[Link]))
    assert found == parse(Link, payload)
    assert found.kind is None


@pytest.mark.parametrize("record", FAMILIES)
@given(data=st.data())
def test_pickling_and_replacing_keep_a_record(record: type[Record], data: st.DataObject) -> None:
    made = parse(record, data.draw(payloads(record)))
    restored = pickle.loads(pickle.dumps(made))
    assert (restored, restored.unknown, encode(restored)) == (made, made.unknown, encode(made))
    assert made.replace() == made


@pytest.mark.parametrize("record", FAMILIES)
@given(payload=st.binary(max_size=200))
def test_any_bytes_are_a_record_or_decode_error(record: type[Record], payload: bytes) -> None:
    made = read(record, payload)
    for one in made:
        exercise(one)
        assert parse(record, encode(one)) == one
    assert list(decode(record, header(payload, TYPES[record]))) == made


@given(data=st.binary(max_size=300))
def test_any_bytes_are_messages_or_decode_error(data: bytes) -> None:
    for record in decode(Route, data):
        exercise(record)


@given(data=st.data())
def test_a_bad_message_costs_itself_alone(data: st.DataObject) -> None:
    good = [encode(Route(dst=f"10.{n}.0.0/16", oif=n + 1)) for n in range(5)]
    place = data.draw(st.integers(0, 5))
    bad = data.draw(st.binary(max_size=11))  # shorter than struct rtmsg
    messages = [*good[:place], bad, *good[place:]]
    with pytest.raises(pynl.DecodeError) as caught:
        Table.decode(Route, b"".join(header(message) for message in messages))
    assert [route.oif for route in caught.value.table] == [1, 2, 3, 4, 5]
    before = sum(len(header(message)) for message in messages[:place])
    assert before <= caught.value.offset < before + 16 + 12


def test_every_record_that_a_choice_may_make_is_reached() -> None:
    chosen = {*LINK_KINDS.values(), *PORT_KINDS.values(), *ENCAPS.values()}
    assert all(issubclass(record, Record) for record in chosen)


@pytest.mark.parametrize(
    "record", sorted({*LINK_KINDS.values(), *PORT_KINDS.values(), *ENCAPS.values()}, key=lambda r: r.__name__)
)
@given(data=st.data())
def test_what_a_kind_or_encapsulation_holds_survives_too(record: type[Record], data: st.DataObject) -> None:
    made = parse(record, data.draw(payloads(record, 1)))
    assert parse(record, encode(made)) == made
    exercise(made)
