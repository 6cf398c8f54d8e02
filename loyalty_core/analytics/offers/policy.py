"""Offer policies: lever, value, cap and eligibility of each offer, and the choice for one customer.

The priority of an offer for a customer is propensity × value × lever, where the propensity includes the customer's
uptake if that is known. Arbitration makes the same choice in SQL for the whole base, and also applies the caps, which
do not affect a single customer's ranking.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.offers.errors import BadPolicy

if TYPE_CHECKING:
    from loyalty_core.rules import Rule
    from loyalty_core.segments import SegmentationEngine

MAX_LEVER = 5.0
# A larger value is not plausible, and sums over the base might overflow.
_MAX_VALUE = 1e12
_MAX_CAP = 2**53

Propensities = Mapping[int, float | None]


@dataclass(frozen=True)
class OfferTerms:
    """The terms of one offer in a policy.

    `lever` (0–5) is a manual factor, 1 for neutral; `value` is money per conversion; `cap` is the maximum number of
    customers who get the offer, None for no limit; `rule` is JSONLogic for eligibility, {} for everyone.
    """

    lever: float = 1.0
    value: float = 1.0
    cap: int | None = None
    rule: Any = field(default_factory=dict)

    @property
    def weight(self) -> float:
        """The factor that turns a propensity into a priority."""
        return self.value * self.lever

    @property
    def is_on(self) -> bool:
        """Whether the offer is available: a lever of 0 or a value of 0 or less switches it off."""
        return self.weight > 0


@dataclass(frozen=True)
class Policy:
    """The terms of offers by id; an offer without terms is not available."""

    offers: Mapping[int, OfferTerms]

    def __post_init__(self) -> None:
        ordered = {offer: self.offers[offer] for offer in sorted(self.offers)}
        object.__setattr__(self, "offers", MappingProxyType(ordered))
        for offer, terms in ordered.items():
            _require_usable(offer, terms)

    def __reduce__(self) -> tuple[Any, ...]:
        return Policy, (dict(self.offers),)

    def to_json(self) -> dict[str, Any]:
        """The policy as plain JSON, with offer ids as text."""
        return {
            "offers": {
                str(offer): {part.name: getattr(terms, part.name) for part in fields(terms)}
                for offer, terms in self.offers.items()
            }
        }

    @classmethod
    def from_json(cls, content: Any) -> Policy:
        """The policy that `to_json` gave; raises `BadPolicy` for anything else."""
        try:
            return cls({int(offer): OfferTerms(**terms) for offer, terms in content["offers"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadPolicy(
                "This is not an offer policy.", f"{error}.", "Load a saved policy, or start a new one."
            ) from error


@dataclass(frozen=True)
class BoundPolicy:
    """A policy whose rules have been compiled against the current fields."""

    policy: Policy
    rules: Mapping[int, Rule]

    @property
    def columns(self) -> tuple[str, ...]:
        """The distinct fields that the rules read."""
        return tuple(dict.fromkeys(name for rule in self.rules.values() for name in rule.columns))


@dataclass(frozen=True)
class RankedOffer:
    """An offer for one customer; `is_eligible` says whether they can get it, apart from caps.

    `priority` is None without a propensity.
    """

    offer_id: int
    propensity: float | None
    priority: float | None
    is_eligible: bool


def bind_policy(policy: Policy, engine: SegmentationEngine) -> BoundPolicy:
    """Compile the rule of each offer; raises `RuleError` and `PredictionsMissing`."""
    return BoundPolicy(policy, {offer: engine.compile(terms.rule) for offer, terms in policy.offers.items()})


def rank_offers(
    policy: BoundPolicy, propensities: Propensities, features: Mapping[str, Any], uplift: float | None = None
) -> list[RankedOffer]:
    """All offers of the policy for one customer: eligible ones first, by descending priority, then by offer id.

    `propensities` are by offer id; `features` has the fields in `policy.columns`. `uplift` is what contact changes,
    where that is known: below 0, the customer is eligible for nothing.
    """
    ranked = [
        _rank(offer, terms, propensities.get(offer), uplift, policy.rules[offer].matches(features))
        for offer, terms in policy.policy.offers.items()
    ]
    return sorted(ranked, key=lambda one: (not one.is_eligible, -math.inf if one.priority is None else -one.priority))


def choose_offer(policy: BoundPolicy, propensities: Propensities, features: Mapping[str, Any]) -> int | None:
    """The offer for one customer, as in arbitration without caps; None if the customer is not eligible for any."""
    best = next(iter(rank_offers(policy, propensities, features)), None)
    return best.offer_id if best is not None and best.is_eligible else None


def _rank(
    offer: int, terms: OfferTerms, propensity: float | None, uplift: float | None, is_member: bool
) -> RankedOffer:
    if propensity is None or math.isnan(propensity):
        return RankedOffer(offer, None, None, is_eligible=False)
    # Multiplied in the order of the SQL: in another order the last digit could differ.
    gain = propensity if uplift is None else propensity * uplift
    is_harmed = uplift is not None and uplift < 0
    return RankedOffer(offer, propensity, gain * terms.weight, terms.is_on and is_member and not is_harmed)


def _require_usable(offer: int, terms: OfferTerms) -> None:
    errors = {
        f"The lever is {terms.lever!r}.": not (_is_number(terms.lever) and 0 <= terms.lever <= MAX_LEVER),
        f"The value is {terms.value!r}.": not (_is_number(terms.value) and abs(terms.value) <= _MAX_VALUE),
        f"The cap is {terms.cap!r}.": not (terms.cap is None or _is_count(terms.cap)),
    }
    error = next((text for text, is_wrong in errors.items() if is_wrong), None)
    if error:
        raise BadPolicy(
            f"The terms of offer {offer} cannot be used.",
            error,
            f"A lever is from 0 to {MAX_LEVER:g}, a value is money, a cap is a whole number of customers or none.",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_CAP
