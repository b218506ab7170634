"""What the tests share: a network namespace of their own, captured messages, and how hard hypothesis tries."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import pynl

hypothesis.settings.register_profile("ci", max_examples=200, deadline=None)
hypothesis.settings.register_profile("quick", max_examples=25, deadline=None)
hypothesis.settings.register_profile("long", max_examples=5000, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

CAPTURES = Path(__file__).parent / "captures"
_numbers = itertools.count()


class Namespace:
    """A network namespace, and iproute2 in it."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *command: str, stdin: str | None = None, check: bool = True) -> str:
        """A command within the namespace; its standard output."""
        return _run("ip", "netns", "exec", self.name, *command, stdin=stdin, check=check)

    def ip(self, line: str, *, check: bool = True) -> str:
        return _run("ip", "-n", self.name, *line.split(), check=check)

    def bridge(self, line: str) -> str:
        return _run("bridge", "-n", self.name, *line.split())

    def batch(self, lines: str, program: str = "ip") -> None:
        """Many commands in one process."""
        _run(*program.split(), "-n", self.name, "-batch", "-", stdin=lines)

    def ip_json(self, line: str, program: str = "ip") -> list[dict[str, Any]]:
        """What ip prints as JSON. It prints some keys twice ("dst" of a route and of its encap): those get a list."""
        text = _run(program, "-n", self.name, "-j", *line.split())
        found = json.loads(text, object_pairs_hook=_pairs) if text.strip() else []
        return [item for item in found if item]

    def settle(self) -> None:
        """Waits until what links bring about once they are up has come: carriers, IPv6 addresses and their routes."""
        before: Any = None
        for _ in range(100):
            now = [self.ip_json(line) for line in ("addr", "route show table all")]
            if now == before and all(map(_settled, now[0])):
                return
            before = now
            time.sleep(0.1)
        raise RuntimeError(f"{self.name} has not come to rest")

    def netlink(self, **options: Any) -> pynl.Netlink:
        return pynl.Netlink(netns=self.name, **options)

    def index(self, device: str) -> int:
        return int(self.ip_json(f"link show dev {device}")[0]["ifindex"])


def _settled(link: dict[str, Any]) -> bool:
    addresses = [address for address in link["addr_info"] if address["family"] == "inet6"]
    return "UP" not in link["flags"] or bool(addresses and not any(address.get("tentative") for address in addresses))


class Repeated(list[Any]):
    """The values of a key that came more than once."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key not in made:
            made[key] = value
        elif isinstance(made[key], Repeated):
            made[key].append(value)
        else:
            made[key] = Repeated([made[key], value])
    return made


def _run(*command: str, stdin: str | None = None, check: bool = True) -> str:
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def _make() -> Namespace:
    name = f"pynltest{os.getpid()}x{next(_numbers)}"
    if os.geteuid():
        pytest.skip("network namespaces need root, or a user namespace as scripts/test makes where it may")
    try:
        _run("ip", "netns", "add", name)
    except (RuntimeError, FileNotFoundError) as error:
        pytest.skip(f"cannot make a network namespace: {error}")
    return Namespace(name)


def _remove(namespace: Namespace) -> None:
    _run("ip", "netns", "delete", namespace.name, check=False)


@pytest.fixture
def netns() -> Iterator[Namespace]:
    """A fresh namespace whose loopback device is up; gone when the test ends."""
    namespace = _make()
    try:
        namespace.ip("link set lo up")
        yield namespace
    finally:
        _remove(namespace)


@pytest.fixture(scope="module")
def shared_netns() -> Iterator[Namespace]:
    """One namespace for a module's tests that only read what a fixture of theirs set up."""
    namespace = _make()
    try:
        namespace.ip("link set lo up")
        yield namespace
    finally:
        _remove(namespace)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever uses a namespace is a test of the kernel."""
    for item in items:
        if {"netns", "shared_netns"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kernel)
