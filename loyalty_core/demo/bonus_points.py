"""Bonus points: granted to every other member three times a year, and lost unless they are used in time."""

from dataclasses import dataclass

import numpy as np

from loyalty_core.demo.arrow_columns import Floats, Integers

VALID_DAYS = 120.0
GRANTED = 0.5
MEDIAN, SPREAD = 420.0, 0.5
ROUNDED_TO = 10


@dataclass(frozen=True)
class BonusPoints:
    """`granted` has shape (members, periods); each member's first period began `phase` days before the start."""

    phase: Floats
    granted: Floats

    def expiring(self, member: Integers, moment: Floats | float) -> Floats:
        """Bonus points that expire at the end of the period; 0 when none were granted."""
        return self.granted[member, self._period(member, moment)]

    def days_left(self, member: Integers, moment: Floats | float) -> Floats:
        """Days until the period ends."""
        return VALID_DAYS - (moment + self.phase[member]) % VALID_DAYS

    def _period(self, member: Integers, moment: Floats | float) -> Integers:
        return ((moment + self.phase[member]) // VALID_DAYS).astype(np.int64)


def draw_bonus_points(rng: np.random.Generator, count: int, today: float) -> BonusPoints:
    """Bonus points of `count` members until the clock reads `today`."""
    periods = int(today // VALID_DAYS) + 2
    amounts = rng.lognormal(np.log(MEDIAN), SPREAD, (count, periods))
    rounded = np.ceil(amounts / ROUNDED_TO) * ROUNDED_TO
    return BonusPoints(
        phase=rng.uniform(0, VALID_DAYS, count),
        granted=np.where(rng.random((count, periods)) < GRANTED, rounded, 0.0),
    )
