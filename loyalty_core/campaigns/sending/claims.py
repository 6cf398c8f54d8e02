"""What a sender knows of a message that it has claimed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from datetime import datetime

    from loyalty_core.store.messages import OutboxRecord


@dataclass(frozen=True)
class Claim:
    """A row of the outbox as a sender claimed it."""

    id: int
    key: str
    campaign_id: str
    entry_id: int
    customer_id: str
    channel: str
    version: int
    variant: str | None
    offer_id: int | None
    queued_at: datetime
    expires_at: datetime | None
    attempts: int
    is_simulated: bool

    @classmethod
    def of(cls, record: OutboxRecord) -> Self:
        return cls(
            id=record.id,
            key=record.key,
            campaign_id=record.campaign_id,
            entry_id=record.entry_id,
            customer_id=record.customer_id,
            channel=record.channel,
            version=record.version,
            variant=record.variant,
            offer_id=record.offer_id,
            queued_at=record.queued_at,
            expires_at=record.expires_at,
            attempts=record.attempts,
            is_simulated=record.is_simulated,
        )
