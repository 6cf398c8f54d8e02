"""Two shares beside each other: how much they differ, and how many customers it takes to see that."""

from math import ceil, sqrt
from statistics import NormalDist

from loyalty_core.analytics.outcomes import Interval, Measure, Share

SIGNIFICANCE = 0.05
POWER = 0.8
_OF_CHANCE = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)
_OF_POWER = NormalDist().inv_cdf(POWER)
_STEPS = 40


def difference(first: Share, second: Share) -> Measure:
    """`first` minus `second` (-1 to 1) with its 95 % interval, from Wilson's of each (Newcombe 1998, method 10)."""
    found = first.value - second.value
    one, other = first.interval, second.interval
    down = sqrt((first.value - one.low) ** 2 + (other.high - second.value) ** 2)
    up = sqrt((one.high - first.value) ** 2 + (second.value - other.low) ** 2)
    return Measure(found, Interval(found - down, found + up))


def customers_needed(share: float, change: float, part: float) -> int:
    """Customers in the smaller of two groups, of which it is `part` (0-1), to see that its share is not `share`.

    A change of `change` (0-1) is then found in 80 % of cases, at a significance of 5 % (Fleiss, Levin and Paik 2003,
    without their correction for continuity).
    """
    times = (1 - part) / part  # as many are in the other group
    changed = share + change if share + change <= 1 else share - change
    mean = (changed + times * share) / (1 + times)
    chance = _OF_CHANCE * sqrt(mean * (1 - mean) * (1 + 1 / times))
    power = _OF_POWER * sqrt(changed * (1 - changed) + share * (1 - share) / times)
    return ceil(((chance + power) / change) ** 2)


def least_change(share: float, customers: int, part: float) -> float | None:
    """The smallest change (0-1) that so many customers in the group show; None where they show none."""
    low, high = 0.0, max(share, 1 - share)
    if customers_needed(share, high, part) > customers:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if customers_needed(share, middle, part) <= customers else (middle, high)
    return high
