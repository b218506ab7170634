"""Namespaces with a known content, made once for all benchmarks that need them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def run(*words: str) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


class World:
    """Namespaces by how many routes they hold."""

    def __init__(self) -> None:
        self._names: dict[int, str] = {}

    def routes(self, count: int) -> str:
        """The name of a namespace whose main table holds ``count`` routes of protocol bgp."""
        if count not in self._names:
            name = f"pynl-bench-{os.getpid()}-{count}"
            run("ip", "netns", "add", name)
            self._names[count] = name
            run("ip", "-n", name, "link", "add", "v0", "type", "veth", "peer", "name", "v1")
            for device in ("lo", "v0", "v1"):
                run("ip", "-n", name, "link", "set", device, "up")
            run("ip", "-n", name, "addr", "add", "10.255.0.1/16", "dev", "v0")
            run("ip", "netns", "exec", name, sys.executable, str(HERE / "make_routes.py"), str(count))
        return self._names[count]

    def close(self) -> None:
        for name in self._names.values():
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    if os.geteuid():
        pytest.skip("making network namespaces needs root")
    made = World()
    yield made
    made.close()
