"""Members of the programme: hidden habits that drive everything they do, and the profile that is on file."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Bytes, Flags, Floats, Integers, coded, dates, uuid_texts
from loyalty_core.demo.nordic import CITIES, COUNTRIES, MEN, SURNAMES, WOMEN
from loyalty_core.demo.offers import OFFERS
from loyalty_core.demo.shopping_clock import DAY, ShoppingClock

GUIDE_CUSTOMER_ID = "123e4567-e89b-12d3-a456-426614174000"

RATE_SHAPE = 8.0
MEAN_RATE = 5.0 / 90  # purchases per shopping day of an engaged member
SLOWEST_RATE = 1.2 / 90
DRIFT_MEAN, DRIFT_SHARPNESS = 0.15, 60.0
SPEND_MEDIAN = 34.0
SPEND_BY_RATE = 0.5
SPEND_SPREAD = 0.42
RATE_LOG_SD, SPEND_LOG_SD = 0.37, 0.46  # what the lines above amount to
TASTE_SPREAD = 0.2
BUYS_WHEN_JOINING = 0.72

CATEGORIES = ("Home", "Kitchen", "Beauty", "Clothing", "Sports", "Toys", "Books", "Garden")
CATEGORY_SHARES = np.array([0.19, 0.17, 0.18, 0.16, 0.09, 0.08, 0.07, 0.06])
SHOPPING_CHANNELS = ("store", "web", "app")
SHOPPING_CHANNEL_SHARES = np.array([0.62, 0.24, 0.14])
CONTACT_CHANNELS = ("email", "push", "sms")
GENDERS = ("female", "male", "other")
GENDER_SHARES = np.array([0.575, 0.415, 0.01])
EMAIL_DOMAINS = ("example.com", "example.org", "example.net")
NEVER_REDEEMS = 1 << 40
REDEMPTION_STEPS = np.array([250, 500, 1000, NEVER_REDEEMS])


@dataclass(frozen=True)
class Habits:
    """What no warehouse knows: one array element per member.

    `rate` is in purchases per shopping day, `drift` the chance of drifting away after a purchase, `spend`
    the median basket, `taste` (members, offers) a personal liking, `joined` a reading of the shopping clock.
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

    @property
    def rate_score(self) -> Floats:
        """Purchase rate on a log scale, in standard deviations from the mean rate."""
        return np.log(self.rate / MEAN_RATE) / RATE_LOG_SD

    @property
    def spend_score(self) -> Floats:
        """Basket size on a log scale, in standard deviations from the median."""
        return np.log(self.spend / SPEND_MEDIAN) / SPEND_LOG_SD


def draw_habits(rng: np.random.Generator, count: int, today: float) -> Habits:
    """Habits of `count` members who joined at some time before the clock reads `today`."""
    rate = np.maximum(rng.gamma(RATE_SHAPE, MEAN_RATE / RATE_SHAPE, count), SLOWEST_RATE)
    spend = SPEND_MEDIAN * (rate / MEAN_RATE) ** SPEND_BY_RATE * np.exp(rng.normal(0, SPEND_SPREAD, count))
    return Habits(
        joined=rng.uniform(0, today, count),
        buys_when_joining=rng.random(count) < BUYS_WHEN_JOINING,
        rate=rate,
        drift=rng.beta(DRIFT_MEAN * DRIFT_SHARPNESS, (1 - DRIFT_MEAN) * DRIFT_SHARPNESS, count),
        spend=spend,
        taste=rng.normal(0, TASTE_SPREAD, (count, len(OFFERS))),
        favourite_category=rng.choice(len(CATEGORIES), count, p=CATEGORY_SHARES),
        favourite_channel=rng.choice(len(SHOPPING_CHANNELS), count, p=SHOPPING_CHANNEL_SHARES),
        redemption_step=rng.choice(REDEMPTION_STEPS, count, p=[0.2, 0.35, 0.2, 0.25]),
        consents=rng.random(count) < 0.9,
        open_rate=rng.beta(3.2, 1.9, count),
    )


def make_guide_customer(habits: Habits, today: float) -> None:
    """Give the first member an unremarkable, long membership, so that the guide's id has something to show."""
    habits.joined[0] = today - 900
    habits.buys_when_joining[0] = True
    habits.rate[0], habits.spend[0], habits.drift[0] = MEAN_RATE, SPEND_MEDIAN, DRIFT_MEAN
    habits.consents[0] = True


def draw_ids(rng: np.random.Generator, count: int, *, first_block: bool) -> pa.Array:
    """One UUID text per member; the very first of all is the guide's."""
    random_bytes: Bytes = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    ids = uuid_texts(random_bytes)
    return pa.concat_arrays([pa.array([GUIDE_CUSTOMER_ID]), ids[1:]]) if first_block else ids


def profile_table(
    rng: np.random.Generator, ids: pa.Array, habits: Habits, first_number: int, clock: ShoppingClock
) -> pa.Table:
    """The programme's member file, one row per member, with the gaps that such files have."""
    count = len(habits)
    signup_day = clock.epoch_seconds(habits.joined) // DAY
    age_at_signup = 17.5 + 66 * rng.beta(2.0, 2.7, count)
    gender = rng.choice(len(GENDERS), count, p=GENDER_SHARES)
    city = rng.choice(len(CITIES), count, p=_city_shares())
    country = np.array([COUNTRIES.index(place.country) for place in CITIES])[city]
    no_address, no_email = rng.random(count) < 0.03, rng.random(count) < 0.05
    first_name, last_name = _draw_names(rng, country, gender)
    return pa.table(
        {
            "customer_id": ids,
            "number": np.arange(first_number, first_number + count),
            "first_name": first_name,
            "last_name": last_name,
            "email_domain": coded(rng.choice(3, count, p=[0.6, 0.25, 0.15]), EMAIL_DOMAINS, no_email),
            "gender": coded(gender, GENDERS, rng.random(count) < 0.04),
            "birth_date": dates(
                (signup_day - age_at_signup * 365.25).astype(np.int64), rng.random(count) < 0.08
            ),
            "city": coded(city, [place.name for place in CITIES], no_address),
            "region": coded(city, [place.region for place in CITIES], no_address),
            "country": coded(country, COUNTRIES, rng.random(count) < 0.005),
            "signup_date": dates(signup_day),
            "preferred_channel": _contact_channel(rng, age_at_signup),
            "marketing_consent": habits.consents,
            "email_verified": (rng.random(count) < 0.84) & ~no_email,
            "phone_verified": rng.random(count) < 0.57,
        }
    )


def _contact_channel(rng: np.random.Generator, age: Floats) -> pa.Array:
    """The young take push messages, the old prefer a text; most are content with e-mail."""
    draw, count = rng.random(len(age)), len(age)
    push, sms = 0.46 - 0.005 * age, 0.02 + 0.0022 * age
    channel = np.where(draw < push, 1, np.where(draw < push + sms, 2, 0))
    return coded(channel, CONTACT_CHANNELS, rng.random(count) < 0.03)


def _draw_names(rng: np.random.Generator, country: Integers, gender: Integers) -> tuple[pa.Array, pa.Array]:
    """First and last names that are usual in the country; frequent names come first in their lists."""
    woman = np.where(gender == 2, rng.random(len(gender)) < 0.5, gender == 0)
    first = _pick(rng, [*WOMEN, *MEN], country + len(COUNTRIES) * ~woman)
    return first, _pick(rng, SURNAMES, country)


def _pick(rng: np.random.Generator, lists: Sequence[tuple[str, ...]], which: Integers) -> pa.Array:
    lengths = np.array([len(names) for names in lists])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    position = (rng.random(len(which)) ** 1.5 * lengths[which]).astype(np.int64)
    return coded(starts[which] + position, [name for names in lists for name in names])


def _city_shares() -> Floats:
    weights = np.array([place.weight for place in CITIES], dtype=float)
    return weights / weights.sum()
