"""Runs "ip route", or "ip -j route", into a file; prints seconds, "-" (it keeps nothing), count and checksum."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

sys.path.append(str(Path(__file__).parent.parent))
import content

DEVICES = {"v0": content.DEVICES[0], "v1": content.DEVICES[1]}


def from_json(file: IO[str]) -> Iterator[tuple[int, str, str, int, int]]:
    for route in json.load(file):
        if route["protocol"] == "bgp":
            yield content.RTPROT_BGP, route["dst"], route["gateway"], DEVICES[route["dev"]], route["metric"]


def from_text(file: IO[str]) -> Iterator[tuple[int, str, str, int, int]]:
    for line in file:
        dst, *words = line.split()
        said = dict(zip(words[::2], words[1::2], strict=False))
        if said["proto"] == "bgp":
            yield content.RTPROT_BGP, dst, said["via"], DEVICES[said["dev"]], int(said["metric"])


options = sys.argv[1:]
with tempfile.TemporaryFile("w+") as file:
    start = time.perf_counter()
    subprocess.run(["ip", *options, "-4", "route"], stdout=file, check=True)
    seconds = time.perf_counter() - start
    file.seek(0)
    print(seconds, "-", *content.checked("routes", from_json(file) if options else from_text(file)))
