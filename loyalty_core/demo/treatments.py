"""A test of one message with a known effect: who was written to, who was held out, and who ordered.

At each monthly date a quarter of the members took part; a draw decided who got a message about a collection that is
ordered apart from everything else, so that its orders are not in the transactions table. Members respond in four ways:

- persuadables order if reminded: they look for reduced prices, or have not bought for one to six months
- sure things order anyway: they buy often and bought lately
- sleeping dogs are put off: their last order came late, or what they buy at reduced prices has become dearer
- lost causes do not order either way: they have been away for longer
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers, coded, timestamps
from loyalty_core.demo.circumstances import NOTICED_DAYS
from loyalty_core.demo.habits import Habits
from loyalty_core.demo.purchases import Purchases, Seen
from loyalty_core.demo.shopping_clock import HOUR, epoch_seconds
from loyalty_core.demo.truth import truth_rows

TAKES_PART, TREATED = 0.25, 0.6
SENT_AT_HOUR = 10
CHANNELS, CHANNEL_SHARES = ("email", "push", "sms"), np.array([0.6, 0.2, 0.2])
PUSH, SMS = 1, 2
SPEND_SPREAD = 0.5
RESPONSES = ("persuadable", "sure thing", "sleeping dog", "lost cause")


@dataclass(frozen=True)
class Treatments:
    """One date of the test in a block of members; arrays have one element per participant."""

    day: date
    member: Integers
    treated: Flags
    channel: Integers
    outcome: Flags
    spend: Floats
    if_treated: Floats
    if_not_treated: Floats

    def table(self, ids: pa.Array) -> pa.Table:
        """Rows for the table of treatments, to which the features are joined."""
        at = np.full(len(self.member), epoch_seconds(self.day) + SENT_AT_HOUR * HOUR)
        return pa.table(
            {
                "customer_id": coded(self.member, ids),
                "treated_at": timestamps(at),
                "treated": pa.array(self.treated),
                "channel": coded(self.channel, CHANNELS),
                "outcome": pa.array(self.outcome),
                "spend": pa.array(self.spend),
            }
        )

    def truth(self, ids: pa.Array) -> pa.Table:
        """Both chances of every participant, and the kind of response that follows from them."""
        uplift = self.if_treated - self.if_not_treated
        sure, moved, put_off = self.if_not_treated >= 0.25, uplift >= 0.05, uplift <= -0.02
        response = np.select([moved, put_off, sure], [0, 2, 1], default=3)
        columns = {
            "true_outcome_if_treated": self.if_treated,
            "true_outcome_if_not_treated": self.if_not_treated,
            "true_uplift": uplift,
            "true_response": coded(response, RESPONSES).dictionary_decode(),
        }
        return truth_rows(ids.take(pa.array(self.member)), self.day, "treatment", columns)


def simulate_treatments(
    rng: np.random.Generator, day: date, habits: Habits, purchases: Purchases, seen: Seen
) -> Treatments:
    """The participants of one date, drawn from the members who had bought by then."""
    member = np.flatnonzero((seen.count > 0) & (rng.random(len(habits)) < TAKES_PART))
    channel = rng.choice(len(CHANNELS), len(member), p=CHANNEL_SHARES)
    treated = rng.random(len(member)) < TREATED
    odds = _log_odds_untreated(habits, seen, member)
    if_not_treated = _probability(odds)
    if_treated = _probability(odds + _effect(habits, purchases, seen, member, channel))
    outcome = rng.random(len(member)) < np.where(treated, if_treated, if_not_treated)
    amount = habits.spend[member] * np.exp(rng.normal(0, SPEND_SPREAD, len(member)))
    return Treatments(
        day=day,
        member=member,
        treated=treated,
        channel=channel,
        outcome=outcome,
        spend=np.where(outcome, np.round(amount, 2), 0.0),
        if_treated=if_treated,
        if_not_treated=if_not_treated,
    )


def _log_odds_untreated(habits: Habits, seen: Seen, member: Integers) -> Floats:
    since = seen.since_last[member]
    return -2.2 + 0.8 * habits.rate_score[member] + 1.3 * (since < 30) - 1.6 * (since > 180)


def _effect(habits: Habits, purchases: Purchases, seen: Seen, member: Integers, channel: Integers) -> Floats:
    """What the message adds to the log odds."""
    happened, last, since = purchases.circumstances, seen.last[member], seen.since_last[member]
    sensitive = habits.price_sensitivity[member] > 0.4
    put_off = (happened.days_late[last] >= NOTICED_DAYS) | (sensitive & (happened.price_rise[last] > 8))
    persuaded = 1.1 * sensitive + 1.2 * ((since >= 30) & (since <= 180))
    reached = np.select(
        [channel == PUSH, channel == SMS],
        [np.where(habits.app_visits[member] > 0, 0.2, -0.5), np.where(since >= 30, 0.4, -0.2)],
        default=0.0,
    )
    return np.where(since > 180, 0.0, np.where(put_off, -1.6, 0.05 + persuaded + reached * (persuaded > 0)))


def _probability(log_odds: Floats) -> Floats:
    return 1 / (1 + np.exp(-log_odds))
