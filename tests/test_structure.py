"""The shape of the project: what may import what, what is public, and how large a file may grow."""

from __future__ import annotations

import ast
import inspect
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import pynl
from pynl import _core

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pynl"
SOURCES = sorted(PACKAGE.rglob("*.py"))

#: From the bottom up: a module imports only from lines above its own, or from its own line where that says so.
LAYERS = [
    "aiowait closing errors evidence log",
    "_wire",
    "statistics",
    "kinds",
    "fields",
    "values",
    "schema",
    "plan",
    "encode iproute2 layout",
    "gather",
    "store",
    "blocks index",
    "following",
    "ack capsule",
    "arrow frames",
    "table",
    "lpm",
    "lookup",
    "netns turns",
    "reply",
    "socket",
    "devices family bulk",
    "rows many",
    "outcome",
    "arrival bpf events snapshot",
    "monitor",
    "hearing",
    "replica service",
    "mirror",
    "aiomirror",
    "verbs",
    "rtnl.constants rtnl.linkconstants rtnl.kindconstants",
    "rtnl.encap rtnl.linkstats",
    "rtnl.bridge rtnl.can rtnl.tunnels rtnl.vf",
    "rtnl.linkkinds",
    "rtnl.addr rtnl.link rtnl.neigh rtnl.nexthop rtnl.nsid rtnl.route rtnl.rule",
    "rtnl.linkrestore",
    "rtnl.links",
    "batch",
    "netlink",
    "aio",
    "cli.show",
    "cli cli.__main__",
]
LAYER = {name: number for number, line in enumerate(LAYERS) for name in line.split()}
#: Modules of one layer that may import one another, since they are parts of one thing.
TOGETHER = {("cli.__main__", "cli")}

PUBLIC = [
    *(
        "Address",
        "Batch",
        "BulkInterrupted",
        "ClosedError",
        "DecodeError",
        "Difference",
        "DumpInterrupted",
        "Event",
        "Failure",
        "Link",
        "Message",
        "Metrics",
        "Monitor",
        "Neighbour",
        "Netlink",
        "NetlinkError",
    ),
    *(
        "Nexthop",
        "NexthopBucket",
        "NexthopObject",
        "Overrun",
        "Record",
        "Report",
        "Route",
        "Rule",
        "Socket",
        "Statistics",
        "Table",
        "Undecoded",
        "Unknown",
        "Via",
    ),
    *("addresses", "aio", "links", "neighbours", "netns", "nexthops", "routes", "rules"),
]


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules of pynl that a file imports, by their names within it."""
    package = path.relative_to(PACKAGE).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        base = package[: len(package) - node.level + 1]
        if node.module:
            found.add(".".join((*base, *node.module.split("."))))
        else:
            found |= {".".join((*base, alias.name)) for alias in node.names}
    return {name for name in found if name != "__version__"}


MODULES = {module_name(path): path for path in SOURCES if module_name(path) not in ("__init__", "rtnl")}


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_downward(name: str) -> None:
    assert name in LAYER, f"{name}: tell in LAYERS where it stands"
    for imported in imports(MODULES[name]):
        if imported in LAYER and (name, imported) not in TOGETHER:
            assert LAYER[imported] < LAYER[name], f"{name} imports {imported}"


def test_every_layer_is_there() -> None:
    assert sorted(LAYER) == sorted(MODULES)


def test_one_module_imports_the_c_core() -> None:
    importers = {name for name, path in MODULES.items() if "_core" in imports(path)}
    assert importers == {"_wire"}


@pytest.mark.parametrize("name", [name for name in MODULES if not name.startswith("cli")])
def test_the_library_needs_cffi_alone(name: str) -> None:
    """What else it can use, it imports where it is used."""
    stdlib_only = {"cffi", "_cffi_backend"}
    for node in ast.parse(MODULES[name].read_text()).body:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names = [node.module]
        for imported in names:
            assert imported.split(".")[0] in sys.stdlib_module_names | stdlib_only


@pytest.mark.parametrize("path", SOURCES, ids=module_name)
def test_a_file_reads_in_one_sitting(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert len(lines) < 450
    functions = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        assert (function.end_lineno or 0) - function.lineno < 60, function.name


def test_the_public_names_are_these() -> None:
    assert sorted(pynl.__all__) == PUBLIC
    assert pynl.__all__ == sorted(pynl.__all__)
    private = {name for name in vars(pynl) if not name.startswith("_")} - set(PUBLIC)
    assert all(isinstance(getattr(pynl, name), ModuleType) for name in private)


def public_objects() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in PUBLIC:
        thing = getattr(pynl, name)
        found.append((name, thing))
        if not inspect.isclass(thing) or issubclass(thing, tuple):
            continue
        for member, value in vars(thing).items():
            if not member.startswith("_") and (inspect.isfunction(value) or type(value) is property):
                found.append((f"{name}.{member}", value))
    return found


@pytest.mark.parametrize(("name", "thing"), public_objects(), ids=lambda value: value if isinstance(value, str) else "")
def test_everything_public_has_a_docstring(name: str, thing: Any) -> None:
    text = inspect.getdoc(thing)
    assert text
    assert text.split("\n")[0].rstrip().endswith((".", ":", ";", ",")) or "\n" in text


def test_the_stub_tells_what_the_core_has() -> None:
    tree = ast.parse((PACKAGE / "_core.pyi").read_text())
    lib = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "_Lib")
    stubbed = {
        node.name if isinstance(node, ast.FunctionDef) else node.target.id
        for node in lib.body
        if isinstance(node, ast.FunctionDef) or (isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name))
    }
    assert stubbed == {name for name in dir(_core.lib) if name.startswith(("pynl_", "PYNL_"))}


@pytest.mark.parametrize("path", [*SOURCES, *(ROOT / "csrc").glob("*.[ch]")], ids=lambda path: path.name)
def test_nothing_is_left_for_later(path: Path) -> None:
    text = path.read_text()
    assert not any(word in text for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X:"))
