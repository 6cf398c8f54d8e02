"""Tables of the segments: their current state, every version, their sizes and their members."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 -- SQLAlchemy reads the annotations
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from loyalty_core.store.base import Base

_SEGMENT = "segments.id"


class SegmentRecord(Base):
    """The current state of a segment.

    `name_key` is the name without regard to case. `rule_version` is the version in which the rule last changed,
    `size_count` the number of the latest row in segment_sizes. `error` says why the last refresh failed.
    `members_data` is the key of the data that the members were computed on, `DataIdentity.key`.
    """

    __tablename__ = "segments"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(JSON)
    rule: Mapped[Any] = mapped_column(JSON, nullable=False)
    owner: Mapped[str]
    version: Mapped[int]
    rule_version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    updated_by: Mapped[str]
    archived_at: Mapped[datetime | None]
    size_count: Mapped[int]
    error: Mapped[str | None]
    members_data: Mapped[str | None]


class SegmentVersionRecord(Base):
    """One saved version of a segment. Rows are added and read, never changed."""

    __tablename__ = "segment_versions"

    segment_id: Mapped[str] = mapped_column(ForeignKey(_SEGMENT, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    changes: Mapped[list[str]] = mapped_column(JSON)
    name: Mapped[str]
    description: Mapped[str]
    tags: Mapped[list[str]] = mapped_column(JSON)
    rule: Mapped[Any] = mapped_column(JSON, nullable=False)


class SegmentSizeRecord(Base):
    """A size of a segment, numbered from 1 within it, so that the latest 30 are a short range of the primary key.

    `data` is the key of the data that it was counted on, `DataIdentity.key`, and `data_state` the state of that data.
    """

    __tablename__ = "segment_sizes"

    segment_id: Mapped[str] = mapped_column(ForeignKey(_SEGMENT, ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    customers: Mapped[int]
    base: Mapped[int]
    joined: Mapped[int]
    left: Mapped[int]
    version: Mapped[int]
    cause: Mapped[str]
    data: Mapped[str | None]
    data_state: Mapped[str | None]


class SegmentReference(Base):
    """The rule of one segment reads another; a table, so that no rules are read to find what uses a segment."""

    __tablename__ = "segment_references"
    __table_args__ = (Index(None, "used_id"),)

    segment_id: Mapped[str] = mapped_column(ForeignKey(_SEGMENT, ondelete="CASCADE"), primary_key=True)
    used_id: Mapped[str] = mapped_column(ForeignKey(_SEGMENT, ondelete="CASCADE"), primary_key=True)


class SegmentMember(Base):
    """A customer in a segment.

    Rows are written by the million, so there is no index by customer, since a lookup per segment finds theirs, and no
    foreign key, which PostgreSQL would check row by row. They are written under a lock on their segment's row, and
    deleted with it.
    """

    __tablename__ = "segment_members"
    # In SQLite the table is its own primary key: half the space and half the writing.
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 -- SQLAlchemy reads a plain class attribute

    segment_id: Mapped[str] = mapped_column(primary_key=True)
    customer_id: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime]
