"""Distillation: the network learns from a teacher that finds what several features do together.

Boosted trees find from a few thousand rows that three features act together; a network trained on these rows alone
finds little more than a sum of curves. So the trees answer for many rows that are made up from the real ones, with a
part of their features exchanged between customers, and the network learns these answers beside the real labels (Hinton
et al. 2015, "Distilling the Knowledge in a Neural Network"; Bucila et al. 2006, "Model Compression").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from loyalty_core.ml.training.architecture import FloatRows
    from loyalty_core.ml.training.calibration import Classes
    from loyalty_core.ml.training.fitting import Rows
    from loyalty_core.ml.training.options import NetworkSize, TrainingOptions

Probabilities = npt.NDArray[np.float64]
# The feature of each column of the inputs: a text has several columns, which are exchanged together.
Features = npt.NDArray[np.intp]
# Scaled inputs → probabilities (rows, classes).
Teacher = Callable[[npt.NDArray[np.float32]], Probabilities]

# With more rows, a network learns from them directly what trees could tell it.
MAX_TAUGHT_ROWS = 100_000
LESSON_EPOCHS = 30
MADE_UP_ROWS = 20_000
_EXCHANGED_SHARE = 0.3
# How much of a real row's target is its label; the rest is what the teacher says, which has less noise.
_LABEL_SHARE = 0.5
_ARCHITECTURE = (64, 32)
_LEARNING_RATE = 0.003
_BATCH_SIZE = 256


class Lesson(NamedTuple):
    """What the network learns: `inputs` (rows, width) and `targets` (rows, classes), which are probabilities."""

    inputs: FloatRows
    targets: FloatRows


def fit_teacher(rows: Rows, classes: int, seed: int) -> Teacher:
    """Boosted trees fitted on the rows."""
    from lightgbm import LGBMClassifier  # noqa: PLC0415 -- only training needs it

    trees: Any = LGBMClassifier(
        n_estimators=200,
        num_leaves=15,
        learning_rate=0.05,
        random_state=seed,
        # Threads that busy-wait would slow down everything else on the machine, and order the sums differently.
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
    ).fit(rows.inputs, rows.classes)
    known = trees.classes_.astype(int)

    def teach(inputs: FloatRows) -> Probabilities:
        probabilities = np.zeros((len(inputs), classes))
        probabilities[:, known] = trees.predict_proba(inputs)
        return probabilities

    return teach


def make_lesson(rows: Rows, teacher: Teacher, classes: int, features: Features, seed: int) -> Lesson:
    """The rows with their labels, mixed with the teacher's answers, and made-up rows with the teacher's answers."""
    made_up = exchange_features(rows.inputs, features, np.random.default_rng(seed))
    labels = np.eye(classes)[rows.classes]
    targets = np.concatenate(
        [teacher(made_up), _LABEL_SHARE * labels + (1 - _LABEL_SHARE) * teacher(rows.inputs)]
    ).astype(np.float32)
    return Lesson(np.concatenate([made_up, rows.inputs]), targets)


def exchange_features(inputs: FloatRows, features: Features, rng: np.random.Generator) -> FloatRows:
    """20,000 rows: real ones, with 30 % of each one's features replaced by those of another row."""
    chosen, partner = rng.integers(len(inputs), size=(2, MADE_UP_ROWS))
    is_exchanged = rng.random((MADE_UP_ROWS, int(features.max()) + 1)) < _EXCHANGED_SHARE
    return np.where(is_exchanged[:, features], inputs[partner], inputs[chosen])


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


def log_loss_of(probabilities: Probabilities, classes: Classes) -> float:
    """Mean negative log likelihood in nats."""
    own = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(own, 1e-12)).mean())
