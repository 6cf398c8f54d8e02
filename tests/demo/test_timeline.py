"""All dates of the demo are counted back from the snapshot."""

from datetime import date, timedelta

import pytest

from loyalty_core.demo.timeline import Timeline, months_before
from loyalty_core.errors import SettingsError


def test_dates_for_the_usual_snapshot() -> None:
    timeline = Timeline.until(date(2026, 11, 1))
    assert timeline.start == date(2023, 11, 1)
    assert timeline.churn_dates == tuple(date(2026, month, 1) for month in range(3, 9))
    assert timeline.mailing_dates[0] == date(2025, 11, 1)
    assert timeline.mailing_dates[-1] == date(2026, 10, 1)
    assert len(timeline.mailing_dates) == 12
    assert timeline.offer_dates == tuple(date(2026, month, 1) for month in range(5, 11))


@pytest.mark.parametrize("snapshot", [date(2026, 5, 1), date(2026, 3, 1), date(2024, 2, 29), date(2026, 5, 31)])
def test_every_outcome_is_known_by_the_snapshot(snapshot: date) -> None:
    timeline = Timeline.until(snapshot)
    assert len(timeline.churn_dates) == 6
    assert timeline.churn_dates[-1] + timedelta(days=90) <= snapshot
    assert timeline.mailing_dates[-1] + timedelta(days=28) <= snapshot


def test_months_before_ends_on_the_last_day_of_a_shorter_month() -> None:
    assert months_before(date(2026, 5, 31), 3) == date(2026, 2, 28)
    assert months_before(date(2026, 1, 15), 1) == date(2025, 12, 15)


@pytest.mark.parametrize("snapshot", [date(1, 1, 1), date(9999, 12, 31)])
def test_absurd_dates_are_refused(snapshot: date) -> None:
    with pytest.raises(SettingsError, match="out of range"):
        Timeline.until(snapshot)
