"""Comparison of two proportions: their difference, and the sample size needed to detect one."""

from math import ceil, sqrt
from statistics import NormalDist

from loyalty_core.analytics.outcomes import Interval, Measure, Share

SIGNIFICANCE = 0.05
POWER = 0.8
_Z_SIGNIFICANCE = NormalDist().inv_cdf(1 - SIGNIFICANCE / 2)
_Z_POWER = NormalDist().inv_cdf(POWER)
_STEPS = 40


def difference(first: Share, second: Share) -> Measure:
    """`first` minus `second` (-1 to 1) with its 95 % interval, from the Wilson intervals (Newcombe 1998, method 10)."""
    found = first.value - second.value
    one, other = first.interval, second.interval
    down = sqrt((first.value - one.low) ** 2 + (other.high - second.value) ** 2)
    up = sqrt((one.high - first.value) ** 2 + (second.value - other.low) ** 2)
    return Measure(found, Interval(found - down, found + up))


def required_customers(share: float, change: float, part: float) -> int:
    """The size of a group that is `part` (0-1) of all customers, needed to detect a `change` (0-1) of its `share`.

    With a power of 80 % at a significance level of 5 % (Fleiss, Levin and Paik 2003, without continuity correction).
    """
    ratio = (1 - part) / part  # size of the other group relative to this one
    changed = share + change if share + change <= 1 else share - change
    mean = (changed + ratio * share) / (1 + ratio)
    significance = _Z_SIGNIFICANCE * sqrt(mean * (1 - mean) * (1 + 1 / ratio))
    power = _Z_POWER * sqrt(changed * (1 - changed) + share * (1 - share) / ratio)
    return ceil(((significance + power) / change) ** 2)


def minimum_detectable_change(share: float, customers: int, part: float) -> float | None:
    """The smallest change (0-1) that a group of this size can detect; None if it cannot detect any."""
    low, high = 0.0, max(share, 1 - share)
    if required_customers(share, high, part) > customers:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if required_customers(share, middle, part) <= customers else (middle, high)
    return high
