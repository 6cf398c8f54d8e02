"""Members' profiles as recorded by the programme, with the gaps that such records have."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Bytes, Flags, Floats, Integers, coded, dates, uuid_texts
from loyalty_core.demo.nordic import CITIES, COUNTRIES, MEN, SURNAMES, WOMEN
from loyalty_core.demo.shopping_clock import DAY

FIRST_CUSTOMER_ID = "123e4567-e89b-12d3-a456-426614174000"

CONTACT_CHANNELS = ("email", "push", "sms")
GENDERS = ("female", "male", "other")
GENDER_SHARES = np.array([0.575, 0.415, 0.01])
EMAIL_DOMAINS = ("example.com", "example.org", "example.net")
YOUNGEST, AGE_RANGE = 18.0, 65.5


@dataclass(frozen=True)
class Profiles:
    """One array element per member; `city`, `country` and `gender` are positions in their lists."""

    age: Floats  # at joining
    gender: Integers
    woman: Flags
    city: Integers
    country: Integers

    def __len__(self) -> int:
        return len(self.age)


def draw_profiles(rng: np.random.Generator, count: int) -> Profiles:
    """Members drawn like the towns' populations, with more women than men."""
    gender = rng.choice(len(GENDERS), count, p=GENDER_SHARES)
    weights = np.array([place.weight for place in CITIES], dtype=float)
    city = rng.choice(len(CITIES), count, p=weights / weights.sum())
    return Profiles(
        age=YOUNGEST + AGE_RANGE * rng.beta(2.0, 2.7, count),
        gender=gender,
        woman=np.where(gender == GENDERS.index("other"), rng.random(count) < 0.5, gender == 0),
        city=city,
        country=np.array([COUNTRIES.index(place.country) for place in CITIES])[city],
    )


def draw_ids(rng: np.random.Generator, count: int, *, first_block: bool) -> pa.Array:
    """One UUID text per member; the first member of all always has the same, which the documentation can name."""
    random_bytes: Bytes = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    ids = uuid_texts(random_bytes)
    return pa.concat_arrays([pa.array([FIRST_CUSTOMER_ID]), ids[1:]]) if first_block else ids


def profile_table(
    rng: np.random.Generator, ids: pa.Array, profiles: Profiles, joined_at: Integers, first_number: int
) -> pa.Table:
    """Rows for the customers table; `joined_at` in seconds since 1970."""
    count = len(profiles)
    signup_day = joined_at // DAY
    birth_day = signup_day - (profiles.age * 365.25).astype(np.int64)
    no_address, no_email = rng.random(count) < 0.03, rng.random(count) < 0.05
    first_name, last_name = _draw_names(rng, profiles)
    return pa.table(
        {
            "customer_id": ids,
            "number": np.arange(first_number, first_number + count),
            "first_name": first_name,
            "last_name": last_name,
            "email_domain": coded(rng.choice(3, count, p=[0.6, 0.25, 0.15]), EMAIL_DOMAINS, no_email),
            "gender": coded(profiles.gender, GENDERS, rng.random(count) < 0.04),
            "birth_date": dates(birth_day, rng.random(count) < 0.08),
            "city": coded(profiles.city, [place.name for place in CITIES], no_address),
            "region": coded(profiles.city, [place.region for place in CITIES], no_address),
            "country": coded(profiles.country, COUNTRIES, rng.random(count) < 0.005),
            "signup_date": dates(signup_day),
            "preferred_channel": _contact_channel(rng, profiles.age),
            "email_verified": (rng.random(count) < 0.84) & ~no_email,
            "phone_verified": rng.random(count) < 0.57,
        }
    )


def _contact_channel(rng: np.random.Generator, age: Floats) -> pa.Array:
    """Younger members prefer push messages, older ones text messages; most choose e-mail."""
    draw, count = rng.random(len(age)), len(age)
    push, sms = 0.46 - 0.005 * age, 0.02 + 0.0022 * age
    channel = np.where(draw < push, 1, np.where(draw < push + sms, 2, 0))
    return coded(channel, CONTACT_CHANNELS, rng.random(count) < 0.03)


def _draw_names(rng: np.random.Generator, profiles: Profiles) -> tuple[pa.Array, pa.Array]:
    """First and last names common in the country."""
    first = _pick(rng, [*WOMEN, *MEN], profiles.country + len(COUNTRIES) * ~profiles.woman)
    return first, _pick(rng, SURNAMES, profiles.country)


def _pick(rng: np.random.Generator, lists: Sequence[tuple[str, ...]], which: Integers) -> pa.Array:
    """A name from the list numbered `which`; earlier names are more likely."""
    lengths = np.array([len(names) for names in lists])
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    position = (rng.random(len(which)) ** 1.5 * lengths[which]).astype(np.int64)
    return coded(starts[which] + position, [name for names in lists for name in names])
