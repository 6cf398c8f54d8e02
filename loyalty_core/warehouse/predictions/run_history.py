"""Which scoring runs stay stored: the newest, and the first of each recent month, whose outcome is known by now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loyalty_core.settings import Settings

Run = TypeVar("Run")

_STAMP = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True)
class RunHistory:
    """The newest `runs`, and the first run of each of the last `months` calendar months (UTC)."""

    runs: int
    months: int

    @classmethod
    def from_settings(cls, settings: Settings) -> RunHistory:
        return cls(settings.predictions_runs_kept, settings.predictions_months_kept)

    def outside(self, runs: Mapping[Run, datetime]) -> list[Run]:
        """Those of the runs, given with their times, that are not part of the history and can be removed."""
        removed = self.removed(runs.values())
        return [run for run, time in runs.items() if time in removed]

    def removed(self, times: Iterable[datetime]) -> set[datetime]:
        """Those of these times that are not part of the history; the newest run's month counts as the last one."""
        newest_first = sorted(times, reverse=True)
        firsts = first_of_months(newest_first)
        oldest_month = month_of(newest_first[0]) - self.months if newest_first else 0
        stored = {*newest_first[: self.runs], *(first for first in firsts if month_of(first) > oldest_month)}
        return set(newest_first) - stored


def first_of_months(times: Iterable[datetime]) -> list[datetime]:
    """The first time of each calendar month (UTC), oldest first."""
    firsts: dict[int, datetime] = {}
    for time in sorted(times):
        firsts.setdefault(month_of(time), time)
    return list(firsts.values())


def month_of(time: datetime) -> int:
    """A number for the calendar month (UTC); one more for the month after."""
    utc = time.astimezone(UTC)
    return 12 * utc.year + utc.month


def stamp(time: datetime) -> str:
    """The time as it appears in the names of stored runs."""
    return f"{time.astimezone(UTC):{_STAMP}}"


def time_of(text: str) -> datetime | None:
    """The time in a stamp, in capitals or not; None when it is something else."""
    try:
        return datetime.strptime(text.upper(), _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None
