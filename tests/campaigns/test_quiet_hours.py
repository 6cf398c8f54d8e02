"""Quiet hours over midnight and over changes of the clock, and schedules over both."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.campaigns import QuietHours, Trigger
from loyalty_core.campaigns.quiet_hours import next_allowed
from loyalty_core.campaigns.schedule import next_run

OSLO = ZoneInfo("Europe/Oslo")  # the clock goes forward on 29 March 2026 at 02:00, back on 25 October at 03:00


def quiet(start: str, end: str) -> QuietHours:
    return QuietHours(**{"from": start, "until": end})


def in_oslo(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=OSLO, fold=fold)


@pytest.mark.parametrize(
    ("now", "start", "end", "sent"),
    [
        ("2026-03-10 20:59", "21:00", "08:00", "2026-03-10 20:59"),
        ("2026-03-10 21:00", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-11 00:30", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-11 08:00", "21:00", "08:00", "2026-03-11 08:00"),
        ("2026-03-10 12:00", "21:00", "08:00", "2026-03-10 12:00"),
        ("2026-03-10 12:00", "08:00", "21:00", "2026-03-10 21:00"),
        ("2026-03-10 23:00", "08:00", "21:00", "2026-03-10 23:00"),
        ("2026-03-28 23:00", "21:00", "08:00", "2026-03-29 08:00"),
        ("2026-10-24 23:00", "21:00", "08:00", "2026-10-25 08:00"),
        ("2026-03-29 01:00", "21:00", "02:30", "2026-03-29 03:30"),
    ],
)
def test_a_window_over_midnight_is_not_the_one_by_day_and_clock_changes_keep_its_end(
    now: str, start: str, end: str, sent: str
):
    assert next_allowed(in_oslo(now), quiet(start, end), OSLO) == in_oslo(sent).astimezone(UTC)


def test_an_end_that_the_clock_shows_twice_is_the_next_of_the_two():
    night = quiet("21:00", "02:30")
    first, second = in_oslo("2026-10-25 02:30"), in_oslo("2026-10-25 02:30", fold=1)
    assert next_allowed(in_oslo("2026-10-25 01:00"), night, OSLO) == first.astimezone(UTC)
    assert next_allowed(in_oslo("2026-10-25 02:10", fold=1), night, OSLO) == second.astimezone(UTC)


@settings(max_examples=200, deadline=None)
@given(
    st.datetimes(datetime(2026, 3, 27), datetime(2026, 10, 27), timezones=st.just(UTC)),
    st.times(),
    st.times(),
    st.sampled_from(["Europe/Oslo", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_nothing_waits_for_more_than_a_day_and_nothing_is_sent_in_quiet_hours(now: datetime, start, end, name: str):
    if start == end:
        return
    zone = ZoneInfo(name)
    sent = next_allowed(now, QuietHours(**{"from": start, "until": end}), zone)
    assert 0 <= (sent - now).total_seconds() <= 25 * 3600
    assert next_allowed(sent, QuietHours(**{"from": start, "until": end}), zone) == sent


def schedule(**parts: object) -> Trigger:
    return Trigger(kind="schedule", **parts)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("trigger", "after", "due"),
    [
        (schedule(hour=9), "2026-03-10 08:59", "2026-03-10 09:00"),
        (schedule(hour=9), "2026-03-10 09:00", "2026-03-11 09:00"),
        (schedule(hour=9, days=("mon",)), "2026-03-10 08:00", "2026-03-16 09:00"),
        (schedule(hour=9), "2026-03-28 09:00", "2026-03-29 09:00"),
        (schedule(hour=2, minute=30), "2026-03-28 12:00", "2026-03-29 03:30"),
        (schedule(hour=2, minute=30), "2026-10-24 12:00", "2026-10-25 02:30"),
        (schedule(hour=9, start_on="2026-05-01"), "2026-03-28 09:00", "2026-05-01 09:00"),
    ],
)
def test_a_schedule_is_due_by_the_clock_on_the_wall(trigger: Trigger, after: str, due: str):
    assert next_run(trigger, in_oslo(after), OSLO) == in_oslo(due).astimezone(UTC)


def test_a_schedule_ends():
    ending = schedule(hour=9, end_on="2026-03-10")
    assert next_run(ending, in_oslo("2026-03-10 08:00"), OSLO) == in_oslo("2026-03-10 09:00").astimezone(UTC)
    assert next_run(ending, in_oslo("2026-03-10 09:00"), OSLO) is None
    assert next_run(Trigger(kind="by_hand"), in_oslo("2026-03-10 09:00"), OSLO) is None
