"""What a group of predictions was worth, from counts alone: AUC, calibration, lift, right offers, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.training import MIN_ROWS, MIN_ROWS_PER_CLASS

Counts = npt.NDArray[np.int64]

_TOP_TENTHS = 2
_TENTHS = 10
# Of the normal distribution, for intervals that hold the true value 95 times in 100.
_Z = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """`count` of `total`, with Wilson's interval (1927), which holds for few rows and for shares near 0 and 1."""

    count: int
    total: int

    @property
    def value(self) -> float:
        return self.count / self.total if self.total else 0.0

    @property
    def interval(self) -> Interval:
        if not self.total:
            return Interval(0.0, 1.0)
        squared = _Z**2
        centre = (self.count + squared / 2) / (self.total + squared)
        spread = _Z * sqrt(self.total * self.value * (1 - self.value) + squared / 4) / (self.total + squared)
        return Interval(max(centre - spread, 0.0), min(centre + spread, 1.0))


@dataclass(frozen=True)
class Measure:
    """A value between 0 and 1 with its interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Tenth:
    """A tenth of the customers by falling probability: mean probability, and the share that left (0–1)."""

    predicted: float
    actual: float


@dataclass(frozen=True)
class ChurnFigures:
    """What the churn probabilities of one group of customers were worth.

    `main` is the AUC, None unless at least two left and two stayed. `predicted` is the mean probability, `captured`
    the share of those who left that is among the riskiest fifth, `lift` how often they left against everybody.
    """

    left: Share
    main: Measure | None
    predicted: float
    tenths: tuple[Tenth, ...]
    captured: float
    lift: float

    @property
    def rows(self) -> int:
        return self.left.total

    @property
    def is_enough(self) -> bool:
        """Whether there are as many rows of each class as a training asks for."""
        return min(self.left.count, self.rows - self.left.count) >= MIN_ROWS_PER_CLASS


@dataclass(frozen=True)
class OfferFigures:
    """How often the offer taken was the first choice, one of the first three, or simply the most popular one."""

    top_1: Share
    top_3: Share
    popular: Share

    @property
    def main(self) -> Measure:
        return Measure(self.top_1.value, self.top_1.interval)

    @property
    def rows(self) -> int:
        return self.top_1.total

    @property
    def is_enough(self) -> bool:
        """Whether there are as many rows as a training asks for."""
        return self.rows >= MIN_ROWS


Figures = ChurnFigures | OfferFigures


class ScoreCounts(NamedTuple):
    """How many customers stayed and left at each score; the scores rise."""

    scores: npt.NDArray[np.float64]
    stayed: Counts
    left: Counts


def count_scores(scores: npt.NDArray[np.float64], left: npt.NDArray[np.bool_], counts: Counts) -> ScoreCounts:
    """From groups of `counts` customers with the same score and outcome, in any order."""
    unique, place = np.unique(scores, return_inverse=True)
    of_outcome = [np.bincount(place, np.where(wanted, counts, 0), len(unique)) for wanted in (~left, left)]
    return ScoreCounts(unique, *(numbers.astype(np.int64) for numbers in of_outcome))


def churn_figures(counts: ScoreCounts) -> ChurnFigures:
    """All figures of a group; a tie at the edge of a tenth is divided in proportion."""
    rows, left = int(counts.stayed.sum() + counts.left.sum()), int(counts.left.sum())
    # Falling scores, each sum with the nothing before it; straight lines between them divide the ties.
    customers, leavers, expected = (
        np.concatenate([[0.0], np.cumsum(numbers[::-1])])
        for numbers in (
            counts.stayed + counts.left,
            counts.left,
            counts.scores * (counts.stayed + counts.left),
        )
    )
    edges = np.linspace(0, rows, _TENTHS + 1)
    left_up_to, expected_up_to = (np.interp(edges, customers, sums) for sums in (leavers, expected))
    size = max(rows / _TENTHS, 1e-9)
    captured = float(left_up_to[_TOP_TENTHS] / max(left, 1))
    return ChurnFigures(
        left=Share(left, rows),
        main=_area_under_curve(counts),
        predicted=float(expected[-1] / max(rows, 1)),
        tenths=tuple(
            Tenth(float(predicted / size), float(actual / size))
            for predicted, actual in zip(np.diff(expected_up_to), np.diff(left_up_to), strict=True)
        ),
        captured=captured,
        lift=captured * _TENTHS / _TOP_TENTHS,
    )


def _area_under_curve(counts: ScoreCounts) -> Measure | None:
    """ROC AUC, ties at half, with the variance of DeLong, DeLong and Clarke-Pearson (1988), over groups of equal score.

    Whoever left is placed by the share of stayers below, whoever stayed by the share of leavers above.
    """
    stayed, left = counts.stayed, counts.left
    stayers, leavers = int(stayed.sum()), int(left.sum())
    if min(stayers, leavers) < 2:
        return None
    stayers_below = (np.cumsum(stayed) - stayed / 2) / stayers
    leavers_above = 1 - (np.cumsum(left) - left / 2) / leavers
    area = float(left @ stayers_below / leavers)
    variance = (
        left @ (stayers_below - area) ** 2 / (leavers - 1) / leavers
        + stayed @ (leavers_above - area) ** 2 / (stayers - 1) / stayers
    )
    spread = _Z * sqrt(float(variance))
    return Measure(area, Interval(max(area - spread, 0.0), min(area + spread, 1.0)))
