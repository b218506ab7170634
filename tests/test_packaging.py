"""What is shipped: an sdist that builds alone, a wheel for every Python from 3.10 on, no dependency but cffi."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", folder, cwd=ROOT)
    (found,) = folder.glob("pynl_netlink-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the sdist alone."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data") if sys.version_info >= (3, 12) else archive.extractall(folder)
    (source,) = folder.glob("pynl_netlink-*")
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, cwd=source)
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's content, and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_the_sdist_holds_what_a_developer_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {
        "csrc/pynl.h",
        "csrc/decode.c",
        "csrc/build.py",
        "tests/conftest.py",
        "README.md",
        "LICENSE",
        "scripts/test",
    }
    assert wanted <= names
    assert not any(name.endswith((".so", ".o", ".pyc")) for name in names)


@pytest.mark.skipif(bool(sysconfig.get_config_var("Py_GIL_DISABLED")), reason="no stable ABI without the GIL")
def test_the_wheel_is_for_every_python(wheel: Path) -> None:
    assert "-cp310-abi3-linux_" in wheel.name


def test_the_wheel_holds_the_library_alone(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert "MIT" in archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    assert {"pynl/py.typed", "pynl/_core.pyi", "pynl/rtnl/route.py", "pynl/cli/__main__.py"} <= set(names)
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"pynl", "pynl_netlink"}
    assert sum(name.endswith(".so") for name in names) == 1


def test_importing_needs_cffi_alone(installed: Path) -> None:
    script = """
import sys
before = set(sys.modules)
sys.path[:0] = sys.argv[1:]
import pynl
assert pynl.__file__.startswith(sys.argv[1]), pynl.__file__
found = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(found - set(sys.stdlib_module_names) - {"pynl"}))
"""
    assert run(sys.executable, "-c", script, installed, cwd=installed) == "['_cffi_backend']\n"


def test_elsewhere_than_on_linux_it_says_so(installed: Path) -> None:
    script = "import sys; sys.platform = 'darwin'; sys.path.insert(0, sys.argv[1]); import pynl"
    done = subprocess.run([sys.executable, "-c", script, installed], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == "ImportError: pynl speaks to the Linux kernel, and runs on Linux only"
