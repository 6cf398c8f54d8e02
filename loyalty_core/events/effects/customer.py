"""The customers of some events, as the steps so far found them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.events.effects.trace import Scores, Step
    from loyalty_core.warehouse.identity import DataIdentity

Row = dict[str, Any]


@dataclass
class Customer:
    """One customer as the steps so far found them. `customer_id` is the id as it is saved with members of segments.

    `features` is None where the warehouse has no such customer. `predictions` has the columns of a scoring run that
    were predicted, and `belongs` whether the customer belongs to each segment that was evaluated.
    """

    customer_id: str
    features: Row | None = None
    cached: Row | None = None
    predictions: Mapping[str, Any] = field(default_factory=dict)
    scores: Scores | None = None
    belongs: Mapping[str, bool] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)

    def fields(self, predictions: Mapping[str, str]) -> Row:
        """The values that rules read, beside segments; `predictions` has the column of each field that is one."""
        row = dict(self.features or {})
        for name, column in predictions.items():
            if column in self.predictions:
                row[name] = self.predictions[column]
        return row


@dataclass(frozen=True)
class Customers:
    """The customers by the ids of the events, and what the segments were evaluated with.

    `segments` are names by id of the segments whose members can change, `versions` those of the rules. `predictions`
    has the column of a scoring run for each field that is a prediction.
    """

    found: Mapping[str, Customer]
    segments: Mapping[str, str]
    versions: Mapping[str, int]
    predictions: Mapping[str, str]
    identity: DataIdentity | None

    @cached_property
    def known(self) -> Mapping[str, Customer]:
        """Those whom the warehouse has, by the ids of the events."""
        return {one: customer for one, customer in self.found.items() if customer.features is not None}

    @cached_property
    def belongs(self) -> Mapping[str, Mapping[str, bool]]:
        """Whether each of those belongs to each segment that was evaluated, by the ids as saved with members."""
        return {customer.customer_id: customer.belongs for customer in self.known.values()}

    def id_of(self, customer_id: str) -> str:
        """The id as saved with members, of one that an event names."""
        return self.found[customer_id].customer_id


def batch(customers: Mapping[str, Customer]) -> dict[str, Any]:
    """How many customers a step was taken for at once, as its input has it."""
    return {"customers": len(customers)}
