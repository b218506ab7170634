"""Namespaces with a known content (content.py), made once for all benchmarks that need them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from worlds import World


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--large", action="store_true", help="dumps of 300,000 and a million routes as well")


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    if os.geteuid():
        pytest.skip("making network namespaces needs root")
    with World() as made:
        yield made
