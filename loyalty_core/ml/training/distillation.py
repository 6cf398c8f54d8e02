"""Distillation: the network learns from a teacher that finds what several features do together.

Boosted trees find from a few thousand rows that three features act together; a network trained on these rows alone
finds little more than a sum of curves. So a teacher with such trees answers for many rows that are made up from the
real ones, with a part of their features exchanged between customers, and a second network learns these answers beside
the real labels (Hinton et al. 2015, "Distilling the Knowledge in a Neural Network"; Bucila et al. 2006, "Model
Compression").
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from loyalty_core.ml.training.architecture import Model, build
from loyalty_core.ml.training.calibration import fit_calibration, mean_log_loss
from loyalty_core.ml.training.early_stopping import shown_rows
from loyalty_core.ml.training.fitting import FINAL_LEARNING_RATE, Candidate, Epoch, fit, outputs_of, predict
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
LESSON_EPOCHS = 30
_ARCHITECTURE = (64, 32)
_LEARNING_RATE = 0.003
_BATCH_SIZE = 256
# The shares are fitted on the validation rows, and mostly all but two are zero; a gain that one fitted share would make
# by chance is none (Akaike 1974).
FITTED_SHARES = 1


def train_with_teacher(
    train: Rows,
    validation: Rows,
    classes: int,
    options: TrainingOptions,
    on_epoch: Callable[[Epoch], None],
    direct: Candidate,
    features: Features | None,
) -> Candidate | None:
    """Train on what a teacher says, of which the network `direct` is a part; None where the teacher is no better."""
    teacher = fit_teacher(train, validation, direct.probabilities, classes, options.seed)
    if len(validation.classes) * (direct.validation_loss - teacher.loss) <= FITTED_SHARES:
        return None

    outputs = outputs_of(classes)
    columns = np.arange(train.inputs.shape[1]) if features is None else features
    epochs = min(LESSON_EPOCHS, options.epochs)

    def fit_lesson(rows: Rows, teacher: Teacher, report: Callable[[Epoch], None] | None = None) -> Model:
        lesson = make_lesson(rows, teacher, classes, columns, options.seed)
        size = lesson_size(options, len(lesson.inputs))
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
        return logits

    logits = fit_lesson(train, teacher, on_epoch)
    answers = predict(logits, validation.inputs)
    return Candidate(
        logits,
        lambda rows: fit_lesson(rows, teacher.refitted(rows, classes, options.seed)),
        fit_calibration(answers, validation.classes, np.zeros(outputs)),
        mean_log_loss(answers, validation.classes),
        direct.epochs + epochs,
        teacher_loss=teacher.loss,
    )


def lesson_size(options: TrainingOptions, rows: int) -> NetworkSize:
    """The size of a network that learns a lesson of so many rows; options that were set by hand stay."""
    size = options.size_for(rows)
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
