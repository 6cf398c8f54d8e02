"""The teacher, a mixture of boosted trees, logistic regression and the network itself, and the lesson that it gives.

Where features act together trees are ahead of the network; where effects add up it is the other way round; and a
mixture is mostly ahead of each of its parts. The validation rows decide how much each part counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from loyalty_core.ml.training.architecture import FloatRows
    from loyalty_core.ml.training.calibration import Classes
    from loyalty_core.ml.training.fitting import Rows

    # Scaled inputs → probabilities (rows, classes).
    Predictor = Callable[[FloatRows], "Probabilities"]

Probabilities = npt.NDArray[np.float64]
# The feature of each column of the inputs: a text has several columns, which are exchanged together.
Features = npt.NDArray[np.intp]

MADE_UP_ROWS = 20_000
_EXCHANGED_SHARE = 0.3
# How much of a real row's target is its label; the rest is what the teacher says, which has less noise.
LABEL_SHARE = 0.5
# Trees are fitted per class, so with many offers there are fewer rounds.
_MAX_ROUNDS, _MAX_TREES = 500, 6_000
_ROUNDS_WITHOUT_GAIN = 25
_LEARNING_RATE, _LEAVES = 0.05, 15
_HISTOGRAM_ROUNDS = 100
_INVERSE_PENALTY = 0.3
_MIXING_STEPS = 200
# Each part counts as if it explained so many more validation rows, so that a few dozen of them cannot exclude it.
_PRIOR_ROWS = 5


@dataclass(frozen=True, eq=False)
class Teacher:
    """Predictors and their shares, the network last; `rounds` are LightGBM's, `loss` is the validation log loss."""

    predictors: Sequence[Predictor]
    shares: npt.NDArray[np.float64]
    rounds: int
    loss: float

    def predict(self, inputs: FloatRows) -> Probabilities:
        """Probabilities (rows, classes) for scaled inputs."""
        return mixed([predictor(inputs) for predictor in self.predictors], self.shares)

    def refitted(self, rows: Rows, classes: int, seed: int) -> Teacher:
        """The same mixture with all but the network fitted on other rows."""
        models = [_fit_lightgbm(rows, self.rounds, seed), *_fit_others(rows, classes, seed)]
        return replace(self, predictors=[*(_predictor(model, classes) for model in models), self.predictors[-1]])


def fit_teacher(train: Rows, validation: Rows, network: Predictor, classes: int, seed: int) -> Teacher:
    """Fit on the training rows; the validation rows decide on LightGBM's rounds and on the shares."""
    return _mixture(train, validation, [network], classes, seed)


def mixture_of_models(train: Rows, validation: Rows, classes: int, seed: int) -> Teacher:
    """The same without a network."""
    return _mixture(train, validation, [], classes, seed)


def _mixture(train: Rows, validation: Rows, networks: list[Predictor], classes: int, seed: int) -> Teacher:
    trees = _fit_lightgbm(train, _rounds(classes, _MAX_ROUNDS), seed, validation)
    predictors = [*(_predictor(model, classes) for model in (trees, *_fit_others(train, classes, seed))), *networks]
    answers = [predictor(validation.inputs) for predictor in predictors]
    shares = best_shares(answers, validation.classes)
    loss = log_loss_of(mixed(answers, shares), validation.classes)
    return Teacher(predictors, shares, max(trees.best_iteration_, 1), loss)


class Lesson(NamedTuple):
    """What the network learns: `inputs` (rows, width) and `targets` (rows, classes), which are probabilities."""

    inputs: FloatRows
    targets: FloatRows


def make_lesson(rows: Rows, teacher: Teacher, classes: int, features: Features, seed: int) -> Lesson:
    """The rows with their labels, mixed with the teacher's answers, and made-up rows with the teacher's answers."""
    made_up = exchange_features(rows.inputs, features, np.random.default_rng(seed))
    labels = np.eye(classes)[rows.classes]
    targets = np.concatenate(
        [teacher.predict(made_up), LABEL_SHARE * labels + (1 - LABEL_SHARE) * teacher.predict(rows.inputs)]
    ).astype(np.float32)
    return Lesson(np.concatenate([made_up, rows.inputs]), targets)


def exchange_features(inputs: FloatRows, features: Features, rng: np.random.Generator) -> FloatRows:
    """20,000 rows: real ones, with 30 % of each one's features replaced by those of another row."""
    chosen, partner = rng.integers(len(inputs), size=(2, MADE_UP_ROWS))
    is_exchanged = rng.random((MADE_UP_ROWS, int(features.max()) + 1)) < _EXCHANGED_SHARE
    return np.where(is_exchanged[:, features], inputs[partner], inputs[chosen])


def best_shares(answers: Sequence[Probabilities], classes: Classes) -> npt.NDArray[np.float64]:
    """The shares of a mixture with a low log loss on these rows, and with few of them nearly equal shares.

    The mode of their posterior under a Dirichlet prior, by expectation maximisation from equal shares.
    """
    rows = np.arange(len(classes))
    likelihoods = np.stack([np.maximum(each[rows, classes], 1e-12) for each in answers])
    shares = np.full(len(answers), 1 / len(answers))
    for _ in range(_MIXING_STEPS):
        weighted = shares[:, None] * likelihoods
        explained = (weighted / weighted.sum(axis=0)).sum(axis=1) + _PRIOR_ROWS
        shares = explained / explained.sum()
    return shares


def mixed(answers: Sequence[Probabilities], shares: npt.NDArray[np.float64]) -> Probabilities:
    """The weighted mean of several answers (rows, classes)."""
    return np.average(answers, axis=0, weights=shares)


def log_losses(probabilities: Probabilities, classes: Classes) -> npt.NDArray[np.float64]:
    """The negative log likelihood of each row in nats."""
    own = probabilities[np.arange(len(classes)), classes]
    return -np.log(np.maximum(own, 1e-12))


def log_loss_of(probabilities: Probabilities, classes: Classes) -> float:
    """Mean negative log likelihood in nats."""
    return float(log_losses(probabilities, classes).mean())


def boosted_trees(rounds: int, seed: int, **options: Any) -> Any:
    """A LightGBM classifier that is not fitted yet; `options` are further ones of its own."""
    from lightgbm import LGBMClassifier  # noqa: PLC0415 -- only training needs it

    return LGBMClassifier(
        n_estimators=rounds,
        num_leaves=_LEAVES,
        learning_rate=_LEARNING_RATE,
        random_state=seed,
        # Threads that busy-wait would slow down everything else on the machine, and order the sums differently.
        n_jobs=1,
        deterministic=True,
        force_row_wise=True,
        verbose=-1,
        **options,
    )


def _rounds(classes: int, most: int) -> int:
    return min(most, _MAX_TREES // classes)


def _fit_lightgbm(rows: Rows, rounds: int, seed: int, validation: Rows | None = None) -> Any:
    """With `validation`, no more rounds than until these rows stop gaining."""
    from lightgbm import early_stopping  # noqa: PLC0415 -- only training needs it

    model = boosted_trees(rounds, seed)
    if validation is None:
        return model.fit(rows.inputs, rows.classes)
    known = np.isin(validation.classes, rows.classes)
    watched = {"eval_X": validation.inputs[known], "eval_y": validation.classes[known]}
    stopping = early_stopping(_ROUNDS_WITHOUT_GAIN, verbose=False)
    return model.fit(rows.inputs, rows.classes, **watched, callbacks=[stopping])


def _fit_others(rows: Rows, classes: int, seed: int) -> tuple[Any, Any]:
    boosting = HistGradientBoostingClassifier(
        learning_rate=_LEARNING_RATE,
        max_iter=_rounds(classes, _HISTOGRAM_ROUNDS),
        max_leaf_nodes=_LEAVES,
        early_stopping=True,  # pyright: ignore[reportArgumentType] -- annotated from its default
        random_state=seed,
    )
    logistic = LogisticRegression(C=_INVERSE_PENALTY, max_iter=1_000)
    with threadpool_limits(1):
        return boosting.fit(rows.inputs, rows.classes), logistic.fit(rows.inputs, rows.classes)


def _predictor(model: Any, classes: int) -> Predictor:
    known = model.classes_.astype(int)

    def predict(inputs: FloatRows) -> Probabilities:
        probabilities = np.zeros((len(inputs), classes))
        with threadpool_limits(1):
            probabilities[:, known] = model.predict_proba(inputs)
        return probabilities

    return predict
