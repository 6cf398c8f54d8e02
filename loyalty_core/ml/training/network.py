"""Training of one network: fitted with early stopping, calibrated on validation rows, converted to TFLite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from loyalty_core.ml.training.architecture import FloatRows, Model, build, calibrated_model
from loyalty_core.ml.training.calibration import (
    Calibration,
    Classes,
    Logits,
    class_weights,
    fit_calibration,
    mean_log_loss,
    weight_correction,
)
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions

with quiet_stderr():
    import keras
    import tensorflow as tf

_MIN_IMPROVEMENT = 1e-5
_CHUNK_ROWS = 16_384
_REFIT_BELOW_ROWS = 20_000
# Without early stopping, the learning rate decays to this fraction over all epochs.
_FINAL_LEARNING_RATE = 1 / 32


class Epoch(NamedTuple):
    """`number` starts at 1; both losses are log losses in nats per row, computed in the same way.

    `training_loss` is computed on at most as many rows as the validation loss, since it is only displayed.
    """

    number: int
    epochs: int
    training_loss: float
    validation_loss: float


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """`model` is the Keras model, `tflite` the converted file, `epochs` the number of epochs trained."""

    model: Model
    tflite: bytes
    calibration: Calibration
    epochs: int
    validation_loss: float
    class_weights: tuple[float, ...] | None

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities computed by Keras, shape (rows, outputs)."""
        return _predict(self.model, scaled).astype(np.float32)


class Rows(NamedTuple):
    """Scaled inputs, float32 (rows, width), and classes 0, 1, …"""

    inputs: FloatRows
    classes: Classes


def train_network(
    train: Rows,
    validation: Rows,
    classes: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
) -> TrainedNetwork:
    """Train, calibrate on validation rows and convert; two classes give one output, more classes one output each.

    The validation rows decide when to stop and how to calibrate. With fewer than 20,000 training rows, the network is
    then trained again on training and validation rows together, for the same number of epochs.

    The same rows and options give the same file, byte for byte, on the same machine. An exception from `on_epoch` stops
    the training. Raises `SettingsError` for an optimizer, loss or activation that Keras does not know, and
    `ConversionFailed` when the network cannot be converted.
    """
    keras.utils.clear_session()  # otherwise layer names, which are part of the file, would be numbered on
    tf.config.experimental.enable_op_determinism()
    size = options.size_for(len(train.classes))
    outputs = 1 if classes == 2 else classes
    weights = class_weights(train.classes, classes, options.class_weights)
    correction = weight_correction(weights, outputs)
    _, logits = models = build(train.inputs, outputs, options, size)
    sample = np.linspace(0, len(train.classes) - 1, min(len(train.classes), len(validation.classes))).astype(int)
    stopping = _EarlyStopping(
        logits,
        Rows(train.inputs[sample], train.classes[sample]),
        validation,
        correction,
        epochs=options.epochs,
        patience=size.patience,
        on_epoch=on_epoch,
    )
    _fit(models, train, weights, size, epochs=options.epochs, callback=stopping)
    calibration = fit_calibration(_predict(logits, validation.inputs), validation.classes, correction)
    if len(train.classes) < _REFIT_BELOW_ROWS:
        both = Rows(
            np.concatenate([train.inputs, validation.inputs]), np.concatenate([train.classes, validation.classes])
        )
        _, logits = models = build(both.inputs, outputs, options, size)
        _fit(models, both, weights, size, epochs=len(stopping.rates), callback=_SameRates(stopping.rates.__getitem__))
    served = calibrated_model(logits, calibration)
    used_weights = None if weights is None else tuple(float(weight) for weight in weights)
    return TrainedNetwork(served, to_tflite(served), calibration, stopping.epochs, stopping.best_loss, used_weights)


_SameRates = keras.callbacks.LearningRateScheduler


class _EarlyStopping(keras.callbacks.Callback):
    """Stops at the best validation log loss of the averaged members, halving the learning rate on the way.

    Without `patience`, all epochs are run with an exponentially decaying learning rate, and the last one is used.
    """

    def __init__(
        self,
        logits: Model,
        trained: Rows,
        validation: Rows,
        correction: npt.NDArray[np.float64],
        *,
        epochs: int,
        patience: int | None,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        super().__init__()
        self._logits, self._trained, self._validation, self._correction = logits, trained, validation, correction
        self._epochs, self._patience, self._on_epoch = epochs, patience, on_epoch
        self.best_loss, self.epochs = np.inf, 0
        self.rates: list[float] = []  # learning rates up to the best epoch
        self._all_rates: list[float] = []
        self._best_weights: list[Any] = []

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        network: Model = self.model
        rate = network.optimizer.learning_rate
        loss = self._loss_of(self._validation)
        self.epochs = epoch + 1
        self._all_rates.append(float(np.asarray(rate)))
        if self._patience is None or loss < self.best_loss - _MIN_IMPROVEMENT or not self.rates:
            self.best_loss, self.rates, self._best_weights = loss, list(self._all_rates), network.get_weights()
        if self._patience is None:
            rate.assign(rate * _FINAL_LEARNING_RATE ** (1 / self._epochs))
        elif self._waited == self._patience // 2:
            rate.assign(rate / 2)
        elif self._waited >= self._patience:
            network.stop_training = True
        self._on_epoch(Epoch(self.epochs, self._epochs, self._loss_of(self._trained), loss))

    def _loss_of(self, rows: Rows) -> float:
        return mean_log_loss(_predict(self._logits, rows.inputs) + self._correction, rows.classes)

    @property
    def _waited(self) -> int:
        return len(self._all_rates) - len(self.rates)

    def on_train_end(self, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.set_weights(self._best_weights)


def _fit(
    models: tuple[Model, Model],
    rows: Rows,
    weights: npt.NDArray[np.float64] | None,
    size: NetworkSize,
    *,
    epochs: int,
    callback: keras.callbacks.Callback,
) -> None:
    members, logits = models
    steps = -(-len(rows.classes) // size.batch_size)
    row_weights = None if weights is None else weights[rows.classes].astype(np.float32)
    members.fit(
        rows.inputs,
        [_targets(rows.classes, logits.output.shape[1])] * size.members,
        sample_weight=None if row_weights is None else [row_weights] * size.members,
        batch_size=-(
            -len(rows.classes) // steps
        ),  # of equal size, since a last batch of one row would weigh as much as a full one
        epochs=epochs,
        verbose=0,
        callbacks=[callback],
    )


def _predict(model: Model, scaled: FloatRows) -> Logits:
    starts = range(0, len(scaled), _CHUNK_ROWS)
    parts = [model(scaled[start : start + _CHUNK_ROWS], training=False) for start in starts]
    return np.concatenate([np.asarray(part, dtype=np.float64) for part in parts])


def _targets(classes: Classes, outputs: int) -> FloatRows:
    if outputs == 1:
        return classes.astype(np.float32)[:, None]
    return np.eye(outputs, dtype=np.float32)[classes]
