"""The dates of the demo, all counted back from the snapshot date."""

import calendar
from dataclasses import dataclass
from datetime import date, timedelta

from loyalty_core.demo.shopping_clock import ShoppingClock
from loyalty_core.errors import SettingsError

MONTHS = 36
CHURN_DAYS = 90
CHURN_SNAPSHOTS = 6
MAILINGS, MAILINGS_IN_HISTORY = 12, 6
MAILING_DAYS = 28
FIRST_YEAR, LAST_YEAR = 1980, 2200


@dataclass(frozen=True)
class Timeline:
    """Programme start, snapshot, churn snapshots (outcome known by the snapshot) and mailing days.

    `offer_dates` are the mailing days that the offer history has: more rows would only make a training longer.
    """

    start: date
    snapshot: date
    churn_dates: tuple[date, ...]
    mailing_dates: tuple[date, ...]
    clock: ShoppingClock

    @property
    def offer_dates(self) -> tuple[date, ...]:
        return self.mailing_dates[-MAILINGS_IN_HISTORY:]

    @classmethod
    def until(cls, snapshot: date) -> "Timeline":
        """The timeline that ends at midnight of `snapshot`. Raises SettingsError for a year out of range."""
        if not FIRST_YEAR <= snapshot.year <= LAST_YEAR:
            raise SettingsError(
                f"The snapshot date {snapshot.isoformat()} is out of range.",
                f"The demo can be dated from {FIRST_YEAR} to {LAST_YEAR}.",
                "Give a date such as 2026-11-01.",
            )
        start = months_before(snapshot, MONTHS)
        return cls(
            start=start,
            snapshot=snapshot,
            churn_dates=_last_months(snapshot, CHURN_SNAPSHOTS, CHURN_DAYS),
            mailing_dates=_last_months(snapshot, MAILINGS, MAILING_DAYS),
            clock=ShoppingClock(start, snapshot + timedelta(days=CHURN_DAYS)),
        )

    @property
    def today(self) -> float:
        """Reading of the shopping clock at the snapshot."""
        return self.clock.at(self.snapshot)

    def shopping_days_ahead(self, day: date, days: int) -> float:
        """Length of a window of `days` that begins at `day`, in shopping days."""
        return self.clock.at(day + timedelta(days=days)) - self.clock.at(day)


def months_before(day: date, months: int) -> date:
    """The same day of an earlier month, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _last_months(snapshot: date, count: int, days_after: int) -> tuple[date, ...]:
    """The last `count` monthly dates, oldest first, that have `days_after` days before the snapshot."""
    monthly = (months_before(snapshot, months) for months in range(1, MONTHS))
    known = [day for day in monthly if day + timedelta(days=days_after) <= snapshot]
    return tuple(reversed(known[:count]))
