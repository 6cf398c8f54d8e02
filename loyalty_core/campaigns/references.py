"""What a campaign refers to in the state store: segments and an offer policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.campaigns.errors import BadCampaign
from loyalty_core.names import nearest_names
from loyalty_core.store.offer_policies import OfferPolicyRecord
from loyalty_core.store.segments import SegmentRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from loyalty_core.campaigns.definition import Definition


def require_references(session: Session, definition: Definition) -> None:
    """Raise `BadCampaign` where a segment or the policy does not exist, or a segment is archived."""
    columns = SegmentRecord.id, SegmentRecord.name, SegmentRecord.archived_at
    segments = {row.id: row for row in session.execute(select(*columns))}
    for segment_id in definition.segments:
        if segment_id not in segments:
            raise _unknown("segment", segment_id, {one: row.name for one, row in segments.items()})
        if segments[segment_id].archived_at is not None:
            raise BadCampaign(
                f"The segment “{segments[segment_id].name}” is archived.",
                "The campaign uses it.",
                "Restore it first, or choose another one.",
            )
    policies = dict(session.execute(select(OfferPolicyRecord.id, OfferPolicyRecord.name)).all())
    if definition.offer.policy is not None and definition.offer.policy not in policies:
        raise _unknown("offer policy", definition.offer.policy, policies)


def _unknown(what: str, one: str, names: Mapping[str, str]) -> BadCampaign:
    near = nearest_names(one, names)
    hint = f"Nearest: {near[0]} (“{names[near[0]]}”)." if near else "Choose one from the list."
    return BadCampaign(f"There is no {what} “{one}”.", "The campaign uses it.", hint)
