"""Namespaces with a known content (content.py), made once for all benchmarks that need them; what is kept of a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from worlds import World, save


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--large", action="store_true", help="dumps of 300,000 and a million routes as well")
    parser.addoption("--keep", choices=("quick", "full"), help="write bench/results/decode.json, or quick-decode.json")


def pytest_benchmark_update_json(config: pytest.Config, benchmarks: Any, output_json: dict[str, Any]) -> None:
    """Of decoding alone, what the page shows; the rest of pytest-benchmark's file tells whose machine it is."""
    rows = [
        {
            "what": one["name"].partition("[")[0].removeprefix("test_"),
            "records": int(one["param"].partition("-")[0]),
            "median": one["stats"]["median"],
        }
        for one in output_json["benchmarks"]
        if "test_decode" in one["fullname"]
    ]
    if config.getoption("--keep"):
        save("decode", {"rows": rows}, config.getoption("--keep") == "quick")


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    if os.geteuid():
        pytest.skip("making network namespaces needs root")
    with World() as made:
        yield made
