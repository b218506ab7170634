"""Whether several dumps together list every object that was there all the while."""

from __future__ import annotations

from collections.abc import Container, Hashable, Sequence
from typing import NamedTuple


class Listing(NamedTuple):
    """What one dump of one table listed: the objects' keys, datagram by datagram."""

    datagrams: Sequence[Sequence[Hashable]]
    #: Whether the last datagram had room for an object more, and so ended where the table did.
    ended: bool = True


def room(number: int) -> int:
    """Bytes for the datagrams of the number-th dump, so that no two dumps are divided at the same places."""
    return 32_448 - number * 2_716 % 24_000


def whole(listings: Sequence[Listing], changed: Container[Hashable]) -> bool:
    """Whether no object that is not among the ``changed`` can be missing from all of the listings.

    The kernel lists a table in an order of its own. It holds the table still while it fills one datagram: that is an
    exact stretch of the order, and nothing between its first object and its last is left out. Objects are left out (or
    repeated) where one datagram ends and the next begins. Two datagrams of different dumps that share an object are
    one exact stretch together. So where shared objects lead from the first datagram of a dump to the last of any, the
    whole order is covered, and it need not even be known.

    Args:
        listings: the dumps of one table, all of one order.
        changed: keys of objects that came, went or moved meanwhile: they link nothing.
    """
    begin, end = 0, 1
    above = [begin, end]  # a forest of datagrams: each tree is one exact stretch
    holder: dict[Hashable, int] = {}
    # Where two stretches have something in common, the first or the last of one of them is in the other.
    ends = {
        next((key for key in keys if key not in changed), None)
        for made in listings
        for datagram in made.datagrams
        for keys in (datagram, datagram[::-1])
    }
    ends.discard(None)

    def top(node: int) -> int:
        while above[node] != node:
            above[node] = above[above[node]]
            node = above[node]
        return node

    for datagrams, ended in listings:
        node = begin
        for number, keys in enumerate(datagrams):
            node = len(above)
            above.append(node if number else begin)
            for key in ends.intersection(keys):
                above[top(holder.setdefault(key, node))] = top(node)
        if ended:
            above[top(node)] = top(end)
    return top(begin) == top(end)
