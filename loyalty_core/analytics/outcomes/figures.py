"""Accuracy of predictions from counts: AUC, calibration, lift and offer accuracy, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.training import MIN_ROWS, MIN_ROWS_PER_CLASS

Counts = npt.NDArray[np.int64]

_TOP_DECILES = 2
_DECILES = 10
# The quantile of the standard normal distribution for a 95 % interval.
_Z = 1.959963984540054


class Interval(NamedTuple):
    """A 95 % confidence interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """`count` of `total` with its Wilson interval (1927), which is valid for few rows and for shares near 0 and 1."""

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
        margin = _Z * sqrt(self.total * self.value * (1 - self.value) + squared / 4) / (self.total + squared)
        return Interval(max(centre - margin, 0.0), min(centre + margin, 1.0))


@dataclass(frozen=True)
class Measure:
    """A value between 0 and 1 with its interval."""

    value: float
    interval: Interval


@dataclass(frozen=True)
class Decile:
    """A decile of customers by descending probability: mean probability, and the share that left (0–1)."""

    predicted: float
    actual: float


@dataclass(frozen=True)
class ChurnFigures:
    """Accuracy of the churn probabilities of a group of customers.

    `main` is the AUC, None unless at least two left and two stayed. `predicted` is the mean probability, `captured` the
    share of churners in the top 20 % by probability, `lift` the churn rate of those relative to all.
    """

    left: Share
    main: Measure | None
    predicted: float
    deciles: tuple[Decile, ...]
    captured: float
    lift: float

    @property
    def rows(self) -> int:
        return self.left.total

    @property
    def is_enough(self) -> bool:
        """Whether there are as many rows of each class as training requires."""
        return min(self.left.count, self.rows - self.left.count) >= MIN_ROWS_PER_CLASS


@dataclass(frozen=True)
class OfferFigures:
    """How often the offer taken was ranked first, among the first three, or was the most popular offer."""

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
        """Whether there are as many rows as training requires."""
        return self.rows >= MIN_ROWS


Figures = ChurnFigures | OfferFigures


class ScoreCounts(NamedTuple):
    """Customers who stayed and left, by score; scores are ascending."""

    scores: npt.NDArray[np.float64]
    stayed: Counts
    left: Counts


def count_scores(scores: npt.NDArray[np.float64], left: npt.NDArray[np.bool_], counts: Counts) -> ScoreCounts:
    """Count customers by score, from groups of `counts` customers with the same score and outcome, in any order."""
    unique, index = np.unique(scores, return_inverse=True)
    by_outcome = [np.bincount(index, np.where(outcome, counts, 0), len(unique)) for outcome in (~left, left)]
    return ScoreCounts(unique, *(numbers.astype(np.int64) for numbers in by_outcome))


def churn_figures(counts: ScoreCounts) -> ChurnFigures:
    """All figures of a group; ties at the edge of a decile are divided in proportion."""
    rows, left = int(counts.stayed.sum() + counts.left.sum()), int(counts.left.sum())
    # Cumulative sums by descending score, starting at 0; interpolating between them divides ties.
    customers, leavers, expected = (
        np.concatenate([[0.0], np.cumsum(numbers[::-1])])
        for numbers in (
            counts.stayed + counts.left,
            counts.left,
            counts.scores * (counts.stayed + counts.left),
        )
    )
    edges = np.linspace(0, rows, _DECILES + 1)
    left_up_to, expected_up_to = (np.interp(edges, customers, sums) for sums in (leavers, expected))
    size = max(rows / _DECILES, 1e-9)
    captured = float(left_up_to[_TOP_DECILES] / max(left, 1))
    return ChurnFigures(
        left=Share(left, rows),
        main=_area_under_curve(counts),
        predicted=float(expected[-1] / max(rows, 1)),
        deciles=tuple(
            Decile(float(predicted / size), float(actual / size))
            for predicted, actual in zip(np.diff(expected_up_to), np.diff(left_up_to), strict=True)
        ),
        captured=captured,
        lift=captured * _DECILES / _TOP_DECILES,
    )


def _area_under_curve(counts: ScoreCounts) -> Measure | None:
    """ROC AUC, with ties counted half, and its variance by DeLong, DeLong and Clarke-Pearson (1988), from counts.

    The placement of a churner is the share of stayers with a lower score, that of a stayer the share of churners above.
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
    margin = _Z * sqrt(float(variance))
    return Measure(area, Interval(max(area - margin, 0.0), min(area + margin, 1.0)))
