"""The events that were accepted, to look at; old ones are removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select

from loyalty_core.events.errors import EventNotFound
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.events import EventRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

# What an entry that an event caused names as its cause, before the row of the event.
_CAUSE = "event:"


@dataclass(frozen=True)
class StoredEvent:
    """An event with its outcome: `status` is waiting, done or dead."""

    id: int
    source: str
    event_id: str
    type: str
    customer_id: str
    occurred_at: datetime
    received_at: datetime
    data: Mapping[str, Any]
    is_simulated: bool
    status: str
    attempts: int
    done_at: datetime | None
    sequel: str | None


class EventHistory:
    """The events in the state store; every method raises `StateStoreUnavailable`."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def get(self, number: int) -> StoredEvent:
        """One event; raises `EventNotFound`."""
        with self._store.session(read_only=True) as session:
            record = session.get(EventRecord, number)
            if record is None:
                raise EventNotFound(number)
            return _stored(record)

    def list(
        self,
        limit: int = 50,
        *,
        before: int | None = None,
        customer_id: str | None = None,
        kind: str | None = None,
        status: str | None = None,
        campaign_id: str | None = None,
    ) -> builtins.list[StoredEvent]:
        """The latest, newest first: all, or those of a customer, type or status; with `before`, older numbers only.

        With `campaign_id`, those by which customers entered the campaign, suppressed ones and the holdout among them.
        """
        conditions = {
            EventRecord.customer_id: customer_id,
            EventRecord.type: kind,
            EventRecord.status: status,
        }
        wanted = select(EventRecord).where(
            *(column == value for column, value in conditions.items() if value is not None)
        )
        if before is not None:
            wanted = wanted.where(EventRecord.id < before)
        with self._store.session(read_only=True) as session:
            if campaign_id is not None:
                wanted = wanted.where(EventRecord.id.in_(events_of_campaign(session, campaign_id)))
            return [_stored(record) for record in session.scalars(wanted.order_by(EventRecord.id.desc()).limit(limit))]

    def count_received(self, within: timedelta) -> int:
        """How many events were received in the last time of that length."""
        with self._store.session(read_only=True) as session:
            since = self._store.dialect.now(session) - within
            received = select(func.count()).select_from(EventRecord).where(EventRecord.received_at > since)
            return session.scalars(received).one()

    def forget_old(self, days: int) -> None:
        """Remove events that were received and done longer ago than this many days."""
        with self._store.session() as session:
            before = self._store.dialect.now(session) - timedelta(days=days)
            session.execute(delete(EventRecord).where(EventRecord.received_at < before, EventRecord.status == "done"))


def events_of_campaign(session: Session, campaign_id: str) -> list[int]:
    """The latest 1,000 events by which customers entered the campaign, by their rows."""
    causes = select(CampaignEntryRecord.cause).where(
        CampaignEntryRecord.campaign_id == campaign_id, CampaignEntryRecord.cause.startswith(_CAUSE)
    )
    latest = session.scalars(causes.order_by(CampaignEntryRecord.id.desc()).limit(1_000))
    return [int(cause.removeprefix(_CAUSE)) for cause in latest]


def _stored(record: EventRecord) -> StoredEvent:
    return StoredEvent(
        id=record.id,
        source=record.source,
        event_id=record.event_id,
        type=record.type,
        customer_id=record.customer_id,
        occurred_at=record.occurred_at,
        received_at=record.received_at,
        data=record.data,
        is_simulated=record.is_simulated,
        status=record.status,
        attempts=record.attempts,
        done_at=record.done_at,
        sequel=record.sequel,
    )
