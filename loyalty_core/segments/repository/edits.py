"""Changes to segments within a session, each with a version and an audit event."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select
from sqlalchemy.orm.attributes import flag_modified

from loyalty_core.names import look_alike
from loyalty_core.segments.errors import SegmentNameTaken
from loyalty_core.segments.repository.dependencies import require_unused, save_references
from loyalty_core.segments.repository.drafts import checked, differences
from loyalty_core.segments.repository.rows import draft_of
from loyalty_core.store.segments import SegmentMember, SegmentRecord, SegmentVersionRecord
from loyalty_core.store.versioned import name_key, new_id, record_change, same_content

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from loyalty_core.segments.segment import SegmentDraft

SUBJECT_KIND = "segment"


def add(session: Session, draft: SegmentDraft, *, actor: str, changes: tuple[str, ...] = ("Created.",)) -> str:
    """Save a new segment and return its id. Raises `BadSegment` and `SegmentNameTaken`."""
    draft = checked(draft)
    _require_free(session, draft.name)
    now = datetime.now(UTC)
    record = SegmentRecord(
        id=new_id(draft.name, set(session.scalars(select(SegmentRecord.id)))),
        owner=actor,
        version=1,
        rule_version=1,
        created_at=now,
        size_count=0,
    )
    _write(session, record, draft, actor=actor, at=now, changes=changes)
    session.add(record)
    save_references(session, record)
    note(session, record, "created", actor)
    return record.id


def save(
    session: Session, record: SegmentRecord, draft: SegmentDraft, *, actor: str, changes: tuple[str, ...] = ()
) -> None:
    """Save the next version, unless nothing has changed; `changes` come before the sentences that say what has.

    Raises `BadSegment`, `SegmentNameTaken` and `SegmentCycle`.
    """
    draft, old = checked(draft), draft_of(record)
    different = differences(old, draft)
    if not different:
        return
    if name_key(draft.name) != record.name_key:
        _require_free(session, draft.name, but=record.id)
    record.version += 1
    _write(session, record, draft, actor=actor, at=datetime.now(UTC), changes=(*changes, *different))
    if not same_content(old.rule, draft.rule):
        record.rule_version = record.version
        save_references(session, record)
    note(session, record, "updated", actor, changes=[*changes, *different])


def set_archived(session: Session, record: SegmentRecord, *, archived: bool, actor: str) -> None:
    """Archive or restore the segment. Raises `SegmentInUse`, and `BadSegment` as saving its rule would."""
    if archived == (record.archived_at is not None):
        return
    if archived:
        require_unused(session, record)
    record.archived_at = datetime.now(UTC) if archived else None
    if not archived:
        save_references(session, record)
    note(session, record, "archived" if archived else "unarchived", actor)


def remove(session: Session, record: SegmentRecord, *, actor: str) -> None:
    """Delete the segment with its versions, sizes and members; the audit trail stays. Raises `SegmentInUse`."""
    require_unused(session, record)
    note(session, record, "deleted", actor)
    session.execute(delete(SegmentMember).where(SegmentMember.segment_id == record.id))
    session.execute(delete(SegmentRecord).where(SegmentRecord.id == record.id))


def note(session: Session, record: SegmentRecord, action: str, actor: str, **details: Any) -> None:
    """Add the audit event of a change."""
    record_change(session, record, action, actor=actor, subject_kind=SUBJECT_KIND, **details)


def _write(
    session: Session, record: SegmentRecord, draft: SegmentDraft, *, actor: str, at: datetime, changes: tuple[str, ...]
) -> None:
    """Write the draft to the segment, and as a new version."""
    record.name, record.name_key = draft.name, name_key(draft.name)
    record.description, record.tags, record.rule = draft.description, list(draft.tags), draft.rule
    record.updated_at, record.updated_by = at, actor
    session.add(record)
    # SQLAlchemy compares values as Python does, for which 1 equals true.
    flag_modified(record, "rule")
    session.add(
        SegmentVersionRecord(
            segment_id=record.id,
            number=record.version,
            at=at,
            actor=actor,
            changes=list(changes),
            name=record.name,
            description=record.description,
            tags=record.tags,
            rule=record.rule,
        )
    )


def _require_free(session: Session, name: str, *, but: str | None = None) -> None:
    """Raises `SegmentNameTaken` where another segment than the one with the id `but` has the name, or a look-alike."""
    columns = SegmentRecord.id, SegmentRecord.name, SegmentRecord.archived_at
    is_archived = {other: at is not None for id_, other, at in session.execute(select(*columns)) if id_ != but}
    same = next((other for other in is_archived if name_key(other) == name_key(name)), None)
    taken = same or look_alike(name, is_archived)
    if taken is not None:
        raise SegmentNameTaken(taken, archived=is_archived[taken], looks_alike=same is None)
