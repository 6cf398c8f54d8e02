"""The offer mix of the customers in scope: recommended offers, confidence, expected conversions and value.

A propensity is the probability of an offer among those who take any. Multiplied by the customer's uptake, the
probability of taking any, it is the probability of a conversion. Without an uptake model, how many convert is not
known: there are no expected conversions and no expected value, only comparisons.

The value of an offer, in money per conversion, is the average basket of the scope × margin − cost if the warehouse has
the margin, otherwise 1, so that expected values count conversions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.offers.fields import (
    conversion_probabilities,
    number_in,
    offer_ids,
    propensities_in,
    propensity_field,
    uptake_field,
)
from loyalty_core.segments.references import field_of
from loyalty_core.warehouse.columns import column_for

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.warehouse.connection import Row
    from loyalty_core.warehouse.offers import OfferFacts

BINS = 20
# The quantile of the standard normal distribution for a 90 % interval.
_Z_90 = 1.6448536269514722
MAX_SEGMENTS = 12
# If nearly everyone gets one offer, the model or its inputs are usually at fault.
LOPSIDED_SHARE = 0.8

# In binary, 0.15 × 20 may be slightly below 3; a value this close to an edge counts as on it.
_EDGE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class OfferValue:
    """Money per conversion; 1 and not `is_known` without a margin or baskets."""

    amount: float
    is_known: bool


@dataclass(frozen=True)
class OfferFigures:
    """One offer: customers to whom it is recommended, their share of all with an offer, mean propensity in scope.

    `conversions` is the number of those customers expected to take it, `variance` its variance if customers decide
    independently, `expected_value` conversions × value; all None where uptake is not known.
    """

    offer_id: int
    customers: int
    share: float
    mean_propensity: float
    value: OfferValue
    conversions: float | None
    variance: float | None

    @property
    def expected_value(self) -> float | None:
        return None if self.conversions is None else self.value.amount * self.conversions


@dataclass(frozen=True)
class OfferMix:
    """The recommended offers of the customers in scope, ordered by id.

    `confidence` counts customers in 20 equal bins from 0 to 1, `confidence_range` is the lowest and the highest.
    `basket` is the average basket of the scope, revenue / purchases; None if the warehouse has no such columns.
    `mean_uptake` is the mean probability of taking any offer, over the customers with an offer; None if not known.
    """

    customers: int
    with_offer: int
    offers: tuple[OfferFigures, ...]
    confidence: tuple[int, ...]
    mean_confidence: float | None
    confidence_range: tuple[float, float] | None
    basket: float | None
    mean_uptake: float | None = None

    @property
    def takers(self) -> float | None:
        """How many customers are expected to take any offer when shown all; None if not known."""
        return None if self.mean_uptake is None else self.mean_uptake * self.with_offer

    @property
    def conversions(self) -> float | None:
        """How many customers are expected to take the offer recommended to them; None if not known."""
        return _total(offer.conversions for offer in self.offers)

    @property
    def conversions_interval(self) -> tuple[float, float] | None:
        """The 90 % interval of conversions: chance alone, if the probabilities are right."""
        expected, variance = self.conversions, _total(offer.variance for offer in self.offers)
        if expected is None or variance is None:
            return None
        margin = _Z_90 * math.sqrt(variance)
        return max(expected - margin, 0.0), expected + margin

    @property
    def expected_value(self) -> float | None:
        """The expected value of all recommended offers; None if not known."""
        return _total(offer.expected_value for offer in self.offers)

    @property
    def top(self) -> OfferFigures | None:
        """The offer recommended to the most customers; None if nobody has an offer."""
        return max(self.offers, key=lambda offer: offer.customers) if self.with_offer else None

    @property
    def is_lopsided(self) -> bool:
        """Whether more than 80 % of the customers with an offer have the same one."""
        return self.with_offer > 1 and self.top is not None and self.top.share > LOPSIDED_SHARE

    @property
    def is_uniform(self) -> bool:
        """Whether all customers have the same confidence, so that the model does not tell them apart."""
        bounds = self.confidence_range
        return self.with_offer > 1 and bounds is not None and bounds[0] == bounds[1]


@dataclass(frozen=True)
class SegmentOffers:
    """Members of a segment within the scope who have an offer, and their number by best offer."""

    segment_id: str
    customers: int
    by_offer: Mapping[int, int]

    def share(self, offer_id: int) -> float:
        """The share of an offer among members with an offer (0–1)."""
        return self.by_offer.get(offer_id, 0) / self.customers if self.customers else 0.0


def offer_mix(base: ScopedBase, facts: Mapping[int, OfferFacts]) -> OfferMix:
    """Read offers, confidence and money in one statement; `facts` are margin and cost by offer id."""
    ids, uptake = offer_ids(base), uptake_field(base)
    rows = base.rows(_mix_statement(base, ids, uptake))
    with_offer = [row for row in rows if row["offer"] is not None]
    total = sum(row["customers"] for row in with_offer)
    basket = _ratio(_sum(rows, "revenue"), _sum(rows, "purchases"))
    confidence = [0] * BINS
    for row in with_offer:
        confidence[int(row["bin"])] += row["customers"]
    return OfferMix(
        customers=sum(row["customers"] for row in rows),
        with_offer=total,
        offers=tuple(
            _figures(offer, rows, total, value_of(facts.get(offer), basket), is_known=uptake is not None)
            for offer in ids
        ),
        confidence=tuple(confidence),
        mean_confidence=_ratio(_sum(with_offer, "confidence"), total),
        confidence_range=_range(with_offer),
        basket=basket,
        mean_uptake=_ratio(_sum(with_offer, "uptake"), total) if uptake else None,
    )


def value_of(facts: OfferFacts | None, basket: float | None) -> OfferValue:
    """Average basket × margin − cost, with an unknown cost taken as 0; 1 without a margin or a basket."""
    if facts is None or facts.margin is None or basket is None:
        return OfferValue(1.0, is_known=False)
    return OfferValue(basket * facts.margin - (facts.cost or 0.0), is_known=True)


def offers_by_segment(base: ScopedBase, segment_ids: Sequence[str]) -> list[SegmentOffers]:
    """The best offers of the members of each segment, at most 12 segments, in one statement."""
    wanted = list(segment_ids)[:MAX_SEGMENTS]
    if not wanted:
        return []
    best = base.field("recommended_offer")
    customers = base.customers(best, *(field_of(one) for one in wanted))
    members = [
        sa.func.count(sa.case((customers.c[field_of(one)], 1))).label(f"members_{i}") for i, one in enumerate(wanted)
    ]
    offer = customers.c[best]
    rows = base.rows(sa.select(offer.label("offer"), *members).where(offer.is_not(None)).group_by(offer))
    return [_of_segment(one, f"members_{i}", rows) for i, one in enumerate(wanted)]


def _of_segment(segment_id: str, members: str, rows: Sequence[Row]) -> SegmentOffers:
    by_offer = {int(row["offer"]): row[members] for row in rows if row[members]}
    return SegmentOffers(segment_id, sum(by_offer.values()), by_offer)


def _mix_statement(base: ScopedBase, ids: Sequence[int], uptake: str | None) -> sa.Select:
    """Customers by recommended offer and bin of confidence, with the sums for all figures."""
    best, sure = base.field("recommended_offer"), base.field("confidence")
    spent = [column.name if (column := _role(base, role)) else None for role in ("revenue", "transactions")]
    propensities = {offer: propensity_field(base, offer) for offer in ids}
    others = [name for name in (*spent, uptake) if name]
    customers = base.customers(best, sure, *propensities.values(), *others)
    numbers = propensities_in(customers, propensities)
    converts = conversion_probabilities(customers, propensities, uptake)
    offer, confidence = customers.c[best], number_in(customers.c[sure])
    floor = sa.func.floor(confidence * BINS + _EDGE_TOLERANCE)
    bar = sa.case((floor < 0, 0), (floor >= BINS, BINS - 1), else_=floor)
    own = sa.case(*((offer == one, number) for one, number in converts.items()), else_=None) if ids else sa.null()
    own = sa.cast(own, sa.Double)
    any_offer = number_in(customers.c[uptake]) if uptake else sa.cast(sa.null(), sa.Double)
    revenue, purchases = (sa.func.sum(number_in(customers.c[name])) if name else sa.null() for name in spent)
    return sa.select(
        offer.label("offer"),
        bar.label("bin"),
        sa.func.count().label("customers"),
        sa.func.sum(own if uptake else sa.cast(sa.null(), sa.Double)).label("conversions"),
        sa.func.sum(own * (1 - own)).label("variance"),
        sa.func.sum(any_offer).label("uptake"),
        sa.func.sum(confidence).label("confidence"),
        sa.func.min(confidence).label("lowest"),
        sa.func.max(confidence).label("highest"),
        sa.cast(revenue, sa.Double).label("revenue"),
        sa.cast(purchases, sa.Double).label("purchases"),
        *(sa.func.sum(number).label(f"sum_{one}") for one, number in numbers.items()),
        *(sa.func.count(number).label(f"known_{one}") for one, number in numbers.items()),
    ).group_by(offer, bar)


def _figures(offer: int, rows: Sequence[Row], total: int, value: OfferValue, *, is_known: bool) -> OfferFigures:
    recommended = [row for row in rows if row["offer"] == offer]
    customers = sum(row["customers"] for row in recommended)
    return OfferFigures(
        offer_id=offer,
        customers=customers,
        share=customers / total if total else 0.0,
        mean_propensity=_ratio(_sum(rows, f"sum_{offer}"), _sum(rows, f"known_{offer}")) or 0.0,
        value=value,
        conversions=_sum(recommended, "conversions") if is_known else None,
        variance=_sum(recommended, "variance") if is_known else None,
    )


def _total(numbers: Iterable[float | None]) -> float | None:
    """Their sum; None if any is not known."""
    known = list(numbers)
    return None if None in known else sum(number for number in known if number is not None)


def _role(base: ScopedBase, role: Any) -> Any:
    return column_for(role, base.warehouse.columns(), base.warehouse.settings)


def _range(rows: Sequence[Row]) -> tuple[float, float] | None:
    known = [row for row in rows if row["lowest"] is not None]
    return (min(row["lowest"] for row in known), max(row["highest"] for row in known)) if known else None


def _sum(rows: Sequence[Row], name: str) -> float:
    return sum(float(row[name]) for row in rows if row[name] is not None)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
