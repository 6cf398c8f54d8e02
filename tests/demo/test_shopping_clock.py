"""The shopping clock runs with the shops, and loses no time over a year."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from loyalty_core.demo.shopping_clock import ShoppingClock

CLOCK = ShoppingClock(date(2025, 1, 1), date(2027, 1, 1))


def length(day: date) -> float:
    return CLOCK.at(day + timedelta(days=1)) - CLOCK.at(day)


def test_a_year_is_a_year() -> None:
    assert CLOCK.at(date(2026, 1, 1)) == pytest.approx(365, abs=1.5)


def test_the_quarter_around_christmas_is_a_quarter() -> None:
    assert CLOCK.at(date(2026, 2, 1)) - CLOCK.at(date(2025, 11, 1)) == pytest.approx(92, abs=1.0)


def test_saturdays_are_long_and_sundays_short() -> None:
    saturday, sunday = date(2026, 9, 5), date(2026, 9, 6)
    assert length(saturday) == pytest.approx(1.35 * 7 / 7.0)
    assert length(sunday) == pytest.approx(0.73 * 7 / 7.0)


def test_reading_the_clock_backwards() -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)
    hours_until_noon = (1 + 2 + 4 + 7 + 8) / 107
    reading = CLOCK.at(noon.date()) + hours_until_noon * length(noon.date())
    assert CLOCK.epoch_seconds(np.array([reading]))[0] == pytest.approx(noon.timestamp(), abs=1)


def test_nothing_is_sold_at_night() -> None:
    moments = np.random.default_rng(1).uniform(0, CLOCK.at(date(2026, 12, 31)), 20_000)
    hours = CLOCK.epoch_seconds(moments) // 3600 % 24
    assert hours.min() == 7
    assert hours.max() == 23
