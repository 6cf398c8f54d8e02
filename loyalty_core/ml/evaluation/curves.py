"""Curves of a binary model over all thresholds, reduced to the points that a chart needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

Points = list[list[float]]

_STEPS = 100
_DIGITS = 4


def roc_points(churned: npt.NDArray[np.intp], probability: npt.NDArray[np.float64]) -> Points:
    """ROC curve: true-positive rate (y) against false-positive rate (x)."""
    false_positives, true_positives, _ = roc_curve(churned, probability)
    rates = np.linspace(0, 1, _STEPS + 1)
    return [[0.0, 0.0], *_rounded(rates, np.interp(rates, false_positives, true_positives))]


def precision_points(churned: npt.NDArray[np.intp], probability: npt.NDArray[np.float64]) -> Points:
    """Precision (y) against recall (x)."""
    precision, recall, _ = precision_recall_curve(churned, probability)
    wanted = np.linspace(1 / _STEPS, 1, _STEPS)
    # Recall decreases along the curve: the last point that reaches a recall has the best precision.
    points = len(recall) - 1 - np.searchsorted(recall[::-1], wanted - 1e-12)
    return _rounded(wanted, precision[points])


def _rounded(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]) -> Points:
    return np.round(np.stack([xs, ys], axis=1), _DIGITS).tolist()
