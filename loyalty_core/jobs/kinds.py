"""Which kinds of jobs there are. What each does is in `handlers`, which only the job's own process loads."""

from __future__ import annotations

from dataclasses import dataclass

_HOUR = 3600


@dataclass(frozen=True)
class Kind:
    """`title` as people call it; of an exclusive kind one job is under way at a time; `limit_seconds` ends a job."""

    title: str
    limit_seconds: float
    exclusive: bool = False


KINDS = {
    "scoring": Kind("Scoring", 6 * _HOUR, exclusive=True),
    "training": Kind("Training", 12 * _HOUR, exclusive=True),
    "comparison": Kind("Comparing versions", 6 * _HOUR),
    "segments": Kind("Computing segments", 6 * _HOUR),
    "export": Kind("Export", 6 * _HOUR),
}
