"""Latent habits of members: not recorded in the warehouse, but the cause of everything they do."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers
from loyalty_core.demo.bonus_points import BonusPoints, draw_bonus_points
from loyalty_core.demo.home import Home, draw_home
from loyalty_core.demo.nordic import COUNTRIES
from loyalty_core.demo.offers import OFFERS
from loyalty_core.demo.profiles import Profiles

RATE_SHAPE = 5.0
MEAN_RATE = 5.4 / 90  # purchases per shopping day of an engaged member
MIN_RATE = 2.0 / 90
SPEND_MEDIAN = 34.0  # euros
SPEND_BY_RATE = 0.5
SPEND_SPREAD = 0.42
RATE_LOG_SD, SPEND_LOG_SD = 0.45, 0.48  # the standard deviations that result from the constants above
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
# Of 100 members of 45 years, so many order most things online; the others now and then.
MOSTLY_ONLINE, MOSTLY_ONLINE_BY_AGE = 0.33, -0.6
MOSTLY_ONLINE_BETA, STORE_BETA = (6.0, 2.0), (1.2, 6.0)
USES_APP, USES_APP_BY_AGE = 0.58, -0.5
APP_VISITS_SHAPE, APP_VISITS = 4.0, 8.8  # per 30 days, of those who use the app
APP_SHARE = 0.5  # of the online orders of those who use the app
PRICE_SENSITIVITY_BETA = (0.9, 1.6)
NEVER_REDEEMS = 1 << 40
REDEMPTION_STEPS = np.array([250, 500, 1000, NEVER_REDEEMS])
REDEMPTION_SHARES = np.array([0.2, 0.3, 0.15, 0.35])


@dataclass(frozen=True)
class Habits:
    """One array element per member.

    `joined` is a reading of the shopping clock, `rate` is in purchases per shopping day, `spend` the median basket,
    `taste` (members, offers) a personal preference. `online` and `price_sensitivity` are the shares of the purchases
    that are ordered and that are made at a reduced price; `app_visits` per 30 days are 0 for those without the app.
    """

    joined: Floats
    buys_when_joining: Flags
    rate: Floats
    spend: Floats
    taste: Floats
    favourite_category: Integers
    online: Floats
    price_sensitivity: Floats
    app_visits: Floats
    home: Home
    bonus: BonusPoints
    redemption_step: Integers
    consents: Flags
    open_rate: Floats

    def __len__(self) -> int:
        return len(self.rate)

    @cached_property
    def redeems(self) -> Flags:
        """Whether the member redeems points at all."""
        return self.redemption_step != NEVER_REDEEMS

    @cached_property
    def app_share(self) -> Floats:
        """Share of the online orders that are made in the app."""
        return np.where(self.app_visits > 0, APP_SHARE, 0.0)

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
        spend=_draw_spend(rng, profiles, rate),
        taste=rng.normal(0, TASTE_SPREAD, (count, len(OFFERS))),
        favourite_category=_draw_category(rng, profiles),
        online=_draw_online(rng, profiles),
        price_sensitivity=rng.beta(*PRICE_SENSITIVITY_BETA, count),
        app_visits=_draw_app_visits(rng, profiles),
        home=draw_home(rng, count, today),
        bonus=draw_bonus_points(rng, count, today),
        redemption_step=rng.choice(REDEMPTION_STEPS, count, p=REDEMPTION_SHARES),
        consents=rng.random(count) < CONSENTS,
        open_rate=rng.beta(*OPEN_RATE_BETA, count),
    )


def make_first_member(habits: Habits, today: float) -> None:
    """Make the first member a loyal, long-standing one, so that the documented example id has data to show."""
    habits.joined[0] = today * 0.18
    habits.buys_when_joining[0] = True
    habits.rate[0], habits.spend[0] = MEAN_RATE, SPEND_MEDIAN
    habits.price_sensitivity[0], habits.online[0], habits.app_visits[0] = 0.1, 0.2, 0.0
    habits.home.moved_at[0] = np.inf
    habits.redemption_step[0] = REDEMPTION_STEPS[0]
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


def _draw_online(rng: np.random.Generator, profiles: Profiles) -> Floats:
    mostly = rng.random(len(profiles)) < MOSTLY_ONLINE * (profiles.age / 45) ** MOSTLY_ONLINE_BY_AGE
    return np.where(mostly, rng.beta(*MOSTLY_ONLINE_BETA, len(profiles)), rng.beta(*STORE_BETA, len(profiles)))


def _draw_app_visits(rng: np.random.Generator, profiles: Profiles) -> Floats:
    uses = rng.random(len(profiles)) < USES_APP * (profiles.age / 45) ** USES_APP_BY_AGE
    return np.where(uses, rng.gamma(APP_VISITS_SHAPE, APP_VISITS / APP_VISITS_SHAPE, len(profiles)), 0.0)


def _by_age(profiles: Profiles, powers: Floats) -> Floats:
    return (profiles.age[:, None] / 45) ** powers


def _draw(rng: np.random.Generator, weights: Floats) -> Integers:
    """One index per row, drawn with probabilities proportional to the row's weights."""
    reached = np.cumsum(weights, axis=1)
    draw = rng.random(len(weights)) * reached[:, -1]
    return (draw[:, None] > reached[:, :-1]).sum(axis=1)
