"""Calibration of a network's logits on validation rows, as numbers that become part of the network."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

Logits = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

_BALANCE_BELOW = 0.05
# Keeps a few validation rows that happen to be separated perfectly from asking for certainty.
_MOST_LOG_SCALE, _MOST_OFFSET = np.log(4.0), 3.0


class Calibration(NamedTuple):
    """Corrected logits are `scale` x logits + `offset`, one offset per output."""

    scale: float
    offset: npt.NDArray[np.float64]


def fit_calibration(logits: Logits, classes: Classes, correction: npt.NDArray[np.float64]) -> Calibration:
    """`correction` alone, a scale, or a scale and offsets: whichever fits the validation rows best.

    Platt's scaling (1999) of one logit, its affine counterpart for several; logits have shape (rows, outputs).
    Cross-entropy leaves a network nearly calibrated, and validation is one sample of customers and weeks: so the
    Bayesian information criterion (Schwarz 1978) chooses how much is fitted.
    """
    outputs = logits.shape[1]

    def loss(parameters: npt.NDArray[np.float64]) -> float:
        offsets = parameters[1:] if len(parameters) > 1 else 0.0
        return len(classes) * mean_log_loss(np.exp(parameters[0]) * logits + correction + offsets, classes)

    best, best_criterion = np.zeros(1 + outputs), 2 * loss(np.zeros(1))
    for count in (1, 1 + outputs):
        bounds = [(-_MOST_LOG_SCALE, _MOST_LOG_SCALE), *[(-_MOST_OFFSET, _MOST_OFFSET)] * outputs][:count]
        found = minimize(loss, np.zeros(count), method="L-BFGS-B", bounds=bounds)
        criterion = 2 * found.fun + count * np.log(len(classes))
        if criterion < best_criterion:
            best, best_criterion = np.append(found.x, np.zeros(1 + outputs - count)), criterion
    return Calibration(float(np.exp(best[0])), correction + best[1:])


def mean_log_loss(logits: Logits, classes: Classes) -> float:
    """Mean negative log likelihood in nats; a single logit is that of class 1 against class 0."""
    if logits.shape[1] == 1:
        return float(np.logaddexp(0, np.where(classes == 1, -logits[:, 0], logits[:, 0])).mean())
    return float(-log_softmax(logits, axis=1)[np.arange(len(classes)), classes].mean())


def class_weights(classes: Classes, count: int, choice: str) -> npt.NDArray[np.float64] | None:
    """Weights under which all classes count the same, mean 1 over the rows; None where not chosen or not needed.

    `choice` is "balanced", "none", or "auto": only when the rarest class has less than one row in twenty.
    """
    of_class = np.bincount(classes, minlength=count)
    if choice == "none" or (choice == "auto" and of_class.min() >= _BALANCE_BELOW * len(classes)):
        return None
    return len(classes) / (count * np.maximum(of_class, 1))


def weight_correction(weights: npt.NDArray[np.float64] | None, outputs: int) -> npt.NDArray[np.float64]:
    """What to add to the logits of a network trained with class weights (Saerens et al. 2002); zeros without."""
    if weights is None:
        return np.zeros(outputs)
    return -np.log(weights[1:] / weights[0] if outputs == 1 else weights)
