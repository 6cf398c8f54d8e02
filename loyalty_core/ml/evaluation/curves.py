"""Curves of a churn model over all thresholds, as few points as a chart needs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_curve, roc_curve

Points = list[list[float]]

_STEPS = 100
_DIGITS = 4


def roc_points(churned: npt.NDArray[np.intp], probability: npt.NDArray[np.float64]) -> Points:
    """Share of those who left that is found (y) over the share of those who stayed that is named too (x)."""
    false_positives, true_positives, _ = roc_curve(churned, probability)
    named = np.linspace(0, 1, _STEPS + 1)
    return [[0.0, 0.0], *_rounded(named, np.interp(named, false_positives, true_positives))]


def precision_points(churned: npt.NDArray[np.intp], probability: npt.NDArray[np.float64]) -> Points:
    """Share of those named that does leave (y) when so large a share of those who leave is found (x)."""
    precision, recall, _ = precision_recall_curve(churned, probability)
    found = np.linspace(1 / _STEPS, 1, _STEPS)
    # Recall falls along the curve: the last point that still finds so many names the fewest.
    places = len(recall) - 1 - np.searchsorted(recall[::-1], found - 1e-12)
    return _rounded(found, precision[places])


def _rounded(xs: npt.NDArray[np.float64], ys: npt.NDArray[np.float64]) -> Points:
    return np.round(np.stack([xs, ys], axis=1), _DIGITS).tolist()
