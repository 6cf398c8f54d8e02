"""Explanations in the words of the screens: which features drive a prediction, and by how many percentage points."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from loyalty_core.ml.explain import Predict, explain, mean_absolute_contributions
from loyalty_core.ml.features import Encoded
from loyalty_core.ml.predictions import Driver, FloatRows, Models
from loyalty_core.warehouse.labels import label_of

Kind = Literal["churn", "nbo"]


def explain_customer(
    models: Models, kind: Kind, encoded: Encoded, values: Mapping[str, Any]
) -> tuple[float, tuple[Driver, ...]]:
    """Base probability and drivers, strongest first, of churn or of the customer's best offer.

    `encoded` holds the one customer, `values` (feature → value) what the warehouse has.
    """
    predict = _predictor(models, kind, encoded.values)
    found = explain(predict, encoded.values, models.background, models.contract.slices)
    drivers = [
        Driver(
            feature=feature.name,
            label=label_of(feature.name),
            value=None if blank else values[feature.name],
            contribution=100 * float(contribution),
            filled_with=feature.median if blank and feature.kind != "text" else None,
        )
        for feature, contribution, blank in zip(
            models.contract.inputs, found.contributions, encoded.blanks[0].tolist(), strict=True
        )
    ]
    return found.base, tuple(sorted(drivers, key=lambda driver: -abs(driver.contribution)))


def mean_drivers(models: Models, kind: Kind, rows: FloatRows) -> dict[str, float]:
    """Feature → mean absolute contribution in percentage points over encoded `rows`, strongest first.

    For offers it is the contribution to the offer that is best on average.
    """
    predict = _predictor(models, kind, rows)
    means = mean_absolute_contributions(predict, rows, models.background, models.contract.slices)
    ranked = sorted(zip(models.contract.names, means.tolist(), strict=True), key=lambda pair: -pair[1])
    return {name: 100 * mean for name, mean in ranked}


def _predictor(models: Models, kind: Kind, rows: FloatRows) -> Predict:
    if kind == "churn":
        return models.churn_probabilities
    best = int(np.argmax(models.offer_scores(rows).mean(axis=0)))
    return lambda encoded: models.offer_scores(encoded)[:, best]
