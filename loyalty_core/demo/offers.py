"""The eight offers, and how likely a member who redeems one is to choose each of them.

A mailing shows all eight and the member redeems at most one. The choice is a multinomial logit on what the member is
like (hidden habits), on what the warehouse sees at that time, on a personal taste, and on pairs of conditions: free
delivery is for those who order and live far from a store, the double points for those who redeem and have points that
expire, and so on.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from loyalty_core.demo.arrow_columns import Flags, Floats


class Offer(NamedTuple):
    """One row of the offers table; `margin` is a share of the basket, `cost` is in the currency."""

    name: str
    offer_type: str
    description: str
    cost: float
    margin: float
    channel: str


OFFERS = (
    Offer("10 % off your next basket", "discount", "10 % off one basket of your choice.", 4.00, 0.22, "email"),
    Offer("Double points week", "points", "Twice the points on every basket for seven days.", 2.50, 0.31, "push"),
    Offer("Free delivery", "service", "No delivery charge in the web shop and the app.", 3.90, 0.27, "email"),
    Offer("VIP evening", "event", "An evening in the store, with a guest and drinks.", 12.00, 0.38, "email"),
    Offer("We miss you: 15 off", "win-back", "15 off a basket of 40 or more, after a long break.", 15.00, 0.12, "sms"),
    Offer("Three for two", "bundle", "Take three articles, pay for two.", 6.50, 0.18, "email"),
    Offer("Welcome gift", "gift", "A small gift with one of your first purchases.", 5.00, 0.20, "push"),
    Offer("First pick", "early access", "The new collection, a week before everyone else.", 1.50, 0.41, "email"),
)

BASE = np.array([1.15, 0.3, 0.85, -0.2, -0.2, -0.1, -0.1, 0.2])
# Per standard deviation of: purchase rate, basket size, time since the last purchase, number of purchases.
WEIGHTS = np.array(
    [
        [0.0, -0.35, 0.0, 0.0],
        [0.3, -1.1, -0.9, 1.5],
        [-0.4, 0.7, 0.7, 0.5],
        [0.3, 1.8, -0.5, 1.7],
        [-0.2, 0.0, 2.6, 0.0],
        [-0.2, -2.4, 0.0, 0.0],
        [0.0, 0.0, 0.0, -2.75],
        [-0.2, 1.9, 0.0, -0.8],
    ]
)


DISCOUNT, POINTS, SERVICE, EVENT, WIN_BACK, BUNDLE, GIFT, EARLY_ACCESS = range(len(OFFERS))
FAR_KM = 12.0


@dataclass(frozen=True)
class Traits:
    """What the choice depends on, one element per member; `taste` has shape (members, 8).

    The scores are in standard deviations. `online` and `price_sensitivity` are shares, `price_rise` is the one of the
    last basket in percent, `late` says whether the last order was, `points_expire` whether many bonus points do soon.
    """

    rate_score: Floats
    spend_score: Floats
    days_since_last: Floats
    purchases: Floats
    taste: Floats
    online: Floats
    price_sensitivity: Floats
    price_rise: Floats
    late: Flags
    store_km: Floats
    redeems: Flags
    points_expire: Flags
    app_visits: Floats


def choice_probabilities(traits: Traits) -> Floats:
    """Probability of each offer, shape (members, 8), for members who redeem one.

    The constants centre recency and experience on members who typically answer a mailing.
    """
    recency_score = np.log((traits.days_since_last + 5) / 25)
    experience_score = np.log((traits.purchases + 1) / 10)
    linear = np.stack([traits.rate_score, traits.spend_score, recency_score, experience_score], axis=1)
    utility = BASE + linear @ WEIGHTS.T + traits.taste + _interactions(traits)
    odds = np.exp(utility - utility.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _interactions(traits: Traits) -> Floats:
    """What two or three traits add to the utilities together, shape (members, 8)."""
    sensitive = np.clip((traits.price_sensitivity - 0.25) / 0.25, 0, 1.6)
    orders, far = traits.online > 0.5, traits.store_km > FAR_KM
    added = np.zeros(traits.taste.shape)
    added[:, DISCOUNT] = 1.5 * sensitive * (traits.price_rise > 5)
    added[:, POINTS] = np.where(traits.redeems, 1.8 * traits.points_expire, -1.2)
    added[:, SERVICE] = 2.4 * (orders & far) - 1.6 * (orders & traits.late) - 1.0 * ~orders
    added[:, EVENT] = -2.2 * far + 0.8 * ~(far | orders)
    added[:, BUNDLE] = 1.3 * sensitive * ~orders
    added[:, EARLY_ACCESS] = np.where(traits.app_visits > 0, 0.6 + 0.6 * traits.spend_score, -0.5)
    return added
