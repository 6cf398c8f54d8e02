"""Training on the rows alone, until the validation rows stop gaining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.training.architecture import Model, build
from loyalty_core.ml.training.calibration import class_weights, mean_log_loss, weight_correction
from loyalty_core.ml.training.fitting import (
    FINAL_LEARNING_RATE,
    Candidate,
    Epoch,
    Rows,
    candidate,
    classes_of,
    fit,
    predict,
    targets_of,
)
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.training.options import TrainingOptions

with quiet_stderr():
    import keras

_MIN_IMPROVEMENT = 1e-5


def train_directly(
    train: Rows, validation: Rows, outputs: int, options: TrainingOptions, on_epoch: Callable[[Epoch], None]
) -> Candidate:
    """Train on the rows alone, with early stopping."""
    size = options.size_for_inputs(train.inputs)
    weights = class_weights(train.classes, classes_of(outputs), options.class_weights)
    correction = weight_correction(weights, outputs)

    def fit_rows(rows: Rows, epochs: int, callback: Any) -> Any:
        members, logits = build(rows.inputs, outputs, options, size)
        row_weights = None if weights is None else weights[rows.classes].astype(np.float32)
        callback = callback(logits)
        targets = targets_of(rows.classes, outputs)
        fit(members, rows.inputs, targets, size, epochs=epochs, callback=callback, row_weights=row_weights)
        return callback, logits

    shown = shown_rows(train, validation)
    stopping, logits = fit_rows(
        train,
        options.epochs,
        lambda logits: EarlyStopping(
            lambda rows: mean_log_loss(predict(logits, rows.inputs) + correction, rows.classes),
            shown,
            validation,
            epochs=options.epochs,
            patience=size.patience,
            on_epoch=on_epoch,
        ),
    )

    def refit(rows: Rows) -> Model:
        rates = stopping.rates
        return fit_rows(rows, len(rates), lambda _: SameRates(rates.__getitem__))[1]

    return candidate(logits, refit, train, validation, stopping.epochs, weights=weights)


# Takes a function from epochs, counted from 0, to learning rates.
SameRates = keras.callbacks.LearningRateScheduler


def shown_rows(train: Rows, validation: Rows) -> Rows:
    """As many of the training rows as there are validation rows at most, whose loss is displayed."""
    sample = np.linspace(0, len(train.classes) - 1, min(len(train.classes), len(validation.classes))).astype(int)
    return Rows(train.inputs[sample], train.classes[sample])


class EarlyStopping(keras.callbacks.Callback):
    """Stops at the best validation loss, which `loss_of` computes, halving the learning rate on the way.

    Without `patience`, all epochs are run with an exponentially decaying learning rate, and the last one is used.
    """

    def __init__(
        self,
        loss_of: Callable[[Rows], float],
        trained: Rows,
        validation: Rows,
        *,
        epochs: int,
        patience: int | None,
        on_epoch: Callable[[Epoch], None],
    ) -> None:
        super().__init__()
        self._loss_of, self._trained, self._validation = loss_of, trained, validation
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
            rate.assign(rate * FINAL_LEARNING_RATE ** (1 / self._epochs))
        elif self._waited == self._patience // 2:
            rate.assign(rate / 2)
        elif self._waited >= self._patience:
            network.stop_training = True
        self._on_epoch(Epoch(self.epochs, self._epochs, self._loss_of(self._trained), loss))

    @property
    def _waited(self) -> int:
        return len(self._all_rates) - len(self.rates)

    def on_train_end(self, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.set_weights(self._best_weights)
