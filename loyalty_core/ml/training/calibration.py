"""Calibration of a network's logits on validation rows, as constants that become part of the network."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax

Logits = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

_BALANCE_BELOW_SHARE = 0.05
# Of the logarithm of the scale and of the offsets.
_PRIOR_DEVIATION = 0.5
_MAX_LOG_SCALE, _MAX_OFFSET = np.log(4.0), 3.0


class Calibration(NamedTuple):
    """Calibrated logits are `scale` x logits + `offset`, with one offset per output."""

    scale: float
    offset: npt.NDArray[np.float64]


def fit_calibration(logits: Logits, classes: Classes, correction: npt.NDArray[np.float64]) -> Calibration:
    """Fit a scale and offsets on validation rows, only a scale, or neither, in addition to `correction`.

    This is Platt scaling (1999) for one logit, its affine counterpart for several; logits have shape (rows, outputs).
    A network trained with cross-entropy is nearly calibrated, and the validation rows are a single sample of customers
    and weeks, so the Bayesian information criterion (Schwarz 1978) decides how many parameters are fitted. Those have a
    Gaussian prior, without which a few dozen rows that the network separates would push probabilities to 0 and 1.
    """
    outputs = logits.shape[1]

    def loss(parameters: npt.NDArray[np.float64]) -> float:
        offsets = parameters[1:] if len(parameters) > 1 else 0.0
        prior = np.square(parameters).sum() / (2 * _PRIOR_DEVIATION**2)
        return prior + len(classes) * mean_log_loss(np.exp(parameters[0]) * logits + correction + offsets, classes)

    best, best_criterion = np.zeros(1 + outputs), 2 * loss(np.zeros(1))
    for count in (1, 1 + outputs):
        bounds = [(-_MAX_LOG_SCALE, _MAX_LOG_SCALE), *[(-_MAX_OFFSET, _MAX_OFFSET)] * outputs][:count]
        found = minimize(loss, np.zeros(count), method="L-BFGS-B", bounds=bounds)
        criterion = 2 * found.fun + count * np.log(len(classes))
        if criterion < best_criterion:
            best, best_criterion = np.append(found.x, np.zeros(1 + outputs - count)), criterion
    return Calibration(float(np.exp(best[0])), correction + best[1:])


def mean_log_loss(logits: Logits, classes: Classes) -> float:
    """Mean negative log likelihood in nats; a single logit is the log odds of class 1."""
    if logits.shape[1] == 1:
        return float(np.logaddexp(0, np.where(classes == 1, -logits[:, 0], logits[:, 0])).mean())
    return float(-log_softmax(logits, axis=1)[np.arange(len(classes)), classes].mean())


def class_weights(classes: Classes, count: int, choice: str) -> npt.NDArray[np.float64] | None:
    """Weights that balance the classes, with mean 1 over the rows; None when unweighted.

    `choice` is "balanced", "none", or "auto": balanced only when the rarest class has less than 5 % of the rows.
    """
    counts = np.bincount(classes, minlength=count)
    if choice == "none" or (choice == "auto" and counts.min() >= _BALANCE_BELOW_SHARE * len(classes)):
        return None
    return len(classes) / (count * np.maximum(counts, 1))


def weight_correction(weights: npt.NDArray[np.float64] | None, outputs: int) -> npt.NDArray[np.float64]:
    """The correction of logits for training with class weights (Saerens et al. 2002); zeros without weights."""
    if weights is None:
        return np.zeros(outputs)
    return -np.log(weights[1:] / weights[0] if outputs == 1 else weights)
