"""Where handlers report their progress and learn that they must stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any


class JobStopped(Exception):
    """Raised in a handler that has to stop, which then leaves everything as it was."""


@dataclass(frozen=True)
class Progress:
    """How far a job is: `done` of `total` within a phase."""

    phase: str = ""
    done: int = 0
    total: int | None = None
    message: str = ""


@dataclass
class Report:
    """What a handler reports to. Reports are cheap: a thread writes them to the state store about once a second.

    Each of the methods that report raises `JobStopped` once the job has to stop.
    """

    _progress: Progress = field(default_factory=Progress)
    _events: list[Any] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _stopped: Event = field(default_factory=Event)

    def phase(self, name: str, total: int | None = None) -> None:
        """Begin the next phase of the work."""
        self._set(Progress(name, 0, total, self._progress.message))

    def progress(self, done: int, total: int | None = None) -> None:
        """Report how much of the phase is done, and `total` if it has become known."""
        self._set(replace(self._progress, done=done, total=self._progress.total if total is None else total))

    def message(self, text: str) -> None:
        """Set the one line that screens show while the job runs and afterwards."""
        self._set(replace(self._progress, message=text))

    def event(self, data: Any) -> None:
        """Append an event, such as a point of a growing chart. Raises for values that are not JSON."""
        event = as_json(data)
        with self._lock:
            self._events.append(event)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        if self._stopped.is_set():
            raise JobStopped

    def stop(self) -> None:
        """Ask the handler to stop: its next report raises `JobStopped`."""
        self._stopped.set()

    def unreported(self) -> tuple[Progress, list[Any]]:
        """The progress, and the events that have not been written yet."""
        with self._lock:
            return self._progress, list(self._events)

    def mark_reported(self, events: int) -> None:
        """Note that the first `events` events have been written."""
        with self._lock:
            del self._events[:events]

    def _set(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress
        self.raise_if_stopped()


def as_json(value: Any) -> Any:
    """A copy as JSON returns it. Raises `TypeError` or `ValueError` for what JSON cannot represent, such as NaN."""
    return json.loads(json.dumps(value, allow_nan=False))
