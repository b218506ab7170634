"""Network namespaces: what names one, and its file descriptor."""

from __future__ import annotations

import fcntl
import os
import weakref
from pathlib import Path
from typing import Union

#: Where ``ip netns`` keeps the namespaces that have a name.
FOLDER = Path("/run/netns")

#: A name (``ip netns add NAME``), a path, a process id, or a file descriptor of one.
NetNS = Union[str, "os.PathLike[str]", int]

_NS_GET_NSTYPE = 0xB703
_CLONE_NEWNET = 0x40000000


class Descriptor:
    """A file descriptor that is closed when its object goes."""

    def __init__(self, number: int) -> None:
        self.number = number
        weakref.finalize(self, os.close, number)


def open_netns(netns: NetNS) -> int:
    """A new file descriptor of a namespace; the caller closes it.

    Args:
        netns: a name below /run/netns, a path (anything with a slash, or ``os.PathLike``), or a number: a file
            descriptor where this process has that one open on a network namespace, otherwise a process id.

    Raises:
        OSError: there is no such namespace, or no permission.
        TypeError: neither text, path nor number.
        ValueError: a name that none can have.
    """
    if isinstance(netns, bool):
        raise TypeError("netns: expected a name, path, process id or file descriptor, not a bool")
    if isinstance(netns, int):
        if _is_netns(netns):
            return os.dup(netns)
        return os.open(f"/proc/{netns}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    if isinstance(netns, (str, os.PathLike)):
        path = os.fspath(netns)
        if isinstance(netns, str) and "/" not in netns:
            if netns in ("", ".", ".."):
                raise ValueError(f"netns: expected the name of a namespace, not {netns!r}")
            path = str(FOLDER / netns)
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    raise TypeError(f"netns: expected a name, path, process id or file descriptor, not {netns!r}")


def _is_netns(fd: int) -> bool:
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False
