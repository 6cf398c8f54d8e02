"""Fitting of a network's members side by side, and their mean logits on many rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import softmax

from loyalty_core.ml.training.calibration import balance_of, fit_calibration, mean_log_loss, with_first_class

if TYPE_CHECKING:
    from collections.abc import Callable

    import keras
    import numpy.typing as npt

    from loyalty_core.ml.training.architecture import FloatRows, Model
    from loyalty_core.ml.training.calibration import Calibration, Classes, Logits
    from loyalty_core.ml.training.options import NetworkSize

# Without early stopping, the learning rate decays to this fraction over all epochs.
FINAL_LEARNING_RATE = 1 / 32
_CHUNK_ROWS = 16_384


class Epoch(NamedTuple):
    """`number` starts at 1; both losses are log losses in nats per row, computed in the same way.

    `training_loss` is computed on at most as many rows as the validation loss, since it is only displayed.
    """

    number: int
    epochs: int
    training_loss: float
    validation_loss: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """One way of training: the network fitted on the training rows, and `refit`, which fits it on other rows.

    `calibration` is that of balanced logits, `judged` includes the balance of these logits. `inputs_used` is the number
    of columns of the inputs that are used, None for all.
    """

    logits: Model
    refit: Callable[[Rows], Model]
    calibration: Calibration
    judged: Calibration
    validation_loss: float
    epochs: int
    weights: npt.NDArray[np.float64] | None = None
    teacher_loss: float | None = None
    inputs_used: int | None = None

    def probabilities(self, inputs: FloatRows) -> npt.NDArray[np.float64]:
        """Calibrated probabilities (rows, classes) for scaled inputs."""
        logits = predict(self.logits, inputs) * self.judged.scale + self.judged.offset
        return softmax(with_first_class(logits), axis=1)


class Rows(NamedTuple):
    """Scaled inputs, float32 (rows, width), and classes 0, 1, …"""

    inputs: FloatRows
    classes: Classes

    def with_(self, others: Rows) -> Rows:
        """These rows and others together."""
        return Rows(np.concatenate([self.inputs, others.inputs]), np.concatenate([self.classes, others.classes]))

    def of(self, columns: npt.NDArray[np.bool_]) -> Rows:
        """The same rows with some columns of the inputs alone."""
        return Rows(self.inputs[:, columns], self.classes)

    def without_others(self, columns: npt.NDArray[np.bool_]) -> Rows:
        """The same rows with zeros in all other columns; a network that is fitted on them ignores these."""
        return Rows(np.where(columns, self.inputs, np.float32(0)), self.classes)


def fit(
    members: Model,
    inputs: FloatRows,
    targets: FloatRows,
    size: NetworkSize,
    *,
    epochs: int,
    callback: keras.callbacks.Callback,
    row_weights: FloatRows | None = None,
) -> None:
    """Fit all members to targets (rows, outputs), which are probabilities or 0 and 1."""
    steps = -(-len(inputs) // size.batch_size)
    _create_variables(members, inputs[:1], [targets[:1]] * size.members)
    members.fit(
        inputs,
        [targets] * size.members,
        sample_weight=None if row_weights is None else [row_weights] * size.members,
        # Batches of equal size, since a last batch of one row would weigh as much as a full one.
        batch_size=-(-len(inputs) // steps),
        epochs=epochs,
        verbose=0,
        callbacks=[callback],
    )


def _create_variables(members: Model, inputs: FloatRows, targets: list[FloatRows]) -> None:
    """Create the variables of the optimizer and the losses: TensorFlow traces a step that creates some a second time.

    To trace a step takes longer than an epoch on a few thousand rows.
    """
    members.optimizer.build(members.trainable_variables)
    outputs = members(inputs, training=False)
    members.compute_loss(y=targets, y_pred=outputs if isinstance(outputs, list) else [outputs])


def candidate(
    logits: Model,
    refit: Callable[[Rows], Model],
    train: Rows,
    validation: Rows,
    epochs: int,
    *,
    weights: npt.NDArray[np.float64] | None = None,
    teacher_loss: float | None = None,
) -> Candidate:
    """A network that was fitted on the training rows, balanced on them and calibrated on the validation rows."""
    balance = balance_on(logits, train)
    answers = predict(logits, validation.inputs) + balance
    calibration = fit_calibration(answers, validation.classes)
    loss = mean_log_loss(answers, validation.classes)
    return Candidate(
        logits, refit, calibration, calibration.of_unbalanced(balance), loss, epochs, weights, teacher_loss
    )


def balance_on(model: Model, rows: Rows) -> npt.NDArray[np.float64]:
    """The balance (`balance_of`) of a network's logits on the rows that it learned from."""
    return balance_of(predict(model, rows.inputs), rows.classes)


def predict(model: Model, scaled: FloatRows) -> Logits:
    """The model's output for scaled rows, as float64."""
    starts = range(0, len(scaled), _CHUNK_ROWS)
    parts = [model(scaled[start : start + _CHUNK_ROWS], training=False) for start in starts]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def classes_of(outputs: int) -> int:
    """The number of classes that a network distinguishes: a single output is the probability of class 1 of two."""
    return max(outputs, 2)


def targets_of(classes: Classes, outputs: int) -> FloatRows:
    """What the network is to answer for rows of known classes."""
    if outputs == 1:
        return classes.astype(np.float32)[:, None]
    return np.eye(outputs, dtype=np.float32)[classes]
