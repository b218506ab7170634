"""Every example in the documentation runs, and the reference is what the declarations say."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Namespace

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text()) if found == language]


def pages_with(language: str) -> list[Path]:
    return [page for page in PAGES if blocks(page, language)]


@pytest.fixture(scope="module")
def host(shared_netns: Namespace) -> Namespace:
    """As the guide says: eth0 with 192.0.2.2/24, and a default route by 192.0.2.1."""
    shared_netns.ip("link add eth0 type veth peer name far")
    for line in ("link set eth0 up", "link set far up", "addr add 192.0.2.2/24 dev eth0"):
        shared_netns.ip(line)
    shared_netns.ip("route add default via 192.0.2.1")
    shared_netns.ip("neigh add 192.0.2.1 lladdr 02:00:00:00:00:01 dev eth0 nud reachable")
    return shared_netns


def run(host: Namespace, *command: str) -> str:
    words = ["ip", "netns", "exec", host.name, *command]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT, env={**os.environ, "PATH": path}
    )
    assert not done.returncode, done.stderr
    return done.stdout


EXAMPLES = [(page, number) for page in pages_with("python") for number in range(len(blocks(page, "python")))]


@pytest.mark.parametrize(("page", "number"), EXAMPLES, ids=lambda value: getattr(value, "name", str(value)))
def test_every_python_example_runs(host: Namespace, page: Path, number: int) -> None:
    example = blocks(page, "python")[number]
    for module in re.findall(r"^import (\w+)", example, re.MULTILINE):
        pytest.importorskip(module)
    run(host, sys.executable, "-c", example)


@pytest.mark.parametrize("page", pages_with("console"), ids=lambda page: page.name)
def test_every_command_shown_runs(host: Namespace, page: Path) -> None:
    lines = [line[2:] for text in blocks(page, "console") for line in text.splitlines() if line.startswith("$ ")]
    assert lines
    for line in lines:
        command = re.sub(r"^(scripts/run|pynl)\b", f"{shlex.quote(sys.executable)} -m pynl.cli", line)
        run(host, "bash", "-c", f"set -e; {command}")


#: Run until they are stopped, and have tests of their own.
SERVERS = {"exporter.py"}
SCRIPTS = [path for path in sorted((ROOT / "examples").glob("*.py")) if path.name not in SERVERS]


@pytest.mark.parametrize("example", SCRIPTS, ids=lambda path: path.name)
def test_every_example_runs(host: Namespace, example: Path) -> None:
    assert run(host, sys.executable, str(example)).strip()


def test_the_examples_say_what_is_there(host: Namespace) -> None:
    assert "192.0.2.1" in run(host, sys.executable, "examples/gateways.py")
    assert "veth" in run(host, sys.executable, "examples/tree.py")
    assert "RTPROT_KERNEL" in run(host, sys.executable, "examples/route_count.py")
    assert "02:00:00:00:00:01" in run(host, sys.executable, "examples/neighbours.py")


def test_the_examples_see_what_changes(host: Namespace) -> None:
    command = "ip route add 198.51.100.0/24 via 192.0.2.9"
    told = run(host, sys.executable, "examples/watch_asyncio.py", *command.split())
    first, *changes = told.splitlines()
    assert first == f"{command} ended with 0, and changed this:"
    assert [line for line in changes if line.endswith("routes: new")]  # IPv6 may be adding routes of its own
    host.ip("route delete 198.51.100.0/24")
    watcher = subprocess.Popen(
        ["ip", "netns", "exec", host.name, sys.executable, "examples/watch.py"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert watcher.stdout
    assert watcher.stdout.readline().startswith("watching")
    host.ip(command.removeprefix("ip "))
    host.ip("route delete 198.51.100.0/24")
    told, _ = watcher.communicate(timeout=30)
    assert [line.split()[1:4] for line in told.splitlines() if "198.51.100.0" in line] == [
        ["new", "routes", "dst=198.51.100.0/24"],
        ["del", "routes", "dst=198.51.100.0/24"],
    ]


def test_the_reference_is_what_the_declarations_say() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/reference", "--check"], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("#"):
            assert target[1:] in anchors, target
        elif "://" not in target:
            assert (page.parent / target.partition("#")[0]).exists(), target
