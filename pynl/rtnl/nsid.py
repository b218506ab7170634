"""Numbers by which one network namespace knows another: RTM_NEWNSID, RTM_GETNSID (linux/net_namespace.h)."""

from __future__ import annotations

import os

from ..encode import encode
from ..family import Family
from ..fields import attribute, member
from ..kinds import S32, U8, U32, enum
from ..netns import NetNS, open_netns
from ..plan import parse
from ..schema import Record
from ..service import Service
from ..socket import Socket
from .constants import AddressFamily, Group, MessageType

#: NETNSA_NSID: there is none yet; in a request: any that is free.
NETNSA_NSID_NOT_ASSIGNED = -1


class NsId(Record, prefix="NETNSA_", struct="rtgenmsg", struct_prefix="rtgen_"):
    """What one namespace calls another."""

    family = member(enum(U8, AddressFamily))

    nsid = attribute(1, S32)
    pid = attribute(2, U32)
    fd = attribute(3, U32)
    #: Of requests: the namespace that is asked, by the number that the socket's own has for it.
    target_nsid = attribute(4, S32)
    #: Where another one was asked: what the socket's own calls it.
    current_nsid = attribute(5, S32)


NSIDS = Family(
    name="nsids",
    record=NsId,
    new=MessageType.RTM_NEWNSID,
    delete=MessageType.RTM_DELNSID,
    get=MessageType.RTM_GETNSID,
    protocols=(AddressFamily.AF_UNSPEC,),
    pushed={},
    groups=(Group.RTNLGRP_NSID,),
    key=lambda nsid: nsid.nsid,
)


class NsIds(Service[NsId]):
    """The numbers of other namespaces, which come and go: to be watched."""

    FAMILY = NSIDS


def nsid_of(socket: Socket, netns: NetNS) -> int | None:
    """The number that the socket's namespace has for another, or None."""
    nsid = _exchange(socket, MessageType.RTM_GETNSID, netns)
    return None if nsid == NETNSA_NSID_NOT_ASSIGNED else nsid


def assign_nsid(socket: Socket, netns: NetNS, nsid: int | None) -> None:
    """Gives another namespace a number in the socket's own: this one, or any that is free."""
    _exchange(socket, MessageType.RTM_NEWNSID, netns, NETNSA_NSID_NOT_ASSIGNED if nsid is None else nsid)


def _exchange(socket: Socket, type: MessageType, netns: NetNS, nsid: int | None = None) -> int | None:
    fd = open_netns(netns)
    try:
        request = NsId(fd=fd) if nsid is None else NsId(fd=fd, nsid=nsid)
        replies = socket.request(type, encode(request), record=NsId, name=type.name)
    finally:
        os.close(fd)
    return parse(NsId, replies[0].payload).nsid if replies else None
