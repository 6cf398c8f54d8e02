"""The audit trail: who did what to which thing, when, and from where."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Index, and_, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.access import acting_from, current_viewer
from loyalty_core.errors import DataError
from loyalty_core.store.base import ROW_NUMBER, Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.orm import Session

MAX_EVENTS = 1000


class AuditEvent(Base):
    """One action of one actor. Rows are added and read, never changed.

    `place` is where the actor acted from: “terminal”, or a network address; empty where that is not known.
    """

    __tablename__ = "audit_events"
    __table_args__ = (
        Index(None, "at", "id"),
        Index(None, "subject_kind", "subject_id", "at"),
    )

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    place: Mapped[str] = mapped_column(server_default="")


def record(
    session: Session,
    *,
    actor: str | None = None,
    action: str,
    subject_kind: str,
    subject_id: str,
    details: Mapping[str, Any] | None = None,
    at: datetime | None = None,
) -> AuditEvent:
    """Add an event to `session`, so that it is committed, or rolled back, together with the change it records.

    `actor` defaults to the current viewer; `at` must have a time zone and defaults to now. Raises
    `DataError` if `details` cannot be stored as JSON.
    """
    event = AuditEvent(
        at=at or datetime.now(UTC),
        actor=actor or current_viewer().id,
        action=action,
        subject_kind=subject_kind,
        subject_id=subject_id,
        details=_as_json(details or {}),
        place=acting_from(),
    )
    session.add(event)
    return event


def recent(
    session: Session,
    limit: int = 100,
    *,
    actor: str | None = None,
    action: str | None = None,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    since: datetime | None = None,
) -> Sequence[AuditEvent]:
    """The latest events that meet all the conditions given, newest first, at most `limit` (1 to 1000)."""
    statement = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    wanted = {
        AuditEvent.actor: actor,
        AuditEvent.action: action,
        AuditEvent.subject_kind: subject_kind,
        AuditEvent.subject_id: subject_id,
    }
    statement = statement.where(*(column == value for column, value in wanted.items() if value is not None))
    if since is not None:
        statement = statement.where(AuditEvent.at >= since)
    return session.scalars(statement.limit(min(max(limit, 1), MAX_EVENTS))).all()


@dataclass(frozen=True)
class Search:
    """What to find in the trail: parts of texts in any case, and a span of time from `since` to before `until`.

    An empty text, and None, stand for everything.
    """

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


def search(
    session: Session, wanted: Search, *, limit: int, before: tuple[datetime, int] | None = None
) -> Sequence[AuditEvent]:
    """The newest events that match, at most `limit`; with `before`, those older than the event of that time and id."""
    subject = AuditEvent.subject_kind + " " + AuditEvent.subject_id
    parts = ((AuditEvent.actor, wanted.actor), (AuditEvent.action, wanted.action), (subject, wanted.subject))
    statement = select(AuditEvent).order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    statement = statement.where(
        *(text.icontains(part.strip(), autoescape=True) for text, part in parts if part.strip())
    )
    if wanted.since is not None:
        statement = statement.where(AuditEvent.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(AuditEvent.at < wanted.until)
    if before is not None:
        at, number = before
        statement = statement.where(or_(AuditEvent.at < at, and_(AuditEvent.at == at, AuditEvent.id < number)))
    return session.scalars(statement.limit(limit)).all()


def forget_old(session: Session, days: int) -> None:
    """Delete events that are older than this many days."""
    session.execute(delete(AuditEvent).where(AuditEvent.at < datetime.now(UTC) - timedelta(days=days)))


def _as_json(details: Mapping[str, Any]) -> dict[str, Any]:
    """A copy as JSON returns it: refused now with a clear message, rather than at commit."""
    try:
        return json.loads(json.dumps(dict(details), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise DataError(
            "The details of an audit event cannot be stored as JSON.",
            f"{error}.",
            "Use only text, finite numbers, true, false, null, lists and dictionaries.",
        ) from error
