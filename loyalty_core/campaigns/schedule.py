"""When a schedule is due next, in the time zone of the app, over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from loyalty_core.campaigns.definition import DAYS

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

    from loyalty_core.campaigns.definition import Trigger

_WEEK = 7


def next_run(trigger: Trigger, after: datetime, zone: ZoneInfo) -> datetime | None:
    """The first time after `after` at which the schedule is due, in UTC; None without one.

    A time that the clock skips in spring is taken by the clock from before, so one hour later; of a time that comes
    twice in autumn, the first counts.
    """
    if trigger.kind != "schedule":
        return None
    day = after.astimezone(zone).date()
    if trigger.start_on is not None:
        day = max(day, trigger.start_on)
    for _ in range(_WEEK + 1):
        if trigger.end_on is not None and day > trigger.end_on:
            return None
        due = _at(trigger, day, zone)
        if (not trigger.days or DAYS[day.weekday()] in trigger.days) and due > after:
            return due
        day += timedelta(days=1)
    return None


def _at(trigger: Trigger, day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(trigger.hour, trigger.minute), zone).astimezone(UTC)
