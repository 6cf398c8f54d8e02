"""Tables of the events about customers: what came in, what could not be used, and what each event caused."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, Index, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import ROW_NUMBER, Base

_OPTIONAL_JSON = JSON(none_as_null=True)


class EventRecord(Base):
    """An event that was accepted, once for each source and event id.

    `status` is "waiting", "done" or "dead". A worker that claims a waiting event writes `claimed_by` and
    `claimed_until`; after that time others may claim it. `attempts` counts claims that ended with an error, and
    `due_at` is when the next one may be made. `sequel` says how the event relates to earlier ones of the customer:
    "newest", "out_of_order" or "late"; it is None until the event was applied. `states_features` is whether `data` has
    values of the customer's features; few events do, and those are looked up for each event that is applied.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("source", "event_id"),
        Index(None, "status", "due_at", "id"),
        Index(None, "customer_id", "type", "occurred_at"),
        Index(None, "received_at"),
        Index(None, "claimed_until"),
        Index(None, "customer_id", sqlite_where=text("states_features = 1"), postgresql_where=text("states_features")),
    )

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    source: Mapped[str]
    event_id: Mapped[str]
    type: Mapped[str]
    customer_id: Mapped[str]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    states_features: Mapped[bool] = mapped_column(server_default=false())
    is_simulated: Mapped[bool]
    status: Mapped[str]
    attempts: Mapped[int]
    due_at: Mapped[datetime]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]
    done_at: Mapped[datetime | None]
    sequel: Mapped[str | None]


class DeadLetterRecord(Base):
    """A message that could not be read as an event, or an event that could not be applied after several attempts.

    `body` is the message as it came, or as somebody corrected it. `event` is the row of the event, None for a message
    that is none. `status` is "open", "replayed" or "discarded". `error` has what, why and remedy.
    """

    __tablename__ = "dead_letters"
    __table_args__ = (Index(None, "status", "id"), UniqueConstraint("source", "position"))

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    source: Mapped[str]
    # Where the message is in its source, such as a topic's partition and offset; a message read twice is stored once.
    position: Mapped[str | None]
    event: Mapped[int | None]
    customer_id: Mapped[str | None]
    body: Mapped[str]
    error: Mapped[dict[str, str]] = mapped_column(JSON)
    attempts: Mapped[int]
    received_at: Mapped[datetime]
    status: Mapped[str]
    changed_at: Mapped[datetime | None]
    changed_by: Mapped[str | None]


class EventTraceRecord(Base):
    """What an event caused, step by step, as the flight recorder shows it.

    `steps` is a list of name, milliseconds, input, output and note. `outcome` is one sentence. `campaign_ids` are the
    campaigns that considered the customer.
    """

    __tablename__ = "event_traces"
    __table_args__ = (Index(None, "customer_id", "id"), Index(None, "at"))

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    event: Mapped[int] = mapped_column(unique=True)
    customer_id: Mapped[str]
    at: Mapped[datetime]
    milliseconds: Mapped[float]
    steps: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    outcome: Mapped[str]
    campaign_ids: Mapped[list[str]] = mapped_column(JSON)
    segments_joined: Mapped[list[str]] = mapped_column(JSON)
    segments_left: Mapped[list[str]] = mapped_column(JSON)
    scores: Mapped[Any] = mapped_column(_OPTIONAL_JSON, nullable=True)


class SegmentChangeRecord(Base):
    """A customer joined or left a segment because of an event. Rows are added and read, never changed."""

    __tablename__ = "segment_changes"
    __table_args__ = (Index(None, "customer_id", "id"), Index(None, "segment_id", "id"), Index(None, "event"))

    id: Mapped[int] = mapped_column(ROW_NUMBER, primary_key=True)
    segment_id: Mapped[str]
    customer_id: Mapped[str]
    at: Mapped[datetime]
    has_joined: Mapped[bool]
    event: Mapped[int | None]
