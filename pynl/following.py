"""How what the kernel announces changes what is there: what tells objects apart, and what one message does to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .plan import Keys, Plan
from .schema import Record

R = TypeVar("R", bound=Record)

#: Of an announcement: what its request asked for, or what the kernel made of it.
NLM_F_REPLACE = 0x100
NLM_F_EXCL = 0x200
NLM_F_CREATE = 0x400
NLM_F_APPEND = 0x800

#: The objects of one key in their order (None: not known), a record that was announced, the flags of its message,
#: whether it is gone -> the objects that there are then; None: only reading them tells.
Step = Callable[["Sequence[Any] | None", Any, int, bool], "Sequence[Any] | None"]


def replaced(there: Sequence[Any] | None, told: Any, flags: int, gone: bool) -> Sequence[Any] | None:
    """What becomes of objects of which there is one for each key: the last word counts."""
    return () if gone else (told,)


def any_change(record: Any, flags: int, gone: bool) -> bool:
    """Every announcement but that of a new object."""
    return gone or not flags & NLM_F_CREATE or bool(flags & NLM_F_REPLACE)


def changed_link(link: Any, flags: int, gone: bool) -> bool:
    """Every announcement of a device that was there before: all flags of a new one count as changed."""
    return gone or link.change != 0xFFFFFFFF


def never(record: Any) -> bool:
    """Not of any record."""
    return False


def _own(record: Any) -> bool:
    return True


@dataclass(frozen=True)
class Following(Generic[R]):
    """What has to be known of a kind of object to follow its changes."""

    #: The fields that tell one object from another; empty: all that are announced.
    key: tuple[str, ...] = ()
    #: Fields that change without an announcement: counters, times.
    silent: frozenset[str] = frozenset()
    #: Of a number: the bits that do not.
    masks: Mapping[str, int] = field(default_factory=dict)
    step: Step = replaced
    #: Whether a record is one of a list of its key: what an announcement does to it depends on what there was, so that
    #: one which came during a dump may be told twice.
    listed: Callable[[Any], bool] = never
    #: Whether an announcement in these groups is of an object of this kind.
    own: Callable[[Any], bool] = _own
    #: Filters that mean more than that a field has this value -> whether they hold of a record.
    wider: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    #: Other kinds -> whether an announcement of theirs may mean that objects of this kind changed without one.
    disturbed: Mapping[str, Callable[[Any, int, bool], bool]] = field(default_factory=dict)

    def content(self, record: type[Record]) -> tuple[str, ...]:
        """The fields whose changes are announced."""
        return tuple(name for name, field in record.FIELDS.items() if name not in self.silent and not field.within)

    def keys(self, plan: Plan, *, exact: bool = False) -> Keys | None:
        """What tells rows of a plan's tables apart; None where they lack a field for it.

        Args:
            plan: of the tables.
            exact: bits that change without an announcement count as well.
        """
        if plan.asked is not None:
            return None
        content = self.content(plan.record)
        one = self.key and self.step is replaced  # so that what changed without a word makes no second of it
        return Keys(plan, self.key or content, () if one and not exact else content, self.masks, exact=exact)

    def identities(self, record: type[Record], values: Callable[[str], Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """The same of many records of a class, for Python; ``values`` gives a field of all of them."""
        names = self.key or self.content(record)
        return zip(*(self._masked(name, values(name)) for name in names), strict=True)

    def identity(self, one: R) -> tuple[Any, ...]:
        """What tells a record from others, for Python."""
        return next(self.identities(type(one).RECORD, lambda name: (getattr(one, name),)))

    def _masked(self, name: str, values: Sequence[Any]) -> Sequence[Any]:
        mask = self.masks.get(name)
        return values if mask is None else [None if value is None else value & mask for value in values]

    def same(self, one: R, other: R, *, exact: bool = False) -> bool:
        """Whether two records tell the same of what is announced; ``exact`` as in :meth:`keys`."""
        if one._rows.same(one._row, other._rows, other._row):
            return True
        masks = {} if exact else self.masks
        for name in self.content(type(one).RECORD):
            a, b = getattr(one, name), getattr(other, name)
            if a != b and (name not in masks or a is None or b is None or (a ^ b) & masks[name]):
                return False
        return True
