"""Arbitration: which customer gets which offer under a policy of priorities, eligibility and caps.

Priority = propensity × uptake × value × lever; `mix` says what propensity and uptake are. Without an uptake model,
priorities compare the offers of one customer, and their sums are not money.

Where the last scoring has an uplift, priorities are multiplied by it: an offer at its cap goes to those whom contact
changes most, and those whom it would harm get none.

Caps are enforced by deferred acceptance (Gale and Shapley 1962, customers proposing): each offer has a cutoff. Every
customer takes the offer with the highest priority among those for which they are eligible and reach the cutoff. An
offer over its cap raises its cutoff to the last customer within the cap. This repeats until no offer is over its cap.
Cutoffs only rise, and each round turns at least one customer away, so it terminates in a stable matching, which is
unique since both sides rank by the same priority. A round is one statement.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.analytics.offers.market import CLOSED, REASONS, Cutoff, Market, Reason

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from loyalty_core.analytics.offers.policy import BoundPolicy, OfferTerms
    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.warehouse.connection import Row


@dataclass(frozen=True)
class Allocation:
    """How many customers get an offer, and the sum of propensity × uptake × value over them.

    Without an uptake model `weight` is the sum of propensity × value, which only compares policies.
    """

    customers: int
    weight: float


@dataclass(frozen=True)
class Arbitration:
    """The outcome of a policy; `before` has the recommended offers with the same values.

    `counts_conversions` says whether weights are expected values: without an uptake model they are not;
    `goes_by_uplift` says whether priorities are multiplied by what contact changes. `without`
    counts the customers without an offer, by reason; `cutoffs` are those of the offers limited by caps.
    """

    before: Mapping[int, Allocation]
    after: Mapping[int, Allocation]
    without: Mapping[Reason, int]
    cutoffs: Mapping[int, Cutoff] = field(default_factory=dict)
    rounds: int = 1
    counts_conversions: bool = True
    goes_by_uplift: bool = False

    @property
    def customers(self) -> int:
        """All customers in scope."""
        return sum(award.customers for award in self.after.values()) + sum(self.without.values())

    @property
    def value_before(self) -> float | None:
        """The expected value of the recommended offers; None if conversions are not known."""
        return self._weight_before if self.counts_conversions else None

    @property
    def value_after(self) -> float | None:
        """The expected value of the offers under the policy; None if conversions are not known."""
        return self._weight_after if self.counts_conversions else None

    @property
    def gain(self) -> float | None:
        """How much more the policy is expected to bring than the recommendations, as a share of their value.

        Without an uptake model, if all customers were equally likely to take an offer. None if theirs is not positive.
        """
        return self._weight_after / self._weight_before - 1 if self._weight_before > 0 else None

    @property
    def _weight_before(self) -> float:
        return sum(award.weight for award in self.before.values())

    @property
    def _weight_after(self) -> float:
        return sum(award.weight for award in self.after.values())


def arbitrate(base: ScopedBase, policy: BoundPolicy) -> Arbitration:
    """Arbitrate among the customers in scope; one statement per round, and a single round without caps."""
    terms = policy.policy.offers
    market = Market(base, policy)
    cutoffs = {offer: CLOSED for offer, own in terms.items() if own.cap == 0}
    rounds = 0
    while True:
        rows = base.rows(market.round(cutoffs))
        rounds += 1
        taken = _customers(rows)
        raised = _raised(rows, [one for one, own in terms.items() if own.cap is not None and taken[one] > own.cap])
        # Rows that share an id, which the view should not have, cannot be separated by any cutoff.
        if all(cutoffs.get(offer) == cutoff for offer, cutoff in raised.items()):
            return _outcome(rows, terms, cutoffs, rounds, market)
        cutoffs |= raised


def offers_taken(base: ScopedBase, policy: BoundPolicy, cutoffs: Mapping[int, Cutoff]) -> sa.Subquery:
    """The `id` of each customer in scope and the `offer` that they take at these cutoffs, NULL for none."""
    wants = Market(base, policy).wants(cutoffs)
    return sa.select(wants.c.id, wants.c.offer).subquery("offers_taken")


def _customers(rows: Sequence[Row]) -> Counter[int]:
    """The number of customers who take each offer."""
    taken = Counter[int]()
    for row in rows:
        if row["tie"] is None and row["offer"] is not None:
            taken[row["offer"]] += row["customers"]
    return taken


def _raised(rows: Sequence[Row], over: Collection[int]) -> dict[int, Cutoff]:
    return {row["offer"]: Cutoff(row["amount"], row["tie"]) for row in rows if row["tie"] and row["offer"] in over}


def _outcome(
    rows: Sequence[Row],
    terms: Mapping[int, OfferTerms],
    cutoffs: Mapping[int, Cutoff],
    rounds: int,
    market: Market,
) -> Arbitration:
    counted = [row for row in rows if row["tie"] is None]
    without = Counter[str]()
    for row in counted:
        if row["offer"] is None:
            without[row["reason"]] += row["customers"]
    return Arbitration(
        before={one: _allocation(counted, "recommended", "before", one, own.value) for one, own in terms.items()},
        after={one: _allocation(counted, "offer", "amount", one, own.value) for one, own in terms.items()},
        without={reason: without[reason] for reason in (REASONS if market.goes_by_uplift else REASONS[:-1])},
        cutoffs=dict(cutoffs),
        rounds=rounds,
        counts_conversions=market.counts_conversions,
        goes_by_uplift=market.goes_by_uplift,
    )


def _allocation(rows: Sequence[Row], by: str, amount: str, offer: int, value: float) -> Allocation:
    own = [row for row in rows if row[by] == offer]
    return Allocation(sum(row["customers"] for row in own), value * sum(row[amount] or 0.0 for row in own))
