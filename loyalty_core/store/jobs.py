"""Tables of the background jobs: the state of each, and the events that it has reported."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import ROW_NUMBER, Base

_OPTIONAL_JSON = JSON(none_as_null=True)


class JobRecord(Base):
    """A job in its current state.

    `exclusive_kind` is the kind while the job is not over, for kinds of which one job may be under way, so that the
    database itself refuses a second. `host`, `pid` and `process_started` (seconds since 1970) name the process,
    `heartbeat_at` is when it was last heard of. `error` has what, why and remedy.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index(None, "kind", "id"), Index(None, "state"))

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    kind: Mapped[str]
    exclusive_kind: Mapped[str | None] = mapped_column(unique=True)
    options: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[str]
    phase: Mapped[str]
    done: Mapped[int] = mapped_column(BigInteger)
    total: Mapped[int | None] = mapped_column(BigInteger)
    message: Mapped[str]
    started_by: Mapped[str]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    heartbeat_at: Mapped[datetime]
    cancel_requested_at: Mapped[datetime | None]
    dismissed_at: Mapped[datetime | None]
    host: Mapped[str | None]
    pid: Mapped[int | None]
    process_started: Mapped[float | None]
    log_file: Mapped[str | None]
    log_tail: Mapped[str]
    error: Mapped[dict[str, str] | None] = mapped_column(_OPTIONAL_JSON)
    result: Mapped[Any] = mapped_column(_OPTIONAL_JSON, nullable=True)


class JobEventRecord(Base):
    """An event that a job reported, such as a point of a growing chart; numbered from 1 within the job."""

    __tablename__ = "job_events"

    job_id: Mapped[int] = mapped_column(ROW_NUMBER, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    data: Mapped[Any] = mapped_column(JSON, nullable=False)
