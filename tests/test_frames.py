"""Tables in other libraries' hands: what pyarrow, Polars, pandas, DuckDB and NumPy read is what the records say."""

from __future__ import annotations

import csv
import gc
import io
import ipaddress
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import world
from captured import header
from conftest import Namespace
from hypothesis import given
from hypothesis import strategies as st
from test_properties import FAMILIES, TYPES, payloads

import pynl
from pynl import Link, Record, Route, Table
from pynl.encode import encode
from pynl.kinds import utf8

pa: Any = pytest.importorskip("pyarrow")
SLICES = [slice(3, 9), slice(9, None), slice(None, None, -1), slice(8, 1, -3), slice(0, 0), slice(1, 9, 2)]
SERVICES = ("routes", "links", "addresses", "neighbours")


@pytest.fixture(scope="module")
def nl(shared_netns: Namespace) -> Iterator[pynl.Netlink]:
    world.populate(shared_netns)
    with shared_netns.netlink() as nl:
        yield nl


@pytest.fixture(params=SERVICES)
def table(nl: pynl.Netlink, request: pytest.FixtureRequest) -> Table[Any]:
    found: Table[Any] = getattr(nl, request.param).dump()
    assert len(found) > 10
    return found


def routes(*prefixes: str | None, **fields: Any) -> Table[Route]:
    made = [Route(family=2, dst=dst, **fields) if dst else Route(family=2, **fields) for dst in prefixes]
    return Table.decode(Route, b"".join(header(encode(record)) for record in made))


def told(value: Any, type: Any) -> Any:
    """A record's value as Arrow has it."""
    if value is None:
        return None
    if pa.types.is_struct(type):
        return {field.name: told(getattr(value, field.name), field.type) for field in type}
    if pa.types.is_list(type):
        return [told(item, type.value_type) for item in value]
    if pa.types.is_binary(type):
        return value if isinstance(value, bytes) else wire(value)
    if pa.types.is_string(type):
        return utf8(value).decode()
    return value


def wire(value: Any) -> Any:
    """What has no type of its own: held against the encoder where it is a record, and not looked into elsewhere."""
    return encode(value) if isinstance(value, Record) else Bytes()


class Bytes:
    """Equal to any bytes."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes)

    __hash__ = None  # type: ignore[assignment]


def mapped(value: str | None) -> bytes | None:
    if value is None or value.startswith("0x"):
        return None
    address = ipaddress.ip_address(value.partition("/")[0])
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed


def check(table: Table[Any], made: Any) -> None:
    """Every cell of an Arrow table."""
    made.validate(full=True)
    assert made.num_rows == len(table)
    for column in made.schema:
        name = column.name.removesuffix("_bytes")
        values = [getattr(record, name) for record in table]
        if name != column.name:
            expected = [mapped(value) for value in values]
        else:
            expected = [told(value, column.type) for value in values]
        assert expected == made[column.name].to_pylist(), column.name


class TestArrow:
    def test_every_cell_is_the_records_value(self, table: Table[Any]) -> None:
        check(table, pa.table(table))
        assert table.to_arrow().equals(pa.table(table))

    def test_the_columns_are_the_fields_and_the_bytes_of_addresses(self, table: Table[Any]) -> None:
        names = [name for name in pa.table(table).column_names if not name.endswith("_bytes")]
        assert names == list(table.record.FIELDS)

    @pytest.mark.parametrize("part", SLICES, ids=str)
    def test_slices_are_the_same_rows(self, table: Table[Any], part: slice) -> None:
        check(table[part], pa.table(table[part]))

    @pytest.mark.parametrize("record", FAMILIES)
    @given(data=st.data())
    def test_any_messages(self, record: type[Record], data: st.DataObject) -> None:
        messages = [header(data.draw(payloads(record)), TYPES[record]) for _ in range(data.draw(st.integers(0, 3)))]
        table = Table.decode(record, b"".join(messages))
        check(table, pa.table(table))

    def test_the_schema_is_of_the_fields_not_of_the_rows(self, table: Table[Any]) -> None:
        empty: Table[Any] = Table.decode(table.record, b"")
        assert pa.table(empty).schema.equals(pa.table(table).schema, check_metadata=True)
        assert pa.schema(table).equals(pa.table(table).schema, check_metadata=True)

    def test_the_metadata_tells_what_a_column_is(self, nl: pynl.Netlink) -> None:
        schema = pa.schema(nl.routes.dump())
        assert schema.field("protocol").metadata == {b"pynl:enum": b"RouteProtocol"}
        assert schema.field("oif").metadata == {b"pynl:attribute": b"RTA_OIF"}
        assert schema.field("dst").metadata[b"pynl:address"] == b"text"
        assert schema.field("dst_bytes").metadata[b"pynl:address"] == b"ipv6-mapped"
        assert schema.field("dst_bytes").type == pa.binary(16)
        assert not schema.field("family").nullable
        assert schema.field("priority").nullable

    def test_a_projection_has_its_columns_only(self, nl: pynl.Netlink) -> None:
        made = pa.table(nl.routes.dump(fields=("oif", "gateway")))
        assert made.column_names == ["oif", "gateway", "gateway_bytes"]

    def test_numbers_and_text_are_the_tables_own_memory(self, nl: pynl.Netlink) -> None:
        np = pytest.importorskip("numpy")
        links = nl.links.dump()
        (chunk,) = pa.table(links)["mtu"].chunks
        assert chunk.buffers()[1].address == np.asarray(links.columns["mtu"]).ctypes.data
        (part,) = pa.table(links[2:5])["mtu"].chunks
        assert part.buffers()[1].address == chunk.buffers()[1].address
        (names,) = pa.table(links)["ifname"].chunks
        assert names.buffers()[2].address == np.asarray(links.columns.text("ifname")).ctypes.data

    def test_it_outlives_the_table(self, nl: pynl.Netlink) -> None:
        table = nl.links.dump()
        names = [link.ifname for link in table]
        made = pa.table(table)
        column = made["ifname"]
        del table, made
        gc.collect()
        assert column.to_pylist() == names

    def test_columns_may_go_one_by_one_and_be_read_twice(self, nl: pynl.Netlink) -> None:
        table = nl.routes.dump()
        one, other = pa.table(table), pa.table(table)
        columns = one.columns
        del one
        while columns:
            columns.pop()
        assert other.num_rows == len(table)

    def test_a_capsule_that_nobody_takes_leaves_nothing_behind(self) -> None:
        table = routes(*(f"10.{n >> 8}.{n & 255}.0/24" for n in range(2000)), priority=5)
        for _ in range(50):
            table.__arrow_c_stream__(), table.__arrow_c_schema__()
        before = resident()
        for _ in range(500):
            table.__arrow_c_stream__(), table.__arrow_c_schema__()
        assert resident() - before < 8 << 20  # one is 150 KB

    def test_a_consumer_that_refuses_is_heard_and_leaves_nothing_behind(self) -> None:
        """Its exception is on its way while the capsule goes."""
        table = routes(*(f"10.{n >> 8}.{n & 255}.0/24" for n in range(2000)))

        def refused() -> None:
            with pytest.raises(TypeError):
                int(table.__arrow_c_stream__())  # type: ignore[call-overload]

        for _ in range(50):
            refused()
        before = resident()
        for _ in range(500):
            refused()
        assert resident() - before < 8 << 20

    def test_a_capsule_may_outlive_everything(self) -> None:
        script = "import sys, pynl; sys.kept = pynl.Table.decode(pynl.Route, b'').__arrow_c_stream__()"
        assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0

    @pytest.mark.parametrize("part", [slice(3, 3), slice(0, 0), slice(5, 2)], ids=str)
    def test_empty_parts_are_empty_in_every_way(self, table: Table[Any], part: slice) -> None:
        pytest.importorskip("numpy")
        types = {name: values.dtype for name, values in table.to_numpy().items()}
        for empty in (table[part], table[part][::-1]):
            assert pa.table(empty).num_rows == len(empty) == len(empty.columns["family"]) == 0
            assert pa.table(empty).schema.equals(pa.schema(table), check_metadata=True)
            assert {name: values.dtype for name, values in empty.to_numpy().items()} == types

    def test_a_prefix_length_that_cannot_be_has_its_room(self) -> None:
        message = header(bytes([2, 255]) + bytes(10) + b"\x08\0\1\0" + b"\xff" * 4)
        made = pa.table(Table.decode(Route, message * 500))
        assert made["dst"].to_pylist() == ["255.255.255.255/255"] * 500

    def test_names_that_are_not_utf8(self) -> None:
        odd = Link(ifname=b"\xffe\xcc".decode("utf-8", "surrogateescape"), ifindex=3)
        plain = Link(ifname="eth0", ifindex=4)
        table = Table.decode(Link, b"".join(header(encode(link), 16) for link in (plain, odd)))
        assert pa.table(table)["ifname"].to_pylist() == ["eth0", "\\xffe\\xcc"]
        out = io.BytesIO()
        table.write_parquet(out)
        assert pytest.importorskip("pyarrow.parquet").read_table(out)["ifname"].to_pylist() == ["eth0", "\\xffe\\xcc"]
        text = io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict")
        table.write_csv(text)
        text.seek(0)
        assert [row["ifname"] for row in csv.DictReader(text)] == ["eth0", "\\xffe\\xcc"]
        strict = io.TextIOWrapper(io.BytesIO(), "ascii", errors="strict")
        table.write_json(strict)
        strict.seek(0)
        assert [json.loads(line)["ifname"] for line in strict] == ["eth0", odd.ifname]


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


class TestOthers:
    def test_duckdb(self, nl: pynl.Netlink) -> None:
        duckdb = pytest.importorskip("duckdb")
        table = nl.routes.dump()
        found = duckdb.sql('select oif, count(*), max(priority) from "table" group by oif').fetchall()
        expected: dict[Any, tuple[int, Any]] = {}
        for route in table:
            count, most = expected.get(route.oif, (0, None))
            expected[route.oif] = count + 1, max((p for p in (most, route.priority) if p is not None), default=None)
        assert {oif: (count, most) for oif, count, most in found} == expected

    def test_polars(self, table: Table[Any]) -> None:
        polars = pytest.importorskip("polars")
        made = polars.from_dataframe(table)
        assert made.equals(table.to_polars())
        assert made.columns == pa.table(table).column_names
        assert made["family"].to_list() == [int(record.family) for record in table]

    def test_pandas(self, nl: pynl.Netlink) -> None:
        pandas = pytest.importorskip("pandas")
        table = nl.routes.dump()
        made = table.to_pandas()
        assert [None if pandas.isna(value) else value for value in made["priority"]] == [r.priority for r in table]
        assert str(made["priority"].dtype) == "uint32[pyarrow]"
        if hasattr(pandas.DataFrame, "from_arrow"):  # since pandas 3.0
            assert pandas.DataFrame.from_arrow(table).shape == made.shape

    def test_numpy(self, nl: pynl.Netlink) -> None:
        np = pytest.importorskip("numpy")
        table = nl.routes.dump()
        made = table.to_numpy()
        assert list(made) == list(table.columns)
        for name, values in made.items():
            assert [None if value is np.ma.masked else value for value in values] == [getattr(r, name) for r in table]
        assert made["dst_len"].base is not None
        assert made["dst_len"].dtype == np.uint8
        assert table[::-2].to_numpy()["oif"].tolist() == [r.oif for r in table[::-2]]

    @pytest.mark.parametrize(
        ("method", "module", "extra"),
        [("to_arrow", "pyarrow", "arrow"), ("to_pandas", "pandas", "pandas"), ("to_polars", "polars", "polars")],
    )
    def test_what_is_missing_is_named(
        self, monkeypatch: pytest.MonkeyPatch, method: str, module: str, extra: str
    ) -> None:
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(ImportError, match=rf"this needs {module}: pip install 'pynl-netlink\[{extra}\]'"):
            getattr(routes("10.0.0.0/8"), method)()


class TestColumns:
    def test_masks_tell_which_rows_have_a_value(self, nl: pynl.Netlink) -> None:
        table = nl.routes.dump()
        mask = table.columns.mask("gateway")
        assert mask is not None
        assert mask.tolist() == [route.gateway is not None for route in table]
        assert table.columns.mask("family") is None
        part = table[5:30:3].columns.mask("gateway")
        assert part is not None
        assert part.tolist() == [route.gateway is not None for route in table[5:30:3]]

    def test_text_is_offsets_and_bytes(self, nl: pynl.Netlink) -> None:
        table = nl.links.dump()
        offsets, text = table.columns["ifname"].tolist(), bytes(table.columns.text("ifname"))
        found = [text[a:b].decode() for a, b in itertools.pairwise(offsets)]
        assert found == [link.ifname for link in table]

    @pytest.mark.parametrize("name", ["mtu", "nonsense"])
    def test_others_have_no_text(self, nl: pynl.Netlink, name: str) -> None:
        with pytest.raises(KeyError, match=name):
            nl.links.dump().columns.text(name)


class TestFiles:
    def test_parquet_and_ipc(self, table: Table[Any], tmp_path: Path) -> None:
        table.write_parquet(tmp_path / "x.parquet")
        table.write_ipc(tmp_path / "x.arrow")
        parquet: Any = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table(tmp_path / "x.parquet").equals(table.to_arrow())
        with pa.ipc.open_file(tmp_path / "x.arrow") as file:
            assert file.read_all().equals(table.to_arrow())

    def test_json_lines(self, table: Table[Any], tmp_path: Path) -> None:
        table.write_json(tmp_path / "x.json")
        lines = [json.loads(line) for line in (tmp_path / "x.json").read_text().splitlines()]
        assert [set(line) - {"unknown"} for line in lines] == [{name for name, _ in record.items()} for record in table]
        assert [line["family"] for line in lines] == [int(record.family) for record in table]

    def test_json_lines_hold_what_is_nested(self) -> None:
        hops = ({"gateway": "192.0.2.1", "oif": 3}, {"gateway": "192.0.2.2", "oif": 4, "hops": 9})
        out = io.StringIO()
        routes("10.0.0.0/8", multipath=hops, metrics={"mtu": 1400}).write_json(out)
        made = json.loads(out.getvalue())
        assert [(hop["gateway"], hop["hops"]) for hop in made["multipath"]] == [("192.0.2.1", 0), ("192.0.2.2", 9)]
        assert made["metrics"] == {"mtu": 1400}
        assert "priority" not in made

    def test_csv(self, table: Table[Any], tmp_path: Path) -> None:
        table.write_csv(tmp_path / "x.csv")
        with open(tmp_path / "x.csv", newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == len(table)
        assert list(rows[0]) == list(table.columns)
        for row, record in zip(rows, table, strict=True):
            plain = {n: v for n, v in record.items() if not isinstance(v, (Record, tuple, bytes))}
            assert {name: row[name] for name in plain} == {name: _text(value) for name, value in plain.items()}

    def test_open_files_are_taken(self) -> None:
        out = io.StringIO()
        routes("10.0.0.0/8", None).write_csv(out)
        assert [line.split(",")[9] for line in out.getvalue().splitlines()] == ["dst", "10.0.0.0/8", ""]
        raw = io.BytesIO()
        routes("10.0.0.0/8", None).write_ipc(raw)
        assert raw.getvalue().startswith(b"ARROW1")


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, int) and not isinstance(value, bool) else str(value)
