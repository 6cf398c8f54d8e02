"""Propensities for the offers of campaigns, predicted for the events that trigger them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from loyalty_core.campaigns import LatestOffers
from loyalty_core.errors import LoyaltyError
from loyalty_core.events.outages import is_outage
from loyalty_core.ml.tasks import NBO, UPLIFT, UPTAKE
from loyalty_core.segments.references import field_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from loyalty_core.events.effects.customer import Customer, Customers
    from loyalty_core.services import Services

_PROPENSITY = re.compile(r"offer_(\d+)")


class OfferPredictor:
    """Predicts for customers of a batch when a campaign asks, once for each customer."""

    def __init__(self, services: Services, customers: Customers) -> None:
        self._services, self._predictions = services, customers.predictions
        self._customers = {customer.customer_id: customer for customer in customers.known.values()}
        self._found: dict[str, LatestOffers] = {}

    def latest(self, customer_ids: Collection[str]) -> Mapping[str, LatestOffers]:
        """What offers are chosen by, for those of the customers for whom they could be predicted.

        Raises what `is_outage` recognises.
        """
        missing = [one for one in customer_ids if one in self._customers and one not in self._found]
        for customer_id, columns in self._predicted(missing).items():
            customer = self._customers[customer_id]
            customer = replace(customer, predictions={**customer.predictions, **columns})
            self._found[customer_id] = LatestOffers(self._fields(customer), _propensities(columns))
        return {one: self._found[one] for one in customer_ids if one in self._found}

    def _predicted(self, customer_ids: Collection[str]) -> Mapping[str, Mapping[str, object]]:
        rows = {one: features for one in customer_ids if (features := self._customers[one].features) is not None}
        try:
            return self._services.inference.predict_rows(self._models(), rows)[0] if rows else {}
        except LoyaltyError as error:
            if is_outage(error):
                raise
            return {}  # their offers are those of the last scoring run

    def _models(self) -> set[str]:
        """The model of offers, and those whose predictions the last scoring run has and the choice depends on."""
        scored = set(self._predictions.values())
        return {NBO.name} | {task.name for task in (UPTAKE, UPLIFT) if task.score_column in scored}

    def _fields(self, customer: Customer) -> Mapping[str, object]:
        segments = {field_of(one): belongs for one, belongs in customer.answers.by_segment().items()}
        return {**customer.fields(self._predictions), **segments}


def _propensities(columns: Mapping[str, object]) -> dict[int, float | None]:
    offers = ((_PROPENSITY.fullmatch(name), value) for name, value in columns.items())
    return {int(found[1]): value if isinstance(value, float) else None for found, value in offers if found}
