"""Network namespaces: what names one, those that ``ip netns`` keeps, and a block of code in one.

::

    pynl.netns.create("blue")
    with pynl.Netlink(netns="blue") as nl:  # the thread stays where it is
        ...
    with pynl.netns.enter("blue"):  # for what cannot be told a namespace, such as sockets of other protocols
        ...
    pynl.netns.delete("blue")
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import threading
import weakref
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Union, cast

from ._wire import ffi, lib

#: Where ``ip netns`` keeps the namespaces that have a name.
FOLDER = Path("/run/netns")

#: A name (``ip netns add NAME``), a path, a process id, or a file descriptor of one.
NetNS = Union[str, "os.PathLike[str]", int]

_NS_GET_NSTYPE = 0xB703
_SIOCGSKNS = 0x894C
_SO_NETNS_COOKIE = 71
_CLONE_NEWNET = 0x40000000
_NAME_MAX = 255


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
        named = isinstance(netns, str) and "/" not in netns
        return os.open(_path("netns", netns) if named else netns, os.O_RDONLY | os.O_CLOEXEC)
    raise TypeError(f"netns: expected a name, path, process id or file descriptor, not {netns!r}")


def _is_netns(fd: int) -> bool:
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == _CLONE_NEWNET
    except OSError:
        return False


def is_here(fd: int) -> bool:
    """Whether a descriptor is of the calling thread's namespace."""
    with suppress(OSError):
        return os.path.samestat(os.fstat(fd), os.stat("/proc/thread-self/ns/net"))
    return False


def home_of(fd: int) -> Descriptor | None:
    """The namespace of a socket, by SIOCGSKNS (since 4.10); None: the calling thread's.

    Raises:
        OSError: it is another one, and there is no permission to be told which (CAP_NET_ADMIN).
    """
    try:
        return Descriptor(fcntl.ioctl(fd, _SIOCGSKNS))
    except OSError as error:
        refused = error
    cookies: set[bytes] = set()
    with (
        socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as here,
        socket.socket(fileno=os.dup(fd)) as there,
        suppress(OSError),  # before 5.14 there are none
    ):
        cookies = {one.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8) for one in (here, there)}
    if len(cookies) > 1:
        raise OSError(refused.errno, "a socket's namespace, which is not this thread's")
    return None


def _path(argument: str, name: Any) -> str:
    """The file of a name, as ``ip netns`` allows it."""
    if not isinstance(name, str):
        raise TypeError(f"{argument}: expected the name of a namespace, not {name!r}")
    if name in ("", ".", "..") or {"/", "\0"} & set(name) or len(os.fsencode(name)) > _NAME_MAX:
        raise ValueError(f"{argument}: expected the name of a namespace, not {name!r}")
    return str(FOLDER / name)


def _check(result: int, path: str | None) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result), path)


def names() -> Sequence[str]:
    """The names of the namespaces that have one, sorted, as ``ip netns list`` shows them."""
    try:
        return sorted(os.listdir(FOLDER))
    except FileNotFoundError:
        return []


def create(name: str) -> None:
    """Makes a namespace and gives it a name, as ``ip netns add`` does: its loopback device is down.

    Args:
        name: up to 255 bytes, printable, without a slash.

    Raises:
        FileExistsError: there is one of this name.
        PermissionError: it takes CAP_SYS_ADMIN.
        ValueError: what can be no name, or should be none.
    """
    path = _path("name", name)
    if not name.isprintable():
        raise ValueError(f"name: expected printable characters, not {name!r}")
    FOLDER.mkdir(0o755, exist_ok=True)
    folder, file = os.fsencode(FOLDER), os.fsencode(path)
    results = [-errno.EINTR]

    def make() -> None:
        while results[0] == -errno.EINTR:
            results[0] = lib.pynl_netns_share(folder) or lib.pynl_netns_create(file)

    maker = threading.Thread(target=make, daemon=True)  # it ends in the new namespace
    maker.start()
    maker.join()
    _check(results[0], path)


def delete(name: str) -> None:
    """Takes a namespace's name away, as ``ip netns delete`` does; without processes and sockets in it, it ends.

    Args:
        name: as :func:`names` lists it.

    Raises:
        FileNotFoundError: there is none of this name.
        PermissionError: it takes CAP_SYS_ADMIN.
    """
    path = _path("name", name)
    _check(lib.pynl_netns_delete(os.fsencode(path)), path)


def enter(netns: NetNS) -> AbstractContextManager[None]:
    """A context manager: the calling thread is in another namespace until the block ends, however that comes.

    New threads and processes of the block begin there, too, and stay. The way back takes the same privilege
    (CAP_SYS_ADMIN) as the way there, which the block must not give up.

    Args:
        netns: its name, path, process id or file descriptor.

    Raises:
        OSError: there is no such namespace; PermissionError: there is no way into it, or none back.
    """
    return cast("AbstractContextManager[None]", _Visit(netns))


class _Visit:
    """Its ``__exit__`` is C's alone: Python's own might be interrupted before its first line."""

    __slots__ = ("__exit__", "_c")

    if TYPE_CHECKING:
        __exit__: Callable[[type[BaseException] | None, BaseException | None, TracebackType | None], None]

    def __init__(self, netns: NetNS) -> None:
        self._c = ffi.new("struct pynl_netns *", {"target": open_netns(netns), "home": -1})
        self.__exit__ = ffi.gc(self._c, lib.pynl_netns_leave).__exit__

    def __enter__(self) -> None:
        if self._c.target < 0:
            raise RuntimeError("it was entered before: netns.enter() makes another")
        try:
            _check(lib.pynl_netns_enter(self._c), None)
        except BaseException:
            self.__exit__(None, None, None)
            raise


#: As the command calls it: ``pynl.netns.list()``.
list = names
