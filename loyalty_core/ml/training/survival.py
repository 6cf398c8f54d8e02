"""The likelihood of survival: what is known of each customer by month, and how well hazards agree with it.

It has a factor for each month that a customer began and that was followed to its end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from loyalty_core.ml.training.fitting import Rows
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from loyalty_core.ml.training.calibration import Classes, Logits

with quiet_stderr():
    import keras

UNKNOWN = -1.0
# For each class of `ChurnTimingTask`, whether the customer left in each month; unknown after that, or not followed.
MONTHS = np.array(
    [
        [1, UNKNOWN, UNKNOWN],
        [0, 1, UNKNOWN],
        [0, 0, 1],
        [0, 0, 0],
        [1, UNKNOWN, UNKNOWN],
        [0, 1, UNKNOWN],
        [0, 0, UNKNOWN],
        [1, UNKNOWN, UNKNOWN],
        [0, UNKNOWN, UNKNOWN],
    ],
    dtype=np.float32,
)
_LEAST_PROBABILITY = 1e-7


def in_month(rows: Rows, month: int) -> Rows:
    """The rows whose customers began a month and were followed to its end, with whether they left in it."""
    left = MONTHS[rows.classes][:, month]
    known = left != UNKNOWN
    return Rows(rows.inputs[known], left[known].astype(np.intp))


def by_month(logits: Logits, classes: Classes) -> list[tuple[Logits, Classes]]:
    """The logits of each month, and whether the customer left in it, of those who began it and were followed."""
    months = MONTHS[classes]
    known = [np.flatnonzero(column != UNKNOWN) for column in months.T]
    return [(logits[rows, month : month + 1], months[rows, month].astype(np.intp)) for month, rows in enumerate(known)]


def survival_losses(logits: Logits, classes: Classes) -> npt.NDArray[np.float64]:
    """Negative log likelihood of each row in nats; the logits (rows, months) are those of the hazards."""
    months = MONTHS[classes]
    losses = np.logaddexp(0, logits) - np.maximum(months, 0) * logits
    return np.where(months == UNKNOWN, 0, losses).sum(axis=1)


def survival_loss(logits: Logits, classes: Classes) -> float:
    """Their mean."""
    return float(survival_losses(logits, classes).mean())


def masked_loss(months: Any, hazards: Any) -> Any:
    """The same for a batch, in Keras, from probabilities."""
    known = keras.ops.cast(months > UNKNOWN, "float32")
    hazards = keras.ops.clip(hazards, _LEAST_PROBABILITY, 1 - _LEAST_PROBABILITY)
    likelihood = months * keras.ops.log(hazards) + (1 - months) * keras.ops.log(1 - hazards)
    return keras.ops.negative(keras.ops.sum(known * likelihood, axis=-1))
