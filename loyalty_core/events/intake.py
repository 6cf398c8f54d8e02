"""Accepts events: each is stored once, however often it is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loyalty_core.events.reasons import reason_of
from loyalty_core.events.types import find_type
from loyalty_core.store.events import DeadLetterRecord, EventRecord
from loyalty_core.telemetry import count_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.errors import LoyaltyError
    from loyalty_core.events.event import Event
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore


@dataclass(frozen=True)
class Unreadable:
    """A message that is no event; `position` is where it is in its source, None where that is not known."""

    source: str
    position: str | None
    body: str
    error: LoyaltyError


@dataclass(frozen=True)
class Accepted:
    """The numbers of the events that are new, in their order; `duplicates` were accepted before."""

    accepted: list[int] = field(default_factory=list)
    duplicates: int = 0


class Intake:
    """Stores events for the workers, which take those of a customer together once the first is `together` old."""

    def __init__(self, store: StateStore, together: timedelta) -> None:
        self._store, self._together = store, together

    @classmethod
    def of(cls, store: StateStore, settings: Settings) -> Intake:
        """As the settings say."""
        return cls(store, timedelta(seconds=settings.events_together_seconds))

    def accept(self, events: Sequence[Event], unreadable: Sequence[Unreadable] = ()) -> Accepted:
        """Store events, and messages that are none as dead letters, in one transaction.

        An event whose source and id are those of a stored one is a duplicate, whatever else it says. Raises
        `StateStoreUnavailable`; then nothing was stored.
        """
        with self._store.session() as session:
            now = self._store.dialect.now(session)
            if unreadable:
                new = self._store.dialect.insert_new(DeadLetterRecord)
                session.execute(new, [_values_of_letter(letter, now) for letter in unreadable])
            accepted = self.insert(session, events, now)
        for kind, number in Counter(event.type for event in events).items():
            count_event(find_type(kind).value, "received", number)
        if unreadable:
            count_event("unreadable", "received", len(unreadable))
        return accepted

    def insert(self, session: Session, events: Sequence[Event], now: datetime) -> Accepted:
        """Store events in a session of the caller's."""
        # Of copies the first counts. Sorted, so that two transactions with the same events do not wait for each other.
        distinct = {(event.source, event.event_id): event for event in reversed(events)}
        if not distinct:
            return Accepted()
        new = self._store.dialect.insert_new(EventRecord)
        values = [self._values(distinct[key], now) for key in sorted(distinct)]
        inserted = session.execute(new.returning(EventRecord.source, EventRecord.event_id, EventRecord.id), values)
        rows = {(source, event_id): row for source, event_id, row in inserted}
        accepted = [row for key in reversed(distinct) if (row := rows.get(key)) is not None]
        return Accepted(accepted, len(events) - len(accepted))

    def _values(self, event: Event, now: datetime) -> dict[str, Any]:
        return {
            "source": event.source,
            "event_id": event.event_id,
            "type": event.type,
            "customer_id": event.customer_id,
            "occurred_at": event.occurred_at,
            "received_at": now,
            "data": dict(event.data),
            "states_features": event.states_features,
            "is_simulated": event.is_simulated,
            "status": "waiting",
            "attempts": 0,
            "due_at": now + self._together,
        }


def _values_of_letter(letter: Unreadable, now: datetime) -> dict[str, Any]:
    return {
        "source": letter.source,
        "position": letter.position,
        # PostgreSQL stores no null character.
        "body": letter.body.replace("\0", "\N{REPLACEMENT CHARACTER}"),
        "error": reason_of(letter.error),
        "attempts": 0,
        "received_at": now,
        "status": "open",
    }
