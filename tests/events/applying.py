"""A handler whose effects can be counted, and events for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.errors import DataError
from loyalty_core.events import Event, Inbox, Intake, Patience, Worker
from loyalty_core.store.events import DeadLetterRecord, EventRecord, SegmentChangeRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore

START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


class Counting:
    """Writes one row for each event it applies; `fails` raises what an event of its choice is to fail with."""

    def __init__(self, fails: Callable[[Event], Exception | None] = lambda event: None) -> None:
        self.fails = fails
        self.batches: list[list[str]] = []

    def prepare(self, events: Sequence[Event]) -> Sequence[Event]:
        self.batches.append([event.event_id for event in events])
        for event in events:
            if error := self.fails(event):
                raise error
        return events

    def write(self, session: Session, prepared: Sequence[Event]) -> None:
        session.add_all(
            SegmentChangeRecord(
                segment_id=event.event_id, customer_id=event.customer_id, at=START, has_joined=True, event=event.row
            )
            for event in prepared
        )


def poison(event: Event) -> Exception | None:
    """For events whose data says so."""
    return DataError("This event is poison.") if event.data.get("poison") else None


class Clock:
    """The time that the workers share, moved by the test."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC) + timedelta(minutes=1)  # after what the test accepts

    def __call__(self, session: Session) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


def an_event(event_id: str, customer_id: str = "7", **parts: Any) -> Event:
    parts = {"type": "customer.login", "occurred_at": datetime.now(UTC) - timedelta(minutes=1), **parts}
    return Event(source="test", event_id=event_id, customer_id=customer_id, **parts)


def accept(store: StateStore, *events: Event) -> None:
    Intake(store, timedelta()).accept(events)


def worker_of(
    store: StateStore, handler: Counting, clock: Clock | None = None, batch_size: int = 200, **patience: Any
) -> Worker:
    return Worker(store, Inbox(store, Patience(**patience), clock=clock), handler, batch_size=batch_size)


def apply_all(worker: Worker) -> None:
    while worker.apply_waiting():
        pass


def applied(store: StateStore) -> list[str]:
    """The ids of the applied events, one for each time, in order."""
    with store.session(read_only=True) as session:
        return list(session.scalars(select(SegmentChangeRecord.segment_id).order_by(SegmentChangeRecord.id)))


def states(store: StateStore) -> dict[str, str]:
    """The status of each event by its id."""
    with store.session(read_only=True) as session:
        return {record.event_id: record.status for record in session.scalars(select(EventRecord))}


def letters(store: StateStore) -> list[DeadLetterRecord]:
    with store.session(read_only=True) as session:
        return list(session.scalars(select(DeadLetterRecord).order_by(DeadLetterRecord.id)))
