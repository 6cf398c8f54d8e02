"""Baselines: simple models, fitted on the same rows, that every trained model is compared with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from loyalty_core.ml.evaluation.ranking import area_under_curve

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatRows = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

BASE_RATE = "base rate"
LOGISTIC_REGRESSION = "logistic regression"
GRADIENT_BOOSTING = "gradient boosting"
# More rows hardly change the baselines, and cost minutes.
_MAX_ROWS = 50_000
_BOOSTING: dict[str, Any] = {"learning_rate": 0.05, "max_leaf_nodes": 15, "early_stopping": True}


class SimpleRule(NamedTuple):
    """Ranking by one column of the scaled inputs; `sign` is +1 when higher values mean class 1."""

    feature: str
    column: int
    sign: int

    def scores(self, scaled: FloatRows) -> FloatRows:
        """Higher scores for rows more likely to be of class 1."""
        return self.sign * scaled[:, self.column]


def fit_baselines(
    inputs: FloatRows, classes: Classes, test_inputs: FloatRows, count: int, seed: int
) -> dict[str, Probabilities]:
    """Probabilities (test rows, `count` classes) by each baseline, fitted on scaled `inputs`."""
    if len(classes) > _MAX_ROWS:
        chosen = np.random.default_rng(seed).choice(len(classes), _MAX_ROWS, replace=False)
        inputs, classes = inputs[chosen], classes[chosen]
    rates = (np.bincount(classes, minlength=count) + 1) / (len(classes) + count)
    logistic = LogisticRegression(max_iter=1_000)
    boosting = HistGradientBoostingClassifier(**_BOOSTING, random_state=seed)
    models = {LOGISTIC_REGRESSION: logistic, GRADIENT_BOOSTING: boosting}
    with threadpool_limits(1):  # OpenMP threads busy-wait, which is thirty times slower on a loaded machine
        fitted = {name: model.fit(inputs, classes).predict_proba(test_inputs) for name, model in models.items()}
    return {BASE_RATE: np.tile(rates, (len(test_inputs), 1)), **fitted}


def find_simple_rule(inputs: FloatRows, classes: Classes, names: Sequence[str]) -> SimpleRule:
    """The column that alone ranks class 1 best; `names` has the feature of each column."""
    positive = classes == 1
    areas = [area_under_curve(inputs[:, column], positive) for column in range(inputs.shape[1])]
    best = int(np.argmax(np.abs(np.array(areas) - 0.5)))
    return SimpleRule(names[best], best, 1 if areas[best] >= 0.5 else -1)
