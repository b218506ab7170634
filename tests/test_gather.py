"""Requests made of columns: text read in C as Python reads it, and rows encoded in C as the Python encoder would."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import pynl
from pynl import Address, Link, Neighbour, Record, Route
from pynl._wire import ffi, lib
from pynl.encode import encode
from pynl.kinds import HARDWARE
from pynl.plan import parse
from pynl.rows import Rows, columns_of
from pynl.rtnl.addr import ADDRESSES
from pynl.rtnl.constants import MessageType
from pynl.rtnl.links import LINKS
from pynl.rtnl.neigh import NEIGHBOURS
from pynl.rtnl.route import ROUTES
from pynl.schema import normalize

FAMILIES = {family.record: family for family in (ROUTES, LINKS, ADDRESSES, NEIGHBOURS)}


def parsed(texts: Sequence[str], style: int, prefixes: bool = False) -> list[Any]:
    """What C makes of lines: bytes (and the prefix length), None of an empty line; or the row of the first fault."""
    count, width = len(texts), 32 if style == lib.PYNL_HEX else 16
    buffers = [bytearray(count * width), bytearray(count), bytearray(count // 8 + 1)]
    values, lengths, valid = (ffi.from_buffer("uint8_t[]", buffer) for buffer in buffers)
    column = ffi.new("struct pynl_column *", {"values": values, "lengths": lengths, "valid": valid, "width": width})
    more = [bytearray(count), bytearray(count // 8 + 1)]
    bits, there = (ffi.from_buffer("uint8_t[]", buffer) for buffer in more)
    prefix = ffi.new("struct pynl_column *", {"values": bits, "valid": there, "width": 1})
    lines = "".join(text + "\n" for text in texts).encode("utf-8", "surrogatepass")
    data = ffi.from_buffer("char[]", lines)
    found = lib.pynl_text_parse(data, len(lines), style, count, column, prefix if prefixes else ffi.NULL)
    if found != count:
        return [-found - 1]
    made: list[Any] = []
    for row in range(count):
        if not buffers[2][row >> 3] >> (row & 7) & 1:
            made.append(None)
            continue
        address = bytes(buffers[0][row * width : row * width + buffers[1][row]])
        made.append((address, more[0][row]) if prefixes else address)
    return made


def expected(text: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return None


PACKED = st.one_of(st.binary(min_size=4, max_size=4), st.binary(min_size=16, max_size=16))
SPARSE = st.lists(st.sampled_from([0, 0, 0, 1, 255]), min_size=16, max_size=16).map(bytes)


def shown(data: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


@st.composite
def nearly(draw: st.DrawFn) -> str:
    """An address with a character more, less, or another."""
    text = shown(draw(st.one_of(PACKED, SPARSE)))
    at = draw(st.integers(0, len(text)))
    put = draw(st.sampled_from(["", "0", "1", "f", "F", "g", ":", "::", ".", "/", " ", "-", "255", "00", "%1", "x"]))
    return text[:at] + put + text[at + draw(st.integers(0, 2)) :]


#: Anything but a line's end, which the caller sees to.
ANY = st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), min_size=1, max_size=50)
ADDRESS_LIKE = st.text("0123456789abcdefABCDEF.:", min_size=1, max_size=45)


@given(text=st.one_of(nearly(), ADDRESS_LIKE, ANY, st.one_of(PACKED, SPARSE).map(shown)))
def test_addresses_are_read_as_inet_pton_reads_them(text: str) -> None:
    assume(text)
    wanted = expected(text)
    assert parsed([text], lib.PYNL_IP) == [0 if wanted is None else wanted]


@given(data=SPARSE, upper=st.booleans(), dotted=st.booleans())
def test_ipv6_in_any_of_its_notations(data: bytes, upper: bool, dotted: bool) -> None:
    groups = [data[at : at + 2].hex() for at in range(0, 16, 2)]
    long = ":".join(groups[:6]) + ":" + (shown(data[12:]) if dotted else ":".join(groups[6:]))
    assert parsed([long.upper() if upper else long], lib.PYNL_IP) == [data]


@given(data=PACKED, length=st.one_of(st.none(), st.integers(-1, 300), st.sampled_from(["", "08", " 8", "8 ", "x"])))
def test_prefixes_have_their_length(data: bytes, length: int | str | None) -> None:
    text = shown(data) + ("" if length is None else f"/{length}")
    widest = 8 * len(data)
    if length is None:
        wanted: Any = (data, widest)
    elif str(length).isdecimal() and int(length) <= widest and not str(length).startswith("08"):
        wanted = (data, int(length))
    else:
        wanted = 0
    assert parsed([text], lib.PYNL_IP, prefixes=True) == [wanted]


@given(
    text=st.one_of(
        ANY, st.text("0123456789abcdefABCDEF:", min_size=1), st.binary(max_size=40).map(lambda b: b.hex(":"))
    )
)
def test_hardware_addresses_are_read_as_python_reads_them(text: str) -> None:
    assume(text)
    try:
        wanted: Any = HARDWARE.dump(text)
    except ValueError:
        wanted = 0
    if wanted and len(wanted) > 32:
        wanted = 0
    assert parsed([text], lib.PYNL_HEX) == [wanted]


@given(texts=st.lists(st.one_of(st.just(""), PACKED.map(shown), st.just("1.2.3")), max_size=30))
def test_the_first_row_at_fault_is_told(texts: list[str]) -> None:
    wanted = [expected(text) if text else None for text in texts]
    bad = [row for row, text in enumerate(texts) if text and wanted[row] is None]
    assert parsed(texts, lib.PYNL_IP) == (bad[:1] or wanted)


@given(
    texts=st.lists(
        st.one_of(
            PACKED.map(shown), st.just("1.2.3.4\n5.6.7.8"), st.just("1.2.3.4\n"), st.just("\n"), st.just(""), ANY
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_column_takes_what_a_record_takes(texts: list[str]) -> None:
    """Whether texts are read one by one or as a column, they are the same addresses or the same row is at fault."""
    field = Route.FIELDS["gateway"]
    wanted: list[Any] = []
    for row, text in enumerate(texts):
        try:
            wanted.append(normalize(field, text))
        except ValueError:
            wanted = [row]
            break
    if wanted and isinstance(wanted[-1], int):
        with pytest.raises(ValueError, match=f"^row {wanted[-1]}: gateway: "):
            rows_of(Route, {"gateway": texts})
    else:
        rows = rows_of(Route, {"gateway": texts})
        assert [parse(Route, rows.payload(row)[2]).gateway for row in range(len(texts))] == wanted


# ---- rows

IPV4 = st.binary(min_size=4, max_size=4).map(shown)
IPV6 = st.binary(min_size=16, max_size=16).map(shown)
U8, U16, U32 = st.integers(0, 255), st.integers(0, 65535), st.integers(0, 2**32 - 1)
NAME = st.text("abcdefé.-", min_size=1, max_size=15)


def prefixes(address: st.SearchStrategy[str], widest: int) -> st.SearchStrategy[str]:
    return st.tuples(address, st.integers(0, widest)).map(lambda pair: f"{pair[0]}/{pair[1]}")


HOP = st.fixed_dictionaries({"oif": st.integers(1, 99), "gateway": IPV4}, optional={"weight": st.integers(1, 256)})
ROUTE: Mapping[str, st.SearchStrategy[Any]] = {
    "dst": prefixes(IPV4, 32),
    "src": prefixes(IPV6, 128),
    "tos": U8,
    "table": U32,
    "protocol": st.one_of(U8, st.just("bgp")),
    "scope": U8,
    "type": st.one_of(U8, st.just("blackhole")),
    "oif": U32,
    "gateway": st.one_of(IPV4, IPV6),
    "priority": U32,
    "metrics": st.fixed_dictionaries({}, optional={"mtu": U32, "cc_algo": NAME, "lock": U32}),
    "multipath": st.lists(HOP, min_size=1, max_size=3),
    "via": IPV6,
    "pref": U8,
    "encap_type": st.sampled_from(["ip6", "seg6_local", 2]),
    "encap": st.fixed_dictionaries({}),
    "flowlabel": U32,
    "sport": U16,
}
LINK: Mapping[str, st.SearchStrategy[Any]] = {
    "ifname": NAME,
    "address": st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":")),
    "mtu": U32,
    "ifalias": NAME,
    "link_netnsid": st.integers(-(2**31), 2**31 - 1),
    "linkinfo": st.one_of(
        st.just({"kind": "veth"}),
        st.fixed_dictionaries({"kind": st.just("vxlan"), "data": st.fixed_dictionaries({"id": U32, "port": U16})}),
    ),
}
NEIGHBOUR: Mapping[str, st.SearchStrategy[Any]] = {
    "family": U8,
    "ifindex": st.integers(-(2**31), 2**31 - 1),
    "state": U16,
    "dst": st.one_of(IPV4, IPV6),
    "lladdr": st.binary(min_size=1, max_size=32).map(lambda data: data.hex(":")),
    "port": U16,
    "vlan": U16,
    "flags_ext": U32,
    "fdb_ext_attrs": st.fixed_dictionaries({}, optional={"activity_notify": U8}),
}
ADDRESS: Mapping[str, st.SearchStrategy[Any]] = {
    "local": st.one_of(IPV4, IPV6),
    "prefixlen": U8,
    "flags": U32,
    "ifindex": U32,
    "label": NAME,
    "cacheinfo": st.fixed_dictionaries({"prefered": U32, "valid": U32}),
    "target_netnsid": st.integers(-(2**31), 2**31 - 1),
}
FIELDS = {Route: ROUTE, Link: LINK, Neighbour: NEIGHBOUR, Address: ADDRESS}


def rows_of(cls: type[Record], objects: Any) -> Rows:
    return Rows(cls, MessageType.RTM_NEWROUTE, 0, columns_of(FAMILIES[cls], objects), lambda row: cls(**row), normalize)


@pytest.mark.parametrize("cls", FIELDS)
@given(data=st.data())
def test_rows_are_what_the_python_encoder_makes(cls: type[Record], data: st.DataObject) -> None:
    fields = FIELDS[cls]
    one = st.lists(st.sampled_from(sorted(fields)), unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: fields[name] for name in names})
    )
    given_rows = data.draw(st.lists(one, min_size=1, max_size=5))
    rows = rows_of(cls, given_rows)
    assert len(rows) == len(given_rows)
    for number, values in enumerate(given_rows):
        _, record, payload = rows.payload(number)
        made = cls(**values)
        assert parse(record, payload) == made
        assert sorted(split(record, payload)) == sorted(split(record, encode(made)))


def split(cls: type[Record], payload: bytes) -> list[bytes]:
    """The header and the attributes, whose order no kernel looks at."""
    at = (cls.HEADER + 3) & ~3
    parts = [b"header" + payload[:at]]
    while at < len(payload):
        length = int.from_bytes(payload[at : at + 2], "little")
        parts.append(payload[at : at + length])
        at += (length + 3) & ~3
    return parts


@given(data=st.data())
def test_columns_rows_and_records_are_the_same_requests(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    strategies = {name: ROUTE[name] for name in ("dst", "gateway", "oif", "priority", "protocol", "table")}
    columns = {name: [data.draw(values) for _ in range(count)] for name, values in strategies.items()}
    columns["tos"] = data.draw(U8)  # one value for all
    dicts = [{name: v[row] if isinstance(v, list) else v for name, v in columns.items()} for row in range(count)]
    records = [Route(**values) for values in dicts]
    made = [rows_of(Route, columns), rows_of(Route, dicts), rows_of(Route, records)]
    for row in range(count):
        assert {parse(Route, rows.payload(row)[2]) for rows in made} == {records[row]}
    assert list(pynl.Table(made[0].store())) == records


# ---- errors


@pytest.mark.parametrize(
    ("objects", "error", "text"),
    [
        ([{"dst": "10.0.0.0/8"}, {"dst": "10.0.0/8"}], ValueError, "row 1: dst: "),
        ([{"dst": "10.0.0.0/33"}], ValueError, "row 0: dst: expected a prefix length up to 32, not '10.0.0.0/33'"),
        (
            [{"gateway": "10.0.0.1\n"}],
            ValueError,
            "row 0: gateway: expected an IPv4 or IPv6 address, not '10.0.0.1\\n'",
        ),
        ([{"gateway": ""}], ValueError, "row 0: gateway: expected an IPv4 or IPv6 address, not ''"),
        ([{"gateway": "192.0.2.1"}, {"gateway": 7}], TypeError, "row 1: gateway: expected an IP address, not 7"),
        ({"priority": [1, 2, -1]}, ValueError, "row 2: priority: expected 0 to 4294967295, not -1"),
        ({"priority": [1, 2**32]}, ValueError, "row 1: priority: expected 0 to 4294967295, not 4294967296"),
        ({"priority": [1, 2.5]}, TypeError, "row 1: priority: expected an integer, not 2.5"),
        ({"priority": [1, True]}, TypeError, "row 1: priority: expected an integer, not True"),
        ({"tos": [1, 256]}, ValueError, "row 1: tos: expected 0 to 255, not 256"),
        ({"protocol": ["bgp", "gbp"]}, ValueError, "row 1: protocol: no 'gbp' in rt_protos; did you mean 'bgp'?"),
        ([{"metrics": {"mtu": 1}}, {"metrics": {"mtu": "x"}}], TypeError, "row 1: metrics: mtu: expected an integer"),
        ([{"metrics": {"mut": 1}}], TypeError, "row 0: metrics: Metrics has no field 'mut'; did you mean 'mtu'?"),
        ([{"multipath": [{"weight": 0}]}], ValueError, "row 0: multipath: weight: expected 1 to 256, not 0"),
        ([{"gatway": "192.0.2.1"}], TypeError, "Route has no field 'gatway'; did you mean 'gateway'?"),
        ([{"dst": "10.0.0.0/8"}, 7], TypeError, "expected Route records or mappings of their fields, not 7"),
        ({"dst": ["10.0.0.0/8"], "oif": [1, 2]}, ValueError, "columns of different lengths: 1, 2"),
        ([{"cc_algo": 1}], TypeError, "Route has no field 'cc_algo'"),
    ],
)
def test_an_error_names_row_field_and_value(objects: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error) as caught:
        rows_of(Route, objects)
    assert str(caught.value).startswith(text)


def test_text_with_a_zero_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1: ifname: expected text without NUL, not 'a\\\\x00b'"):
        rows_of(Link, [{"ifname": "a"}, {"ifname": "a\0b"}])


def test_an_attribute_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="row 1: ifalias: 70001 bytes do not fit an attribute"):
        rows_of(Link, [{"ifalias": "x"}, {"ifalias": "x" * 70_000}])
