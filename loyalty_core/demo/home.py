"""Where members live: how far the nearest store is, and who moved."""

from dataclasses import dataclass

import numpy as np

from loyalty_core.demo.arrow_columns import Flags, Floats, Integers

MOVES = 0.35  # of all members, at some time from half a year before the programme starts until the snapshot
DAYS_BEFORE_START = 180.0
NEW_HOME_DAYS = 365.0  # for so long a move counts as recent
USUAL_KM, USUAL_SPREAD = 6.0, 0.7
AFTER_MOVE_KM, AFTER_MOVE_SPREAD = 20.0, 0.8


@dataclass(frozen=True)
class Home:
    """One array element per member; `moved_at` is a reading of the shopping clock, infinite for those who stay."""

    km_before: Floats
    km_after: Floats
    moved_at: Floats

    def store_km(self, member: Integers, moment: Floats | float) -> Floats:
        """Kilometres to the nearest store."""
        return np.where(moment >= self.moved_at[member], self.km_after[member], self.km_before[member])

    def km_farther(self, member: Integers, moment: Floats | float) -> Floats:
        """By how much a move within the last year made the way longer (negative: shorter); 0 without a move."""
        change = self.km_after[member] - self.km_before[member]
        return np.where(self._moved_recently(member, moment), change, 0.0)

    def _moved_recently(self, member: Integers, moment: Floats | float) -> Flags:
        since = moment - self.moved_at[member]
        return (since >= 0) & (since < NEW_HOME_DAYS)


def draw_home(rng: np.random.Generator, count: int, today: float) -> Home:
    """Homes of `count` members; most moves lead farther away from a store."""
    moved_at = rng.uniform(-DAYS_BEFORE_START, today, count)
    return Home(
        km_before=rng.lognormal(np.log(USUAL_KM), USUAL_SPREAD, count),
        km_after=rng.lognormal(np.log(AFTER_MOVE_KM), AFTER_MOVE_SPREAD, count),
        moved_at=np.where(rng.random(count) < MOVES, moved_at, np.inf),
    )
