"""The best offers of customers by what an event has just found out about them, instead of the last scoring run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from loyalty_core.analytics.offers import Policy, bind_policy, rank_offers, uplift_field, uptake_field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.analytics.scope import ScopedBase
    from loyalty_core.campaigns.candidates import Candidate


@dataclass(frozen=True)
class LatestOffers:
    """A customer as an event found them: the values of the fields that rules read, and propensities by offer id."""

    fields: Mapping[str, Any]
    propensities: Mapping[int, float | None]

    def conversions(self, policy: Policy, uptake: str | None) -> dict[int, float | None]:
        """The probability of a conversion by offer of the policy: propensity × the field `uptake`, where there is one.

        The same as `conversion_probabilities` has in SQL.
        """
        any_offer: float | None = 1.0 if uptake is None else self.fields[uptake]
        own = {offer: self.propensities.get(offer) for offer in policy.offers}
        return {offer: None if one is None or any_offer is None else one * any_offer for offer, one in own.items()}


def with_latest_offers(
    candidates: Sequence[Candidate], policy: Policy, base: ScopedBase, latest: Mapping[str, LatestOffers]
) -> list[Candidate]:
    """The candidates with the offers that the policy chooses by the latest values, by customer id.

    Offers that are used up have a cap of 0. A candidate keeps the offer by the last scoring run where nothing newer is
    known, or not all of what the choice depends on: the fields of the policy's rules, uptake and uplift.
    """
    available = Policy({offer: terms for offer, terms in policy.offers.items() if terms.cap != 0})
    bound, uptake, uplift = bind_policy(available, base.engine), uptake_field(base), uplift_field(base)
    read = {*bound.columns, *(name for name in (uptake, uplift) if name is not None)}

    def chosen(candidate: Candidate) -> Candidate:
        found = latest.get(candidate.customer_id)
        if found is None or not read <= found.fields.keys():
            return candidate
        change = found.fields[uplift] if uplift is not None else None
        if uplift is not None and change is None:
            return candidate
        conversions = found.conversions(policy, uptake)
        best = next((one for one in rank_offers(bound, conversions, found.fields, change) if one.is_eligible), None)
        return replace(candidate, offer_id=best.offer_id if best else None, conversions=conversions)

    return [chosen(candidate) for candidate in candidates]
