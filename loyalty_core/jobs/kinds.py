"""The kinds of jobs. What each of them does is in `loyalty_core.work.handlers`, which only the job's process loads."""

from __future__ import annotations

from dataclasses import dataclass

_HOUR = 3600


@dataclass(frozen=True)
class Kind:
    """A kind of job: `title` is its name on screens, and a job that runs longer than `limit_seconds` is stopped.

    While a job of an exclusive kind is under way, another one is refused. Beyond `most_at_once`, jobs wait in line.
    """

    title: str
    limit_seconds: float
    exclusive: bool = False
    most_at_once: int | None = None


KINDS = {
    "scoring": Kind("Scoring", 6 * _HOUR, exclusive=True),
    "training": Kind("Training", 12 * _HOUR, exclusive=True),
    "comparison": Kind("Comparing versions", 6 * _HOUR),
    "segments": Kind("Computing segments", 6 * _HOUR),
    "export": Kind("Export", 6 * _HOUR, most_at_once=2),
}
