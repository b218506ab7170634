"""Device names and indexes, in the namespace of a socket."""

from __future__ import annotations

import struct
from typing import Any

from .errors import NetlinkError
from .kinds import TEXT, tlv
from .socket import Socket

_RTM_GETLINK = 18
_IFLA_IFNAME = 3
_IFLA_ALT_IFNAME = 53
#: Bytes of a device's name, NUL included; longer ones are alternative names.
IFNAMSIZ = 16
_IFINFOMSG = struct.Struct("=BxHiII")


def name_attribute(name: str) -> bytes:
    """The attribute that asks for a device by name: longer than 15 bytes, it can only be an alternative name."""
    data = TEXT.dump(name)
    return tlv(_IFLA_IFNAME if len(data) <= IFNAMSIZ else _IFLA_ALT_IFNAME, data)


def index_of(socket: Socket, device: Any) -> Any:
    """The index of a device given by name; an index (or anything else) stays as it is.

    Raises:
        NetlinkError: ENODEV, naming the device.
    """
    if not isinstance(device, str):
        return device
    payload = bytes(_IFINFOMSG.size) + name_attribute(device)
    try:
        replies = socket.request(_RTM_GETLINK, payload, name="RTM_GETLINK")
    except NetlinkError as error:
        raise NetlinkError(error.errno or 0, f"no device {device!r}", request="RTM_GETLINK") from None
    return _IFINFOMSG.unpack_from(replies[0].payload)[2]
