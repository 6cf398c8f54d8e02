"""The customers who compete for the offers of a policy: what each of them takes at given cutoffs, in SQL."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa

from loyalty_core.analytics.offers.fields import (
    conversion_probabilities,
    number_in,
    offer_ids,
    propensity_field,
    uplift_field,
    uptake_field,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.analytics.offers.policy import BoundPolicy
    from loyalty_core.analytics.scope import ScopedBase

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


def tie_breaker(customer_id: object) -> str:
    """A reproducible pseudo-random key that decides between equal priorities."""
    return hashlib.md5(str(customer_id).encode(), usedforsecurity=False).hexdigest()


class Market:
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
