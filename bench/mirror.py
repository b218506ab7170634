"""Measures a mirror against a plain dump of the same routes: python bench/mirror.py [--quick]"""

from __future__ import annotations

import json
import sys
from typing import NamedTuple

from ratios import PATIENCE
from worlds import COUNT, HERE, World, inside, need_root, run, save

CHANGES = 100_000


class Row(NamedTuple):
    """What is measured, and what it may be at most: of times as multiples of the dump's, or in seconds or megabytes."""

    way: str
    what: str
    most: float
    unit: str


ROWS = (
    Row("ready", "a mirror until it is ready", 1.3, "times"),
    Row("peak_mb", "its memory, the interpreter's included", 250, "MB"),
    Row("changes", f"following {CHANGES:,} changes", 1.0, "seconds"),
    Row("again", "reading everything again", 2.0, "times"),
)


def main(quick: bool) -> None:
    need_root()
    count, changes = (10_000, 1_000) if quick else (COUNT, CHANGES)
    with World() as world:
        namespace = world.of("routes", count)
        words = inside(namespace, sys.executable, str(HERE / "copier.py"), str(changes))
        found = json.loads(run(*words, timeout=PATIENCE))
    rows = [{**row._asdict(), "value": found[row.way] / (found["dump"] if row.unit == "times" else 1)} for row in ROWS]
    for row in rows:
        print(f"{row['what']:<40} {row['value']:.2f} {row['unit']} (at most {row['most']})", flush=True)
    save("mirror", {"count": count, "changes": changes, "dump": found["dump"], "rows": rows}, quick)


if __name__ == "__main__":
    main("--quick" in sys.argv[1:])
