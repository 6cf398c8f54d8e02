"""Latent habits of members: not recorded in the warehouse, but the cause of everything they do."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers
from loyalty_core.demo.nordic import COUNTRIES
from loyalty_core.demo.offers import OFFERS
from loyalty_core.demo.profiles import Profiles

RATE_SHAPE = 8.0
MEAN_RATE = 5.0 / 90  # purchases per shopping day of an engaged member
MIN_RATE = 1.2 / 90
DRIFT_MEAN, DRIFT_SHARPNESS = 0.15, 60.0
SPEND_MEDIAN = 34.0  # euros
SPEND_BY_RATE = 0.5
SPEND_SPREAD = 0.42
RATE_LOG_SD, SPEND_LOG_SD = 0.37, 0.46  # the standard deviations that result from the constants above
TASTE_SPREAD = 0.15
BUYS_WHEN_JOINING = 0.72
CONSENTS = 0.9
OPEN_RATE_BETA = (3.2, 1.9)
COUNTRY_PRICES = {"Norway": 1.08, "Sweden": 1.0, "Denmark": 1.04, "Finland": 0.95}

CATEGORIES = ("Home", "Kitchen", "Beauty", "Clothing", "Sports", "Toys", "Books", "Garden")
CATEGORY_SHARES = np.array([0.19, 0.17, 0.18, 0.16, 0.09, 0.08, 0.07, 0.06])
WOMEN_FAVOUR = np.array([1.0, 1.0, 1.6, 1.2, 0.7, 1.1, 1.1, 1.0])
MEN_FAVOUR = np.array([1.0, 1.1, 0.3, 0.8, 1.6, 0.9, 0.9, 1.1])
# Exponent of age / 45 by which the preference for a category or channel changes with age.
CATEGORY_BY_AGE = np.array([0.2, 0.3, -0.6, -0.7, -0.5, -0.3, 0.8, 1.6])
SHOPPING_CHANNELS = ("store", "web", "app")
SHOPPING_CHANNEL_SHARES = np.array([0.62, 0.24, 0.14])
CHANNEL_BY_AGE = np.array([0.7, -0.2, -1.2])
NEVER_REDEEMS = 1 << 40
REDEMPTION_STEPS = np.array([250, 500, 1000, NEVER_REDEEMS])
REDEMPTION_SHARES = np.array([0.2, 0.35, 0.2, 0.25])


@dataclass(frozen=True)
class Habits:
    """One array element per member.

    `joined` is a reading of the shopping clock, `rate` is in purchases per shopping day, `drift` is the probability of
    drifting away after a purchase, `spend` the median basket, `taste` (members, offers) a personal preference.
    """

    joined: Floats
    buys_when_joining: Flags
    rate: Floats
    drift: Floats
    spend: Floats
    taste: Floats
    favourite_category: Integers
    favourite_channel: Integers
    redemption_step: Integers
    consents: Flags
    open_rate: Floats

    def __len__(self) -> int:
        return len(self.rate)

    @cached_property
    def rate_score(self) -> Floats:
        """Purchase rate on a log scale, in standard deviations from the mean rate."""
        return np.log(self.rate / MEAN_RATE) / RATE_LOG_SD

    @cached_property
    def spend_score(self) -> Floats:
        """Basket size on a log scale, in standard deviations from the median."""
        return np.log(self.spend / SPEND_MEDIAN) / SPEND_LOG_SD


def draw_habits(rng: np.random.Generator, profiles: Profiles, today: float) -> Habits:
    """Habits of members who joined at some time before the clock reads `today`."""
    count = len(profiles)
    rate = np.maximum(rng.gamma(RATE_SHAPE, MEAN_RATE / RATE_SHAPE, count), MIN_RATE)
    return Habits(
        joined=rng.uniform(0, today, count),
        buys_when_joining=rng.random(count) < BUYS_WHEN_JOINING,
        rate=rate,
        drift=rng.beta(DRIFT_MEAN * DRIFT_SHARPNESS, (1 - DRIFT_MEAN) * DRIFT_SHARPNESS, count),
        spend=_draw_spend(rng, profiles, rate),
        taste=rng.normal(0, TASTE_SPREAD, (count, len(OFFERS))),
        favourite_category=_draw_category(rng, profiles),
        favourite_channel=_draw(rng, SHOPPING_CHANNEL_SHARES * _by_age(profiles, CHANNEL_BY_AGE)),
        redemption_step=rng.choice(REDEMPTION_STEPS, count, p=REDEMPTION_SHARES),
        consents=rng.random(count) < CONSENTS,
        open_rate=rng.beta(*OPEN_RATE_BETA, count),
    )


def make_first_member(habits: Habits, today: float) -> None:
    """Make the first member a loyal, long-standing one, so that the documented example id has data to show."""
    habits.joined[0] = today * 0.18
    habits.buys_when_joining[0] = True
    habits.rate[0], habits.spend[0], habits.drift[0] = MEAN_RATE, SPEND_MEDIAN, 0.0
    habits.consents[0] = True


def _draw_spend(rng: np.random.Generator, profiles: Profiles, rate: Floats) -> Floats:
    """Frequent buyers have larger baskets, as do the middle-aged and those in more expensive countries."""
    prices = np.array([COUNTRY_PRICES[country] for country in COUNTRIES])[profiles.country]
    stage_of_life = 1.05 - ((profiles.age - 48) / 75) ** 2
    noise = np.exp(rng.normal(0, SPEND_SPREAD, len(rate)))
    return SPEND_MEDIAN * prices * stage_of_life * (rate / MEAN_RATE) ** SPEND_BY_RATE * noise


def _draw_category(rng: np.random.Generator, profiles: Profiles) -> Integers:
    by_gender = np.where(profiles.woman[:, None], WOMEN_FAVOUR, MEN_FAVOUR)
    return _draw(rng, CATEGORY_SHARES * by_gender * _by_age(profiles, CATEGORY_BY_AGE))


def _by_age(profiles: Profiles, powers: Floats) -> Floats:
    return (profiles.age[:, None] / 45) ** powers


def _draw(rng: np.random.Generator, weights: Floats) -> Integers:
    """One index per row, drawn with probabilities proportional to the row's weights."""
    reached = np.cumsum(weights, axis=1)
    draw = rng.random(len(weights)) * reached[:, -1]
    return (draw[:, None] > reached[:, :-1]).sum(axis=1)
