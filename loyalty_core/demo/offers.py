"""The eight offers, and how likely a member who redeems one is to choose each of them.

A mailing shows all eight and the member redeems at most one. The choice is a multinomial logit on what the
member is like (hidden habits), on what the warehouse sees at that time (time since the last purchase and
number of purchases), and on a personal taste.
"""

from typing import NamedTuple

import numpy as np

from loyalty_core.demo.arrow_columns import Floats


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


def choice_probabilities(
    rate_score: Floats, spend_score: Floats, days_since_last: Floats, purchases: Floats, taste: Floats
) -> Floats:
    """Probability of each offer, shape (members, 8), for members who redeem one.

    The two scores are hidden habits in standard deviations, `taste` has one column per offer. The constants
    centre recency and experience on members who typically answer a mailing.
    """
    recency_score = np.log((days_since_last + 5) / 25)
    experience_score = np.log((purchases + 1) / 10)
    traits = np.stack([rate_score, spend_score, recency_score, experience_score], axis=1)
    utility = BASE + traits @ WEIGHTS.T + taste
    odds = np.exp(utility - utility.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)
