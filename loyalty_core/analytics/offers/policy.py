"""Which offer a customer gets: levers, values, caps and eligibility of each offer, and the choice by them.

The priority of an offer for a customer is propensity × value × lever. Arbitration makes the same choice in SQL for
the whole base; the caps, which only a whole base can reach, are its part alone.
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

HIGHEST_LEVER = 5.0
# Beyond this a value is no money, and sums over the base would overflow.
_HIGHEST_VALUE = 1e12
_HIGHEST_CAP = 2**53

Propensities = Mapping[int, float | None]


@dataclass(frozen=True)
class OfferTerms:
    """What a policy says of one offer.

    `lever` (0–5) is a person's push, 1 for none; `value` is money per conversion; `cap` the most customers who may
    get the offer, None for any number; `rule` is JSONLogic for who may get it, {} for everyone.
    """

    lever: float = 1.0
    value: float = 1.0
    cap: int | None = None
    rule: Any = field(default_factory=dict)

    @property
    def weight(self) -> float:
        """What a propensity is multiplied by to give the priority."""
        return self.value * self.lever

    @property
    def is_on(self) -> bool:
        """Whether anyone can get the offer at all: a lever of 0, or a value that is no gain, switches it off."""
        return self.weight > 0


@dataclass(frozen=True)
class Policy:
    """The terms of each offer by its id; an offer without terms is not given."""

    offers: Mapping[int, OfferTerms]

    def __post_init__(self) -> None:
        ordered = {offer: self.offers[offer] for offer in sorted(self.offers)}
        object.__setattr__(self, "offers", MappingProxyType(ordered))
        for offer, terms in ordered.items():
            _require_usable(offer, terms)

    def __reduce__(self) -> tuple[Any, ...]:
        return Policy, (dict(self.offers),)

    def to_json(self) -> dict[str, Any]:
        """The policy as plain JSON, offers by their id as text."""
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
            raise BadPolicy("This is no offer policy.", f"{error}.", "Load a saved one, or start anew.") from error


@dataclass(frozen=True)
class BoundPolicy:
    """A policy whose rules have been checked against the fields there are now."""

    policy: Policy
    rules: Mapping[int, Rule]

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields that the rules read, each once."""
        return tuple(dict.fromkeys(name for rule in self.rules.values() for name in rule.columns))


@dataclass(frozen=True)
class RankedOffer:
    """An offer as one customer sees it; `is_eligible` is whether it can be given to them, caps aside.

    `priority` is None where there is no propensity.
    """

    offer_id: int
    propensity: float | None
    priority: float | None
    is_eligible: bool


def bind_policy(policy: Policy, engine: SegmentationEngine) -> BoundPolicy:
    """Compile the rule of each offer; raises `RuleError` and `PredictionsMissing` as the engine does."""
    return BoundPolicy(policy, {offer: engine.compile(terms.rule) for offer, terms in policy.offers.items()})


def rank_offers(policy: BoundPolicy, propensities: Propensities, features: Mapping[str, Any]) -> list[RankedOffer]:
    """Every offer of the policy for one customer: those that can be given first, by priority, ties by offer id.

    `propensities` by offer id; `features` has the fields in `policy.columns`.
    """
    ranked = [
        _rank(offer, terms, propensities.get(offer), policy.rules[offer].matches(features))
        for offer, terms in policy.policy.offers.items()
    ]
    return sorted(ranked, key=lambda one: (not one.is_eligible, -math.inf if one.priority is None else -one.priority))


def choose_offer(policy: BoundPolicy, propensities: Propensities, features: Mapping[str, Any]) -> int | None:
    """The id of the offer for one customer, as arbitration without caps gives it; None when none can be given."""
    best = next(iter(rank_offers(policy, propensities, features)), None)
    return best.offer_id if best is not None and best.is_eligible else None


def _rank(offer: int, terms: OfferTerms, propensity: float | None, is_member: bool) -> RankedOffer:
    if propensity is None or math.isnan(propensity):
        return RankedOffer(offer, None, None, is_eligible=False)
    # One multiplication by the weight, as in SQL: in another order the last digit could differ.
    return RankedOffer(offer, propensity, propensity * terms.weight, terms.is_on and is_member)


def _require_usable(offer: int, terms: OfferTerms) -> None:
    faults = {
        f"The lever is {terms.lever!r}.": not (_is_number(terms.lever) and 0 <= terms.lever <= HIGHEST_LEVER),
        f"The value is {terms.value!r}.": not (_is_number(terms.value) and abs(terms.value) <= _HIGHEST_VALUE),
        f"The cap is {terms.cap!r}.": not (terms.cap is None or _is_count(terms.cap)),
    }
    fault = next((text for text, is_wrong in faults.items() if is_wrong), None)
    if fault:
        raise BadPolicy(
            f"The terms of offer {offer} cannot be used.",
            fault,
            f"A lever is from 0 to {HIGHEST_LEVER:g}, a value is money, a cap is a whole number of customers or none.",
        )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _HIGHEST_CAP
