"""The figures on the page and in the charts are those of the last run, and a fast wrong answer is noticed."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import changer
import content
import page
import pytest
import worlds

import pynl

ROOT = Path(__file__).parent.parent
FOUND = page.results()
TEXT = page.PAGE.read_text()


def test_the_page_says_what_was_measured() -> None:
    assert set(FOUND) == set(page.NAMES)
    assert {match[2] for match in page.BLOCK.finditer(TEXT)} == set(page.BLOCKS)
    assert page.render(TEXT, FOUND) == TEXT, "run scripts/bench --page"


def test_the_charts_show_what_was_measured() -> None:
    bars = (ROOT / "docs/benchmarks.svg").read_text()
    for row in page.bars(FOUND["peers"]):
        assert f">{row['label']}<" in bars
        assert f">{row['who'].replace('`', '')}<" in bars
    assert all(note in bars for note in page.notes(FOUND["peers"]))
    lines = (ROOT / "docs/growth.svg").read_text()
    for who, slope in FOUND["growth"]["slopes"].items():
        assert f">{who}, slope {slope:.2f}<" in lines


def test_every_miss_is_explained() -> None:
    section = TEXT.partition("### What is missed, and why")[2].partition("\n#")[0]
    for what in page.missed(FOUND):
        assert f"**{what}**" in section


def test_time_grows_in_a_straight_line() -> None:
    assert [point["count"] for point in FOUND["growth"]["points"]][::2] == [1_000, 10_000, 100_000, 1_000_000]
    assert all(0.85 < slope < 1.1 for slope in FOUND["growth"]["slopes"].values())


def test_the_results_do_not_tell_whose_machine_it_was() -> None:
    for result in FOUND.values():
        wanted = {"cpu", "cores", "virtual", "memory_gb", "kernel", "python", "compiler"}
        assert set(result["machine"]) == wanted
        assert set(result["versions"]) <= {"pynl-netlink", "cffi", "pyarrow", "iproute2"}
        assert str(ROOT) not in str(result)


@pytest.mark.parametrize("made", [changer.dicts, changer.columns])
def test_c_sends_what_pynl_sends(made: Any) -> None:
    said = subprocess.run([worlds.compiled("sender"), "show", "1000"], capture_output=True, check=True, timeout=60)
    with pynl.Netlink() as nl:
        rows = nl.routes._rows("add", made(range(1000)), [])
        data, count, size = rows.pack(0, 4096, 1, 1 << 20)
        assert count == 1000
        assert bytes(pynl._wire.ffi.buffer(data, size)) == said.stdout


def test_changes_have_one_target_each_and_are_judged_by_it() -> None:
    for row in FOUND["changes"]["rows"]:
        assert (row["most"] is None) != (row["least"] is None)
        bound, worse = (row["most"], 1.01) if row["most"] else (row["least"], 0.99)
        assert not page.off({**row, "value": bound})
        assert page.off({**row, "value": bound * worse})


def test_events_are_judged_by_their_targets() -> None:
    row = {"count": 1000, "seconds": 0.001, "floor": 0.001, "most": 1.5, "least": 500_000}
    assert not page.unread(row)
    assert page.unread({**row, "seconds": 0.0016})
    assert page.unread({**row, "seconds": 0.003, "floor": 0.003})
    latency = {"C": {"median": 1e-5}, "pynl": {"median": 2e-5}, "most": 2.0}
    assert not page.late(latency)
    assert page.late({**latency, "pynl": {"median": 2.1e-5}})
    assert all(row["count"] == 100_000 for row in FOUND["events"]["rows"])


def test_a_mirror_is_judged_by_its_targets() -> None:
    for row in FOUND["mirror"]["rows"]:
        assert not page.above({**row, "value": row["most"]})
        assert page.above({**row, "value": row["most"] * 1.01})


ROUTES = [
    (content.RTPROT_BGP, "192.0.2.0/24", "198.51.100.1", 3, 20),
    (content.RTPROT_BGP, "10.0.0.0/8", "fe80::1", 4, 1),
]


@pytest.mark.parametrize(
    "wrong",
    [
        ROUTES[:1],
        [*ROUTES, ROUTES[0]],
        [ROUTES[0], (*ROUTES[1][:4], 2)],
        [ROUTES[0], (ROUTES[1][0], "10.0.0.0/9", *ROUTES[1][2:])],
        [(*ROUTES[0][:2], *ROUTES[1][2:]), (*ROUTES[1][:2], *ROUTES[0][2:])],
    ],
    ids=["lost", "doubled", "metric", "length", "exchanged"],
)
def test_a_wrong_answer_is_noticed(wrong: list[tuple[int, str, str, int, int]]) -> None:
    assert content.checked("routes", ROUTES) == content.checked("routes", reversed(ROUTES))
    assert content.checked("routes", wrong) != content.checked("routes", ROUTES)


def test_what_else_is_there_does_not_count() -> None:
    assert content.checked("routes", [*ROUTES, (2, "127.0.0.0/8", None, 1, None)]) == content.checked("routes", ROUTES)
