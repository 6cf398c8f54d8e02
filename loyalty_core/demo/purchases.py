"""When members buy: a renewal process in which a member may drift away after any purchase.

On the shopping clock, the wait for the next purchase is

    Exp(rate)               with probability 1 - drift          (still engaged)
    Exp(1/PAUSE) + Exp(rate)  with probability drift (1 - QUIT)   (away for a while, then back)
    for ever                with probability drift QUIT         (gone for good)

With no way back this is the BG/NBD model of Fader, Hardie and Lee (2005).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from loyalty_core.demo.arrow_columns import Floats, Integers
from loyalty_core.demo.habits import Habits
from loyalty_core.demo.shopping_clock import ShoppingClock

PAUSE = 90.0  # shopping days
QUIT = 0.085
FIRST_WAIT = 130.0


@dataclass(frozen=True)
class Purchases:
    """Every purchase of a block of members, by member, then by time."""

    member: Integers  # position of the member in the block
    moment: Floats  # reading of the shopping clock
    starts: Integers  # members + 1 positions: member m has purchases starts[m] to starts[m + 1]
    sold_at: Integers  # seconds since 1970
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
        last = self.moment[np.maximum(self.starts[:-1] + count - 1, 0)]
        since = moment - np.where(count > 0, last, joined)
        return Seen(count, np.maximum(since, 0.0))


@dataclass(frozen=True)
class Seen:
    """Observable history at one time, one element per member; `since_last` is in shopping days."""

    count: Integers
    since_last: Floats


def simulate_purchases(rng: np.random.Generator, habits: Habits, clock: ShoppingClock, today: float) -> Purchases:
    """All purchases from joining until the clock reads `today`."""
    waits = np.where(habits.buys_when_joining, 0.0, rng.exponential(FIRST_WAIT, len(habits)))
    member, moment = np.arange(len(habits)), habits.joined + waits
    members, moments = [], []
    while len(member):
        known = moment < today
        member, moment = member[known], moment[known]
        members.append(member)
        moments.append(moment)
        moment = moment + _draw_waits(rng, habits.rate[member], habits.drift[member])
    found, when = np.concatenate(members), np.concatenate(moments)
    order = np.argsort(found, kind="stable")  # each member's purchases were drawn in order of time
    found, when = found[order], when[order]
    starts = np.searchsorted(found, np.arange(len(habits) + 1))
    return Purchases(found, when, starts, clock.epoch_seconds(when), horizon=today)


def silence_probability(habits: Habits, seen: Seen, window: float) -> Floats:
    """Chance of no purchase within the next `window` shopping days, given the habits and the visible history.

    For a renewal process this is S(since_last + window) / S(since_last), S being the survival function of
    one wait. Members who never bought wait exponentially for their first purchase.
    """
    again = _wait_survival(habits, seen.since_last + window) / _wait_survival(habits, seen.since_last)
    return np.where(seen.count > 0, again, np.exp(-window / FIRST_WAIT))


def _wait_survival(habits: Habits, wait: Floats) -> Floats:
    rate, back = habits.rate, 1 / PAUSE
    engaged = np.exp(-rate * wait)
    # Survival of the sum of two exponential waits; rates are drawn so that rate > back always holds.
    away = (rate * np.exp(-back * wait) - back * engaged) / (rate - back)
    return (1 - habits.drift) * engaged + habits.drift * (QUIT + (1 - QUIT) * away)


def _draw_waits(rng: np.random.Generator, rate: Floats, drift: Floats) -> Floats:
    fate = rng.random(len(rate))
    pause = np.where(fate < drift, rng.exponential(PAUSE, len(rate)), 0.0)
    pause[fate < drift * QUIT] = np.inf
    return pause + rng.exponential(1.0, len(rate)) / rate
