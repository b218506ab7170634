"""Look-ups of the longest prefix, measured in a process of its own: prints what came of it as JSON.

    python bench/finder.py WHO WAY ROUTES ADDRESSES

Whoever looks up has the same prefixes and addresses. Only the library asked for is imported: others run with an
interpreter of their own. The checksum is made of each address's place and of the row that was found for it: it changes
with any of them.
"""

from __future__ import annotations

import json
import random
import re
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import content

#: How often each length comes, roughly as in a full table.
LENGTHS = {24: 60, 23: 10, 22: 12, 21: 4, 20: 4, 19: 3, 18: 2, 17: 1, 16: 2, 14: 1, 12: 1}

Prefix = tuple[bytes, int]
#: The look-ups: the rows, in the order of the addresses.
Find = Callable[[], Sequence[int]]
#: What builds, and what makes the look-ups of that, of a way, and of addresses.
Library = tuple[Callable[[], Any], Callable[[Any, str, list[bytes]], Find]]


def prefixes(count: int) -> list[Prefix]:
    """A default route, and others that lie in one another, in the kernel's order."""
    chance = random.Random(count)
    lengths, weights = list(LENGTHS), list(LENGTHS.values())
    made = {(0, 0)}
    while len(made) < count:
        for length in chance.choices(lengths, weights, k=count - len(made)):
            made.add((chance.randrange(1 << 24, 224 << 24) >> (32 - length) << (32 - length), length))
    return [(struct.pack(">I", address), length) for address, length in sorted(made)]


def addresses(count: int, routes: list[Prefix]) -> list[bytes]:
    """Half of them anywhere, half in a route."""
    chance = random.Random(count)
    inside = [address for address, _ in chance.choices(routes, k=count // 2)]
    return inside + [struct.pack(">I", chance.getrandbits(32)) for _ in range(count - len(inside))]


def memory() -> float:
    """VmRSS in megabytes."""
    found = re.search(r"VmRSS:\s*(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) * 1024 / 1e6


# ---- the libraries


def pynl(routes: list[Prefix]) -> Library:
    from pynl import Route, Table
    from pynl.lpm import Prefixes

    def message(prefix: Prefix) -> bytes:
        head = struct.pack("=8BI", socket.AF_INET, prefix[1], 0, 0, content.RT_TABLE_MAIN, 0, 0, 1, 0)
        return content.message(content.RTM_NEWROUTE, 0, head + content.attribute(content.RTA_DST, prefix[0]))

    table = Table.decode(Route, b"".join(map(message, routes)))

    def find(made: Any, way: str, asked: list[bytes]) -> Find:
        if way == "packed":
            packed = b"".join(asked)
            return lambda: made.rows(packed, width=4)
        texts = list(map(socket.inet_ntoa, asked))
        return lambda: made.rows(texts) if way == "texts" else [made.row(text) for text in texts]

    return lambda: Prefixes(table), find


def radix(routes: list[Prefix]) -> Library:
    from radix import Radix

    def build() -> Any:
        made = Radix()
        for row, (address, length) in enumerate(routes):
            made.add(packed=address, masklen=length).data["row"] = row
        return made

    def find(made: Any, way: str, asked: list[bytes]) -> Find:
        texts = list(map(socket.inet_ntoa, asked))
        return lambda: [made.search_best(text).data["row"] for text in texts]

    return build, find


def pytricia(routes: list[Prefix]) -> Library:
    from pytricia import PyTricia

    def build() -> Any:
        made = PyTricia(32)
        for row, (address, length) in enumerate(routes):
            made.insert(address, length, row)
        return made

    def find(made: Any, way: str, asked: list[bytes]) -> Find:
        given = asked if way == "packed" else list(map(socket.inet_ntoa, asked))
        return lambda: [made[address] for address in given]

    return build, find


def main(who: str, way: str, count: str, asked: str) -> None:
    routes = prefixes(int(count))
    build, find = {"pynl": pynl, "radix": radix, "pytricia": pytricia}[who](routes)
    given = addresses(int(asked), routes)
    start, before = memory(), time.perf_counter()
    made = build()
    built, above = time.perf_counter() - before, memory() - start
    look = find(made, way, given)
    before = time.perf_counter()
    rows = look()
    seconds = time.perf_counter() - before
    checksum = content.products((place, row + 1) for place, row in enumerate(rows, 1))
    print(json.dumps({"seconds": seconds, "built": built, "above_mb": above, "count": len(rows), "checksum": checksum}))


if __name__ == "__main__":
    main(*sys.argv[1:])
