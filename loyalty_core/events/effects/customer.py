"""The customers of some events, as the steps so far found them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from loyalty_core.segments import Answers

if TYPE_CHECKING:
    from loyalty_core.events.effects.trace import Scores, Step
    from loyalty_core.segments import RuleFields
    from loyalty_core.warehouse.identity import DataIdentity

Row = dict[str, Any]


@dataclass(slots=True)
class Customer:
    """One customer as the steps so far found them. `customer_id` is the id as it is saved with members of segments.

    `features` is None where the warehouse has no such customer. `predictions` has the columns of a scoring run that
    were predicted, `not_predicted` says why there are none, and `answers` has the segments that were evaluated.
    `fetched` has the features as they are in the warehouse, `features` also what events stated, which is `overlaid`.
    `changed_columns` are those that the customer's events may have changed, None where they may be any.
    """

    customer_id: str
    features: Row | None = None
    cached: Row | None = None
    fetched: Row | None = None
    overlaid: Row = field(default_factory=dict)
    predictions: Mapping[str, Any] = field(default_factory=dict)
    not_predicted: str = ""
    scores: Scores | None = None
    answers: Answers = field(default_factory=Answers)
    changed_columns: frozenset[str] | None = None

    def fields(self, predictions: Mapping[str, str]) -> Row:
        """The values that rules read, beside segments; `predictions` has the column of each field that is one."""
        row = dict(self.features or {})
        for name, column in predictions.items():
            if column in self.predictions:
                row[name] = self.predictions[column]
        return row


StepOf = Callable[[Customer], "Step"]
"""Describes a step that was taken for all customers of a batch at once, for one of them.

Called when the trace is written, so that the steps of a whole batch are never in memory together.
"""


@dataclass(frozen=True)
class Customers:
    """The customers by the ids of the events, and what the segments were evaluated with.

    `segments` are names by id of the segments whose members can change, `versions` those of the rules, and `fields`
    what rules can read. `predictions` has the column of a scoring run for each field that is a prediction. `steps` were
    taken for all customers, and `steps_of_known` after them for those whom the warehouse has.
    """

    found: Mapping[str, Customer]
    steps: Sequence[StepOf]
    steps_of_known: Sequence[StepOf]
    segments: Mapping[str, str]
    versions: Mapping[str, int]
    fields: RuleFields
    predictions: Mapping[str, str]
    identity: DataIdentity | None

    @cached_property
    def known(self) -> Mapping[str, Customer]:
        """Those whom the warehouse has, by the ids of the events."""
        return {one: customer for one, customer in self.found.items() if customer.features is not None}

    @cached_property
    def answers(self) -> Mapping[str, Answers]:
        """Which of the segments that were evaluated each of those belongs to, by the ids as saved with members."""
        return {customer.customer_id: customer.answers for customer in self.known.values()}

    def steps_of(self, customer: Customer) -> list[Step]:
        """The steps that were taken for all customers of the batch, as the trace of one of them has them."""
        steps = self.steps if customer.features is None else (*self.steps, *self.steps_of_known)
        return [step_of(customer) for step_of in steps]

    def id_of(self, customer_id: str) -> str:
        """The id as saved with members, of one that an event names."""
        return self.found[customer_id].customer_id


def batch(customers: Mapping[str, Customer]) -> dict[str, Any]:
    """How many customers a step was taken for at once, as its input has it."""
    return {"customers": len(customers)}
