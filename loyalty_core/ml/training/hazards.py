"""Training for the time of churn: one network with a hazard for each month.

Output k of the network is the probability that a customer leaves in month k, for customers who are still there
(Gensheimer and Narasimhan 2019, "A scalable discrete-time survival model for neural networks"). It is fitted by the
likelihood of survival, so customers who were followed for a part of the time count for that part. Each hazard is
calibrated on its own; what is served is the probability of leaving by the end of each month.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from loyalty_core.ml.training.architecture import build
from loyalty_core.ml.training.calibration import balance_of, fit_calibration
from loyalty_core.ml.training.conversion import to_tflite
from loyalty_core.ml.training.distillation import FITTED_SHARES, LESSON_EPOCHS, LessonProgress, lesson_size
from loyalty_core.ml.training.early_stopping import EarlyStopping, SameRates, shown_rows
from loyalty_core.ml.training.fine_tuning import MOST_EPOCHS, fine_tune, fine_tune_again
from loyalty_core.ml.training.fitting import Rows, fit, predict
from loyalty_core.ml.training.quiet import quiet_stderr
from loyalty_core.ml.training.selection import select_features
from loyalty_core.ml.training.survival import (
    MONTHS,
    UNKNOWN,
    by_month,
    in_month,
    masked_loss,
    survival_loss,
    survival_losses,
)
from loyalty_core.ml.training.teacher import LABEL_SHARE, exchange_features, fit_teacher, log_loss_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.ml.training.architecture import FloatRows, Model
    from loyalty_core.ml.training.calibration import Calibration, Classes, Logits
    from loyalty_core.ml.training.fitting import Epoch
    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions
    from loyalty_core.ml.training.teacher import Features, Teacher

with quiet_stderr():
    import keras
    import tensorflow as tf

# Fewer training rows than this are worth a teacher, and the validation rows are learned from too in the end.
_FEW_ROWS = 20_000


@dataclass(frozen=True, eq=False)
class HazardNetwork:
    """`model` has the probability of leaving by the end of each month; `validation_loss` is in nats per row.

    `is_taught` says whether the network learned from teachers. `inputs_used` is the number of columns of inputs that
    were selected (`selection`); None where all are used.
    """

    model: Model
    tflite: bytes
    calibrations: Sequence[Calibration]
    epochs: int
    validation_loss: float
    is_taught: bool
    inputs_used: int | None = None

    def predict(self, scaled: FloatRows) -> FloatRows:
        """Probabilities computed by Keras, shape (rows, months)."""
        return predict(self.model, scaled).astype(np.float32)

    @property
    def learned(self) -> dict[str, Any]:
        """What the training found, for the manifest."""
        return {
            "epochs_trained": self.epochs,
            "is_taught": self.is_taught,
            "inputs_used": self.inputs_used,
            "calibration": [{"scale": one.scale, "offset": one.offset.tolist()} for one in self.calibrations],
        }


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One way of training: the hazards fitted on the training rows, and `refit`, which fits them on other rows.

    `calibrations` are those of balanced logits, `judged` include the balance of these logits.
    """

    logits: Model
    refit: Callable[[Rows], Model]
    calibrations: Sequence[Calibration]
    judged: Sequence[Calibration]
    validation_loss: float
    epochs: int

    def answer(self, inputs: FloatRows, month: int) -> npt.NDArray[np.float64]:
        """The calibrated probability of staying and leaving (rows, 2) in one month."""
        calibration = self.judged[month]
        leaves = expit(calibration.scale * predict(self.logits, inputs)[:, month] + calibration.offset[0])
        return np.stack([1 - leaves, leaves], axis=1)


def train_hazards(
    train: Rows,
    validation: Rows,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None] = lambda _: None,
    *,
    features: Features | None = None,
) -> HazardNetwork:
    """Train, calibrate each hazard on the validation rows, and convert; classes are those of `ChurnTimingTask`.

    With fewer than 20,000 training rows, the network may learn from teachers, one for each month (`distillation`), and
    is trained again on training and validation rows together. With more, it learns from the rows directly. Errors are
    those of `train_network`.
    """
    keras.utils.clear_session()  # otherwise layer names, which are part of the file, would be numbered on
    tf.config.experimental.enable_op_determinism()
    selected = None
    if features is not None:
        selected = select_features(_left_at_all(train), _left_at_all(validation), 2, features, options.seed)
    if selected is not None:
        train, validation = (rows.without_others(selected) for rows in (train, validation))
    few = len(train.classes) < _FEW_ROWS
    best = direct = _train_directly(train, validation, options, on_epoch)
    if few and options.teacher != "none":
        taught = _train_with_teachers(train, validation, options, on_epoch, direct, features)
        best = direct if taught is None else min(direct, taught, key=lambda one: one.validation_loss)
    logits, calibrations = best.logits, best.judged
    if few:
        rows = train.with_(validation)
        logits = best.refit(rows)
        calibrations = _of_unbalanced(best.calibrations, _balance_on(logits, rows))
    served = served_model(logits, calibrations)
    return HazardNetwork(
        served,
        to_tflite(served),
        calibrations,
        best.epochs,
        best.validation_loss,
        best is not direct,
        None if selected is None else int(selected.sum()),
    )


def _train_directly(
    train: Rows, validation: Rows, options: TrainingOptions, on_epoch: Callable[[Epoch], None]
) -> _Candidate:
    """Train on the rows alone, with early stopping."""
    size = options.size_for_inputs(train.inputs)

    def fit_rows(rows: Rows, epochs: int, callback: Callable[[Model], Any]) -> tuple[Any, Model]:
        months = MONTHS[rows.classes]
        members, logits = build(rows.inputs, months.shape[1], options, size, loss=masked_loss)
        used = callback(logits)
        fit(members, rows.inputs, months, size, epochs=epochs, callback=used)
        return used, logits

    stopping, logits = fit_rows(
        train,
        options.epochs,
        lambda logits: EarlyStopping(
            lambda rows: survival_loss(predict(logits, rows.inputs), rows.classes),
            shown_rows(train, validation),
            validation,
            epochs=options.epochs,
            patience=size.patience,
            on_epoch=on_epoch,
        ),
    )

    def refit(rows: Rows) -> Model:
        rates = stopping.rates
        return fit_rows(rows, len(rates), lambda _: SameRates(rates.__getitem__))[1]

    return _candidate(logits, refit, train, validation, stopping.epochs)


def _train_with_teachers(
    train: Rows,
    validation: Rows,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None],
    direct: _Candidate,
    features: Features | None,
) -> _Candidate | None:
    """Train on what a teacher for each month says, of which `direct` is a part; None where they are no better."""
    columns = np.arange(train.inputs.shape[1]) if features is None else features
    epochs, months = min(LESSON_EPOCHS, options.epochs), range(MONTHS.shape[1])
    teachers = [
        fit_teacher(in_month(train, month), in_month(validation, month), partial(direct.answer, month=month), 2,
                    options.seed)
        for month in months
    ]  # fmt: skip
    gain = sum(_gain(teacher, in_month(validation, month), direct, month) for month, teacher in enumerate(teachers))
    if gain <= FITTED_SHARES * len(teachers):
        return None

    def fit_lesson(
        rows: Rows, teachers: Sequence[Teacher], report: Callable[[Epoch], None] | None = None
    ) -> tuple[Model, Model, NetworkSize]:
        inputs, targets = _lesson(rows, teachers, columns, options.seed)
        size = lesson_size(options, inputs)
        members, logits = build(inputs, targets.shape[1], options, size, loss=masked_loss)
        callback = LessonProgress(
            lambda rows: survival_loss(predict(logits, rows.inputs), rows.classes),
            (shown_rows(train, validation), validation),
            size.learning_rate,
            epochs,
            direct.epochs,
            report,
        )
        fit(members, inputs, targets, size, epochs=epochs, callback=callback)
        return members, logits, size

    def refit(rows: Rows) -> Model:
        again = [teacher.refitted(in_month(rows, month), 2, options.seed) for month, teacher in enumerate(teachers)]
        members, logits, size = fit_lesson(rows, again)
        fine_tune_again(members, rows.inputs, MONTHS[rows.classes], size, tuned)
        return logits

    members, logits, size = fit_lesson(train, teachers, on_epoch)
    tuned = fine_tune(
        members,
        train.inputs,
        MONTHS[train.classes],
        size,
        lambda: survival_losses(predict(logits, validation.inputs) + _balance_on(logits, train), validation.classes),
        min(MOST_EPOCHS, options.epochs),
    )
    return _candidate(logits, refit, train, validation, direct.epochs + epochs + tuned)


def _candidate(logits: Model, refit: Callable[[Rows], Model], train: Rows, validation: Rows, epochs: int) -> _Candidate:
    """Hazards that were fitted on the training rows, balanced on them and calibrated on the validation rows."""
    balance = _balance_on(logits, train)
    answers = predict(logits, validation.inputs) + balance
    calibrations = _calibrate(answers, validation.classes)
    loss = survival_loss(answers, validation.classes)
    return _Candidate(logits, refit, calibrations, _of_unbalanced(calibrations, balance), loss, epochs)


def _left_at_all(rows: Rows) -> Rows:
    """The rows with whether their customers are known to have left."""
    return Rows(rows.inputs, (MONTHS[rows.classes] == 1).any(axis=1).astype(np.intp))


def _gain(teacher: Teacher, rows: Rows, direct: _Candidate, month: int) -> float:
    """By how much the teacher is better on the rows of a month, in nats."""
    return len(rows.classes) * (log_loss_of(direct.answer(rows.inputs, month), rows.classes) - teacher.loss)


def _lesson(rows: Rows, teachers: Sequence[Teacher], features: Features, seed: int) -> tuple[FloatRows, FloatRows]:
    """As `make_lesson`, with a target for each month: what its teacher says, mixed with the label where it is known."""
    made_up = exchange_features(rows.inputs, features, np.random.default_rng(seed))
    imagined, real = (
        np.stack([teacher.predict(inputs)[:, 1] for teacher in teachers], axis=1) for inputs in (made_up, rows.inputs)
    )
    months = MONTHS[rows.classes]
    mixed = np.where(months == UNKNOWN, real, LABEL_SHARE * months + (1 - LABEL_SHARE) * real)
    return np.concatenate([made_up, rows.inputs]), np.concatenate([imagined, mixed]).astype(np.float32)


def _calibrate(logits: Logits, classes: Classes) -> list[Calibration]:
    """A calibration for each month, on the rows whose customers began it and were followed to its end."""
    return [fit_calibration(*known) for known in by_month(logits, classes)]


def _balance_on(logits: Model, rows: Rows) -> npt.NDArray[np.float64]:
    """The balance (`balance_of`) of each month's hazard on the rows that the network learned from."""
    return np.concatenate([balance_of(*known) for known in by_month(predict(logits, rows.inputs), rows.classes)])


def _of_unbalanced(calibrations: Sequence[Calibration], balance: npt.NDArray[np.float64]) -> list[Calibration]:
    return [one.of_unbalanced(balance[month : month + 1]) for month, one in enumerate(calibrations)]


def served_model(logits: Model, calibrations: Sequence[Calibration]) -> Model:
    """1 minus the probability of staying in all months so far."""
    scales = np.array([one.scale for one in calibrations], dtype=np.float32)
    offsets = np.array([one.offset[0] for one in calibrations], dtype=np.float32)
    stays: Any = keras.ops.sigmoid(-(logits.output * scales + offsets))
    left: list[Any] = []
    stayed: Any = 1.0
    for month in range(len(calibrations)):
        stayed = stayed * stays[:, month : month + 1]
        left.append(1 - stayed)
    return keras.Model(logits.input, keras.layers.Concatenate()(left))
