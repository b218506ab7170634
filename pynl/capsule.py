"""PyCapsules, which cffi does not make: through ctypes, and only when asked for.

A capsule's destructor runs when the last reference goes, with the capsule itself; the consumer of an Arrow structure
has by then taken its content, or nobody has and it is released here.
"""

from __future__ import annotations

import ctypes

from ._wire import ffi, lib

_api = ctypes.pythonapi
_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_api.PyCapsule_GetPointer.restype = ctypes.c_void_p
_api.PyCapsule_GetPointer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]

#: A capsule keeps a pointer to its name.
_NAMES = {name: ctypes.c_char_p(name) for name in (b"arrow_schema", b"arrow_array_stream")}


def _free_schema(capsule: int) -> None:
    pointer = _api.PyCapsule_GetPointer(capsule, _NAMES[b"arrow_schema"])
    lib.pynl_arrow_schema_free(ffi.cast("struct ArrowSchema *", pointer))


def _free_stream(capsule: int) -> None:
    pointer = _api.PyCapsule_GetPointer(capsule, _NAMES[b"arrow_array_stream"])
    lib.pynl_arrow_stream_free(ffi.cast("struct ArrowArrayStream *", pointer))


_destructor = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)
_DESTRUCTORS = {b"arrow_schema": _destructor(_free_schema), b"arrow_array_stream": _destructor(_free_stream)}


def new(name: bytes, pointer: int) -> object:
    """A capsule of this name around a structure of pynl_arrow_*_new()."""
    made: object = _api.PyCapsule_New(pointer, _NAMES[name], ctypes.cast(_DESTRUCTORS[name], ctypes.c_void_p))
    return made
