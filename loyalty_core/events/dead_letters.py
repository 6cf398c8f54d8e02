"""Dead letters: messages that are no events, and events that could not be applied; corrected, replayed or discarded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

from sqlalchemy import select

from loyalty_core.access import current_viewer
from loyalty_core.events.errors import BadEvent, DeadLetterClosed, DeadLetterNotFound
from loyalty_core.events.forms import Arrival, read_text
from loyalty_core.events.intake import Intake
from loyalty_core.store import audit
from loyalty_core.store.events import DeadLetterRecord, EventRecord

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from datetime import datetime, tzinfo

    from sqlalchemy.orm import Session

    from loyalty_core.events.event import Event
    from loyalty_core.services import Services
    from loyalty_core.store import StateStore

SUBJECT_KIND = "dead_letter"
Status = Literal["open", "replayed", "discarded"]


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter; `error` has code, what, why and remedy, and `event` is the row of the event, if it is one."""

    id: int
    source: str
    position: str | None
    event: int | None
    customer_id: str | None
    body: str
    error: Mapping[str, str]
    attempts: int
    received_at: datetime
    status: Status
    changed_at: datetime | None
    changed_by: str | None


class DeadLetters:
    """Those of the state store; each change is audited. Methods that take a number raise `DeadLetterNotFound`."""

    def __init__(self, store: StateStore, intake: Intake, zone: tzinfo) -> None:
        self._store, self._intake, self._zone = store, intake, zone

    @classmethod
    def of(cls, services: Services) -> DeadLetters:
        """Those that whoever has these services may see; a viewer with a scope is refused."""
        services.warehouse.require_every_customer("Dead letters")
        return cls(services.store, Intake.of(services.store, services.settings), services.settings.zone)

    def list(
        self, limit: int = 50, *, before: int | None = None, status: Status | None = "open"
    ) -> builtins.list[DeadLetter]:
        """The latest, newest first; with `before` only those with a smaller number."""
        wanted = select(DeadLetterRecord).order_by(DeadLetterRecord.id.desc()).limit(limit)
        if before is not None:
            wanted = wanted.where(DeadLetterRecord.id < before)
        if status is not None:
            wanted = wanted.where(DeadLetterRecord.status == status)
        with self._store.session(read_only=True) as session:
            return [_letter_of(record) for record in session.scalars(wanted)]

    def get(self, number: int) -> DeadLetter:
        """One dead letter."""
        with self._store.session(read_only=True) as session:
            return _letter_of(_find(session, number))

    def correct(self, number: int, body: str, *, if_body: str | None = None) -> DeadLetter:
        """Replace the message; raises `DeadLetterClosed`, also where `if_body` is no longer the message."""
        with self._store.session() as session:
            record = self._open(session, number)
            if if_body is not None and record.body != if_body:
                raise DeadLetterClosed("The dead letter was corrected by somebody else.", remedy="Read it again.")
            record.body = body
            self._record(session, record, "corrected")
            return _letter_of(record)

    def replay(self, number: int) -> DeadLetter:
        """Put it back into the queue, from where it is applied anew, or is a copy of what was accepted before.

        Raises `BadEvent` if it still cannot be used, and `DeadLetterClosed`.
        """
        with self._store.session() as session:
            record = self._open(session, number)
            now = self._store.dialect.now(session)
            arrival = Arrival(record.source, now, record.position, record.received_at, self._zone)
            event = read_text(record.body, arrival)
            if record.event is None:
                accepted = self._intake.insert(session, [event], now).accepted
                record.event = accepted[0] if accepted else _row_of(session, event)
                record.customer_id = event.customer_id
            else:
                _queue_again(session.get(EventRecord, record.event), event, now)
            record.status = "replayed"
            self._record(session, record, "replayed")
            return _letter_of(record)

    def discard(self, number: int) -> DeadLetter:
        """Close it without effect."""
        with self._store.session() as session:
            record = self._open(session, number)
            record.status = "discarded"
            self._record(session, record, "discarded")
            return _letter_of(record)

    def _open(self, session: Session, number: int) -> DeadLetterRecord:
        record = _find(session, number, locked=True)
        if record.status != "open":
            raise DeadLetterClosed(
                f"Dead letter {number} was {record.status} before, by {record.changed_by}.",
                remedy="If it fails again, there is a new one.",
            )
        return record

    def _record(self, session: Session, record: DeadLetterRecord, action: str) -> None:
        record.changed_at, record.changed_by = self._store.dialect.now(session), current_viewer().id
        audit.record(session, action=action, subject_kind=SUBJECT_KIND, subject_id=str(record.id))


def _find(session: Session, number: int, *, locked: bool = False) -> DeadLetterRecord:
    record = session.get(DeadLetterRecord, number, with_for_update=locked or None)
    if record is None:
        raise DeadLetterNotFound(number)
    return record


def _queue_again(record: EventRecord | None, event: Event, now: datetime) -> None:
    if record is None:
        raise BadEvent(
            "The event itself is no longer stored.", remedy="Discard the dead letter and send the event anew."
        )
    if (record.source, record.event_id) != (event.source, event.event_id):
        raise BadEvent(
            "The event has another source or event_id than before.",
            "They identify it.",
            f"Set them to {record.source!r} and {record.event_id!r}.",
        )
    record.type, record.customer_id = event.type, event.customer_id
    record.occurred_at, record.data = event.occurred_at, dict(event.data)
    record.states_features = event.states_features
    record.status, record.attempts, record.due_at = "waiting", 0, now


def _row_of(session: Session, event: Event) -> int:
    same = EventRecord.source == event.source, EventRecord.event_id == event.event_id
    return session.scalars(select(EventRecord.id).where(*same)).one()


def _letter_of(record: DeadLetterRecord) -> DeadLetter:
    return DeadLetter(
        id=record.id,
        source=record.source,
        position=record.position,
        event=record.event,
        customer_id=record.customer_id,
        body=record.body,
        error=record.error,
        attempts=record.attempts,
        received_at=record.received_at,
        status=cast("Status", record.status),
        changed_at=record.changed_at,
        changed_by=record.changed_by,
    )
