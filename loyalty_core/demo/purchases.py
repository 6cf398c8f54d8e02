"""When members buy: a renewal process in which a member may drift away after any purchase.

On the shopping clock, the wait for the next purchase is

    Exp(rate)                         with probability 1 - drift          (still engaged)
    Uniform(PAUSE) + Exp(rate)        with probability drift (1 - QUIT)   (away for some months, then back)
    for ever                          with probability drift QUIT         (gone for good)

and `drift` depends on what happened at the purchase before. With one drift for all purchases and no way back this is
the BG/NBD model of Fader, Hardie and Lee (2005).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty_core.demo.arrow_columns import Floats, Integers
from loyalty_core.demo.circumstances import Circumstances, draw_circumstances
from loyalty_core.demo.habits import Habits
from loyalty_core.demo.shopping_clock import ShoppingClock

# In shopping days: longer than the churn window, so that a long silence alone does not yet mean churn.
PAUSE = (95.0, 130.0)
QUIT = 0.06
FIRST_WAIT = 130.0


@dataclass(frozen=True)
class Purchases:
    """Every purchase of a block of members, by member, then by time."""

    member: Integers  # position of the member in the block
    moment: Floats  # reading of the shopping clock
    starts: Integers  # members + 1 positions: member m has purchases starts[m] to starts[m + 1]
    sold_at: Integers  # seconds since 1970
    circumstances: Circumstances
    horizon: float  # reading of the clock at the end

    def before(self, moment: float) -> Integers:
        """Each member's number of purchases before `moment`."""
        members = np.arange(len(self.starts) - 1)
        return np.searchsorted(self._keys, members * self.horizon + moment) - self.starts[:-1]

    @cached_property
    def _keys(self) -> Floats:
        return self.member * self.horizon + self.moment

    def seen_at(self, moment: float, joined: Floats) -> "Seen":
        """What the warehouse shows of each member at `moment`; before a first purchase, joining counts."""
        count = self.before(moment)
        last = np.maximum(self.starts[:-1] + count - 1, 0)
        since = moment - np.where(count > 0, self.moment[last], joined)
        return Seen(moment, count, np.maximum(since, 0.0), last, self.circumstances.drift[last])


@dataclass(frozen=True)
class Seen:
    """Each member's past at one time, of which all but `drift` can be observed.

    `since_last` is in shopping days. `last` is the position of the last purchase, and `drift` the probability with
    which the member drifted away after it; both mean nothing where `count` is 0.
    """

    moment: float
    count: Integers
    since_last: Floats
    last: Integers
    drift: Floats


def simulate_purchases(rng: np.random.Generator, habits: Habits, clock: ShoppingClock, today: float) -> Purchases:
    """All purchases from joining until the clock reads `today`."""
    waits = np.where(habits.buys_when_joining, 0.0, rng.exponential(FIRST_WAIT, len(habits)))
    member, moment = np.arange(len(habits)), habits.joined + waits
    members, moments, circumstances = [], [], []
    while len(member):
        known = moment < today
        member, moment = member[known], moment[known]
        found = draw_circumstances(rng, habits, member, moment)
        members.append(member)
        moments.append(moment)
        circumstances.append(found)
        moment = moment + _draw_waits(rng, habits.rate[member], found.drift)
    buyer, when = np.concatenate(members), np.concatenate(moments)
    order = np.argsort(buyer, kind="stable")  # each member's purchases were drawn in order of time
    buyer, when = buyer[order], when[order]
    return Purchases(
        member=buyer,
        moment=when,
        starts=np.searchsorted(buyer, np.arange(len(habits) + 1)),
        sold_at=clock.epoch_seconds(when),
        circumstances=Circumstances.concatenate(circumstances)[order],
        horizon=today,
    )


def silence_probability(rate: Floats, seen: Seen, window: float) -> Floats:
    """Chance of no purchase within the next `window` shopping days, given purchase rates and what has happened so far.

    For a renewal process this is S(since_last + window) / S(since_last), S being the survival function of
    one wait. Members who never bought wait exponentially for their first purchase.
    """
    before, after = (_wait_survival(rate, seen.drift, wait) for wait in (seen.since_last, seen.since_last + window))
    return np.where(seen.count > 0, after / before, np.exp(-window / FIRST_WAIT))


def _wait_survival(rate: Floats, drift: Floats, wait: Floats) -> Floats:
    shortest, longest = PAUSE
    # Of the pauses that have ended after `wait`, each leaves an exponential wait: the integral over them.
    ended = np.exp(-rate * np.maximum(wait - longest, 0)) - np.exp(-rate * np.maximum(wait - shortest, 0))
    going_on = np.clip(longest - wait, 0, longest - shortest)
    away = (going_on + ended / rate) / (longest - shortest)
    return (1 - drift) * np.exp(-rate * wait) + drift * (QUIT + (1 - QUIT) * away)


def _draw_waits(rng: np.random.Generator, rate: Floats, drift: Floats) -> Floats:
    fate = rng.random(len(rate))
    pause = np.where(fate < drift, rng.uniform(*PAUSE, len(rate)), 0.0)
    pause[fate < drift * QUIT] = np.inf
    return pause + rng.exponential(1.0, len(rate)) / rate
