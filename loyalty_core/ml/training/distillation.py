"""Distillation: the network learns from a teacher that finds what several features do together.

Boosted trees find from a few thousand rows that three features act together; a network trained on these rows alone
finds little more than a sum of curves. So a teacher with such trees answers for many rows that are made up from the
real ones, with a part of their features exchanged between customers, and a second network learns these answers beside
the real labels (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Bucila et al. 2006, "Model
Compression"). Finally it is fine-tuned on the labels alone (`fine_tuning`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loyalty_core.ml.training.architecture import FloatRows, Model, build
from loyalty_core.ml.training.calibration import log_losses, mean_log_loss
from loyalty_core.ml.training.early_stopping import shown_rows
from loyalty_core.ml.training.fine_tuning import MOST_EPOCHS, fine_tune, fine_tune_again
from loyalty_core.ml.training.fitting import (
    FINAL_LEARNING_RATE,
    Candidate,
    Epoch,
    balance_on,
    candidate,
    classes_of,
    fit,
    predict,
    targets_of,
)
from loyalty_core.ml.training.quiet import quiet_stderr
from loyalty_core.ml.training.teacher import Teacher, fit_teacher, make_lesson

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.ml.training.fitting import Rows
    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions
    from loyalty_core.ml.training.teacher import Features

with quiet_stderr():
    import keras

# With more rows, a network learns from them directly what trees could tell it.
MAX_TAUGHT_ROWS = 100_000
LESSON_EPOCHS = 20
_ARCHITECTURE = (64, 32)
_LEARNING_RATE = 0.003
_BATCH_SIZE = 256
# The shares are fitted on the validation rows, and mostly all but two are nearly zero; a gain that one fitted share
# would make by chance is none (Akaike 1974).
FITTED_SHARES = 1
# With fewer training rows, a teacher is better than the network alone on most sets, and the validation rows can hardly
# tell: the network learns from it unless they show a loss of that size.
_FEW_ROWS = 2_000


def train_with_teacher(
    train: Rows,
    validation: Rows,
    outputs: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None],
    direct: Candidate,
    features: Features | None,
) -> Candidate | None:
    """Train on what a teacher says, of which the network `direct` is a part; None where the teacher is no better."""
    classes = classes_of(outputs)
    teacher = fit_teacher(train, validation, direct.probabilities, classes, options.seed)
    if len(validation.classes) * (direct.validation_loss - teacher.loss) <= least_gain(train):
        return None

    columns = np.arange(train.inputs.shape[1]) if features is None else features
    epochs = min(LESSON_EPOCHS, options.epochs)

    def fit_lesson(
        rows: Rows, teacher: Teacher, report: Callable[[Epoch], None] | None = None
    ) -> tuple[Model, Model, NetworkSize]:
        lesson = make_lesson(rows, teacher, classes, columns, options.seed)
        size = lesson_size(options, lesson.inputs)
        members, logits = build(lesson.inputs, outputs, options, size)
        callback = LessonProgress(
            lambda rows: mean_log_loss(predict(logits, rows.inputs), rows.classes),
            (shown_rows(train, validation), validation),
            size.learning_rate,
            epochs,
            direct.epochs,
            report,
        )
        targets = lesson.targets[:, 1:] if outputs == 1 else lesson.targets
        fit(members, lesson.inputs, targets, size, epochs=epochs, callback=callback)
        return members, logits, size

    def refit(rows: Rows) -> Model:
        members, logits, size = fit_lesson(rows, teacher.refitted(rows, classes, options.seed))
        fine_tune_again(members, rows.inputs, targets_of(rows.classes, outputs), size, tuned)
        return logits

    members, logits, size = fit_lesson(train, teacher, on_epoch)
    tuned = fine_tune(
        members,
        train.inputs,
        targets_of(train.classes, outputs),
        size,
        lambda: log_losses(predict(logits, validation.inputs) + balance_on(logits, train), validation.classes),
        min(MOST_EPOCHS, options.epochs),
    )
    return candidate(logits, refit, train, validation, direct.epochs + epochs + tuned, teacher_loss=teacher.loss)


def least_gain(train: Rows) -> float:
    """How much better a teacher has to be on the validation rows, in nats over all of them."""
    return -FITTED_SHARES if len(train.classes) < _FEW_ROWS else FITTED_SHARES


def lesson_size(options: TrainingOptions, inputs: FloatRows) -> NetworkSize:
    """The size of a network that learns a lesson with these inputs; options that were set by hand stay."""
    size = options.size_for_inputs(inputs)
    return size._replace(
        architecture=_ARCHITECTURE if options.architecture is None else size.architecture,
        members=options.members or 2,
        l2=size.l2 / 4 if options.l2 is None else size.l2,
        batch_size=options.batch_size or _BATCH_SIZE,
        learning_rate=options.learning_rate or _LEARNING_RATE,
    )


class LessonProgress(keras.callbacks.Callback):
    """Lets the learning rate decay over the epochs of a lesson, and reports them after the earlier epochs.

    The losses reported are those of `rows`: training rows and validation rows.
    """

    def __init__(
        self,
        loss_of: Callable[[Rows], float],
        rows: tuple[Rows, Rows],
        rate: float,
        epochs: int,
        earlier_epochs: int,
        on_epoch: Callable[[Epoch], None] | None,
    ) -> None:
        super().__init__()
        self._loss_of, self._rows = loss_of, rows
        self._rate, self._epochs = rate, epochs
        self._earlier_epochs, self._on_epoch = earlier_epochs, on_epoch

    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        del logs
        network: Model = self.model
        network.optimizer.learning_rate.assign(self._rate * FINAL_LEARNING_RATE ** (epoch / self._epochs))

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        del logs
        if self._on_epoch is None:
            return
        trained, validation = (self._loss_of(rows) for rows in self._rows)
        self._on_epoch(
            Epoch(self._earlier_epochs + epoch + 1, self._earlier_epochs + self._epochs, trained, validation)
        )
