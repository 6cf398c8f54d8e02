"""One customer's offers: the stored predictions and the fields that a policy's rules read, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.offers.fields import (
    conversion_probabilities,
    number_in,
    offer_ids,
    propensity_field,
    uplift_field,
    uptake_field,
)
from loyalty_core.errors import CustomerNotFound
from loyalty_core.warehouse.customers import read_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.analytics.offers.policy import BoundPolicy
    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.warehouse.connection import Row

_UPLIFT = "uplift of contact"


@dataclass(frozen=True)
class CustomerOffers:
    """The last scoring run's result for one customer, and the fields that a policy's rules read.

    `propensities` are by offer: of a conversion, or without an uptake model of the offer among those who take any.
    `uplift` is what contact changes; None where that is not known.
    """

    recommended: int | None
    propensities: Mapping[int, float | None]
    features: Row
    uplift: float | None = None


def customer_offers(base: ScopedBase, policy: BoundPolicy, customer_id: object) -> CustomerOffers:
    """Read one customer, whether in scope or not; raises `CustomerNotFound`."""
    identifier = base.warehouse.customer_id
    value = read_id(customer_id, identifier.type)
    statement = offers_statement(base, policy)
    found = (
        base.rows(statement.where(statement.selected_columns[identifier.name] == value)) if value is not None else []
    )
    if not found:
        raise CustomerNotFound(
            f"No customer has the id {str(customer_id)[:60]!r}.",
            remedy="Check the id, or look the customer up on the Customers screen.",
        )
    return read_row(policy, found[0])


def offers_statement(base: ScopedBase, policy: BoundPolicy) -> sa.Select:
    """For every customer: id, recommended offer, the propensity for each offer of the policy, and its rules' fields.

    Propensities are the numbers that arbitration ranks by.
    """
    identifier, best = base.warehouse.customer_id.name, base.field("recommended_offer")
    scored = offer_ids(base)
    names = {offer: propensity_field(base, offer) for offer in policy.policy.offers if offer in scored}
    uptake, uplift = uptake_field(base), uplift_field(base)
    predicted = [name for name in (uptake, uplift) if name]
    fields = [identifier, best, *names.values(), *policy.columns, *predicted]
    customers = base.engine.select({}).customers(list(dict.fromkeys(fields)))
    propensities = conversion_probabilities(customers, names, uptake)
    numbers = [propensity.label(f"propensity {offer}") for offer, propensity in propensities.items()]
    read = dict.fromkeys((identifier, *policy.columns))
    numbers += [number_in(customers.c[uplift]).label(_UPLIFT)] if uplift else []
    return sa.select(*(customers.c[name] for name in read), customers.c[best].label("recommended offer"), *numbers)


def read_row(policy: BoundPolicy, row: Mapping[str, Any]) -> CustomerOffers:
    """Convert a row of `offers_statement`; an offer that is not in the scoring run has no propensity."""
    propensities = {offer: row.get(f"propensity {offer}") for offer in policy.policy.offers}
    features = {name: row[name] for name in policy.columns}
    return CustomerOffers(row["recommended offer"], propensities, features, row.get(_UPLIFT))
