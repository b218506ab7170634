"""Namespaces with a known content, what is compiled, and what the machine is: shared by all that measures."""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
BUILD = HERE.parent / "build" / "bench"

#: The routes of a full table.
COUNT = 1_000_000


def run(*words: str, **options: Any) -> str:
    """A command's output; its failure is ours, with what it said."""
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False, **options)
    if done.returncode:
        raise SystemExit(f"failed ({done.returncode}): {' '.join(words)}\n{done.stdout}")
    return done.stdout


class World:
    """Namespaces by what they hold; made when first asked for, deleted at the end."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], str] = {}

    def of(self, kind: str, count: int) -> str:
        """The name of a namespace with ``count`` objects of ``kind`` (content.py)."""
        if (kind, count) not in self._names:
            name = f"pynl-bench-{os.getpid()}-{kind}-{count}"
            run("ip", "netns", "add", name)
            self._names[kind, count] = name
            run("ip", "-n", name, "link", "set", "lo", "up")
            if kind != "links":
                veth = ("v0", "index", "10", "type", "veth", "peer", "name", "v1", "index", "11")
                run("ip", "-n", name, "link", "add", *veth)
                for device in ("v0", "v1"):
                    run("ip", "-n", name, "link", "set", device, "up")
            run(*inside(name, sys.executable, str(HERE / "content.py"), kind, str(count)))
        return self._names[kind, count]

    def drop(self, kind: str, count: int) -> None:
        name = self._names.pop((kind, count), None)
        if name:
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for key in list(self._names):
            self.drop(*key)


def inside(namespace: str, *words: str, core: int | None = None) -> list[str]:
    """A command within a namespace, on one core or on all."""
    return ["ip", "netns", "exec", namespace, *(() if core is None else ("taskset", "-c", str(core))), *words]


def compiled(name: str) -> str:
    """Compiles bench/NAME.c, if it is newer than the program; returns the program."""
    source, program = HERE / f"{name}.c", BUILD / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        run(compiler(), "-O2", "-std=gnu11", "-Wall", "-Wextra", "-o", str(program), str(source))
    return str(program)


def compiler() -> str:
    found = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not found:
        raise SystemExit("a C compiler is needed: apt-get install gcc")
    return found


def version(*words: str) -> str | None:
    """The version number in a program's first line; None where there is none."""
    if not shutil.which(words[0]):
        return None
    first = run(*words, stderr=subprocess.STDOUT).partition("\n")[0]
    found = re.search(r"\d+(\.\d+)+", first)
    return found[0] if found else first


def machine() -> dict[str, Any]:
    """What the figures depend on, and nothing that tells whose machine it is."""
    text = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.M)
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    release = re.match(r"\d+(\.\d+)*", platform.release())
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "virtual": "hypervisor" in text,
        "memory_gb": round(int(memory[1]) / 2**20) if memory else None,
        "kernel": release[0] if release else platform.release(),
        "python": platform.python_version(),
        "compiler": f"{Path(compiler()).name} {version(compiler(), '--version')}",
    }


def versions() -> dict[str, str]:
    """Of what is measured, and of what it stands on."""
    found = {}
    for package in ("pynl-netlink", "cffi", "pyarrow"):
        with suppress(PackageNotFoundError):
            found[package] = metadata.version(package)
    return {**found, "iproute2": version("ip", "-V") or "?"}


def save(name: str, result: dict[str, Any], quick: bool) -> None:
    """Writes bench/results/NAME.json; of a quick run to a file that git ignores."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{'quick-' if quick else ''}{name}.json"
    path.write_text(json.dumps({"machine": machine(), "versions": versions(), **result}, indent=1) + "\n")


def need_root() -> None:
    if os.geteuid():
        raise SystemExit("making network namespaces needs root")
