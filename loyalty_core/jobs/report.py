"""How a handler reports its progress, and learns that it should stop."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from threading import Event, Lock
from typing import Any


class JobStopped(Exception):
    """Raised in a handler that should end; it leaves everything as it was."""


@dataclass(frozen=True)
class Progress:
    """Where a job is: `done` of `total` within a phase."""

    phase: str = ""
    done: int = 0
    total: int | None = None
    message: str = ""


@dataclass
class Report:
    """What a handler is given. Telling costs nothing: a thread writes it to the state store about once a second.

    Each method raises `JobStopped` once the job should stop.
    """

    _progress: Progress = field(default_factory=Progress)
    _events: list[Any] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _stopped: Event = field(default_factory=Event)

    def phase(self, name: str, total: int | None = None) -> None:
        """Begin another part of the work."""
        self._tell(Progress(name, 0, total, self._progress.message))

    def progress(self, done: int, total: int | None = None) -> None:
        """So much of the phase is done; `total` where it is known by now."""
        self._tell(replace(self._progress, done=done, total=self._progress.total if total is None else total))

    def message(self, text: str) -> None:
        """One line for people, shown while the job runs and after it."""
        self._tell(replace(self._progress, message=text))

    def event(self, data: Any) -> None:
        """Append an event, as JSON: a point of a growing chart. Raises for values that are not JSON."""
        kept = as_json(data)
        with self._lock:
            self._events.append(kept)
        self.raise_if_stopped()

    def raise_if_stopped(self) -> None:
        if self._stopped.is_set():
            raise JobStopped

    def stop(self) -> None:
        """Let the next word of the handler be its last."""
        self._stopped.set()

    def untold(self) -> tuple[Progress, list[Any]]:
        """Where the job is, and the events that are not written yet."""
        with self._lock:
            return self._progress, list(self._events)

    def mark_reported(self, events: int) -> None:
        """The first of the events are written."""
        with self._lock:
            del self._events[:events]

    def _tell(self, progress: Progress) -> None:
        with self._lock:
            self._progress = progress
        self.raise_if_stopped()


def as_json(value: Any) -> Any:
    """A copy as JSON gives it back. Raises `TypeError` or `ValueError` for what JSON cannot hold, such as NaN."""
    return json.loads(json.dumps(value, allow_nan=False))
