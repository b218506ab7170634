"""What becomes of many changes: the report, what was lost, and what is undone."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol

from .bulk import BulkInterrupted, Failure, Outcomes, Packed, Progress, Report, Requests, apart, run
from .encode import encode
from .errors import NetlinkError
from .family import Family
from .many import FLAGS, Asked, is_met, sendable
from .schema import Record
from .socket import Socket

#: What becomes of the other requests when one is refused.
ON_ERROR = ("stop", "continue", "rollback")

#: Requests and their places.
Carried = Sequence[tuple[int, Asked[Any]]]


class Objects(Protocol):
    """The objects of one family."""

    def read(self) -> Mapping[Hashable, Any]:
        """All of them, by their keys."""

    def undo(self, carried: Carried, before: Mapping[Hashable, Any]) -> tuple[Sequence[int], Carried]:
        """Undoes what is not undone by the opposite request.

        Args:
            carried: what was carried out.
            before: what was there.

        Returns:
            The places of what could not be undone, and what is left to be undone by the opposite requests.
        """


def carry_out(
    socket: Socket,
    requests: Requests,
    asked: Callable[[int], Asked[Any]],
    services: Mapping[str, Objects],
    on_error: str,
    progress: Progress | None,
) -> Report:
    """Sends requests and reports what became of them.

    Args:
        socket: of the namespace.
        requests: encoded.
        asked: the place of a request -> what it was to do.
        services: of the families that the requests are of, by their names.
        on_error: one of ON_ERROR.
        progress: see :data:`pynl.bulk.Progress`.

    Raises:
        BulkInterrupted: Ctrl-C came; its ``report`` tells what was carried out until then.
        Exception: what ``progress`` raised, or MemoryError; it has the report as its ``report`` too.
        ValueError: no such way with errors.
    """
    if on_error not in ON_ERROR:
        raise ValueError(f"on_error: expected one of {', '.join(ON_ERROR)}, not {on_error!r}")
    started = time.monotonic()

    def work(came: Sequence[object]) -> tuple[Report, BaseException | None]:
        return _carried_out(socket, requests, asked, services, on_error, progress, came)

    (report, failed), interrupted = apart(work)
    report.duration = time.monotonic() - started
    if failed is not None:
        failed.report = report  # type: ignore[attr-defined]
        raise failed
    if interrupted:
        raise BulkInterrupted(report)
    return report


def _carried_out(
    socket: Socket,
    requests: Requests,
    asked: Callable[[int], Asked[Any]],
    services: Mapping[str, Objects],
    on_error: str,
    progress: Progress | None,
    came: Sequence[object],
) -> tuple[Report, BaseException | None]:
    """As :func:`carry_out`; ``came`` has each Ctrl-C so far. Returns also what ended it before its time."""
    before = {name: service.read() for name, service in services.items()} if on_error == "rollback" else {}
    outcomes = run(socket, requests, on_error != "continue", progress, lambda: bool(came))
    report = Report(total=len(requests), unsent=len(requests) - outcomes.sent)
    _settle(outcomes, asked, services)
    for index, error in sorted(outcomes.errors.items()):
        report.failures.append(Failure(index, asked(index).record, error))
    report.unknown = outcomes.unknown
    report.done = outcomes.sent - len(outcomes.errors) - len(outcomes.unknown)
    ended = came or outcomes.failed is not None
    if on_error == "rollback" and (outcomes.errors or outcomes.unknown or ended):
        _undo(socket, outcomes, asked, services, before, report, came)
    return report, outcomes.failed


def _settle(outcomes: Outcomes, asked: Callable[[int], Asked[Any]], services: Mapping[str, Objects]) -> None:
    """Finds out by reading what became of requests whose answers were lost, as far as what is there tells."""
    there: dict[str, Mapping[Hashable, Any]] = {}
    unknown, outcomes.unknown = outcomes.unknown, []
    last: dict[Hashable, int] = {}
    for index in range(unknown[0], outcomes.sent) if unknown else ():
        if index not in outcomes.errors:
            request = asked(index)
            last[request.family.name, request.family.key(request.record)] = index
    for index in unknown:
        request = asked(index)
        name = request.family.name
        if name not in there:
            there[name] = services[name].read()
        done = _is_done(request, there[name])
        if done is None or last[name, request.family.key(request.record)] != index:
            outcomes.unknown.append(index)
        elif not done:
            outcomes.errors[index] = NetlinkError(errno.ENOBUFS, "the answer was lost, and it was not carried out")


def _is_done(request: Asked[Any], there: Mapping[Hashable, Any]) -> bool | None:
    """Whether a request was carried out, or changes nothing; None: what is there does not tell."""
    family = request.family
    old = there.get(family.key(request.record))
    if request.verb == "delete":
        meant = family.part(request.record)
        if meant is not None:  # it, or another that was meant as well
            return None if any(map(meant, there.values())) else True
        return old is None
    if request.verb in ("append", "set") or request.type != family.new:
        return None
    if old is not None:
        return is_met(family, request.record, old) or None
    return None if request.verb == "change" else False


def _undo(
    socket: Socket,
    outcomes: Outcomes,
    asked: Callable[[int], Asked[Any]],
    services: Mapping[str, Objects],
    before: Mapping[str, Mapping[Hashable, Any]],
    report: Report,
    came: Sequence[object],
) -> None:
    """Undoes what was carried out: each object that was touched becomes what it was before, the last one first.

    Another Ctrl-C ends it between two sends.
    """
    earlier = len(came)
    dropped = outcomes.errors.keys() | outcomes.unknown
    carried = [(index, asked(index)) for index in range(outcomes.sent) if index not in dropped]
    left: list[tuple[int, Asked[Any]]] = []
    for name, service in services.items():
        own = [(index, request) for index, request in carried if request.family.name == name]
        try:
            kept, rest = service.undo(own, before[name])
        except BaseException as error:
            outcomes.failed = outcomes.failed or error
            kept, rest = [index for index, _ in own], ()
        report.kept += kept
        left += rest
    undoing, places = _opposites(sorted(left, key=lambda one: one[0]), before, report.kept)
    undone = run(socket, Packed(undoing), False, ended=lambda: len(came) > earlier)
    outcomes.failed = outcomes.failed or undone.failed
    for place in (*undone.errors, *undone.unknown, *range(undone.sent, len(undoing))):
        report.kept += places[place]
    report.kept.sort()
    report.undone = len(carried) - len(report.kept)
    report.done = len(report.kept)


def _opposites(
    carried: Carried, before: Mapping[str, Mapping[Hashable, Any]], kept: list[int]
) -> tuple[list[tuple[Any, int, type[Record], bytes]], list[list[int]]]:
    """The requests that undo others, and the places of the others; ``kept`` gets those that have none."""
    touched: dict[Any, list[tuple[int, Asked[Any]]]] = {}
    for index, request in carried:
        key = request.family.key(request.record)
        one = request.family.name, key, index if request.verb == "append" else None
        touched.setdefault(one, []).append((index, request))
    undoing: list[tuple[Any, int, type[Record], bytes]] = []
    places: list[list[int]] = []
    for (name, key, _), changes in sorted(touched.items(), key=lambda item: -item[1][-1][0]):
        indexes = [index for index, _ in changes]
        request = changes[-1][1]
        old = before[name].get(key)
        gone = request.verb == "delete"
        if old is None and gone:  # it came and went; or it was told by less than its key
            if changes[0][1].verb == "delete":
                kept += indexes
            continue
        places.append(indexes)
        if old is None or request.verb == "append":
            undoing.append(_change(request.family, "delete", request.record))
        else:
            undoing.append(_change(request.family, "add" if gone else "replace", sendable(request.family, old)))
    return undoing, places


def _change(family: Family[Any], verb: str, record: Record) -> tuple[Any, int, type[Record], bytes]:
    if verb == "delete" and family.identity:
        record = family.record(**{name: getattr(record, name) for name in family.identity})
    type = family.delete if verb == "delete" else family.new
    return type, FLAGS[verb], family.record, encode(record)
