"""Next best offers of the customers in scope, and policies that arbitrate between offers."""

from loyalty_core.analytics.offers.arbitration import (
    CLOSED,
    Allocation,
    Arbitration,
    Cutoff,
    Reason,
    arbitrate,
    offers_taken,
)
from loyalty_core.analytics.offers.errors import BadPolicy, PolicyChanged, PolicyInUse, PolicyNameTaken, PolicyNotFound
from loyalty_core.analytics.offers.fields import uplift_field, uptake_field
from loyalty_core.analytics.offers.mix import (
    BINS,
    LOPSIDED_SHARE,
    MAX_SEGMENTS,
    OfferFigures,
    OfferMix,
    SegmentOffers,
    offer_mix,
)
from loyalty_core.analytics.offers.policies import (
    PolicyRepository,
    PolicyVersion,
    RestrictedPolicies,
    SavedPolicy,
    find_policy,
)
from loyalty_core.analytics.offers.policy import (
    MAX_LEVER,
    BoundPolicy,
    OfferTerms,
    Policy,
    RankedOffer,
    bind_policy,
    rank_offers,
)

__all__ = [
    "BINS",
    "CLOSED",
    "LOPSIDED_SHARE",
    "MAX_LEVER",
    "MAX_SEGMENTS",
    "Allocation",
    "Arbitration",
    "BadPolicy",
    "BoundPolicy",
    "Cutoff",
    "OfferFigures",
    "OfferMix",
    "OfferTerms",
    "Policy",
    "PolicyChanged",
    "PolicyInUse",
    "PolicyNameTaken",
    "PolicyNotFound",
    "PolicyRepository",
    "PolicyVersion",
    "RankedOffer",
    "Reason",
    "RestrictedPolicies",
    "SavedPolicy",
    "SegmentOffers",
    "arbitrate",
    "bind_policy",
    "find_policy",
    "offer_mix",
    "offers_taken",
    "rank_offers",
    "uplift_field",
    "uptake_field",
]
