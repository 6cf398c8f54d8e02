"""Segments, versions and sizes from rows of the state store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import or_, select, true

from loyalty_core.segments.errors import SegmentNotFound
from loyalty_core.segments.segment import Segment, SegmentDraft, SegmentSize, SegmentVersion
from loyalty_core.store.segments import SegmentRecord, SegmentSizeRecord, SegmentVersionRecord

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.orm import Session

    from loyalty_core.warehouse.identity import DataIdentity

RECENT_SIZES = 30


def record_of(session: Session, segment_id: str, *, lock: bool = False) -> SegmentRecord:
    """The row of the segment; `lock` prevents changes by others. Raises `SegmentNotFound`."""
    statement = select(SegmentRecord).where(SegmentRecord.id == segment_id)
    if lock:
        statement = statement.with_for_update(key_share=True)
    record = session.scalar(statement)
    if record is None:
        raise SegmentNotFound(segment_id)
    return record


def counted_on(identity: DataIdentity | None) -> ColumnElement[bool]:
    """The condition that a size was counted on that data; without an identity, all sizes qualify."""
    return true() if identity is None else _is_of(SegmentSizeRecord.data.expression, identity)


def has_members_of(identity: DataIdentity | None) -> ColumnElement[bool]:
    """The condition that a segment's members were computed on that data; without an identity, all qualify."""
    return true() if identity is None else _is_of(SegmentRecord.members_data.expression, identity)


def _is_of(key: ColumnElement[str | None], identity: DataIdentity) -> ColumnElement[bool]:
    return or_(key == identity.key, key.is_(None)) if identity.owns(None) else key == identity.key


def read_segments(
    session: Session, *conditions: ColumnElement[bool], identity: DataIdentity | None = None
) -> list[Segment]:
    """The segments that meet the conditions, by name, with their sizes on that data, in two queries."""
    records = session.scalars(select(SegmentRecord).where(*conditions)).all()
    recent = (
        select(SegmentSizeRecord)
        .join(SegmentRecord, SegmentRecord.id == SegmentSizeRecord.segment_id)
        .where(*conditions, counted_on(identity), SegmentSizeRecord.number > SegmentRecord.size_count - RECENT_SIZES)
        .order_by(SegmentSizeRecord.segment_id, SegmentSizeRecord.number)
    )
    sizes: dict[str, list[SegmentSizeRecord]] = {record.id: [] for record in records}
    for size in session.scalars(recent):
        if size.segment_id in sizes:
            sizes[size.segment_id].append(size)
    in_order = sorted(records, key=lambda record: record.name_key)
    return [_segment(record, sizes[record.id], identity) for record in in_order]


def read_segment(session: Session, segment_id: str, identity: DataIdentity | None = None) -> Segment:
    """One segment, with its sizes on that data. Raises `SegmentNotFound`."""
    found = read_segments(session, SegmentRecord.id == segment_id, identity=identity)
    if not found:
        raise SegmentNotFound(segment_id)
    return found[0]


def draft_of(record: SegmentRecord | SegmentVersionRecord) -> SegmentDraft:
    """The editable content of a segment, or of one version of it."""
    return SegmentDraft(record.name, record.rule, record.description, tuple(record.tags))


def size_of(record: SegmentSizeRecord) -> SegmentSize:
    """The size in a row."""
    return SegmentSize(
        at=record.at,
        customers=record.customers,
        base=record.base,
        joined=record.joined,
        left=record.left,
        version=record.version,
        cause=record.cause,
    )


def version_of(record: SegmentVersionRecord) -> SegmentVersion:
    """The version in a row."""
    return SegmentVersion(
        number=record.number,
        at=record.at,
        actor=record.actor,
        changes=tuple(record.changes),
        name=record.name,
        description=record.description,
        tags=tuple(record.tags),
        rule=record.rule,
    )


def _segment(record: SegmentRecord, sizes: Sequence[SegmentSizeRecord], identity: DataIdentity | None) -> Segment:
    size = size_of(sizes[-1]) if sizes else None
    data_changed = bool(sizes and identity is not None and identity.has_changed_since(sizes[-1].data_state))
    return Segment(
        id=record.id,
        name=record.name,
        description=record.description,
        tags=tuple(record.tags),
        rule=record.rule,
        owner=record.owner,
        version=record.version,
        created_at=record.created_at,
        updated_at=record.updated_at,
        updated_by=record.updated_by,
        archived_at=record.archived_at,
        size=size,
        sizes_recent=tuple(recent.customers for recent in sizes),
        error=record.error,
        is_stale=size is None or size.version < record.rule_version,
        data_changed=data_changed,
    )
