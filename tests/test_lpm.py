"""Longest-prefix match: against a list of networks, against the kernel's own lookup, and what C is to refuse."""

from __future__ import annotations

import errno
import ipaddress
import random
import struct
import threading
from array import array
from collections.abc import Iterable
from typing import Any, NamedTuple

import pytest
from conftest import Namespace
from hypothesis import given
from hypothesis import strategies as st

import pynl
from pynl import Route, Table
from pynl._wire import ffi, lib
from pynl.encode import encode
from pynl.lpm import Prefixes
from pynl.rtnl.constants import RouteType

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
WIDTH = {4: 4, 6: 16}


def table_of(routes: Iterable[Route], fields: tuple[str, ...] | None = None) -> Table[Route]:
    data = b"".join(struct.pack("=IHHII", 16 + len(body), 24, 2, 1, 0) + body for body in map(encode, routes))
    return Table.decode(Route, data, fields)


def route(dst: str | None, family: int = 2, **more: Any) -> Route:
    """As the kernel tells it: of a default route there is no destination."""
    given = {"dst": dst, "family": 10 if dst and ":" in dst else family, "dst_len": 0, "table": 254, "type": 1, **more}
    if dst:
        given["dst_len"] = int(dst.partition("/")[2])
    return Route(**{name: value for name, value in given.items() if value is not None})


def of_network(network: Network, **more: Any) -> Route:
    text = None if network.prefixlen == 0 else str(network)
    return route(text, family=2 if network.version == 4 else 10, **more)


# ---- against a list of networks


class Entry(NamedTuple):
    network: Network
    priority: int
    throw: bool

    @property
    def record(self) -> Route:
        return of_network(self.network, priority=self.priority, type=9 if self.throw else 1)


def naive(entries: Iterable[tuple[int, Entry]], address: Any) -> int | None:
    """Rows and their entries, in the order that they came in."""
    there = [(row, entry) for row, entry in entries if address in entry.network]
    if not there:
        return None
    row, entry = min(there, key=lambda one: (-one[1].network.prefixlen, one[1].priority))
    return None if entry.throw else row


def network(version: int, bits: int, length: int) -> Network:
    size = 32 if version == 4 else 128
    made = ipaddress.IPv4Network if version == 4 else ipaddress.IPv6Network
    return made((bits & ((1 << size) - 1) & ~((1 << (size - length)) - 1), length))


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Many that lie in one another: of few addresses, which differ in one bit each."""
    version = draw(st.sampled_from((4, 6)))
    size = 32 if version == 4 else 128
    base = draw(st.sampled_from((0, (1 << size) - 1, 0xC0000200 << (size - 32), 0xA5A5A5A5 << (size - 32))))
    return network(version, base ^ 1 << draw(st.integers(0, size - 1)), draw(st.integers(0, size)))


entries = st.builds(Entry, networks(), st.integers(0, 2), st.integers(0, 7).map(lambda n: n == 0))


def interesting(networks: Iterable[Network]) -> list[Any]:
    """Addresses in and right beside each network."""
    found = [ipaddress.ip_address("192.0.2.1"), ipaddress.ip_address("2001:db8::1")]
    for one in networks:
        first, last = int(one.network_address), int(one.broadcast_address)
        kind = type(one.network_address)
        found += [kind(n) for n in (first - 1, first, last, last + 1) if 0 <= n < 1 << one.max_prefixlen]
    return found


@given(st.lists(entries, max_size=40))
def test_a_table_against_a_list(made: list[Entry]) -> None:
    table = table_of(entry.record for entry in made)
    prefixes = Prefixes(table)
    assert len(prefixes) == len(made)
    addresses = interesting(entry.network for entry in made)
    wanted = [naive(enumerate(made), address) for address in addresses]
    assert [prefixes.row(address) for address in addresses] == wanted
    bulk = [-1 if row is None else row for row in wanted]
    assert prefixes.rows(addresses).tolist() == bulk
    assert prefixes.rows(list(map(str, addresses))).tolist() == bulk
    for address, row in zip(addresses, wanted, strict=True):
        assert prefixes.lookup(address) == (None if row is None else table[row])
    for width in (4, 16):
        one = [(address, row) for address, row in zip(addresses, bulk, strict=True) if len(address.packed) == width]
        assert prefixes.rows(b"".join(a.packed for a, _ in one), width=width).tolist() == [row for _, row in one]


@given(st.lists(st.tuples(entries, st.booleans(), st.integers(0, 30)), max_size=60))
def test_changes_against_a_list(steps: list[tuple[Entry, bool, int]]) -> None:
    """Whatever was added and removed before, and in which order; in the end nothing is left of it."""
    prefixes: Prefixes[Route] = Prefixes()
    model: list[tuple[int, Entry]] = []
    for entry, first, row in steps:
        there = dict(model)
        if row in there:
            assert prefixes.remove(row, there[row].record)
            model = [one for one in model if one[0] != row]
        else:
            assert prefixes.add(row, entry.record, first=first)
            model.insert(0 if first else len(model), (row, entry))
        assert len(prefixes) == len(model)
        for address in interesting([entry.network]):
            assert prefixes.row(address) == naive(model, address)
    addresses = interesting(entry.network for _, entry in model)
    assert [prefixes.row(address) for address in addresses] == [naive(model, address) for address in addresses]
    for row, entry in model:
        prefixes.remove(row, entry.record)
    assert set(prefixes.rows(addresses)) <= {-1}


@pytest.mark.parametrize("step", [1, 2, -1, -3])
def test_a_part_of_a_table_counts_its_own_rows(step: int) -> None:
    table = table_of(route(f"10.{n}.0.0/16") for n in range(50))[5:45][::step]
    prefixes = Prefixes(table)
    assert [prefixes.lookup(record.dst.partition("/")[0]) for record in table] == list(table)
    assert prefixes.rows([f"10.{n}.0.1" for n in (4, 45)]).tolist() == [-1, -1]
    assert len(Prefixes(table[:0])) == 0


def test_many_of_one_node_come_and_go() -> None:
    """A node's arrays through all their sizes, and their blocks used again."""
    prefixes: Prefixes[Route] = Prefixes()
    records = [route(f"10.0.{n}.0/24") for n in range(256)] + [route(f"10.0.0.{n}/32") for n in range(256)]
    for seed in range(4):
        order = list(enumerate(records))
        random.Random(seed).shuffle(order)
        for row, record in order:
            prefixes.add(row, record)
        assert [prefixes.row(record.dst.partition("/")[0]) for record in records[1:256]] == list(range(1, 256))
        assert [prefixes.row(f"10.0.0.{n}") for n in range(256)] == list(range(256, 512))
        for done, (row, record) in enumerate(reversed(order), 1):
            prefixes.remove(row, record)
            assert len(prefixes) == 512 - done
    assert set(prefixes.rows([f"10.0.{n}.0" for n in range(256)])) == {-1}


# ---- edges


def test_nothing() -> None:
    for prefixes in (Prefixes(table_of([])), Prefixes[Route]()):
        assert len(prefixes) == 0
        assert prefixes.row("192.0.2.1") is None
        assert prefixes.rows(["192.0.2.1", "::1"]).tolist() == [-1, -1]
        assert [len(prefixes.rows(none)) for none in ([], (), iter(()), array("I"))] == [0] * 4
        assert [len(prefixes.rows(b"", width=width)) for width in (4, 16)] == [0, 0]


def test_a_default_route_takes_what_is_left() -> None:
    prefixes = Prefixes(table_of([route(None), route("192.0.2.1/32"), route(None, 10), route("2001:db8::1/128")]))
    assert prefixes.rows(["0.0.0.0", "255.255.255.255", "192.0.2.1", "192.0.2.0"]).tolist() == [0, 0, 1, 0]
    assert prefixes.rows(["::", "2001:db8::1", "2001:db8::", "::ffff:192.0.2.1"]).tolist() == [2, 3, 2, 2]
    assert Prefixes(table_of([route(None)])).row("::1") is None
    assert Prefixes(table_of([route(None, 10)])).row("192.0.2.1") is None


def test_bits_behind_the_length_do_not_count() -> None:
    messages = struct.pack("=IHHII", 36, 24, 2, 1, 0) + struct.pack("=8BI", 2, 9, 0, 0, 254, 3, 0, 1, 0)
    messages += struct.pack("=HH4B", 8, 1, 10, 255, 255, 255)
    prefixes = Prefixes(Table.decode(Route, messages))
    assert prefixes.rows(["10.128.0.0", "10.255.0.1", "10.127.255.255"]).tolist() == [0, 0, -1]


def test_the_lowest_metric_then_the_first() -> None:
    metrics = [5, None, 3, 0, 2**32 - 1]
    assert Prefixes(table_of(route("10.0.0.0/8", priority=metric) for metric in metrics)).row("10.1.1.1") == 1
    assert Prefixes(table_of(route("10.0.0.0/8", priority=metric) for metric in metrics[2:])).row("10.1.1.1") == 1
    assert Prefixes(table_of(route("10.0.0.0/8", priority=metric) for metric in (2**32 - 1, 7, 7))).row("10.1.1.1") == 1


def test_what_does_not_count_is_left_out() -> None:
    records = [
        route("10.0.0.0/8"),
        route("10.1.0.0/16", table=100),
        route("10.1.1.0/24", tos=16),
        route("2001:db8::/32", src="2001:db8:1::/48"),
        route("10.1.1.1/32", family=28),
        route("10.1.1.1/32", family=10),
    ]
    prefixes = Prefixes(table_of(records))
    assert (len(prefixes), prefixes.row("10.1.1.1"), prefixes.row("2001:db8::1")) == (1, 0, None)
    assert not any(prefixes.add(row, record) for row, record in enumerate(records[1:], 10))
    assert not any(prefixes.remove(row, record) for row, record in enumerate(records[1:], 10))
    assert Prefixes(table_of(records), table=100).row("10.1.1.1") == 1


@pytest.mark.parametrize("length", [33, 129, 255])
def test_a_length_longer_than_its_address_is_left_out(length: int) -> None:
    body = struct.pack("=8BI", 2, length, 0, 0, 254, 3, 0, 1, 0)
    for rest in (struct.pack("=HH4B", 8, 1, 10, 0, 0, 0), b"", struct.pack("=HH2B2x", 6, 1, 10, 0)):
        message = struct.pack("=IHHII", 16 + len(body + rest), 24, 2, 1, 0) + body + rest
        table = Table.decode(Route, message)
        prefixes = Prefixes(table)
        assert (len(table), len(prefixes), prefixes.row("10.0.0.0")) == (1, 0, None)
        assert not prefixes.add(0, table[0])


def test_throw_hides_what_is_shorter_and_the_others_are_found() -> None:
    types = (RouteType.RTN_UNREACHABLE, RouteType.RTN_BLACKHOLE, RouteType.RTN_PROHIBIT, RouteType.RTN_THROW)
    records = [route(None), *(route(f"10.{n}.0.0/16", type=type) for n, type in enumerate(types))]
    records.append(route("10.3.3.0/24"))
    prefixes = Prefixes(table_of(records))
    wanted = [1, 2, 3, -1, 0, 5]
    assert prefixes.rows(["10.0.0.1", "10.1.0.1", "10.2.0.1", "10.3.0.1", "10.4.0.1", "10.3.3.1"]).tolist() == wanted
    prefixes.remove(4, records[4])
    assert prefixes.row("10.3.0.1") == 0


def test_a_table_without_what_decides() -> None:
    record = route("10.0.0.0/8", priority=1)
    needed = ("dst", "dst_len", "family", "table", "tos", "src_len", "priority", "type")
    assert Prefixes(table_of([record], needed)).row("10.0.0.1") == 0
    for name in needed:
        rest = tuple(other for other in needed if other != name)
        if name == "dst_len":  # comes with dst
            continue
        with pytest.raises(ValueError, match=f"without {name},"):
            Prefixes(table_of([record], rest))
    with pytest.raises(ValueError, match="without dst, "):
        Prefixes(Table.decode(pynl.Link, b""))


# ---- arguments


@pytest.fixture(scope="module")
def some() -> Prefixes[Route]:
    return Prefixes(table_of([route("10.0.0.0/8"), route("192.0.2.0/24"), route("2001:db8::/32"), route("::/1")]))


def test_an_address_is_given_in_many_ways(some: Prefixes[Route]) -> None:
    packed = b"\xc0\0\2\1"
    ways = "192.0.2.1", packed, bytearray(packed), memoryview(packed), ipaddress.ip_address("192.0.2.1")
    assert [some.row(way) for way in ways] == [1] * 5
    assert some.rows(ways).tolist() == [1] * 5
    assert some.rows(iter(ways)).tolist() == [1] * 5
    found = some.lookup("2001:db8::1")
    assert found is not None
    assert found.dst == "2001:db8::/32"


@pytest.mark.parametrize(
    "wrong",
    ["", "10.0.0.0/8", "10.0.0", "10.0.0.0\n", "fe80::1%lo", "host", "é", b"", b"12345", 1, None, 1.5, [], "0x1234"],
)
def test_what_is_no_address(some: Prefixes[Route], wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError), match=r"^address: "):
        some.row(wrong)
    for good in (["10.0.0.1"] * 3, [b"\x0a\0\0\1"] * 3):
        with pytest.raises((TypeError, ValueError), match=r"^row 3: address: "):
            some.rows([*good, wrong, "10.0.0.1"])


def test_buffers(some: Prefixes[Route]) -> None:
    numpy = pytest.importorskip("numpy")
    numbers = numpy.array([0x0A000001, 0xC0000201, 0xC0000300], "u4")
    packed = numbers.astype(">u4").view("u1").reshape(-1, 4)
    ways = [numbers, numbers.astype(">u4"), packed, packed.view("S4")[:, 0], packed.view("V4")[:, 0]]
    ways += [numpy.repeat(numbers, 2)[::2], numpy.repeat(packed, 2, axis=0)[::2], array("I", numbers.tolist())]
    ways += [
        numpy.asfortranarray(packed),
        memoryview(packed),
        numpy.array(["10.0.0.1", "192.0.2.1", "192.0.3.0"], object),
    ]
    for way in ways:
        assert some.rows(way).tolist() == [0, 1, -1]
    found = some.rows(packed)
    assert (found.format, found.shape, numpy.asarray(found).dtype) == ("i", (3,), numpy.int32)
    assert numpy.shares_memory(numpy.asarray(found), numpy.frombuffer(found, numpy.int32))
    six = numpy.frombuffer(ipaddress.ip_address("2001:db8::1").packed * 2, "u1")
    for way in (six.reshape(2, 16), six.view("V16")):
        assert some.rows(way).tolist() == [2, 2]
    assert some.rows(six, width=16).tolist() == [2, 2]
    assert some.rows(six, width=4).tolist() == [-1] * 8
    assert some.rows(numpy.empty((0, 16), "u1")).tolist() == []


def test_arrow(some: Prefixes[Route]) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    made = pyarrow.array([b"\x0a\0\0\1", b"\xc0\0\2\1"], pyarrow.binary(4))
    assert some.rows(made.buffers()[1], width=4).tolist() == [0, 1]


def test_buffers_of_other_shapes(some: Prefixes[Route]) -> None:
    with pytest.raises(ValueError, match=r"^width: "):
        some.rows(b"1234")
    for data, width in ((b"12345", 4), (b"1234", 16), (b"123456", 6), (memoryview(bytes(12)).cast("B", (2, 6)), None)):
        with pytest.raises(ValueError, match="expected 4 or 16 bytes each"):
            some.rows(data, width=width)
    with pytest.raises(ValueError, match="expected 4 or 16 bytes each"):
        some.rows(memoryview(bytes(8)).cast("B", (2, 4)), width=16)
    for wrong in (array("i", [1]), array("d", [1]), array("Q", [1]), memoryview(bytes(16)).cast("I", (2, 2))):
        with pytest.raises(TypeError, match=r"^addresses: "):
            some.rows(wrong)
    with pytest.raises(TypeError, match="not one text"):
        some.rows("10.0.0.1")


def test_rows_that_are_there_or_are_not() -> None:
    prefixes: Prefixes[Route] = Prefixes()
    one, other = route("10.0.0.0/8"), route("10.0.0.0/9")
    prefixes.add(3, one)
    for record in (one, other):
        with pytest.raises(ValueError, match="3 is there already"):
            prefixes.add(3, record)
    for row, record in ((3, other), (2, one), (4, one), (-1, one), (2**30, one), (2**70, one)):
        with pytest.raises(ValueError, match=f"^row: {row} is not there"):
            prefixes.remove(row, record)
    for row in (-1, 2**30, 2**70):
        with pytest.raises(ValueError, match=f"^row: {row} "):
            prefixes.add(row, one)
    with pytest.raises(ValueError, match="no table"):
        prefixes.lookup("10.0.0.1")
    assert (len(prefixes), prefixes.row("10.0.0.1")) == (1, 3)


def test_threads_share_one() -> None:
    """Look-ups run while others change what they do not ask for."""
    prefixes = Prefixes(table_of(route(f"10.{n}.0.0/16") for n in range(256)))
    addresses, wanted = bytes(b for n in range(256) for b in (10, n, 0, 1)) * 50, list(range(256)) * 50
    wrong: list[int] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            wrong.extend(a for a, b in zip(prefixes.rows(addresses, width=4), wanted, strict=True) if a != b)

    thread = threading.Thread(target=look)
    thread.start()
    records = [(1000 + n, route(f"10.{n % 256}.{n // 256 + 1}.0/24")) for n in range(4000)]
    for row, record in records:
        prefixes.add(row, record)
    for row, record in records:
        prefixes.remove(row, record)
    over.set()
    thread.join(30)
    assert not thread.is_alive()
    assert not wrong


# ---- C by itself


def test_c_refuses_what_cannot_be() -> None:
    lpm = ffi.gc(lib.pynl_lpm_new(), lib.pynl_lpm_free)
    address, out = bytes(16), ffi.new("int32_t[4]")
    for width, length, row in (
        (0, 0, 0),
        (5, 0, 0),
        (17, 0, 0),
        (4, 33, 0),
        (16, 129, 0),
        (4, 2**32 - 1, 0),
        (4, 0, 1 << 30),
    ):
        assert lib.pynl_lpm_insert(lpm, address, width, length, 0, row, 0) == -errno.EINVAL
        assert lib.pynl_lpm_remove(lpm, address, width, length, row) == -errno.EINVAL
    assert lib.pynl_lpm_remove(lpm, address, 16, 128, 0) == -errno.ENOENT
    for width in (0, 1, 3, 5, 15, 17, 2**32 - 1):
        assert lib.pynl_lpm_find(lpm, address, ffi.NULL, width, 1, out) == -errno.EINVAL
    assert lib.pynl_lpm_insert(lpm, address, 4, 0, 0, 7, 0) == 0
    lengths = bytes((4, 3, 16, 255))
    assert lib.pynl_lpm_find(lpm, address, lengths, 4, 4, out) == 0
    assert list(out) == [7, -1, -1, -1]


# ---- against the kernel


def fill(netns: Namespace, seed: int) -> None:
    """Routes that lie in one another, several of the same prefix among them, of all types."""
    chance = random.Random(seed)
    netns.batch(
        "link add v0 type veth peer name v1\nlink set v0 up\nlink set v1 up\naddr add 192.0.2.1/24 dev v0\n"
        "addr add 2001:db8:ffff::1/64 dev v0 nodad"
    )
    lines = {}
    for version, top, size in ((4, 0x0A << 24, 32), (6, 0x20010DB8 << 96, 128)):
        bottom = 8 if version == 4 else 32
        via = ("192.0.2.", "") if version == 4 else ("2001:db8:ffff::", "-6 ")
        for _ in range(400):
            length = chance.choice((0, 0, *range(bottom, size + 1), *[size] * 3))
            spread = chance.getrandbits(6) << (size - bottom - 6) | chance.getrandbits(3) << chance.randrange(
                size - bottom - 3
            )
            one = network(version, top | spread if length else 0, length)
            kind = chance.choice((*["unicast"] * 6, "unreachable", "blackhole", "prohibit", "throw"))
            metric = chance.randrange(1, 5)
            way = f"via {via[0]}{chance.randrange(2, 9)} dev v0" if kind == "unicast" else ""
            tos = "tos 0x10" if version == 4 and chance.random() < 0.1 else ""
            append = version == 4 and chance.random() < 0.3
            lines[one, metric, tos, append] = (
                f"{via[1]}route {'append' if append else 'add'} {kind} {one} {tos} {way} metric {metric}"
            )
    netns.run("ip", "-force", "-batch", "-", stdin="\n".join(lines.values()), check=False)
    netns.settle()


#: What the kernel says of routes that send nothing.
SAID = {
    errno.ENETUNREACH: None,
    errno.EHOSTUNREACH: RouteType.RTN_UNREACHABLE,
    errno.EACCES: RouteType.RTN_PROHIBIT,
    errno.EINVAL: RouteType.RTN_BLACKHOLE,
}
#: Where only the table main has routes.
SPACE = {4: ipaddress.ip_network("10.0.0.0/7"), 6: ipaddress.ip_network("2001:db8::/33")}
SHOWN = ("dst", "dst_len", "type", "gateway", "oif", "priority", "tos")


def kernels(nl: pynl.Netlink, address: Any) -> Any:
    """What it finds; only the type of a route that sends nothing."""
    try:
        found = nl.routes.get(address, fibmatch=True)
    except pynl.NetlinkError as error:
        return SAID[error.errno]
    return [getattr(found, name) for name in SHOWN]


def ours(record: Route | None, theirs: Any) -> Any:
    """What was found, told as the kernel told it."""
    if record is None or not isinstance(theirs, list):
        return record and record.type
    return [getattr(record, name) for name in SHOWN]


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_finds_the_same(netns: Namespace, seed: int) -> None:
    fill(netns, seed)
    with netns.netlink() as nl:
        table = nl.routes.dump(table=254)
        prefixes = Prefixes(table)
        assert len(prefixes) > 300
        assert len(prefixes) < len(table)  # some have a tos
        inside = [a for a in interesting(record.dst_network for record in table) if a in SPACE[a.version]]
        addresses = random.Random(seed).sample(inside, 800)
        addresses += [ipaddress.ip_address(text) for text in ("10.200.1.1", "11.0.0.1", "2001:db8:4000::1")]
        theirs = [kernels(nl, address) for address in addresses]
        found = [table[row] if row >= 0 else None for row in prefixes.rows(addresses)]
        assert found == list(map(prefixes.lookup, addresses))
        for address, record, told in zip(addresses, found, theirs, strict=True):
            assert ours(record, told) == told, address
        assert sum(isinstance(told, list) for told in theirs) > 200
        assert {told for told in theirs if not isinstance(told, list)} == set(SAID.values())
