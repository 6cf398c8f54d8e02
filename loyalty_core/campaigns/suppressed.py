"""The customers whom campaigns considered because of an event, and did not write to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.campaigns.outcome import Decision
from loyalty_core.store.campaigns import CampaignEntryRecord, CampaignRecord

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.store import StateStore


@dataclass(frozen=True)
class Suppressed:
    """An entry without a message, and why in one sentence. `cause` is what made the customer enter."""

    entry_id: int
    at: datetime
    campaign_id: str
    customer_id: str
    offer_id: int | None
    why: str
    cause: str
    is_simulated: bool


def list_suppressed(
    store: StateStore, *, campaign_id: str | None = None, customer_id: str | None = None, limit: int = 50
) -> list[Suppressed]:
    """The newest of them, those of the holdout included; runs over a whole audience only count whom they leave out."""
    wanted = {CampaignEntryRecord.campaign_id: campaign_id, CampaignEntryRecord.customer_id: customer_id}
    newest = (
        select(CampaignEntryRecord, CampaignRecord.name)
        .join(CampaignRecord, CampaignRecord.id == CampaignEntryRecord.campaign_id)
        .where(
            CampaignEntryRecord.status.in_(("suppressed", "holdout")),
            *(column == one for column, one in wanted.items() if one is not None),
        )
        .order_by(CampaignEntryRecord.id.desc())
        .limit(limit)
    )
    with store.session(read_only=True) as session:
        return [
            Suppressed(
                entry.id,
                entry.entered_at,
                entry.campaign_id,
                entry.customer_id,
                entry.offer_id,
                _sentence(Decision(entry.customer_id, name, entry.reason).why),
                entry.cause,
                entry.is_simulated,
            )
            for entry, name in session.execute(newest)
        ]


def _sentence(clause: str) -> str:
    return f"{clause[:1].upper()}{clause[1:]}."
