"""Names of tables, protocols, scopes, realms, groups and DS fields, as iproute2 keeps them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from conftest import Namespace

import pynl
from pynl import Address, Link, Neighbour, NexthopObject, Route, Rule, iproute2
from pynl.encode import encode
from pynl.rtnl.encap import Seg6Local
from pynl.rtnl.linkkinds import Vrf


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The administrator's folder and the distribution's, in place of the machine's."""
    made = tmp_path / "etc", tmp_path / "usr"
    for folder in made:
        folder.mkdir()
    monkeypatch.setattr(iproute2, "FOLDERS", (*made, tmp_path / "none"))
    return made


@pytest.fixture
def etc(folders: tuple[Path, Path]) -> Path:
    return folders[0]


def drop_in(folder: Path, file: str, name: str, text: str) -> None:
    (folder / f"{file}.d").mkdir(exist_ok=True)
    (folder / f"{file}.d" / name).write_text(text)


class TestFiles:
    def test_lines(self, etc: Path) -> None:
        text = "# reserved\n255\tlocal\n 100 blue # a comment\n0x3e8 hex\n#7 no\n\nnonsense\n-1 minus\n12\n9 é\n8 a#b\n"
        (etc / "rt_tables").write_text(text)
        assert iproute2.names("rt_tables") == {
            "default": 253,
            "main": 254,
            "local": 255,
            "blue": 100,
            "hex": 1000,
            "é": 9,
            "a#b": 8,
        }

    def test_bytes_that_are_no_text_cost_their_line_alone(self, etc: Path) -> None:
        (etc / "rt_realms").write_bytes(b"1 one\n2 \xff\n3 three\n")
        assert iproute2.names("rt_realms") == {"one": 1, "\udcff": 2, "three": 3}

    def test_without_any_there_are_those_of_iproute2_itself(self, etc: Path) -> None:
        assert iproute2.names("rt_tables") == {"default": 253, "main": 254, "local": 255}
        assert iproute2.names("rt_scopes")["global"] == 0
        assert iproute2.names("rt_realms") == {}

    def test_drop_ins(self, etc: Path) -> None:
        (etc / "rt_tables").write_text("100 blue\n101 red\n")
        drop_in(etc, "rt_tables", "b.conf", "200 green\n")
        drop_in(etc, "rt_tables", "a.conf", "201 red\n")
        drop_in(etc, "rt_tables", "README", "202 readme\n")
        drop_in(etc, "rt_tables", ".hidden.conf", "203 hidden\n")
        drop_in(etc, "rt_protos", "a.conf", "77 mine\n")
        found = iproute2.names("rt_tables")
        assert {name: found[name] for name in found.keys() - {"default", "main", "local"}} == {
            "blue": 100,
            "green": 200,
            "red": 201,
        }
        assert iproute2.names("rt_protos")["mine"] == 77

    def test_the_administrators_files_hide_the_distributions(self, folders: tuple[Path, Path]) -> None:
        etc, usr = folders
        (usr / "rt_protos").write_text("70 usr\n71 both\n")
        drop_in(usr, "rt_protos", "a.conf", "80 a-usr\n")
        drop_in(usr, "rt_protos", "b.conf", "81 both\n")
        assert iproute2.names("rt_protos") == {"usr": 70, "both": 81, "a-usr": 80}
        (etc / "rt_protos").write_text("90 etc\n")
        drop_in(etc, "rt_protos", "a.conf", "91 a-etc\n")
        assert iproute2.names("rt_protos") == {"etc": 90, "both": 81, "a-etc": 91}
        drop_in(etc, "rt_protos", "c.conf", "92 both\n")
        assert iproute2.names("rt_protos")["both"] == 92

    def test_a_change_is_seen_at_once(self, etc: Path) -> None:
        file = etc / "rt_tables"
        for number in range(20):
            file.write_text(f"{100 + number} blue\n")
            assert Route(table="blue").table == 100 + number
        file.unlink()
        with pytest.raises(ValueError, match="no 'blue' in rt_tables"):
            Route(table="blue")

    def test_unchanged_they_are_read_once(self, etc: Path) -> None:
        (etc / "rt_tables").write_text("100 blue\n")
        assert iproute2.names("rt_tables") is iproute2.names("rt_tables")

    def test_what_cannot_be_read_is_as_if_it_were_not_there(self, etc: Path) -> None:
        (etc / "rt_tables").mkdir()
        (etc / "rt_tables.d").write_text("no folder")
        assert iproute2.names("rt_tables")["main"] == 254

    def test_the_result_is_no_ones_to_change(self, etc: Path) -> None:
        with pytest.raises(TypeError):
            iproute2.names("rt_tables")["main"] = 1  # type: ignore[index]


FILES = {
    "rt_tables": "100 blue\n70000 far\n",
    "rt_protos": "77 mine\n",
    "rt_scopes": "99 near\n",
    "rt_realms": "3 here\n4 there\n70000 nowhere\n",
    "rt_dsfield": "0x28 AF11\n",
    "rt_addrprotos": "88 mine\n",
    "group": "7 wan\n",
}


@pytest.fixture
def named(etc: Path) -> None:
    for file, text in FILES.items():
        (etc / file).write_text(text)


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("record", "field", "name", "number"),
    [
        (Route, "table", "blue", 100),
        (Route, "table", "far", 70000),
        (Route, "table", "main", 254),
        (Route, "table", "70001", 70001),
        (Route, "table", "0x64", 100),
        (Route, "protocol", "mine", 77),
        (Route, "protocol", "bird", 12),
        (Route, "protocol", "RTPROT_BIRD", 12),
        (Route, "protocol", "78", 78),
        (Route, "scope", "near", 99),
        (Route, "scope", "link", 253),
        (Route, "scope", "global", 0),
        (Route, "tos", "AF11", 0x28),
        (Route, "flow", "here", 3),
        (Route, "flow", "here/there", 3 << 16 | 4),
        (Route, "flow", "5/there", 5 << 16 | 4),
        (pynl.Nexthop, "flow", "there", 4),
        (Rule, "table", "far", 70000),
        (Rule, "protocol", "mine", 77),
        (Rule, "tos", "AF11", 0x28),
        (Rule, "flow", "here/there", 3 << 16 | 4),
        (Rule, "suppress_ifgroup", "wan", 7),
        (NexthopObject, "protocol", "mine", 77),
        (Neighbour, "protocol", "mine", 77),
        (Address, "scope", "near", 99),
        (Address, "proto", "mine", 88),
        (Address, "proto", "kernel_ra", 2),
        (Link, "group", "wan", 7),
        (Link, "group", "default", 0),
        (Vrf, "table", "blue", 100),
        (Seg6Local, "table", "blue", 100),
        (Seg6Local, "vrftable", "main", 254),
    ],
)
def test_a_field_takes_a_name(record: Any, field: str, name: str, number: int) -> None:
    made = record(**{field: name})
    assert getattr(made, field) == number
    assert made == record(**{field: number})
    assert encode(made) == encode(record(**{field: number}))
    assert made.replace(**{field: name}) == made


@pytest.mark.usefixtures("named")
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"table": "bleu"}, "table: no 'bleu' in rt_tables; did you mean 'blue'?"),
        ({"table": "x"}, "table: no 'x' in rt_tables"),
        ({"protocol": "main"}, "protocol: no 'main' in rt_protos; did you mean 'mine'?"),
        ({"protocol": "brid"}, "protocol: no 'brid' in rt_protos; did you mean 'bird'?"),
        ({"scope": "lonk"}, "scope: no 'lonk' in rt_scopes; did you mean 'link'?"),
        ({"tos": "AF1"}, "tos: no 'AF1' in rt_dsfield; did you mean 'AF11'?"),
        ({"tos": "256"}, "tos: expected 0 to 255"),
        ({"table": "4294967296"}, "table: expected 0 to 4294967295"),
        ({"flow": "here/thre"}, "flow: no 'thre' in rt_realms; did you mean 'there'?"),
        ({"flow": "here/there/here"}, "flow: expected a realm below 65536"),
        ({"flow": "nowhere"}, "flow: expected a realm below 65536"),
    ],
    ids=str,
)
def test_an_unknown_name_is_an_error_that_tells_the_nearest(values: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        Route(**values)
    assert str(caught.value).startswith(said)


@pytest.mark.usefixtures("named")
def test_a_service_takes_names_and_gives_numbers(netns: Namespace) -> None:
    netns.ip("link set lo group 7")
    netns.ip("route add blackhole 10.0.0.0/8 table 100 proto 77 realm 3")
    netns.ip("route add blackhole 10.1.0.0/16 table 100")
    netns.ip("rule add to 10.0.0.0/8 table 70000")
    with netns.netlink() as nl:
        assert [route.dst for route in nl.routes.dump(table="blue")] == ["10.0.0.0/8", "10.1.0.0/16"]
        (route,) = nl.routes.dump(table="blue", protocol="mine", flow="here")
        assert (route.table, route.protocol, type(route.table)) == (100, 77, int)
        assert [rule.dst for rule in nl.rules.dump(table="far")] == ["10.0.0.0/8"]
        assert [link.ifname for link in nl.links.dump(group="wan")] == ["lo"]
        with pytest.raises(ValueError, match="table: no 'bleu' in rt_tables; did you mean 'blue'"):
            nl.routes.dump(table="bleu")


def test_the_machines_own_files_are_those_of_ip() -> None:
    for file in ("rt_tables", "rt_protos", "rt_scopes"):
        if not any(os.path.exists(folder / file) for folder in iproute2.FOLDERS):
            pytest.skip("iproute2 has no files here")
    assert Route(table="local", protocol="kernel", scope="host") == Route(table=255, protocol=2, scope=254)
    assert iproute2.names("rt_protos").items() >= {"kernel": 2, "static": 4}.items()
