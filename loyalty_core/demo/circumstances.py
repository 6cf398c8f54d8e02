"""What happens around a purchase, and how it makes a member drift away.

No cause acts alone: a late delivery drives away those who depend on deliveries, a price rise those who look for reduced
prices, a move those who shop in the store, and expiring bonus points those who never redeem any, while they bring
the others back.
"""

from dataclasses import dataclass, fields

import numpy as np

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers
from loyalty_core.demo.habits import Habits

LATE = 0.15  # of the orders to be delivered
DAYS_LATE = 2.5
PROMISED_DAYS = 3.0
DEARER = 0.28  # of the baskets
USES_APP_LESS, LESS = 0.22, (0.05, 0.5)
WEB, APP = 1, 2
NOTICED_DAYS = 2  # a delivery that is less late is not noticed
MANY_POINTS, SOON_DAYS = 300, 60

# Log odds of drifting away after a purchase at which nothing went wrong; each cause adds to them.
BASE = -3.45
CAUSES = ("late delivery", "price rise", "move", "expiring points", "less app use", "none")
SMALLEST_CAUSE = 0.8  # a smaller addition to the log odds is not named as the cause


@dataclass(frozen=True)
class Circumstances:
    """One array element per purchase.

    `channel` is a position in SHOPPING_CHANNELS, `days_late` is 0 for purchases in a store, `price_rise` in percent is
    against what the same articles cost before, `app_visits` are those of the 30 days before. `drift` is the probability
    of drifting away afterwards and `cause` a position in CAUSES, the last of them for none: both are hidden.
    """

    channel: Integers
    reduced: Flags
    days_late: Integers
    price_rise: Floats
    app_visits: Integers
    drift: Floats
    cause: Integers

    def __getitem__(self, rows: Integers) -> "Circumstances":
        return Circumstances(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def concatenate(cls, parts: list["Circumstances"]) -> "Circumstances":
        """All parts in one, in their order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def draw_circumstances(rng: np.random.Generator, habits: Habits, member: Integers, moment: Floats) -> Circumstances:
    """What happens at one purchase of each `member`, at the readings `moment` of the shopping clock."""
    count = len(member)
    draw = rng.random((6, count))
    online = draw[0] < habits.online[member]
    channel = np.where(online, np.where(draw[1] < habits.app_share[member], APP, WEB), 0)
    days_late = np.where(online & (draw[2] < LATE), 1 + rng.poisson(DAYS_LATE, count), 0)
    change = np.where(draw[3] < DEARER, rng.uniform(4, 18, count), rng.normal(0.5, 1.2, count))
    price_rise = np.rint(change)
    less = draw[4] < USES_APP_LESS
    usual = habits.app_visits[member]
    app_visits = rng.poisson(usual * np.where(less, rng.uniform(*LESS, count), 1.0))
    reasons = np.stack(
        [
            _late_delivery(habits, member, days_late),
            _price_rise(habits, member, price_rise),
            _move(habits, member, moment),
            _expiring_points(habits, member, moment),
            np.where(less & (usual > 0), 1.5 + 0.9 * ((price_rise > 6) | (days_late >= NOTICED_DAYS)), 0.0),
        ]
    )
    strongest = reasons.argmax(axis=0)
    return Circumstances(
        channel=channel,
        reduced=draw[5] < habits.price_sensitivity[member],
        days_late=days_late,
        price_rise=price_rise,
        app_visits=app_visits,
        drift=1 / (1 + np.exp(-BASE - reasons.sum(axis=0))),
        cause=np.where(reasons.max(axis=0) >= SMALLEST_CAUSE, strongest, len(CAUSES) - 1),
    )


def _late_delivery(habits: Habits, member: Integers, days_late: Integers) -> Floats:
    """Two days are noticed by everybody; those who order most things are lost by them."""
    return np.where(days_late >= NOTICED_DAYS, 0.9 + 2.4 * (habits.online[member] > 0.5), 0.0)


def _price_rise(habits: Habits, member: Integers, price_rise: Floats) -> Floats:
    """Five percent pass unnoticed; above, the more a member looks for reduced prices, the more it matters."""
    sensitive = np.clip((habits.price_sensitivity[member] - 0.25) / 0.25, 0, 1.6)
    return 1.5 * np.clip((price_rise - 5) / 6, 0, 2) * sensitive


def _move(habits: Habits, member: Integers, moment: Floats) -> Floats:
    """Members who order do not mind a longer way to the store."""
    farther = habits.home.km_farther(member, moment) > 8
    return np.where(farther, 2.6 * (1 - habits.online[member]) ** 1.5, 0.0)


def _expiring_points(habits: Habits, member: Integers, moment: Floats) -> Floats:
    """Many points about to expire: a reason to come back, or a sign that the programme is of no use."""
    many = habits.bonus.expiring(member, moment) > MANY_POINTS
    soon = habits.bonus.days_left(member, moment) < SOON_DAYS
    return np.where(many & soon, np.where(habits.redeems[member], -1.5, 1.9), 0.0)
