"""Which scoring runs stay stored: the newest, and the first of each of the last months."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from loyalty_core.warehouse.predictions import RunHistory, first_of_months
from loyalty_core.warehouse.predictions.run_history import stamp, time_of

YEAR = [datetime(2026, 1, 1, 3, tzinfo=UTC) + timedelta(days=day) for day in range(365)]


def stored(history: RunHistory, times: list[datetime]) -> list[str]:
    return [f"{time:%Y-%m-%d}" for time in sorted(set(times) - history.removed(times))]


def test_daily_runs_of_a_year_leave_the_newest_and_the_first_of_each_month():
    assert stored(RunHistory(runs=3, months=4), YEAR) == [
        "2026-09-01", "2026-10-01", "2026-11-01", "2026-12-01", "2026-12-29", "2026-12-30", "2026-12-31",
    ]  # fmt: skip


def test_the_same_is_left_when_runs_are_removed_day_by_day():
    history, left = RunHistory(runs=6, months=12), []
    for time in YEAR:
        left = [one for one in (*left, time) if one not in history.removed([*left, time])]
    assert sorted(left) == sorted(set(YEAR) - history.removed(YEAR))
    assert len(left) == 18


def test_monthly_runs_are_never_stored_twice():
    monthly = [time for time in YEAR if time.day == 1]
    assert RunHistory(runs=6, months=12).removed(monthly) == set()
    assert stored(RunHistory(runs=2, months=3), monthly) == ["2026-10-01", "2026-11-01", "2026-12-01"]


def test_without_months_only_the_newest_remain():
    assert stored(RunHistory(runs=2, months=0), YEAR) == ["2026-12-30", "2026-12-31"]


def test_months_without_a_run_count_too():
    times = [datetime(2025, month, 5, tzinfo=UTC) for month in (1, 9, 12)]
    assert stored(RunHistory(runs=1, months=4), times) == ["2025-09-05", "2025-12-05"]


def test_no_runs_leave_nothing_to_remove():
    assert RunHistory(runs=6, months=12).removed([]) == set()


def test_months_are_those_of_utc():
    east = timezone(timedelta(hours=2))
    last_of_march, first_of_april = datetime(2026, 4, 1, 1, tzinfo=east), datetime(2026, 4, 1, 3, tzinfo=east)
    assert first_of_months([first_of_april, last_of_march]) == [last_of_march, first_of_april]


def test_a_stamp_gives_its_time_back():
    time = datetime(2026, 11, 25, 21, 25, 30, 544941, tzinfo=UTC)
    assert stamp(time) == "20261125T212530544941Z"
    assert time_of("20261125t212530544941z") == time
    assert time_of("last spring") is None
