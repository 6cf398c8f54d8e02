"""Training of one network: fitted with early stopping, calibrated on validation rows, converted to TFLite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from loyalty_core.ml.training.architecture import FloatRows, Model, build, calibrated_model
from loyalty_core.ml.training.calibration import (
    Calibration,
    class_weights,
    fit_calibration,
    mean_log_loss,
    weight_correction,
)
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.distillation import (
    LESSON_EPOCHS,
    MAX_TAUGHT_ROWS,
    fit_teacher,
    lesson_size,
    log_loss_of,
    make_lesson,
)
from loyalty_core.ml.training.fitting import Epoch, Rows, fit, predict, targets_of
from loyalty_core.ml.training.quiet import quiet_stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from loyalty_core.ml.training.distillation import Features, Teacher
    from loyalty_core.ml.training.options import TrainingOptions

with quiet_stderr():
    import keras
    import tensorflow as tf

_MIN_IMPROVEMENT = 1e-5
_REFIT_BELOW_ROWS = 20_000
# Without early stopping, the learning rate decays to this fraction over all epochs.
_FINAL_LEARNING_RATE = 1 / 32


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """`model` is the Keras model, `tflite` the converted file, `epochs` the number of epochs trained.

    `teacher_loss` is the validation log loss of the teacher that the network learned from; None without one.
    """

    model: Model
    tflite: bytes
    calibration: Calibration
    epochs: int
    validation_loss: float
    class_weights: tuple[float, ...] | None
    teacher_loss: float | None = None

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities computed by Keras, shape (rows, outputs)."""
        return predict(self.model, scaled).astype(np.float32)


def train_network(
    train: Rows,
    validation: Rows,
    classes: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    *,
    features: Features | None = None,
) -> TrainedNetwork:
    """Train, calibrate on validation rows and convert; two classes give one output, more classes one output each.

    The validation rows decide when to stop, whether the network learns from a teacher (`distillation`), and how to
    calibrate. With fewer than 20,000 training rows, the network is then trained again on training and validation rows
    together, for the same number of epochs. `features` has the feature of each column of the inputs.

    The same rows and options give the same file, byte for byte, on the same machine. An exception from `on_epoch` stops
    the training. Raises `SettingsError` for an optimizer, loss or activation that Keras does not know, and
    `ConversionFailed` when the network cannot be converted.
    """
    keras.utils.clear_session()  # otherwise layer names, which are part of the file, would be numbered on
    tf.config.experimental.enable_op_determinism()
    direct = _train_directly(train, validation, classes, options, on_epoch)
    best = direct
    if options.teacher == "auto" and len(train.classes) <= MAX_TAUGHT_ROWS:
        taught = _train_with_teacher(train, validation, classes, options, on_epoch, direct, features)
        best = taught if taught is not None and taught.validation_loss < direct.validation_loss else direct
    logits = best.refit(train.with_(validation)) if len(train.classes) < _REFIT_BELOW_ROWS else best.logits
    served = calibrated_model(logits, best.calibration)
    weights = None if best.weights is None else tuple(float(weight) for weight in best.weights)
    return TrainedNetwork(
        served, to_tflite(served), best.calibration, best.epochs, best.validation_loss, weights, best.teacher_loss
    )


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One way of training: the network fitted on the training rows, and `refit`, which fits it on all of them."""

    logits: Model
    refit: Callable[[Rows], Model]
    calibration: Calibration
    validation_loss: float
    epochs: int
    weights: npt.NDArray[np.float64] | None = None
    teacher_loss: float | None = None


def _train_directly(
    train: Rows, validation: Rows, classes: int, options: TrainingOptions, on_epoch: Callable[[Epoch], None]
) -> _Candidate:
    """Train on the rows alone, with early stopping."""
    size = options.size_for(len(train.classes))
    outputs = _outputs(classes)
    weights = class_weights(train.classes, classes, options.class_weights)
    correction = weight_correction(weights, outputs)

    def fit_rows(rows: Rows, epochs: int, callback: Any) -> Any:
        members, logits = build(rows.inputs, outputs, options, size)
        row_weights = None if weights is None else weights[rows.classes].astype(np.float32)
        callback = callback(logits)
        targets = targets_of(rows.classes, outputs)
        fit(members, rows.inputs, targets, size, epochs=epochs, callback=callback, row_weights=row_weights)
        return callback, logits

    sample = np.linspace(0, len(train.classes) - 1, min(len(train.classes), len(validation.classes))).astype(int)
    shown = Rows(train.inputs[sample], train.classes[sample])
    stopping, logits = fit_rows(
        train,
        options.epochs,
        lambda logits: _EarlyStopping(
            logits, shown, validation, correction, epochs=options.epochs, patience=size.patience, on_epoch=on_epoch
        ),
    )

    def refit(rows: Rows) -> Model:
        rates = stopping.rates
        return fit_rows(rows, len(rates), lambda _: _SameRates(rates.__getitem__))[1]

    calibration = fit_calibration(predict(logits, validation.inputs), validation.classes, correction)
    return _Candidate(logits, refit, calibration, stopping.best_loss, stopping.epochs, weights)


def _train_with_teacher(
    train: Rows,
    validation: Rows,
    classes: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None],
    direct: _Candidate,
    features: Features | None,
) -> _Candidate | None:
    """Train on what a teacher says; None where the teacher is no better on the validation rows than `direct`."""
    outputs = _outputs(classes)
    columns = np.arange(train.inputs.shape[1]) if features is None else features
    teacher = fit_teacher(train, classes, options.seed)
    teacher_loss = log_loss_of(teacher(validation.inputs), validation.classes)
    if teacher_loss >= direct.validation_loss:
        return None

    epochs = min(LESSON_EPOCHS, options.epochs)

    def fit_lesson(rows: Rows, teacher: Teacher, report: Callable[[Epoch], None] | None = None) -> Model:
        lesson = make_lesson(rows, teacher, classes, columns, options.seed)
        size = lesson_size(options, len(lesson.inputs))
        members, logits = build(lesson.inputs, outputs, options, size)
        callback = _LessonProgress(logits, train, validation, size.learning_rate, epochs, direct.epochs, report)
        targets = lesson.targets[:, 1:] if outputs == 1 else lesson.targets
        fit(members, lesson.inputs, targets, size, epochs=epochs, callback=callback)
        return logits

    logits = fit_lesson(train, teacher, on_epoch)
    calibration = fit_calibration(predict(logits, validation.inputs), validation.classes, np.zeros(outputs))
    loss = mean_log_loss(predict(logits, validation.inputs), validation.classes)
    return _Candidate(
        logits,
        lambda rows: fit_lesson(rows, fit_teacher(rows, classes, options.seed)),
        calibration,
        loss,
        direct.epochs + epochs,
        teacher_loss=teacher_loss,
    )


def _outputs(classes: int) -> int:
    return 1 if classes == 2 else classes


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
        return mean_log_loss(predict(self._logits, rows.inputs) + self._correction, rows.classes)

    @property
    def _waited(self) -> int:
        return len(self._all_rates) - len(self.rates)

    def on_train_end(self, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.set_weights(self._best_weights)


class _LessonProgress(keras.callbacks.Callback):
    """Lets the learning rate decay over the epochs of a lesson, and reports them after the earlier epochs."""

    def __init__(
        self,
        logits: Model,
        trained: Rows,
        validation: Rows,
        rate: float,
        epochs: int,
        earlier_epochs: int,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> None:
        super().__init__()
        self._logits, self._trained, self._validation = logits, trained, validation
        self._rate, self._epochs = rate, epochs
        self._earlier_epochs, self._on_epoch = earlier_epochs, on_epoch

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.optimizer.learning_rate.assign(self._rate * _FINAL_LEARNING_RATE ** (epoch / self._epochs))

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        if self._on_epoch is None:
            return
        losses = [mean_log_loss(predict(self._logits, rows.inputs), rows.classes) for rows in self._reported]
        self._on_epoch(Epoch(self._earlier_epochs + epoch + 1, self._earlier_epochs + self._epochs, *losses))

    @property
    def _reported(self) -> tuple[Rows, Rows]:
        most = len(self._validation.classes)
        return Rows(self._trained.inputs[:most], self._trained.classes[:most]), self._validation
