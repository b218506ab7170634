"""A family of objects: the messages that read and write them, declared beside their record."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Generic, TypeVar

from .following import Following
from .schema import Record

R = TypeVar("R", bound=Record)


def _whole(record: Record) -> Hashable:
    return record


def _all_told(request: Record) -> None:
    """Requests tell the whole key."""


def left_out(instead: Mapping[str, frozenset[str]], told: Callable[[str], Any]) -> frozenset[str]:
    """The fields that are left out beside others, whose values ``told`` gives by name."""
    return frozenset().union(*(names for by, names in instead.items() if told(by)))


@dataclass(frozen=True, eq=False)
class Family(Generic[R]):
    """What a service needs to know of one kind of object."""

    #: As the session calls its service.
    name: str
    record: type[R]
    #: The message types: RTM_NEW*, RTM_DEL*, RTM_GET*.
    new: IntEnum
    delete: IntEnum
    get: IntEnum
    #: The address families to dump, one by one, where the caller names none: dumps of AF_UNSPEC may hold the RTNL
    #: lock that those of one family do not take.
    protocols: tuple[IntEnum, ...]
    #: Filters that a strict kernel applies to a dump: the caller's name -> the request's field.
    pushed: Mapping[str, str]
    #: Those of them that mean more to the kernel than that the field has this value: where it filtered, that counts.
    wider: frozenset[str] = frozenset()
    #: Fields that only the kernel tells: of a record that was read and is to be written, they are left out.
    volatile: frozenset[str] = frozenset()
    #: Fields that the kernel fills in where they are not told, and the value that says no more than that; or None.
    filled: Mapping[str, Any] = field(default_factory=dict)
    #: Field -> what is to be written of a value that was read, where that is not all of it.
    sent: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    #: Field -> those that the kernel tells beside it, and refuses to be told: of what was read they are left out.
    instead: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: The same of what is to be removed, which the kernel finds without them, and not by all that it tells of them.
    unsaid: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: The only fields that the kernel takes to remove an object; empty: all.
    identity: frozenset[str] = frozenset()
    #: The multicast groups that announce its changes (RTNLGRP_*).
    groups: tuple[IntEnum, ...] = ()
    #: The address families of its notifications, where those of others are no such objects; empty: any.
    announced: tuple[IntEnum, ...] = ()
    #: NLM_F_* of a RTM_NEW* message, and those of them that are set where it tells of a change.
    change_flags: tuple[int, int] = (0, 0)
    #: A member of the header, and its value in a RTM_NEW* message where that tells of a new object, not of a change.
    fresh: tuple[str, int] | None = None
    #: What tells one object from another, as the kernel does.
    key: Callable[[Any], Hashable] = _whole
    #: Of a request to remove something that does not tell its whole key: whether an object may be meant by it.
    part: Callable[[Any], Callable[[Any], bool] | None] = _all_told
    #: How its changes are followed.
    following: Following[Any] = field(default_factory=Following)
