"""The events that wait to be applied: claimed by one worker, done, tried again later, or given up."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, and_, func, or_, select, update

from loyalty_core.events.errors import ClaimLost, WorkerEnded
from loyalty_core.events.event import Event
from loyalty_core.events.forms import flat
from loyalty_core.events.outages import is_temporary
from loyalty_core.events.reasons import reason_of
from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.events import DeadLetterRecord, EventRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session
    from sqlalchemy.sql import ColumnElement

    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=5), timedelta(minutes=10)
_WAITING = EventRecord.status == "waiting"
# Rather than by its status: SQLite would use the index that starts with it, and read all events that were ever applied.
IS_DONE = EventRecord.done_at.is_not(None)
# In the order of an event's fields.
_EVENT = (
    EventRecord.source,
    EventRecord.event_id,
    EventRecord.type,
    EventRecord.customer_id,
    EventRecord.occurred_at,
    EventRecord.data,
    EventRecord.is_simulated,
    EventRecord.id,
)
_UNCLAIMED = and_(_WAITING, EventRecord.claimed_by.is_(None))


@dataclass(frozen=True)
class Patience:
    """How long a claim is valid, how often an event is tried, and after what time it is late."""

    claim: timedelta = timedelta(minutes=2)
    attempts: int = 5
    late: timedelta = timedelta(hours=24)

    @classmethod
    def of(cls, settings: Settings) -> Patience:
        """As the settings say."""
        return cls(
            timedelta(seconds=settings.events_claim_seconds),
            settings.events_max_attempts,
            timedelta(hours=settings.events_late_after_hours),
        )


class Inbox:
    """The waiting events as one worker sees them; every method raises `StateStoreUnavailable`.

    A customer's events are claimed by one worker at a time. `clock` reads the time that all workers share.
    """

    def __init__(
        self,
        store: StateStore,
        patience: Patience | None = None,
        *,
        clock: Callable[[Session], datetime] | None = None,
    ) -> None:
        self._store = store
        self._patience = patience or Patience()
        self._clock = clock or store.dialect.now
        self._worker = uuid.uuid4().hex

    def has_due(self) -> bool:
        """Whether there is anything to claim now, found out without the lock of writers."""
        with self._store.session(read_only=True) as session:
            now = self._clock(session)
            found = select(or_(_due(now).exists(), _expired(now).exists()))
            return bool(session.scalar(found))

    def claim(self, limit: int) -> list[Event]:
        """Claim the events that are due, the oldest first for each customer; empty where nothing is.

        With an event of a customer come those of theirs that are not due yet, so that there may be up to twice `limit`.
        An event that failed before comes alone. A claim that ran out counts as a failure, since the event may be what
        ended the worker.
        """
        with self._store.session() as session:
            self._store.dialect.lock_claims(session)
            now = self._clock(session)
            self._count_expired(session, now)
            first = session.execute(_due(now).with_only_columns(*_EVENT, EventRecord.attempts).limit(1)).first()
            if first is None:
                return []
            if first.attempts:
                return self._claimed(session, [first], now)
            due = _due(now).where(EventRecord.attempts == 0).with_only_columns(EventRecord.customer_id)
            customers = set(session.scalars(due.limit(limit)))
            theirs = self._store.dialect.is_one_of(EventRecord.customer_id.expression, customers)
            of_customers = select(*_EVENT).where(_UNCLAIMED, EventRecord.attempts == 0, theirs)
            oldest = of_customers.order_by(EventRecord.occurred_at, EventRecord.id).limit(2 * limit)
            return self._claimed(session, session.execute(oldest).all(), now)

    def hold(self, session: Session, events: Sequence[Event]) -> None:
        """Make sure that the events are still claimed by this worker, until the session ends; else `ClaimLost`."""
        mine = select(EventRecord.id).where(_in(events), _WAITING, EventRecord.claimed_by == self._worker)
        if len(session.scalars(mine.with_for_update()).all()) != len(events):
            raise ClaimLost(
                "Another worker has taken over these events.",
                f"Applying them took longer than {self._patience.claim.total_seconds():g} seconds.",
                "Raise EVENTS_CLAIM_SECONDS if this happens often.",
            )

    def mark_done(self, session: Session, events: Sequence[Event]) -> None:
        """Record in the session that the events were applied."""
        now = self._clock(session)
        for sequel in {event.sequel for event in events}:
            alike = [event for event in events if event.sequel == sequel]
            done = update(EventRecord).where(_in(alike))
            values = {"status": "done", "done_at": now, "sequel": sequel, "claimed_by": None, "claimed_until": None}
            session.execute(done.values(values).execution_options(synchronize_session=False))

    def release(self, events: Sequence[Event]) -> None:
        """Give up the claim on those of the events that were neither applied nor failed, which changes nothing else."""
        with self._store.session() as session:
            mine = update(EventRecord).where(_in(events), _WAITING, EventRecord.claimed_by == self._worker)
            session.execute(mine.values(claimed_by=None, claimed_until=None))

    def fail(self, event: Event, error: Exception) -> None:
        """Record that the event could not be applied: it is tried again later, or becomes a dead letter."""
        with self._store.session() as session:
            self.hold(session, [event])
            record = session.get_one(EventRecord, event.row)
            self._count_failure(session, record, error, self._clock(session))

    def _count_expired(self, session: Session, now: datetime) -> None:
        # One that is locked is being written at this moment, by a worker that was slow but not dead.
        for record in session.scalars(_expired(now).with_for_update(skip_locked=True)).all():
            self._count_failure(session, record, WorkerEnded(), now)
        session.flush()

    def _claimed(self, session: Session, rows: Sequence[Any], now: datetime) -> list[Event]:
        claim = update(EventRecord).where(EventRecord.id.in_([row.id for row in rows]))
        claimed = claim.values(claimed_by=self._worker, claimed_until=now + self._patience.claim)
        session.execute(claimed.execution_options(synchronize_session=False))
        newest = _newest_applied(session, {row.customer_id for row in rows})
        return [self._event(row, newest.get((row.customer_id, row.type)), now) for row in rows]

    def _event(self, row: Any, newest: datetime | None, now: datetime) -> Event:
        return Event(
            *row[: len(_EVENT)],
            is_out_of_order=newest is not None and row.occurred_at < newest,
            is_late=now - row.occurred_at > self._patience.late,
        )

    def _count_failure(self, session: Session, record: EventRecord, error: Exception, now: datetime) -> None:
        record.attempts += 1
        record.claimed_by = record.claimed_until = None
        record.due_at = now + min(_FIRST_WAIT * 4 ** min(record.attempts - 1, 8), _LONGEST_WAIT)
        if record.attempts >= self._patience.attempts and not is_temporary(error):
            record.status = "dead"
            session.add(_dead_letter(record, error, now))


def _due(now: datetime) -> Select[EventRecord]:
    """What can be claimed, in order: due, claimed by nobody, and of a customer that no worker deals with."""
    claimed = select(EventRecord.customer_id).where(EventRecord.claimed_until.is_not(None))
    due = select(EventRecord).where(_UNCLAIMED, EventRecord.due_at <= now, EventRecord.customer_id.not_in(claimed))
    return due.order_by(EventRecord.due_at, EventRecord.id)


def _expired(now: datetime) -> Select[EventRecord]:
    return select(EventRecord).where(EventRecord.claimed_until < now)


def event_of(record: EventRecord) -> Event:
    """The event of a row."""
    return Event(
        source=record.source,
        event_id=record.event_id,
        type=record.type,
        customer_id=record.customer_id,
        occurred_at=record.occurred_at,
        data=record.data,
        is_simulated=record.is_simulated,
        row=record.id,
        is_out_of_order=record.sequel == "out_of_order",
        is_late=record.sequel == "late",
    )


def _dead_letter(record: EventRecord, error: Exception, now: datetime) -> DeadLetterRecord:
    return DeadLetterRecord(
        source=record.source,
        position=None,
        event=record.id,
        customer_id=record.customer_id,
        body=json.dumps(flat.write(event_of(record))),
        error=reason_of(error),
        attempts=record.attempts,
        received_at=now,
        status="open",
    )


def _newest_applied(session: Session, customers: Collection[str]) -> dict[tuple[str, str], datetime]:
    newest = (
        select(EventRecord.customer_id, EventRecord.type, func.max(EventRecord.occurred_at))
        .where(dialect_of_session(session).is_one_of(EventRecord.customer_id.expression, customers), IS_DONE)
        .group_by(EventRecord.customer_id, EventRecord.type)
    )
    return {(customer_id, kind): at for customer_id, kind, at in session.execute(newest)}


def _in(events: Sequence[Event]) -> ColumnElement[bool]:
    return EventRecord.id.in_([event.row for event in events])
