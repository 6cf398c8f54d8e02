"""Balance of a network's logits on the rows that it learned from, and calibration on validation rows.

Both are constants that become part of the network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, logsumexp, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

Logits = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]
# Of each row, in nats.
Losses = npt.NDArray[np.float64]

_BALANCE_BELOW_SHARE = 0.05
# Of the logarithm of the scale and of the offsets.
_PRIOR_DEVIATION = 0.5
_MAX_LOG_SCALE, _MAX_OFFSET = np.log(4.0), 3.0
_MAX_BALANCING_OFFSET = 10.0


class Calibration(NamedTuple):
    """Calibrated logits are `scale` x logits + `offset`, with one offset per output."""

    scale: float
    offset: npt.NDArray[np.float64]

    def of_unbalanced(self, balance: npt.NDArray[np.float64]) -> Calibration:
        """The same for logits to which the offsets `balance` were not added yet."""
        return Calibration(self.scale, self.scale * balance + self.offset)


def balance_of(logits: Logits, classes: Classes) -> npt.NDArray[np.float64]:
    """The offsets with which the mean probability of each class on these rows is its share of them.

    Of the rows that a network learned from, maximum likelihood makes them equal. They are not quite: the network is
    used without the dropout that it was trained with, stopped at an epoch that is not its last, and the classes may
    have been weighted. One offset per class is too little to overfit, so no other rows are needed for it.
    """
    every = with_first_class(logits)
    counts = np.bincount(classes, minlength=every.shape[1]) + 0.5  # so that no class is impossible
    shares = counts / counts.sum()

    def objective(offsets: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        shifted = every + np.append(np.zeros(every.shape[1] - len(offsets)), offsets)
        gradient = softmax(shifted, axis=1).mean(axis=0) - shares
        own = shares[-len(offsets) :]
        return float(logsumexp(shifted, axis=1).mean() - own @ offsets), gradient[-len(offsets) :]

    outputs = logits.shape[1]
    bounds = [(-_MAX_BALANCING_OFFSET, _MAX_BALANCING_OFFSET)] * outputs
    options = {"ftol": 1e-12, "gtol": 1e-7}
    return minimize(objective, np.zeros(outputs), jac=True, method="L-BFGS-B", bounds=bounds, options=options).x


def with_first_class(logits: Logits) -> Logits:
    """Logits of all classes: a single one is the log odds of class 1, compared with class 0."""
    return np.concatenate([np.zeros_like(logits), logits], axis=1) if logits.shape[1] == 1 else logits


def fit_calibration(logits: Logits, classes: Classes) -> Calibration:
    """Fit a scale and offsets on validation rows, only a scale, or neither; the logits are balanced (`balance_of`).

    This is Platt scaling (1999) for one logit, its affine counterpart for several; logits have shape (rows, outputs).
    A network trained with cross-entropy is nearly calibrated, and the validation rows are a single sample of customers
    and weeks, so the Bayesian information criterion (Schwarz 1978) decides how many parameters are fitted. Those have a
    Gaussian prior, without which a few dozen rows that the network separates would push probabilities to 0 and 1.
    """
    outputs = logits.shape[1]

    def loss(parameters: npt.NDArray[np.float64]) -> float:
        offsets = parameters[1:] if len(parameters) > 1 else 0.0
        prior = np.square(parameters).sum() / (2 * _PRIOR_DEVIATION**2)
        return prior + len(classes) * mean_log_loss(np.exp(parameters[0]) * logits + offsets, classes)

    best, best_criterion = np.zeros(1 + outputs), 2 * loss(np.zeros(1))
    for count in (1, 1 + outputs):
        bounds = [(-_MAX_LOG_SCALE, _MAX_LOG_SCALE), *[(-_MAX_OFFSET, _MAX_OFFSET)] * outputs][:count]
        found = minimize(loss, np.zeros(count), method="L-BFGS-B", bounds=bounds)
        criterion = 2 * found.fun + count * np.log(len(classes))
        if criterion < best_criterion:
            best, best_criterion = np.append(found.x, np.zeros(1 + outputs - count)), criterion
    return Calibration(float(np.exp(best[0])), best[1:])


def log_losses(logits: Logits, classes: Classes) -> Losses:
    """Negative log likelihood of each row in nats; a single logit is the log odds of class 1."""
    if logits.shape[1] == 1:
        return np.logaddexp(0, np.where(classes == 1, -logits[:, 0], logits[:, 0]))
    return -log_softmax(logits, axis=1)[np.arange(len(classes)), classes]


def mean_log_loss(logits: Logits, classes: Classes) -> float:
    """Their mean."""
    return float(log_losses(logits, classes).mean())


def first_as_good(losses: Sequence[Losses]) -> int:
    """The first of several trainings whose mean loss is the lowest, but for one standard error of the difference."""
    best = losses[int(np.argmin([each.mean() for each in losses]))]
    lost = (each - best for each in losses)
    return next(number for number, each in enumerate(lost) if each.sum() <= each.std() * len(each) ** 0.5)


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
