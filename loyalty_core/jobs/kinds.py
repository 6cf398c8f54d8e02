"""The kinds of jobs. What each of them does is in `loyalty_core.work.handlers`, which only the job's process loads."""

from __future__ import annotations

from dataclasses import dataclass

from loyalty_core.access import Action

_HOUR = 3600


@dataclass(frozen=True)
class Kind:
    """A kind of job: `title` is its name on screens, and a job that runs longer than `limit_seconds` is stopped.

    `action` is what whoever starts or cancels it must be allowed to do. While a job of an exclusive kind is under way,
    another one is refused. Beyond `most_at_once`, jobs wait in line.
    """

    title: str
    action: Action
    limit_seconds: float
    exclusive: bool = False
    most_at_once: int | None = None


KINDS = {
    "scoring": Kind("Scoring", Action.SCORE, 6 * _HOUR, exclusive=True),
    "training": Kind("Training", Action.TRAIN, 12 * _HOUR, exclusive=True),
    "comparison": Kind("Comparing versions", Action.TRAIN, 6 * _HOUR),
    "connection": Kind("Loading a file", Action.CONNECT_DATA, 6 * _HOUR, exclusive=True),
    "segments": Kind("Computing segments", Action.SCORE, 6 * _HOUR),
    "campaign": Kind("Running a campaign", Action.RUN_CAMPAIGNS, 6 * _HOUR),
    "export": Kind("Export", Action.EXPORT, 6 * _HOUR, most_at_once=2),
}
