"""Draws docs/benchmarks.svg and docs/growth.svg from the results: python bench/charts.py [--quick]"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
from page import bars, notes, outputs, results

#: What is drawn in INK turns to PAPER where the reader's background is dark; the other colours do for both.
INK, PAPER = "#1f2328", "#e6edf3"
GREY, BLUE, ORANGE = "#8b949e", "#2f81f7", "#db6d28"
COLOURS = {"floor": GREY, "columns": BLUE, "records": ORANGE}
DARK = "<style>@media (prefers-color-scheme: dark) {{\n{rules}\n}}</style>\n"
RULE = '[style*="{what}: {ink}"] {{ {what}: {paper} !important }}'
LOOK = {
    "svg.fonttype": "none",
    "svg.hashsalt": "pynl",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GREY,
    "grid.alpha": 0.3,
    **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), INK),
}


def write(figure: Any, path: Path) -> None:
    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    rules = "\n".join(RULE.format(what=what, ink=INK, paper=PAPER) for what in ("fill", "stroke"))
    text = re.sub(r"(<svg [^>]*>\n)", lambda found: found[1] + DARK.format(rules=rules), path.read_text(), count=1)
    path.write_text(re.sub(r" +$", "", text, flags=re.M))


def draw_bars(peers: dict[str, Any], path: Path) -> None:
    rows = bars(peers)
    figure, axes = plt.subplots(figsize=(8, 0.38 * len(rows) + 0.9))
    for place, row in enumerate(reversed(rows)):
        ours, empty = row["who"].startswith("pynl"), row["who"].startswith("floor")
        bar = axes.barh(place, row["seconds"], 0.66, color="none" if empty else BLUE if ours else GREY)
        bar.patches[0].set_edgecolor(INK if empty else "none")
        axes.bar_label(bar, [row["label"]], padding=4)
    axes.set_yticks(range(len(rows)), [row["who"].replace("`", "") for row in reversed(rows)])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlabel("\n".join([f"seconds for {rows[0]['count']:,} IPv4 routes", *notes(peers)]))
    write(figure, path)


def draw_growth(growth: dict[str, Any], path: Path) -> None:
    points = growth["points"]
    sizes = [point["count"] for point in points]
    figure, axes = plt.subplots(figsize=(7.5, 4.2))
    for who, colour in COLOURS.items():
        axes.plot(sizes, [1000 * point[who] for point in points], "o-", color=colour, markersize=4)
        label = f"{who}, slope {growth['slopes'][who]:.2f}"
        end = (sizes[-1], 1000 * points[-1][who])
        shift = {"floor": -9, "columns": 3}.get(who, 4)
        axes.annotate(label, end, (8, shift), textcoords="offset points", va="center", color=colour)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("IPv4 routes")
    axes.set_ylabel("milliseconds")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.grid()
    write(figure, path)


def main(quick: bool) -> None:
    plt.rcParams.update(LOOK)
    folder = outputs(quick)
    found = results(quick)
    if "peers" in found:
        draw_bars(found["peers"], folder / "benchmarks.svg")
    draw_growth(found["growth"], folder / "growth.svg")


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
