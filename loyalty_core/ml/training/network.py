"""Training of one network: fitted with early stopping, calibrated on validation rows, converted to TFLite."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.training.architecture import FloatRows, Model, calibrated_model
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.distillation import MAX_TAUGHT_ROWS, least_gain, train_with_teacher
from loyalty_core.ml.training.early_stopping import train_directly
from loyalty_core.ml.training.fitting import Candidate, Epoch, Rows, balance_on, classes_of, predict
from loyalty_core.ml.training.quiet import quiet_stderr
from loyalty_core.ml.training.selection import select_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.training.calibration import Calibration
    from loyalty_core.ml.training.options import TrainingOptions
    from loyalty_core.ml.training.selection import Selected
    from loyalty_core.ml.training.teacher import Features

with quiet_stderr():
    import keras
    import tensorflow as tf

_REFIT_BELOW_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """`model` is the Keras model, `tflite` the converted file, `epochs` the number of epochs trained.

    `judged` is the model before it was trained again with the validation rows, which can therefore judge it.
    `calibration` is that of balanced logits (`balance_of`).
    `teacher_loss` is the validation log loss of the teacher that the network learned from; None without one.
    `inputs_used` is the number of columns of the inputs that were selected (`selection`); None where all are used.
    """

    model: Model
    judged: Model
    tflite: bytes
    calibration: Calibration
    epochs: int
    validation_loss: float
    class_weights: tuple[float, ...] | None
    teacher_loss: float | None = None
    inputs_used: int | None = None

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities computed by Keras, shape (rows, outputs)."""
        return predict(self.model, scaled).astype(np.float32)

    @property
    def learned(self) -> dict[str, Any]:
        """What the training found, for the manifest."""
        return {
            "epochs_trained": self.epochs,
            "weights_used": list(self.class_weights) if self.class_weights else None,
            "calibration": {"scale": self.calibration.scale, "offset": self.calibration.offset.tolist()},
            "teacher_loss": self.teacher_loss,
            "inputs_used": self.inputs_used,
        }


def train_network(
    train: Rows,
    validation: Rows,
    outputs: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    *,
    features: Features | None = None,
) -> TrainedNetwork:
    """Train, balance on the rows learned from, calibrate on validation rows and convert.

    One output is the probability of class 1 of two; several outputs are the probabilities of as many classes.

    The validation rows decide when to stop, whether the network learns from a teacher (`distillation`), and how to
    calibrate. With fewer than 20,000 training rows, the network is then trained again on training and validation rows
    together, for the same number of epochs. `features` has the feature of each column of the inputs.

    The same rows and options give the same file, byte for byte, on the same machine. An exception from `on_epoch` stops
    the training. Raises `SettingsError` for an optimizer, loss or activation that Keras does not know, and
    `ConversionFailed` when the network cannot be converted.
    """
    candidates = train_candidates(train, validation, outputs, options, on_epoch, features=features)
    return finish(best_of(candidates, train, validation), train, validation)


def train_candidates(
    train: Rows,
    validation: Rows,
    outputs: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    *,
    features: Features | None = None,
) -> list[Candidate]:
    """The network trained on the rows alone and, where there is a better teacher, the one that learned from it."""
    keras.utils.clear_session()  # otherwise layer names, which are part of the file, would be numbered on
    tf.config.experimental.enable_op_determinism()
    if features is None:
        return _train_both_ways(train, validation, outputs, options, on_epoch, None)
    selected = select_features(train, validation, classes_of(outputs), features, options.seed)
    if selected is None:
        return _train_both_ways(train, validation, outputs, options, on_epoch, features)
    train, validation = (rows.without_others(selected) for rows in (train, validation))
    found = _train_both_ways(train, validation, outputs, options, on_epoch, features)
    return [_with_selected(one, selected) for one in found]


def _with_selected(candidate: Candidate, selected: Selected) -> Candidate:
    used = int(selected.sum())
    return replace(candidate, refit=lambda rows: candidate.refit(rows.without_others(selected)), inputs_used=used)


def _train_both_ways(
    train: Rows,
    validation: Rows,
    outputs: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None],
    features: Features | None,
) -> list[Candidate]:
    direct = train_directly(train, validation, outputs, options, on_epoch)
    if options.teacher == "none" or len(train.classes) > MAX_TAUGHT_ROWS:
        return [direct]
    taught = train_with_teacher(train, validation, outputs, options, on_epoch, direct, features)
    return [direct] if taught is None else [direct, taught]


def best_of(candidates: list[Candidate], train: Rows, validation: Rows) -> Candidate:
    """The network that learned from a teacher, where its gain on the validation rows exceeds `least_gain`."""
    direct, taught = candidates[0], candidates[-1]
    gain = len(validation.classes) * (direct.validation_loss - taught.validation_loss)
    return taught if gain > least_gain(train) else direct


def finish(candidate: Candidate, train: Rows, validation: Rows) -> TrainedNetwork:
    """Fit the candidate on all rows where they are few, and convert it."""
    served, judged = models_of(candidate, train, validation)
    return TrainedNetwork(
        served,
        judged,
        to_tflite(served),
        candidate.calibration,
        candidate.epochs,
        candidate.validation_loss,
        None if candidate.weights is None else tuple(float(weight) for weight in candidate.weights),
        candidate.teacher_loss,
        candidate.inputs_used,
    )


def models_of(candidate: Candidate, train: Rows, validation: Rows) -> tuple[Model, Model]:
    """The calibrated model to serve, fitted on all rows where they are few, and the one fitted on `train` alone."""
    judged = calibrated_model(candidate.logits, candidate.judged)
    if len(train.classes) >= _REFIT_BELOW_ROWS:
        return judged, judged
    rows = train.with_(validation)
    logits = candidate.refit(rows)
    return calibrated_model(logits, candidate.calibration.of_unbalanced(balance_on(logits, rows))), judged
