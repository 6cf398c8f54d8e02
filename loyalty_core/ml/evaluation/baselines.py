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
LIGHTGBM = "LightGBM"
# What somebody would train without this product; the others are rules.
STANDARD_MODELS = (LOGISTIC_REGRESSION, GRADIENT_BOOSTING, LIGHTGBM)
# More rows hardly change the baselines, and cost minutes.
_MAX_ROWS = 50_000
_BOOSTING: dict[str, Any] = {"learning_rate": 0.05, "max_leaf_nodes": 15, "early_stopping": True}
_LIGHTGBM: dict[str, Any] = {"num_leaves": 15, "learning_rate": 0.05, "verbose": -1}
# Trees are fitted per class, so with many offers there are fewer rounds.
_ROUNDS, _MAX_TREES = 200, 6_000


def fit_baselines(
    inputs: FloatRows, classes: Classes, test_inputs: FloatRows, count: int, seed: int
) -> dict[str, Probabilities]:
    """Probabilities (test rows, `count` classes) by each baseline, fitted on scaled `inputs`."""
    from lightgbm import LGBMClassifier  # noqa: PLC0415 -- only training needs it

    if len(classes) > _MAX_ROWS:
        chosen = np.random.default_rng(seed).choice(len(classes), _MAX_ROWS, replace=False)
        inputs, classes = inputs[chosen], classes[chosen]
    rates = (np.bincount(classes, minlength=count) + 1) / (len(classes) + count)
    models: dict[str, Any] = {
        LOGISTIC_REGRESSION: LogisticRegression(max_iter=1_000),
        GRADIENT_BOOSTING: HistGradientBoostingClassifier(**_BOOSTING, random_state=seed),
        LIGHTGBM: LGBMClassifier(
            n_estimators=min(_ROUNDS, _MAX_TREES // count),
            **_LIGHTGBM,
            n_jobs=1,
            deterministic=True,
            force_row_wise=True,
            random_state=seed,
        ),
    }
    with threadpool_limits(1):  # OpenMP threads busy-wait, which is thirty times slower on a loaded machine
        fitted = {name: model.fit(inputs, classes).predict_proba(test_inputs) for name, model in models.items()}
    return {BASE_RATE: np.tile(rates, (len(test_inputs), 1)), **fitted}
