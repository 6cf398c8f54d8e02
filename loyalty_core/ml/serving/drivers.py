"""Explanations in the words of the screens: which features drive a prediction, and by how many percentage points."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from loyalty_core.ml.features import Encoded
from loyalty_core.ml.serving.answers import Driver, Drivers, FloatRows, Models
from loyalty_core.ml.serving.shapley import Explanation, explain
from loyalty_core.ml.tasks import task_named
from loyalty_core.warehouse.columns import label_of


def customer_drivers(
    models: Models, name: str, encoded: Encoded, values: Mapping[str, Any], offer: int | None = None
) -> Drivers:
    """Drivers of one customer's score by a model; of offers those of `offer`, by default of the best one.

    `encoded` holds the one customer, `values` (feature → value) what the warehouse has. Raises `ValueError` for an
    offer that the models do not know.
    """
    found = _explain(models, name, encoded.values, offer)
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
    strongest_first = sorted(drivers, key=lambda driver: -abs(driver.contribution))
    return Drivers(found.base, found.prediction, tuple(strongest_first))


def mean_drivers(models: Models, name: str, rows: FloatRows) -> dict[str, float]:
    """Feature → mean absolute contribution in percentage points over encoded `rows` (n, width), strongest first."""
    contributions = [_explain(models, name, row).contributions for row in rows[:, np.newaxis, :]]
    means = 100 * np.abs(contributions).mean(axis=0)
    return _strongest_first(dict(zip(models.contract.names, means.tolist(), strict=True)))


def mean_drivers_of_arms(arms: Sequence[tuple[Models, FloatRows]], name: str) -> dict[str, float]:
    """`mean_drivers` over the customers of several models, each encoded for the models that answer them."""
    customers = sum(len(rows) for _, rows in arms)
    means: dict[str, float] = defaultdict(float)
    for models, rows in arms:
        for feature, mean in mean_drivers(models, name, rows).items():
            means[feature] += mean * len(rows) / customers
    return _strongest_first(means)


def _strongest_first(means: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _explain(models: Models, name: str, row: FloatRows, offer: int | None = None) -> Explanation:
    task = task_named(name)
    output = task.explained_output(models.scores(name, row)[0], models.offers(name), offer)
    return explain(
        lambda encoded: task.explained(models.scores(name, encoded), output),
        row,
        models.background,
        models.contract.slices,
    )
