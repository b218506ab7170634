"""Builds pynl._core from the C core: run by setuptools through ``cffi_modules``.

Environment:
    PYNL_WERROR=1    warnings are errors (CI)
    PYNL_SANITIZE=1  AddressSanitizer and UndefinedBehaviorSanitizer (scripts/sanitize)
"""

import os
import sysconfig
from pathlib import Path

from cffi import FFI

here = Path(__file__).resolve().parent
root = here.parent
sources = [
    "socket.c",
    "netns.c",
    "reply.c",
    "table.c",
    "decode.c",
    "events.c",
    "columns.c",
    "index.c",
    "tape.c",
    "text.c",
    "arrow.c",
    "bulk.c",
    "lpm.c",
    "capsule.c",
]
headers = ["pynl.h", "internal.h", "pool.h"]

compile_flags = ["-std=gnu11", "-O3", "-fvisibility=hidden", "-Wall", "-Wextra", "-Wno-unused-parameter"]
link_flags = []
if os.environ.get("PYNL_WERROR"):
    compile_flags.append("-Werror")
if os.environ.get("PYNL_SANITIZE"):
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer", "-g"]
    compile_flags += sanitizers
    link_flags += sanitizers

# A free-threaded interpreter has no stable ABI before 3.15.
limited = not sysconfig.get_config_var("Py_GIL_DISABLED")

ffibuilder = FFI()
ffibuilder.cdef((here / "pynl.h").read_text())
ffibuilder.set_source(
    "pynl._core",
    '#include <stdint.h>\n#include "pynl.h"\n',
    sources=[f"csrc/{name}" for name in sources],
    depends=[f"csrc/{name}" for name in headers],
    include_dirs=["csrc"],
    extra_compile_args=compile_flags,
    extra_link_args=link_flags,
    libraries=["pthread"],
    py_limited_api=limited,
)

if __name__ == "__main__":
    os.chdir(root)
    ffibuilder.compile(verbose=True)
