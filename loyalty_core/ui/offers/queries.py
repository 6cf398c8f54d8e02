"""What the Next best offer screen reads, cached until the data, the predictions or a segment change."""

import json
from dataclasses import dataclass
from functools import cached_property

from loyalty_core.analytics.offers import (
    MAX_SEGMENTS,
    Arbitration,
    OfferMix,
    OfferTerms,
    Policy,
    SegmentOffers,
    arbitrate,
    bind_policy,
)
from loyalty_core.analytics.offers import mix as offers
from loyalty_core.ml.versions import read_versions
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.cached_reads import RuleBasis, cached
from loyalty_core.ui.scope_reader import ScopeReader, scoped_base
from loyalty_core.warehouse.offers import OfferFacts, offer_name


@dataclass(frozen=True)
class OfferNames:
    """A function from an offer's id to its name, with the id where another offer has the same name."""

    names: dict[int, str]

    def __call__(self, offer_id: int) -> str:
        name = offer_name(self.names, offer_id)
        return f"{name} ({offer_id})" if list(self.names.values()).count(name) > 1 else name


def why_left_out(model: str) -> str:
    """Why the active version does not have the model although it was asked for; blank where that is not known."""
    records = read_versions(get_services().settings.models_dir)
    active = next((record for record in records if record.is_active), None)
    return active.left_out.get(model, "") if active else ""


class OfferReader(ScopeReader):
    """Reads the figures of the Next best offer screen."""

    def mix(self) -> OfferMix:
        """What is recommended to whom, and what it is worth."""
        return _mix(self.segment_id, self.basis)

    def by_segment(self) -> list[SegmentOffers]:
        """The best offers of the largest saved segments with customers in scope."""
        found = _by_segment(self.segment_id, tuple(self._largest_segments()), self.basis)
        return [one for one in found if one.customers]

    def arbitration(self, policy: Policy) -> Arbitration:
        """Who gets what under a policy."""
        return _arbitration(self.segment_id, json.dumps(policy.to_json()), self.basis)

    @cached_property
    def name(self) -> OfferNames:
        """Names offers as the warehouse did when the page was drawn."""
        return OfferNames(cached_reads.offer_names())

    def _largest_segments(self) -> list[str]:
        others = [one for one in get_services().segments.list() if one.id != self.segment_id]
        by_size = sorted(others, key=lambda one: -(one.size.customers if one.size else 0))
        fields = self.base.engine.read_fields()
        return [one.id for one in by_size if fields.can_compute(one.id)][:MAX_SEGMENTS]


def default_policy(mix: OfferMix) -> Policy:
    """No levers, no caps, everybody eligible, and the values that follow from the offers' margins and costs."""
    return Policy({offer.offer_id: OfferTerms(value=round(offer.value.amount, 2)) for offer in mix.offers})


def facts() -> dict[int, OfferFacts]:
    """What the warehouse knows of the offers."""
    return get_services().offers.get()


@cached
def _mix(segment_id: str | None, basis: RuleBasis) -> OfferMix:
    del basis  # only part of the cache key, as below
    return offers.offer_mix(scoped_base(segment_id), facts())


@cached
def _by_segment(segment_id: str | None, segment_ids: tuple[str, ...], basis: RuleBasis) -> list[SegmentOffers]:
    del basis
    return offers.offers_by_segment(scoped_base(segment_id), segment_ids)


@cached
def _arbitration(segment_id: str | None, policy: str, basis: RuleBasis) -> Arbitration:
    del basis
    base = scoped_base(segment_id)
    return arbitrate(base, bind_policy(Policy.from_json(json.loads(policy)), base.engine))
