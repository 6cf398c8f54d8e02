"""Explanations in the words of the screens: which features drive a prediction, and by how many percentage points."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from loyalty_core.ml.explain import Explanation, explain
from loyalty_core.ml.features import Encoded
from loyalty_core.ml.predictions import Driver, Drivers, FloatRows, Models
from loyalty_core.warehouse.labels import label_of

Kind = Literal["churn", "nbo"]


def customer_drivers(
    models: Models, kind: Kind, encoded: Encoded, values: Mapping[str, Any], offer: int | None = None
) -> Drivers:
    """Drivers of one customer's churn, or of the customer's propensity for an offer, by default for the best one.

    `encoded` holds the one customer, `values` (feature → value) what the warehouse has. Raises `ValueError` for an
    offer that the models do not know.
    """
    found = _explain(models, kind, encoded.values, offer)
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


def mean_drivers(arms: Sequence[tuple[Models, FloatRows]], kind: Kind) -> dict[str, float]:
    """Feature → mean absolute contribution in percentage points, strongest first.

    `arms` are models with the customers that they answer, encoded for them (n, width); the mean is over all customers.
    """
    sizes: dict[str, float] = defaultdict(float)
    for models, rows in arms:
        for row in rows[:, np.newaxis, :]:
            contributions = np.abs(_explain(models, kind, row).contributions).tolist()
            for name, contribution in zip(models.contract.names, contributions, strict=True):
                sizes[name] += contribution
    customers = sum(len(rows) for _, rows in arms)
    means = {name: 100 * size / customers for name, size in sizes.items()}
    return dict(sorted(means.items(), key=lambda pair: -pair[1]))


def _explain(models: Models, kind: Kind, row: FloatRows, offer: int | None = None) -> Explanation:
    slices, background = models.contract.slices, models.background
    if kind == "churn":
        return explain(models.churn_probabilities, row, background, slices)
    place = int(np.argmax(models.offer_scores(row))) if offer is None else models.offers.index(offer)
    return explain(lambda encoded: models.offer_scores(encoded)[:, place], row, background, slices)
