"""A mirror and snapshots through long churn: equal whenever it pauses, and no memory or descriptor more in the end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import statistics
import sys
import time
from itertools import cycle
from typing import Any

import churn
from conftest import _make, _remove
from test_harsh import churned, resident
from test_mirror import Consumer, like_ip, same

#: Seconds between two pauses.
ROUND = 5.0


def equal(consumer: Consumer, netns: Any, nl: Any, mirror: Any) -> None:
    same(nl, mirror)
    consumer.agrees(mirror)
    like_ip(netns, mirror)


def steady(name: str, values: list[int], slack: int) -> None:
    """The second half stays where it began."""
    half = values[len(values) // 2 :]
    middle = len(half) // 2
    early, late = statistics.median(half[: middle + 1]), statistics.median(half[middle:])
    print(f"{name}: {values[0]} at first, {early:.0f} in the third quarter, {late:.0f} in the last")
    assert late - early <= slack, f"{name} grows"


def main(seconds: float) -> None:
    chance = random.Random()
    netns = _make()
    try:
        with contextlib.ExitStack() as stack:
            nl = stack.enter_context(netns.netlink())
            churn.prepare(nl)
            mirror = stack.enter_context(nl.mirror(*churn.KINDS, buffer=32 << 10))
            consumer = Consumer(nl, mirror)
            writers = [stack.enter_context(churned(netns, what, chance.randrange(10**6))) for what in ("all", "routes")]
            kinds = cycle(churn.KINDS)
            memory, descriptors, snapshots = [], [], 0
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pause = time.monotonic() + min(ROUND, seconds / 8)
                while time.monotonic() < pause:
                    getattr(nl, next(kinds)).snapshot(max_dumps=None)
                    snapshots += 1
                    consumer.follow()
                    mirror.lookup_many(["10.1.0.1", "2001:db8:a1::1"])
                for writer in writers:
                    os.kill(writer.pid, signal.SIGSTOP)
                equal(consumer, netns, nl, mirror)
                memory.append(resident())
                descriptors.append(len(os.listdir("/proc/self/fd")))
                for writer in writers:
                    os.kill(writer.pid, signal.SIGCONT)
            assert all(writer.poll() is None for writer in writers), "a writer has ended"
            print(f"{snapshots} snapshots, {mirror.resyncs} times read again, {nl.statistics.overruns} overruns")
            steady("bytes of memory", memory, 2 << 20)
            steady("descriptors", descriptors, 0)
    finally:
        _remove(netns)


if __name__ == "__main__":
    main(float(sys.argv[1]))
