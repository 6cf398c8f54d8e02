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

import hashlib
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from loyalty_core.analytics.offers.mix import (
    conversion_probabilities,
    number_in,
    offer_ids,
    propensity_field,
    uplift_field,
    uptake_field,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from loyalty_core.analytics.offers.policy import BoundPolicy, OfferTerms
    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.warehouse.connection import Row

Reason = Literal["not eligible", "at caps", "not scored", "harmed by contact"]
# The last one only where there is an uplift.
REASONS: tuple[Reason, ...] = ("not eligible", "at caps", "not scored", "harmed by contact")


@dataclass(frozen=True)
class Cutoff:
    """The lowest priority that an offer accepts; equal priorities are decided by the hash of the customer's id."""

    priority: float
    tie: str = ""

    def admits(self, priority: float, customer_id: object) -> bool:
        """Whether a customer with this priority reaches the cutoff."""
        return priority > self.priority or (priority == self.priority and tie_breaker(customer_id) <= self.tie)


# The cutoff of an offer with a cap of 0.
CLOSED = Cutoff(math.inf)


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
    market = _Market(base, policy)
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
    wants = _Market(base, policy).wants(cutoffs)
    return sa.select(wants.c.id, wants.c.offer).subquery("offers_taken")


def tie_breaker(customer_id: object) -> str:
    """A reproducible pseudo-random key that decides between equal priorities."""
    return hashlib.md5(str(customer_id).encode(), usedforsecurity=False).hexdigest()


class _Market:
    """The customers in scope with their priorities, as one relation that every round queries."""

    def __init__(self, base: ScopedBase, policy: BoundPolicy) -> None:
        scored = offer_ids(base)
        self._terms = {offer: terms for offer, terms in policy.policy.offers.items() if offer in scored}
        self._id, self._best = base.warehouse.customer_id.name, base.field("recommended_offer")
        names = {offer: propensity_field(base, offer) for offer in self._terms}
        uptake, uplift = uptake_field(base), uplift_field(base)
        self.counts_conversions, self.goes_by_uplift = uptake is not None, uplift is not None
        fields = [self._id, self._best, *names.values(), *policy.columns]
        customers = base.customers(*fields, *(name for name in (uptake, uplift) if name))
        change = number_in(customers.c[uplift]) if uplift else None
        is_harmed = sa.false() if change is None else sa.func.coalesce(change < 0, sa.false())
        numbers = conversion_probabilities(customers, names, uptake)
        eligible = {
            offer: sa.case(
                (
                    sa.and_(policy.rules[offer].to_sql(customers, where=True), sa.not_(is_harmed)),
                    (number if change is None else number * change) * self._weight(offer),
                )
            )
            for offer, number in numbers.items()
            if self._terms[offer].is_on
        }
        self._priced = sa.select(
            customers.c[self._id].label("id"),
            customers.c[self._best].label("recommended"),
            is_harmed.label("is_harmed"),
            *(number.label(f"propensity_{offer}") for offer, number in numbers.items()),
            *(priority.label(f"priority_{offer}") for offer, priority in eligible.items()),
        ).subquery("priced")
        self._on = tuple(eligible)

    def round(self, cutoffs: Mapping[int, Cutoff]) -> sa.Select | sa.CompoundSelect:
        """Counts of what customers take at these cutoffs, and the last customer within the cap of each capped offer.

        Counts are by recommended offer, offer taken and reason for none; rows of last customers have a `tie`.
        """
        wants = self.wants(cutoffs)
        capped = {offer: cap for offer in self._on if (cap := self._terms[offer].cap)}
        counted = self._counted(wants)
        return sa.union_all(counted, self._last_ones(wants, capped)) if capped else counted

    def _weight(self, offer: int) -> sa.ColumnElement[float]:
        return sa.literal(self._terms[offer].weight, sa.Double())

    def wants(self, cutoffs: Mapping[int, Cutoff]) -> sa.CTE:
        """The offer that each customer takes at these cutoffs, or why they take none."""
        priced = self._priced.c
        # Priorities are never negative, so this is lower than any of them.
        nothing = sa.literal(-1.0, sa.Double())
        admitted = {
            offer: sa.case((_reaches(priced[f"priority_{offer}"], priced.id, cutoffs.get(offer)), priority))
            for offer in self._on
            for priority in [priced[f"priority_{offer}"]]
        }
        best = sa.func.greatest(nothing, *(sa.func.coalesce(one, nothing) for one in admitted.values()))
        each = sa.select(
            *(column for name, column in priced.items() if not name.startswith("priority_")),
            sa.or_(sa.false(), *(priced[f"priority_{offer}"].is_not(None) for offer in self._on)).label("is_eligible"),
            best.label("priority"),
            *(one.label(f"admitted_{offer}") for offer, one in admitted.items()),
        ).subquery("each_one")
        taken = [(each.c[f"admitted_{offer}"] == each.c.priority, offer) for offer in self._on]
        return sa.select(
            each.c.id,
            each.c.recommended,
            each.c.priority,
            (sa.case(*taken) if taken else sa.cast(sa.null(), sa.Integer)).label("offer"),
            _reason(each, [f"propensity_{offer}" for offer in self._terms]).label("reason"),
            *(each.c[f"propensity_{offer}"] for offer in self._terms),
        ).cte("wants")

    def _counted(self, wants: sa.CTE) -> sa.Select:
        recommended, offer = wants.c.recommended, wants.c.offer
        reason = sa.case((offer.is_(None), wants.c.reason))
        return sa.select(
            recommended.label("recommended"),
            offer.label("offer"),
            reason.label("reason"),
            sa.func.count().label("customers"),
            sa.func.sum(self._propensity(wants, recommended)).label("before"),
            sa.func.sum(self._propensity(wants, offer)).label("amount"),
            sa.cast(sa.null(), sa.Text).label("tie"),
        ).group_by(recommended, offer, reason)

    def _propensity(self, wants: sa.CTE, offer: sa.ColumnElement[int]) -> sa.ColumnElement[Any]:
        """Each customer's probability of converting on the offer in a column."""
        cases = [(offer == one, wants.c[f"propensity_{one}"]) for one in self._terms]
        return sa.case(*cases) if cases else sa.cast(sa.null(), sa.Double)

    def _last_ones(self, wants: sa.CTE, caps: Mapping[int, int]) -> sa.Select:
        """For each offer with at least as many takers as its cap: priority and hash of the last customer within it.

        Ids are hashed only for customers whose priority equals the cutoff, which is much faster than hashing all.
        """
        by_priority = {"partition_by": wants.c.offer, "order_by": wants.c.priority.desc()}
        ranked = (
            sa.select(
                wants.c.offer,
                wants.c.priority,
                sa.func.row_number().over(**by_priority).label("place"),
                sa.func.rank().over(**by_priority).label("first_place"),
            )
            .where(wants.c.offer.in_(list(caps)))
            .subquery("ranked")
        )
        cap = sa.case(*((ranked.c.offer == offer, most) for offer, most in caps.items()))
        last = sa.select(ranked).where(ranked.c.place == cap).subquery("last_one")
        tie = _hash(wants.c.id)
        tied = (
            sa.select(
                wants.c.offer,
                wants.c.priority,
                tie.label("tie"),
                last.c.place.label("cap"),
                (last.c.first_place - 1 + sa.func.row_number().over(partition_by=wants.c.offer, order_by=tie)).label(
                    "place"
                ),
            )
            .join(last, sa.and_(wants.c.offer == last.c.offer, wants.c.priority == last.c.priority))
            .subquery("tied")
        )
        return sa.select(
            sa.cast(sa.null(), sa.Integer),
            tied.c.offer,
            sa.cast(sa.null(), sa.Text),
            sa.literal_column("0"),
            sa.cast(sa.null(), sa.Double),
            tied.c.priority,
            tied.c.tie,
        ).where(tied.c.place == tied.c.cap)


def _reaches(
    priority: sa.ColumnElement[float], customer_id: sa.ColumnElement[Any], cutoff: Cutoff | None
) -> sa.ColumnElement[bool]:
    if cutoff is None:
        return sa.true()
    if cutoff is CLOSED:
        return sa.false()
    at = sa.literal(cutoff.priority, sa.Double())
    return sa.or_(priority > at, sa.and_(priority == at, _hash(customer_id) <= cutoff.tie))


def _hash(customer_id: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    return sa.func.md5(sa.cast(customer_id, sa.Text), type_=sa.Text())


def _reason(each: sa.Subquery, propensities: Sequence[str]) -> sa.ColumnElement[str]:
    """Why a customer has no offer."""
    unscored = sa.and_(sa.true(), *(each.c[name].is_(None) for name in propensities))
    words = {reason: sa.literal_column(f"'{reason}'") for reason in REASONS}
    return sa.case(
        (unscored, words["not scored"]),
        (each.c.is_harmed, words["harmed by contact"]),
        (~each.c.is_eligible, words["not eligible"]),
        else_=words["at caps"],
    )


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
    market: _Market,
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
