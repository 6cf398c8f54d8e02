"""The content of each purchase: amount, items, category, channel, delivery, and points earned and redeemed."""

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers, cents, coded, timestamps
from loyalty_core.demo.circumstances import PROMISED_DAYS
from loyalty_core.demo.habits import CATEGORIES, CATEGORY_SHARES, SHOPPING_CHANNELS, Habits
from loyalty_core.demo.purchases import Purchases

BASKET_SPREAD = 0.45
CATEGORY_PRICES = np.array([1.15, 1.05, 0.85, 1.15, 1.2, 0.8, 0.65, 1.1])
FAVOURITE_CATEGORY = 0.5  # how often members choose their favourite
REDUCED, FULL = 0.9, 1.04  # what a basket costs at a reduced price and without, against the usual
MIN_AMOUNT, MAX_AMOUNT = 1.0, 4000.0
ARTICLE_PRICE = 21.0
RECEIPT_BITS = (1 << 40) - 1
RECEIPTS_PER_BLOCK = 1 << 22  # more than a block of members can need
RECEIPT_STEP = 755_578_037_261  # odd, so that multiplying permutes the numbers modulo a power of two


def basket_table(
    rng: np.random.Generator,
    ids: pa.Array,
    habits: Habits,
    purchases: Purchases,
    block: int,
) -> pa.Table:
    """Rows for the transactions table, one per purchase of the block's members."""
    member = purchases.member
    favourite = habits.favourite_category
    category = _mostly(rng, favourite[member], FAVOURITE_CATEGORY, CATEGORY_SHARES)
    happened = purchases.circumstances
    # Expensive categories lead to expensive baskets, but a member's mean basket stays that of their habits.
    mean_price = float(CATEGORY_SHARES @ CATEGORY_PRICES)
    usual_price = _blend(CATEGORY_PRICES[favourite], mean_price, FAVOURITE_CATEGORY)
    price = CATEGORY_PRICES[category] / usual_price[member] * np.where(happened.reduced, REDUCED, FULL)
    noise = np.exp(rng.normal(0, BASKET_SPREAD, len(member)))
    amount = np.clip(habits.spend[member] * price * noise, MIN_AMOUNT, MAX_AMOUNT)
    earned = amount.astype(np.int64)
    return pa.table(
        {
            "transaction_id": _receipt_numbers(block, len(member)),
            "customer_id": coded(member, ids),
            "transaction_at": timestamps(purchases.sold_at),
            "amount": cents(np.rint(amount * 100).astype(np.int64)),
            "items": 1 + rng.poisson(amount / ARTICLE_PRICE),
            "category": coded(category, CATEGORIES),
            "channel": coded(happened.channel, SHOPPING_CHANNELS),
            "reduced": pa.array(happened.reduced),
            "days_late": pa.array(happened.days_late, mask=~_is_delivered(purchases)),
            "points_earned": earned,
            "points_redeemed": _points_redeemed(earned, habits.redemption_step[member], purchases),
        }
    )


def _is_delivered(purchases: Purchases) -> Flags:
    happened = purchases.circumstances
    arrives = purchases.moment + PROMISED_DAYS + happened.days_late
    return (happened.channel > 0) & (arrives < purchases.horizon)


def _blend(favourite: Floats, anything: float, share: float) -> Floats:
    return share * favourite + (1 - share) * anything


def _mostly(rng: np.random.Generator, favourite: Integers, share: float, shares: Floats) -> Integers:
    """The favourite with probability `share`, otherwise any value."""
    anything = rng.choice(len(shares), len(favourite), p=shares)
    return np.where(rng.random(len(favourite)) < share, favourite, anything)


def _points_redeemed(earned: Integers, step: Integers, purchases: Purchases) -> Integers:
    """Members redeem a round number of points at the first purchase after earning them."""
    total = np.cumsum(earned)
    first = purchases.starts[purchases.member]
    before_member = np.where(first > 0, total[first - 1], 0)
    earned_before = total - earned - before_member
    redeemable = earned_before // step
    is_first = np.arange(len(earned)) == first
    redeemed_before = np.where(is_first, 0, np.concatenate([[0], redeemable[:-1]]))
    return (redeemable - redeemed_before) * step


def _receipt_numbers(block: int, count: int) -> Integers:
    """Unique numbers whose order does not reveal how the rows were made."""
    first = block * RECEIPTS_PER_BLOCK + 1
    return np.arange(first, first + count) * RECEIPT_STEP & RECEIPT_BITS
