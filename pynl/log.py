"""Logging under the names "pynl", "pynl.socket" and so on, which costs nothing where nobody has asked for it."""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import Logger

#: The levels of ``logging``.
DEBUG, WARNING = 10, 30


def logger(name: str, level: int) -> Logger | None:
    """The logger of that name, or None where nobody hears what it says on this level.

    That is so as long as the program has not imported ``logging``: pynl does not do so of itself, since it would take
    longer to start.
    """
    if "logging" not in sys.modules:
        return None
    found = _logger(name)
    return found if found.isEnabledFor(level) else None


@lru_cache(16)
def _logger(name: str) -> Logger:
    import logging

    if name == "pynl":
        logging.getLogger(name).addHandler(logging.NullHandler())  # a library says nothing unless it is asked to
    else:
        _logger("pynl")
    return logging.getLogger(name)
