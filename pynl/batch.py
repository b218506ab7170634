"""Batches: changes of any kind, collected and then sent together."""

from __future__ import annotations

from typing import Any

from .bulk import Packed, Progress, Report
from .many import FLAGS, Asked
from .outcome import ON_ERROR, carry_out
from .socket import Socket
from .verbs import Change


class Collected:
    """Changes that wait to be sent together.

    Args:
        socket: of the namespace.
        on_error: "stop", "continue" or "rollback", as for ``add_many``.
        progress: as for ``add_many``.
    """

    def __init__(self, socket: Socket, on_error: str, progress: Progress | None) -> None:
        if on_error not in ON_ERROR:
            raise ValueError(f"on_error: expected one of {', '.join(ON_ERROR)}, not {on_error!r}")
        self._socket, self._on_error, self._progress = socket, on_error, progress
        self._changes: list[Change] = []

    at_once = False

    def change(self, change: Change) -> None:
        """Takes a change."""
        self._changes.append(change)

    def __len__(self) -> int:
        return len(self._changes)

    def send(self) -> Report:
        """Sends all of them; none is left."""
        changes, self._changes = self._changes, []
        services = {change.service.FAMILY.name: change.service for change in changes}

        def asked(index: int) -> Asked[Any]:
            change = changes[index]
            return Asked(change.verb, change.service.FAMILY, change.record, change.type)

        requests = Packed([(c.type, FLAGS[c.verb], c.record.RECORD, c.payload) for c in changes])
        return carry_out(self._socket, requests, asked, services, self._on_error, self._progress)
