"""A policy evaluated without being saved: which customers would get which offer."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from loyalty_core.analytics.offers import Allocation, Arbitration, arbitrate, bind_policy
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.api.policies.bodies import TermsOfOffers
from loyalty_core.api.segments import SegmentId
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter()


class ArbitrationBody(TermsOfOffers):
    """The policy to evaluate, for the members of a segment; without `segment_id`, for all customers."""

    segment_id: SegmentId | None = None


class AllocationAnswer(BaseModel):
    """How many customers get an offer, and its expected value: the sum of propensity × uptake × value over them.

    The value is null where no uptake model says how many customers take an offer.
    """

    customers: int
    expected_value: float | None


class CutoffAnswer(BaseModel):
    """The lowest priority that an offer at its cap accepts; null where the cap is 0."""

    priority: float | None


class ArbitrationAnswer(BaseModel):
    """Who gets what: by offer id `before`, with the offers that are recommended, and `after`, under the policy.

    `without` counts the customers who get none by reason, and `cutoffs` are those of the offers that caps limit. Values
    are null where no uptake model says how many customers take an offer; `gain`, the relative change from
    `value_before` to `value_after`, then takes all customers as equally likely to.
    """

    customers: int
    before: dict[str, AllocationAnswer]
    after: dict[str, AllocationAnswer]
    without: dict[str, int]
    cutoffs: dict[str, CutoffAnswer]
    value_before: float | None
    value_after: float | None
    gain: float | None


@router.post("/evaluate/", response_model=ArbitrationAnswer, dependencies=[rule_slot])
def evaluate_policy(body: ArbitrationBody) -> dict[str, Any]:
    """Arbitrate between the offers for every customer, from the last scoring run; nothing is saved."""
    services = get_services()
    if body.segment_id is not None:
        services.segments.get(body.segment_id)
    base = ScopedBase(services.warehouse, services.segmentation, Scope(body.segment_id))
    found = arbitrate(base, bind_policy(body.policy, services.segmentation))
    return {
        "customers": found.customers,
        "before": _allocations(found.before, found),
        "after": _allocations(found.after, found),
        "without": found.without,
        "cutoffs": {str(offer): cutoff for offer, cutoff in found.cutoffs.items()},
        "value_before": found.value_before,
        "value_after": found.value_after,
        "gain": found.gain,
    }


def _allocations(of: Mapping[int, Allocation], found: Arbitration) -> dict[str, AllocationAnswer]:
    return {
        str(offer): AllocationAnswer(
            customers=one.customers, expected_value=one.weight if found.counts_conversions else None
        )
        for offer, one in of.items()
    }
