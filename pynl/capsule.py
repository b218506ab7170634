"""PyCapsules, which cffi does not make: through ctypes, and only when asked for.

A capsule's destructor (csrc/capsule.c) runs when the last reference goes; the consumer of an Arrow structure has by
then taken its content, or nobody has and it is released here.
"""

from __future__ import annotations

import ctypes

from ._wire import ffi, lib

_new = ctypes.pythonapi.PyCapsule_New
_new.restype = ctypes.py_object
_new.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]


def _address(name: str) -> int:
    return int(ffi.cast("uintptr_t", ffi.addressof(lib, name)))


def schema(pointer: int) -> object:
    """A capsule "arrow_schema" around a structure of pynl_arrow_schema_new()."""
    made: object = _new(pointer, _address("pynl_capsule_schema"), _address("pynl_capsule_free_schema"))
    return made


def stream(pointer: int) -> object:
    """A capsule "arrow_array_stream" around a structure of pynl_arrow_stream_new()."""
    made: object = _new(pointer, _address("pynl_capsule_stream"), _address("pynl_capsule_free_stream"))
    return made
