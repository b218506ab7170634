"""Writes the figures of bench/results into docs/benchmarks.md, between its markers: python bench/page.py [--quick]

Of a quick run, the page goes to build/bench: nobody keeps its figures, but it shows that a page can be made of them.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from worlds import BUILD, HERE, RESULTS

PAGE = HERE.parent / "docs" / "benchmarks.md"
NAMES = ("ratios", "growth", "small", "peers", "changes", "events", "mirror", "lookup", "decode")
NOUNS = {"links": "links (veth)", "routes6": "IPv6 routes", "neighbours": "neighbours", "addresses": "addresses"}
BLOCK = re.compile(r"(<!-- figures: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)

#: Of the floor's median above its fastest: from there on a run is noisy.
NOISY = 0.05
TIMES = "\N{MULTIPLICATION SIGN}"

Found = dict[str, Any]


def results(quick: bool = False) -> dict[str, Found]:
    """What has been measured, by name."""
    paths = {name: RESULTS / f"{'quick-' if quick else ''}{name}.json" for name in NAMES}
    return {name: json.loads(path.read_text()) for name, path in paths.items() if path.exists()}


def outputs(quick: bool) -> Path:
    """Where page and charts go."""
    folder = BUILD if quick else PAGE.parent
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    lines = [list(heads), *([str(cell) for cell in row] for row in rows)]
    lines.insert(1, ["---"] + ["--:"] * (len(lines[0]) - 1))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def seconds(value: float) -> str:
    """To three digits, in the unit that suits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if value >= size or unit == "µs":
            break
    return f"{value / size:#.3g}".rstrip(".") + f" {unit}"


def judged(text: str, missed: bool) -> str:
    return f"**{text}, missed**" if missed else text


# ---- targets


class Cell(NamedTuple):
    """What was measured, and what it may be at most."""

    value: float
    most: float
    unit: str

    @property
    def missed(self) -> bool:
        return round(self.value, 2) > self.most

    def __str__(self) -> str:
        return judged(amount(self.value, self.unit), self.missed)


class Target(NamedTuple):
    """A row of the table of targets: what is asked for, and what was measured, by number of routes."""

    what: str
    most: str
    cells: dict[int, Cell]


def amount(value: float, unit: str) -> str:
    return f"{value:.2f}{TIMES}" if unit == TIMES else f"{value:.0f} MB"


def noise(row: Found) -> float:
    """By how much the floor's median was slower than its fastest."""
    return float(row["floor_median"] / row["floor"] - 1)


def targets(ratios: Found) -> list[Target]:
    rows: dict[str, list[Found]] = {}
    for row in ratios["rows"]:
        if row["most"]:
            rows.setdefault(row["what"], []).append(row)
    times, memory = [], []
    for what, same in rows.items():
        first, most = same[0], amount(same[0]["most"], TIMES)
        if first["most_noisy"]:
            most += f" ({amount(first['most_noisy'], TIMES)} on a noisy run)"
        bounds = [row["most_noisy"] if row["most_noisy"] and noise(row) > NOISY else row["most"] for row in same]
        cells = {row["count"]: Cell(row["ratio"], bound, TIMES) for row, bound in zip(same, bounds, strict=True)}
        times.append(Target(what, most, cells))
        if first["most_mb"]:
            # The memory of a stream is not to depend on the size; that of a table is judged by the largest.
            judged_rows = same if first["way"] == "chunks" else [max(same, key=lambda row: int(row["count"]))]
            cells = {row["count"]: Cell(row["above_mb"], row["most_mb"], "MB") for row in judged_rows}
            memory.append(Target(f"peak memory, {what}", amount(first["most_mb"], "MB"), cells))
    return times + memory


# ---- one function a block of the page


def machine(found: dict[str, Found]) -> str:
    m = found["ratios"]["machine"]
    kind = "virtual machine" if m["virtual"] else "machine"
    return (
        f"{m['cpu']} ({kind}), {m['cores']} cores, {m['memory_gb']} GB; Linux {m['kernel']}, "
        f"CPython {m['python']}, {m['compiler']}; "
        + ", ".join(f"{name} {number}" for name, number in found["ratios"]["versions"].items())
        + "."
    )


def figures(found: dict[str, Found]) -> str:
    rows = targets(found["ratios"])
    sizes = sorted({size for row in rows for size in row.cells})
    measured = [row for row in found["ratios"]["rows"] if row["most"]]
    best = min(row["floor"] for row in measured if row["count"] == sizes[-1] and row["core"] is None)
    return (
        table(
            ("what", "at most", *(f"{size:,} routes" for size in sizes)),
            ((row.what, row.most, *(row.cells.get(size, "") for size in sizes)) for row in rows),
        )
        + f"\n\nThe floor took {seconds(best)} for {sizes[-1]:,} routes. In the noisiest row its median turn was "
        f"{100 * max(map(noise, measured)):.0f}% slower than its fastest."
    )


def others(found: dict[str, Found]) -> str:
    rows: dict[tuple[str, int], list[Found]] = {}
    for row in found["ratios"]["rows"]:
        if row["kind"] != "routes":
            rows.setdefault((row["kind"], row["count"]), []).append(row)
    return table(
        ("what", "floor", "columns", "records"),
        (
            [f"{count:,} {NOUNS[kind]}", seconds(both[0]["floor"])]
            + [f"{seconds(row['seconds'])} ({row['ratio']:.2f}{TIMES})" for row in both]
            for (kind, count), both in rows.items()
        ),
    )


def small(found: dict[str, Found]) -> str:
    us = "{:.0f} µs".format
    rows = (
        (row["what"], us(row["c_us"]), us(row["most_us"]), judged(us(row["pynl_us"]), row["pynl_us"] > row["most_us"]))
        for row in found["small"]["rows"]
    )
    return table(("what", "C", "at most", "pynl"), rows)


def growth(found: dict[str, Found]) -> str:
    points, slopes = found["growth"]["points"], found["growth"]["slopes"]
    said = ", ".join(f"{who} {value:.2f}" for who, value in slopes.items())
    names = ("floor", "columns", "records")
    rows = ([f"{point['count']:,}", *(seconds(point[name]) for name in names)] for point in points)
    return f"Slope of the straight line fitted to the logarithms: {said}.\n\n" + table(("routes", *names), rows)


def peers(found: dict[str, Found]) -> str:
    rows = []
    for row in found["peers"]["rows"]:
        times = f"{row['times']:.1f}{TIMES}" if "times" in row else ""
        if row.get("least"):
            times = judged(f"{times} (at least {row['least']:g}{TIMES})", behind(row))
        memory = f"{row['peak_mb']:.0f} MB" if row["peak_mb"] else ""
        rows.append((row["who"], row.get("version", ""), f"{row['count']:,}", seconds(row["seconds"]), times, memory))
    text = table(("who", "version", "routes", "time", "times pynl's records", "peak memory"), rows)
    gone = [f"Not measured: {row['who']} ({row['reason']})." for row in found["peers"]["missing"]]
    return "\n\n".join([text, *gone])


def behind(row: Found) -> bool:
    """Whether a peer takes less time than it was to take."""
    return bool(row.get("least")) and row["times"] < row["least"]


def changes(found: dict[str, Found]) -> str:
    rows, noisiest = found["changes"]["rows"], 0.0
    lines = []
    for row in rows:
        against, target = "", f"at {'most' if row['most'] else 'least'} {measure(row['most'] or row['least'], row)}"
        if row["against"]:
            against = f"{row['against']} {row.get('version', '')}".strip() + f": {seconds(row['against_seconds'])}"
            noisiest = max(noisiest, row["against_median"] / row["against_seconds"] - 1)
        measured = judged(measure(row["value"], row), off(row))
        lines.append((row["what"], f"{row['count']:,}", seconds(row["seconds"]), against, target, measured))
    text = table(("what", "routes", "pynl", "against", "target", "measured"), lines)
    gone = [f"Not measured: {row['who']} ({row['reason']})." for row in found["changes"]["missing"]]
    noise = f"In the noisiest row the median turn of who is compared was {100 * noisiest:.0f}% slower than the fastest."
    return "\n\n".join([text, *gone, noise])


def measure(value: float, row: Found) -> str:
    return seconds(value) if row["unit"] == "s" else amount(value, TIMES)


def off(row: Found) -> bool:
    """Whether a change did not reach its target."""
    value = float(row["value"]) if row["unit"] == "s" else round(row["value"], 2)
    return bool(value > row["most"] if row["most"] else value < row["least"])


def events(found: dict[str, Found]) -> str:
    lines = []
    for row in found["events"]["rows"]:
        wanted, measured = [f"at least {row['least']:,}/s"], f"{row['count'] / row['seconds']:,.0f}/s"
        if row["most"]:
            wanted.append(f"at most {amount(row['most'], TIMES)}")
        measured += f", {amount(row['seconds'] / row['floor'], TIMES)}"
        lines.append(
            (row["what"], f"{row['count'] / row['floor']:,.0f}/s", ", ".join(wanted), judged(measured, unread(row)))
        )
    latency = found["events"]["latency"]
    in_c, ours = latency["C"], latency["pynl"]
    most, ratio = f"at most {amount(latency['most'], TIMES)}", ours["median"] / in_c["median"]
    measured = judged(f"{seconds(ours['median'])}, {amount(ratio, TIMES)}", late(latency))
    lines.append(("latency, median", seconds(in_c["median"]), most, measured))
    lines.append(("latency, 99%", seconds(in_c["p99"]), "", seconds(ours["p99"])))
    return table(("what", "C", "target", "pynl"), lines)


def unread(row: Found) -> bool:
    """Whether events were read more slowly than they were to be."""
    times = round(row["seconds"] / row["floor"], 2)
    return bool(row["count"] / row["seconds"] < row["least"] or (row["most"] and times > row["most"]))


def late(latency: Found) -> bool:
    """Whether the median event took longer than it was to take."""
    return bool(round(latency["pynl"]["median"] / latency["C"]["median"], 2) > latency["most"])


def decode(found: dict[str, Found]) -> str:
    ladder: dict[int, dict[str, float]] = {}
    for row in found["decode"]["rows"]:
        ladder.setdefault(row["records"], {})[row["what"]] = row["median"]
    names = ("columns", "records", "dicts")
    rows = ([f"{n:,}", *(seconds(by[name]) if name in by else "" for name in names)] for n, by in ladder.items())
    return table(("messages", *names), rows)


def mirror(found: dict[str, Found]) -> str:
    kinds: dict[str, Callable[[float], str]] = {
        "times": lambda value: f"{value:.2f}{TIMES}",
        "seconds": seconds,
        "MB": lambda value: f"{value:.0f} MB",
    }
    lines = []
    for row in found["mirror"]["rows"]:
        show = kinds[row["unit"]]
        lines.append((row["what"], f"at most {show(row['most'])}", judged(show(row["value"]), above(row))))
    dump = f"Plain dumps of the {found['mirror']['count']:,} routes took {seconds(found['mirror']['dump'])}."
    return "\n\n".join([table(("what", "target", "measured"), lines), dump])


def above(row: Found) -> bool:
    """Whether a mirror's figure is above its target."""
    return bool(row["value"] > row["most"])


def lookup(found: dict[str, Found]) -> str:
    lines = []
    for row in found["lookup"]["rows"]:
        rate, least = millions(row["rate"]), f"at least {millions(row['least'])}" if row["least"] else ""
        measured = judged(rate, slow(row))
        lines.append(
            (row["what"], row["version"] or "", least, measured, seconds(row["built"]), f"{row['above_mb']:.0f} MB")
        )
    text = table(("what", "version", "target", "look-ups a second", "building", "memory"), lines)
    gone = [f"Not measured: {row['who']} ({row['reason']})." for row in found["lookup"]["missing"]]
    return "\n\n".join([text, *gone])


def millions(value: float) -> str:
    return f"{value / 1e6:#.3g} million".replace(". ", " ")


def slow(row: Found) -> bool:
    """Whether look-ups did not reach their target."""
    return bool(row["least"]) and row["rate"] < row["least"]


BLOCKS: dict[str, tuple[str, Callable[[dict[str, Found]], str]]] = {
    "machine": ("ratios", machine),
    "targets": ("ratios", figures),
    "others": ("ratios", others),
    "small": ("small", small),
    "growth": ("growth", growth),
    "peers": ("peers", peers),
    "changes": ("changes", changes),
    "events": ("events", events),
    "mirror": ("mirror", mirror),
    "decode": ("decode", decode),
    "lookup": ("lookup", lookup),
}


def bars(found: Found) -> list[Found]:
    """The rows of the chart, each with what is written beside it: those of the most routes, the fastest first."""
    size = max(row["count"] for row in found["rows"])
    rows = [{**row, "label": f"{row['seconds']:.2f} s"} for row in found["rows"] if row["count"] == size]
    return sorted(rows, key=lambda row: float(row["seconds"]))


def notes(found: Found) -> list[str]:
    """What the chart says of peers that had fewer routes."""
    size = max(row["count"] for row in found["rows"])
    fewer = [row for row in found["rows"] if row["count"] < size and "times" in row]
    return [f"{row['who']} took {seconds(row['seconds'])} for {row['count']:,}" for row in fewer]


def missed(found: dict[str, Found]) -> list[str]:
    """What did not reach its target: each has to be explained on the page."""
    names = [row.what for row in targets(found["ratios"]) if any(cell.missed for cell in row.cells.values())]
    names += [row["what"] for row in found["small"]["rows"] if row["pynl_us"] > row["most_us"]]
    names += [row["who"] for row in found["peers"]["rows"] if behind(row)]
    names += [row["what"] for row in found["changes"]["rows"] if off(row)]
    names += [row["what"] for row in found["events"]["rows"] if unread(row)]
    names += [row["what"] for row in found["mirror"]["rows"] if above(row)]
    names += [row["what"] for row in found["lookup"]["rows"] if slow(row)]
    return names + (["latency, median"] if late(found["events"]["latency"]) else [])


def render(page: str, found: dict[str, Found]) -> str:
    """The page with the blocks whose figures there are."""

    def block(match: re.Match[str]) -> str:
        name, make = BLOCKS[match[2]]
        return f"{match[1]}{make(found)}\n{match[3]}" if name in found else match[0]

    return BLOCK.sub(block, page)


if __name__ == "__main__":
    quick = "--quick" in sys.argv[1:]
    (outputs(quick) / PAGE.name).write_text(render(PAGE.read_text(), results(quick)))
