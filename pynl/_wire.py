"""The only importer of the C core: what the layers above share of cffi, and the lifetime of C memory."""

from __future__ import annotations

from functools import partial
from typing import Any

from ._core import ffi, lib

__all__ = ["ffi", "lib", "message_bytes", "view"]


def _release(owner: object, pointer: object) -> None:
    """Does nothing: a cdata whose destructor this is keeps ``owner`` alive through the partial."""


def view(pointer: Any, size: int, owner: object) -> memoryview:
    """``size`` bytes of C memory, readable for as long as the view (and with it ``owner``) lives."""
    return memoryview(ffi.buffer(ffi.gc(pointer, partial(_release, owner)), size)).toreadonly()


def message_bytes(segment: Any) -> bytes:
    """A copy of a segment's messages."""
    return bytes(ffi.buffer(segment.data, segment.size))
