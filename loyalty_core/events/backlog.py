"""How much waits to be applied, and what waits for somebody to correct it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from loyalty_core.limits import TooBusy
from loyalty_core.store.events import DeadLetterRecord, EventRecord

if TYPE_CHECKING:
    from datetime import datetime, timedelta

    from loyalty_core.store import StateStore


class TooManyEvents(TooBusy):
    """So many events wait to be applied that no more are accepted."""

    code = "too_many_events"
    retry_after = 10


@dataclass(frozen=True)
class Backlog:
    """Numbers of waiting events, of those that failed before, and of open dead letters; `oldest` is how long the event
    that is due longest has waited, None where none is due.
    """

    waiting: int
    retried: int
    dead_letters: int
    oldest: timedelta | None


def read_backlog(store: StateStore) -> Backlog:
    """The backlog now; raises `StateStoreUnavailable`."""
    waiting = EventRecord.status == "waiting"
    with store.session(read_only=True) as session:
        now = store.dialect.now(session)
        count, retried, first_due = session.execute(
            select(
                func.count(),
                func.count().filter(EventRecord.attempts > 0),
                func.min(EventRecord.due_at, type_=EventRecord.due_at.type),
            ).where(waiting)
        ).one()
        open_letters = select(func.count()).where(DeadLetterRecord.status == "open")
        letters = session.scalars(open_letters.select_from(DeadLetterRecord)).one()
    return Backlog(count, retried, letters, _age(first_due, now))


def require_room(store: StateStore, most: int) -> None:
    """Raise `TooManyEvents` while more than `most` events wait."""
    waiting = count_waiting(store)
    if waiting > most:
        raise TooManyEvents(
            f"{waiting:,} events wait to be applied; no more are accepted until there are fewer.",
            remedy="Send them again later. If this happens often, start more workers: loyalty events",
        )


def count_waiting(store: StateStore) -> int:
    """How many events wait; raises `StateStoreUnavailable`."""
    with store.session(read_only=True) as session:
        return session.scalars(select(func.count(EventRecord.id)).where(EventRecord.status == "waiting")).one()


def _age(since: datetime | None, now: datetime) -> timedelta | None:
    return now - since if since is not None and since <= now else None
