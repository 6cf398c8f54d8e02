"""Monthly mailings: who received one, who opened it, and who redeemed which of the eight offers."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers, coded, timestamps
from loyalty_core.demo.circumstances import MANY_POINTS, NOTICED_DAYS, SOON_DAYS
from loyalty_core.demo.habits import Habits
from loyalty_core.demo.offers import Traits, choice_probabilities
from loyalty_core.demo.purchases import Purchases, Seen, silence_probability
from loyalty_core.demo.shopping_clock import HOUR, epoch_seconds
from loyalty_core.demo.timeline import MAILING_DAYS, Timeline

SENT_AT_HOUR = 7
REDEEMS = 0.9  # of those who opened the mailing and then bought in time


@dataclass(frozen=True)
class Mailing:
    """One mailing to a block of members; arrays have one element per recipient."""

    day: date
    member: Integers
    opened_at: Integers
    opened: Flags
    offer: Integers  # 0 to 7, -1 for none
    redeemed_at: Integers

    def table(self, ids: pa.Array) -> pa.Table:
        """The rows of offer_responses."""
        sent_at = np.full(len(self.member), _sent_at(self.day))
        redeemed = self.offer >= 0
        return pa.table(
            {
                "customer_id": coded(self.member, ids),
                "sent_at": timestamps(sent_at),
                "opened_at": timestamps(self.opened_at, ~self.opened),
                "offer_id": pa.array(self.offer + 1, mask=~redeemed),
                "converted_at": timestamps(self.redeemed_at, ~redeemed),
            }
        )


def send_mailing(
    rng: np.random.Generator,
    day: date,
    habits: Habits,
    purchases: Purchases,
    timeline: Timeline,
) -> Mailing:
    """Send to all members who have joined and consented; an offer is redeemed with the next purchase, if at all."""
    moment = timeline.clock.at(day)
    seen = purchases.seen_at(moment, habits.joined)
    in_time = purchases.before(timeline.clock.at(day + timedelta(days=MAILING_DAYS))) > seen.count
    got = np.flatnonzero((habits.joined < moment) & habits.consents)
    draw = rng.random((4, len(got)))
    opened = draw[0] < habits.open_rate[got]
    redeemed = opened & in_time[got] & (draw[1] < REDEEMS)
    next_purchase = np.minimum(purchases.starts[:-1] + seen.count, len(purchases.sold_at) - 1)
    next_sale = purchases.sold_at[next_purchase[got]]
    sent_at = _sent_at(day)
    delay = np.where(redeemed, draw[2] * (next_sale - sent_at), rng.exponential(9 * HOUR, len(got)))
    offer = np.full(len(got), -1)
    offer[redeemed] = _choose(draw[3, redeemed], offer_probabilities(habits, purchases, seen, got[redeemed]))
    return Mailing(
        day=day,
        member=got,
        opened_at=sent_at + delay.astype(np.int64),
        opened=opened,
        offer=offer,
        redeemed_at=next_sale,
    )


def offer_probabilities(habits: Habits, purchases: Purchases, seen: Seen, rows: Integers) -> Floats:
    """True choice probabilities, shape (rows, 8), of the members at positions `rows` of the block."""
    last, moment = seen.last[rows], seen.moment
    bought = seen.count[rows] > 0
    happened = purchases.circumstances
    expiring = habits.bonus.expiring(rows, moment) > MANY_POINTS
    return choice_probabilities(
        Traits(
            rate_score=habits.rate_score[rows],
            spend_score=habits.spend_score[rows],
            days_since_last=seen.since_last[rows],
            purchases=seen.count[rows].astype(float),
            taste=habits.taste[rows],
            online=habits.online[rows],
            price_sensitivity=habits.price_sensitivity[rows],
            price_rise=np.where(bought, happened.price_rise[last], 0.0),
            late=bought & (happened.days_late[last] >= NOTICED_DAYS),
            store_km=habits.home.store_km(rows, moment),
            redeems=habits.redeems[rows],
            points_expire=expiring & (habits.bonus.days_left(rows, moment) < SOON_DAYS),
            app_visits=habits.app_visits[rows],
        )
    )


def uptake_probability(habits: Habits, seen: Seen, rows: Integers, shopping_days: float) -> Floats:
    """True probability that a mailing is opened and any of its offers redeemed, of the members `rows`."""
    buys = 1 - silence_probability(habits.rate, seen, shopping_days)
    return (habits.open_rate * REDEEMS * buys)[rows]


def _choose(draw: Floats, probabilities: Floats) -> Integers:
    """One offer per row, by inverting the cumulative probabilities at a uniform draw."""
    beyond = draw[:, None] > np.cumsum(probabilities, axis=1)[:, :-1]
    return beyond.sum(axis=1)


def _sent_at(day: date) -> int:
    return epoch_seconds(day) + SENT_AT_HOUR * HOUR
