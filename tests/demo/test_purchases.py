"""The purchase process: what is simulated is what the closed form says."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from loyalty_core.demo.habits import Habits, draw_habits
from loyalty_core.demo.profiles import draw_profiles
from loyalty_core.demo.purchases import FIRST_WAIT, Seen, silence_probability, simulate_purchases
from loyalty_core.demo.shopping_clock import ShoppingClock

CLOCK = ShoppingClock(date(2023, 11, 1), date(2027, 1, 1))
TODAY = 1000.0


def alike(count: int, rate: float, drift: float) -> Habits:
    """Members with the same habits, who bought when they joined on the first day."""
    rng = np.random.default_rng(1)
    habits = draw_habits(rng, draw_profiles(rng, count), TODAY)
    return replace(
        habits,
        joined=np.zeros(count),
        buys_when_joining=np.ones(count, dtype=bool),
        rate=np.full(count, rate),
        drift=np.full(count, drift),
    )


@pytest.mark.parametrize(("rate", "drift"), [(0.055, 0.15), (0.02, 0.05), (0.1, 0.3)])
@pytest.mark.parametrize("since_last", [1.0, 30.0, 200.0])
def test_silence_probability_is_the_share_of_silent_members(rate: float, drift: float, since_last: float) -> None:
    habits = alike(60_000, rate, drift)
    purchases = simulate_purchases(np.random.default_rng(2), habits, CLOCK, TODAY)
    # Wait until the same time has passed since the first purchase, and look at who is silent until then.
    waiting = purchases.before(since_last) == 1
    silent = purchases.before(since_last + 90)[waiting] == 1
    expected = silence_probability(habits, Seen(np.ones(1), np.array([since_last])), 90)[0]
    deviation = np.sqrt(expected * (1 - expected) / waiting.sum())
    assert silent.mean() == pytest.approx(expected, abs=4 * deviation)


def test_members_who_never_bought_wait_for_their_first_purchase() -> None:
    habits = alike(1, 0.05, 0.1)
    never = silence_probability(habits, Seen(np.zeros(1), np.array([400.0])), 90)
    assert never[0] == pytest.approx(np.exp(-90 / FIRST_WAIT))


def test_silence_makes_further_silence_more_likely() -> None:
    habits = alike(1, 0.055, 0.15)
    chances = [silence_probability(habits, Seen(np.ones(1), np.array([days])), 90)[0] for days in (0.0, 60, 200, 900)]
    assert chances == sorted(chances)
    assert chances[0] < 0.15
    assert chances[-1] > 0.9


def test_purchases_are_in_order_of_member_and_time() -> None:
    purchases = simulate_purchases(np.random.default_rng(3), alike(500, 0.05, 0.1), CLOCK, TODAY)
    assert (np.diff(purchases.member) >= 0).all()
    same_member = np.diff(purchases.member) == 0
    assert (np.diff(purchases.moment)[same_member] > 0).all()
    assert purchases.moment.max() < TODAY
    assert np.array_equal(np.diff(purchases.starts), np.bincount(purchases.member, minlength=500))


def test_what_is_seen_of_a_member() -> None:
    habits = alike(3, 0.05, 0.1)
    purchases = simulate_purchases(np.random.default_rng(4), habits, CLOCK, TODAY)
    for moment in (0.5, 300.0, TODAY):
        seen = purchases.seen_at(moment, habits.joined)
        for member in range(3):
            own = purchases.moment[purchases.member == member]
            assert seen.count[member] == (own < moment).sum()
            assert seen.since_last[member] == pytest.approx(moment - own[own < moment].max())
