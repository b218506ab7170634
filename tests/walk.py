"""How the kernel walks what it dumps, one datagram at a time, while others change it: three models of it.

``Tree`` is net/ipv6/ip6_fib.c: the walker stands at a place, and counts the nodes that it has delivered. What is added
changes the tree's serial number, and with a new number the walk begins at the root again and skips as many nodes as it
has counted, whichever they are. What is deleted leaves the number alone, and the walker steps aside. ``Trie`` is
net/ipv4/fib_trie.c: it goes on behind the last key. ``Buckets`` is net/core/neighbour.c: it goes on in the same bucket,
behind as many entries as it has delivered of it.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable
from random import Random
from typing import Protocol

#: Entries of the first datagram of a socket, and of those after it, are some 30 and 280 routes: here they are fewer.
FIRST, LATER = 4, 12


class Kernel(Protocol):
    """A table that is walked."""

    def add(self, key: int) -> None: ...

    def delete(self, key: int) -> None: ...

    def dump(self, rooms: Callable[[], int], meanwhile: Callable[[], None]) -> list[list[int]]:
        """The keys by datagram; ``rooms`` tells how many fit the next, ``meanwhile`` passes between two."""


class Tree:
    def __init__(self, keys: list[int]) -> None:
        self.keys = sorted(keys)
        self.serial = 0

    def add(self, key: int) -> None:
        at = bisect.bisect_left(self.keys, key)
        if self.keys[at : at + 1] != [key]:
            self.keys.insert(at, key)
            self.serial += 1

    def delete(self, key: int) -> None:
        if key in self.keys:
            self.keys.remove(key)

    def dump(self, rooms: Callable[[], int], meanwhile: Callable[[], None]) -> list[list[int]]:
        found: list[list[int]] = []
        count, last, serial = 0, -1, self.serial
        while True:
            at = count if serial != self.serial else bisect.bisect_right(self.keys, last)
            serial = self.serial
            room = rooms()
            keys = self.keys[at : at + room]
            if keys:
                found.append(keys)
                last = keys[-1]
            count += len(keys)
            if len(keys) < room:
                return found
            meanwhile()


class Trie:
    def __init__(self, keys: list[int]) -> None:
        self.keys = set(keys)
        self.add, self.delete = self.keys.add, self.keys.discard

    def dump(self, rooms: Callable[[], int], meanwhile: Callable[[], None]) -> list[list[int]]:
        found: list[list[int]] = []
        last = -1
        while True:
            room = rooms()
            keys = sorted(key for key in self.keys if key > last)[:room]
            if keys:
                found.append(keys)
                last = keys[-1]
            if len(keys) < room:
                return found
            meanwhile()


class Buckets:
    COUNT = 8

    def __init__(self, keys: list[int]) -> None:
        self.chains: list[list[int]] = [[] for _ in range(self.COUNT)]
        for key in keys:
            self.add(key)

    def _chain(self, key: int) -> list[int]:
        return self.chains[key * 2654435761 % 2**32 % self.COUNT]

    def add(self, key: int) -> None:
        if key not in self._chain(key):
            self._chain(key).insert(0, key)

    def delete(self, key: int) -> None:
        if key in self._chain(key):
            self._chain(key).remove(key)

    def dump(self, rooms: Callable[[], int], meanwhile: Callable[[], None]) -> list[list[int]]:
        found: list[list[int]] = []
        bucket = index = 0
        while True:
            room = rooms()
            keys: list[int] = []
            while bucket < self.COUNT and len(keys) < room:
                part = self.chains[bucket][index : index + room - len(keys)]
                keys += part
                index += len(part)
                if index >= len(self.chains[bucket]) and len(keys) < room:
                    bucket, index = bucket + 1, 0
            if keys:
                found.append(keys)
            if len(keys) < room:
                return found
            meanwhile()


class Churn:
    """Somebody who adds and deletes some keys as he likes, so fast that each datagram finds another table."""

    def __init__(self, kernel: Kernel, keys: list[int], random: Random, most: int = 6) -> None:
        self.kernel, self.keys, self.random, self.most = kernel, keys, random, most
        self.changed: set[int] = set()

    def __call__(self) -> None:
        for _ in range(self.random.randint(0, self.most)):
            key = self.random.choice(self.keys)
            self.changed.add(key)
            (self.kernel.add if self.random.random() < 0.5 else self.kernel.delete)(key)


def rooms(first: int = FIRST, later: int = LATER) -> Callable[[], int]:
    """As a socket's: its first datagram is short."""
    sizes = iter((first,))
    return lambda: next(sizes, later)
