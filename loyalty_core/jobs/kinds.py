"""Which kinds of jobs there are. What each does is in `handlers`, which only the job's own process loads."""

from __future__ import annotations

from dataclasses import dataclass

_HOUR = 3600


@dataclass(frozen=True)
class Kind:
    """`title` as people call it; `limit_seconds` ends a job.

    Of an exclusive kind a second job is refused while one is under way; beyond `most_at_once` jobs wait for their turn.
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
