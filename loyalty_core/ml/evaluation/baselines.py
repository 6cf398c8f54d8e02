"""Baselines: simple models, fitted on the same rows, that every trained model is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

FloatRows = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float64]
Classes = npt.NDArray[np.intp]

BASE_RATE = "base rate"
LOGISTIC_REGRESSION = "logistic regression"
GRADIENT_BOOSTING = "gradient boosting"
# More rows hardly change the baselines, and cost minutes.
_MAX_ROWS = 50_000
_BOOSTING: dict[str, Any] = {"learning_rate": 0.05, "max_leaf_nodes": 15, "early_stopping": True}


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
