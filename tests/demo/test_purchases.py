"""The purchase process: what is simulated is what the closed form says."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from loyalty_core.demo.circumstances import CAUSES, Circumstances, draw_circumstances
from loyalty_core.demo.habits import Habits, draw_habits
from loyalty_core.demo.profiles import draw_profiles
from loyalty_core.demo.purchases import FIRST_WAIT, Seen, silence_probability, simulate_purchases
from loyalty_core.demo.shopping_clock import ShoppingClock

CLOCK = ShoppingClock(date(2023, 11, 1), date(2027, 1, 1))
TODAY = 1000.0


def alike(count: int, rate: float = 0.055) -> Habits:
    """Members with the same purchase rate, who bought when they joined on the first day."""
    rng = np.random.default_rng(1)
    habits = draw_habits(rng, draw_profiles(rng, count), TODAY)
    return replace(
        habits,
        joined=np.zeros(count),
        buys_when_joining=np.ones(count, dtype=bool),
        rate=np.full(count, rate),
    )


def seen(since_last: float, drift: float, count: int = 1) -> Seen:
    one = np.ones(1, dtype=int)
    return Seen(TODAY, count * one, np.array([since_last]), 0 * one, np.array([drift]))


@pytest.mark.parametrize("rate", [0.055, 0.025, 0.1])
@pytest.mark.parametrize("since_last", [1.0, 30.0, 120.0, 200.0])
def test_silence_probability_is_the_share_of_silent_members(rate: float, since_last: float) -> None:
    habits = alike(20_000, rate)
    purchases = simulate_purchases(np.random.default_rng(2), habits, CLOCK, 300.0)
    # Wait until the same time has passed since the first purchase, and look at who is silent until then.
    waiting = purchases.before(since_last) == 1
    silent = purchases.before(since_last + 90)[waiting] == 1
    then = purchases.seen_at(since_last, habits.joined)
    expected = silence_probability(habits.rate, then, 90)[waiting]
    assert then.since_last[waiting] == pytest.approx(since_last)
    deviation = np.sqrt((expected * (1 - expected)).sum()) / waiting.sum()
    assert silent.mean() == pytest.approx(expected.mean(), abs=4 * deviation)


def test_members_who_never_bought_wait_for_their_first_purchase() -> None:
    never = silence_probability(np.array([0.05]), seen(400.0, 0.1, count=0), 90)
    assert never[0] == pytest.approx(np.exp(-90 / FIRST_WAIT))


def test_whoever_drifts_away_comes_back_after_some_months_or_not_at_all() -> None:
    chances = {days: silence_probability(np.array([0.055]), seen(days, 0.15), 90)[0] for days in (0.0, 40, 150, 900)}
    assert chances[0] < 0.2  # most are still engaged
    assert chances[0] < chances[40] < 0.4
    assert chances[150] < 0.4  # most pauses end then
    assert chances[900] > 0.99  # gone for good


def drift(**changes: object) -> tuple[float, str]:
    """Mean drift and most frequent cause over many purchases of a member with these habits."""
    habits, count = alike(1), 4_000
    quiet = {"price_sensitivity": np.zeros(1), "app_visits": np.zeros(1), "online": np.zeros(1)}
    stays = replace(habits.home, moved_at=np.full(1, np.inf))
    none_granted = replace(habits.bonus, granted=0 * habits.bonus.granted)
    member = replace(habits, **({"home": stays, "bonus": none_granted} | quiet | changes))
    found = draw_circumstances(np.random.default_rng(5), member, np.zeros(count, dtype=int), np.full(count, 500.0))
    causes = found.cause[found.cause < len(CAUSES) - 1]
    return found.drift.mean(), CAUSES[np.bincount(causes).argmax()] if len(causes) else "none"


def test_nothing_happens_to_members_without_a_weak_spot() -> None:
    assert drift() == (pytest.approx(0.031, abs=0.001), "none")


def test_each_cause_needs_its_condition() -> None:
    home = replace(alike(1).home, moved_at=np.full(1, 450.0), km_before=np.full(1, 4.0), km_after=np.full(1, 40.0))
    bonus = replace(alike(1).bonus, phase=np.full(1, 90.0), granted=0 * alike(1).bonus.granted + 620)
    assert bonus.days_left(np.zeros(1, dtype=int), 500.0) == pytest.approx(10)
    cases = {
        "late delivery": ({"online": np.full(1, 0.9)}, {"online": np.full(1, 0.0)}),
        "price rise": ({"price_sensitivity": np.full(1, 0.7)}, {"price_sensitivity": np.full(1, 0.2)}),
        "move": ({"home": home}, {"home": home, "online": np.full(1, 0.99)}),
        "expiring points": (
            {"bonus": bonus, "redemption_step": np.full(1, 1 << 40)},
            {"bonus": bonus, "redemption_step": np.full(1, 250)},
        ),
        "less app use": ({"app_visits": np.full(1, 9.0)}, {"app_visits": np.full(1, 0.0)}),
    }
    for cause, (with_condition, without) in cases.items():
        assert drift(**with_condition)[1] == cause
        assert drift(**with_condition)[0] > 1.4 * drift(**without)[0], cause


def test_circumstances_are_selected_and_joined_together() -> None:
    member, moment = np.arange(6), np.full(6, 10.0)
    drawn = draw_circumstances(np.random.default_rng(1), alike(6), member, moment)
    order = np.array([5, 0, 3])
    both = Circumstances.concatenate([drawn, drawn[order]])
    assert both.drift.tolist() == [*drawn.drift, *drawn.drift[order]]
    assert both.channel.tolist() == [*drawn.channel, *drawn.channel[order]]


def test_purchases_are_in_order_of_member_and_time() -> None:
    purchases = simulate_purchases(np.random.default_rng(3), alike(500), CLOCK, TODAY)
    assert (np.diff(purchases.member) >= 0).all()
    same_member = np.diff(purchases.member) == 0
    assert (np.diff(purchases.moment)[same_member] > 0).all()
    assert purchases.moment.max() < TODAY
    assert np.array_equal(np.diff(purchases.starts), np.bincount(purchases.member, minlength=500))


def test_what_is_seen_of_a_member() -> None:
    habits = alike(3)
    purchases = simulate_purchases(np.random.default_rng(4), habits, CLOCK, TODAY)
    for moment in (0.5, 300.0, TODAY):
        past = purchases.seen_at(moment, habits.joined)
        for member in range(3):
            own = purchases.moment[purchases.member == member]
            assert past.count[member] == (own < moment).sum()
            assert past.since_last[member] == pytest.approx(moment - own[own < moment].max())
