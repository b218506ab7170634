"""The exceptions of pynl.

What the kernel refuses is a :class:`NetlinkError`, with the kernel's own words; what a caller gets wrong is a
``ValueError`` or ``TypeError`` that names the argument, raised before anything is sent; bytes that are no
message are a :class:`DecodeError`, which never takes the good messages beside them away.
"""

from __future__ import annotations

import errno as _errno
import os
from collections.abc import Sequence
from typing import Any


class NetlinkError(OSError):
    """A request that the kernel, or the socket, did not carry out.

    Attributes:
        errno: the error number, positive (``errno.ENODEV`` ...).
        message: the kernel's own text (extended ACK, since 4.12), or None.
        attribute: the offending attribute's path by name (``"metrics.mtu"``), or None where the kernel named none.
        missing: the attribute that the kernel missed (since 6.1), by name, or None.
        request: what was asked, as the message type's name (``"RTM_NEWROUTE"``), or None.
    """

    def __init__(
        self,
        errno: int,
        message: str | None = None,
        *,
        attribute: str | None = None,
        missing: str | None = None,
        request: str | None = None,
    ) -> None:
        text = os.strerror(errno)
        if message:
            text += f": {message}"
        if attribute:
            text += f" (attribute {attribute})"
        if missing:
            text += f" (missing attribute {missing})"
        if request:
            text = f"{request}: {text}"
        super().__init__(errno, text)
        self.message = message
        self.attribute = attribute
        self.missing = missing
        self.request = request

    def __reduce__(self) -> tuple[Any, ...]:
        keywords = {"attribute": self.attribute, "missing": self.missing, "request": self.request}
        return _rebuild, (type(self), (self.errno, self.message), keywords)


def retold(error: Exception, text: str) -> Exception:
    """A refusal with other words: of subclasses of ValueError some take other arguments, as UnicodeEncodeError does."""
    if isinstance(error, NetlinkError):
        return NetlinkError(error.errno or 0, text, attribute=error.attribute, request=error.request)
    return TypeError(text) if isinstance(error, TypeError) else ValueError(text)


class DecodeError(ValueError):
    """Bytes that are not the message they should be.

    Attributes:
        offset: where the fault lies, in bytes from the start of what was decoded.
        data: the message that could not be decoded (empty where not even its header could be).
        table: the records of all the other messages.
    """

    def __init__(self, reason: str, offset: int, data: bytes = b"", table: Sequence[Any] = ()) -> None:
        super().__init__(f"{reason} at byte {offset}")
        self.reason = reason
        self.offset = offset
        self.data = data
        self.table = table

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), (self.reason, self.offset, self.data, list(self.table)), {})


class ClosedError(ValueError):
    """A socket that was closed, or that belongs to the process this one was forked from."""


class DumpInterrupted(RuntimeError):  # noqa: N818 - a name of the public interface
    """A snapshot that could not be completed within its bounds: what it lists changes too fast.

    Attributes:
        kind: what it lists ("routes" ...).
        table: the objects as far as they are known: some that were there all the time may be missing.
        dumps: how many dumps there were.
    """

    def __init__(self, kind: str, table: Any, dumps: int) -> None:
        super().__init__(f"{kind} change too fast: after {dumps} dump(s) it is not sure that none is missing")
        self.kind = kind
        self.table = table
        self.dumps = dumps

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), (self.kind, list(self.table), self.dumps), {})


def _rebuild(cls: type[Any], arguments: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    return cls(*arguments, **keywords)


def check(result: int, request: str | None = None) -> int:
    """Turns a C return into an exception: ``-errno`` raises, everything else passes through."""
    if result >= 0:
        return result
    error = -result
    if error == _errno.ENOMEM:
        raise MemoryError("no memory for what the kernel sent")
    if error == _errno.ECANCELED:
        raise ClosedError("given up while it was waiting: the socket was closed, or the request cancelled")
    if error == _errno.ETIMEDOUT:
        raise NetlinkError(error, "the kernel did not answer in time", request=request)
    if error == _errno.EBADMSG:
        raise DecodeError("a length that does not fit", 0)
    raise NetlinkError(error, request=request)
