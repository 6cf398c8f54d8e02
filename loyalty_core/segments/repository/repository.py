"""Segments in the state store: saved, versioned and archived, with their members."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.access import Action, require
from loyalty_core.segments.errors import (
    BadSegment,
    SegmentChanged,
    SegmentNameTaken,
    SegmentNotComputed,
    SegmentNotFound,
)
from loyalty_core.segments.repository import edits, membership
from loyalty_core.segments.repository.drafts import copy_name
from loyalty_core.segments.repository.queries import SegmentQueries
from loyalty_core.segments.repository.rows import (
    draft_of,
    read_segment,
    read_segments,
    record_of,
)
from loyalty_core.segments.segment import (
    Segment,
    SegmentDraft,
    SegmentSize,
    SegmentVersion,
    Use,
)
from loyalty_core.store import audit
from loyalty_core.store.audit import AuditEvent
from loyalty_core.store.segments import SegmentRecord, SegmentVersionRecord
from loyalty_core.store.versioned import editing

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.orm import Session


__all__ = ["Segment", "SegmentDraft", "SegmentRepository", "SegmentSize", "SegmentVersion", "Use"]

_STARTERS_CREATED = "starters created"


class SegmentRepository(SegmentQueries):
    """All that is saved about segments. It does not know columns: compile a rule before passing it here.

    Every method raises `StateStoreUnavailable` if the database cannot be used, and those that take an id raise
    `SegmentNotFound`. Each change needs EDIT_SEGMENTS, and is written together with its audit event, by `actor`.
    """

    def create(self, draft: SegmentDraft, *, actor: str, archived: bool = False) -> Segment:
        """Save a new segment, owned by `actor`. Raises `BadSegment` and `SegmentNameTaken`."""
        require(Action.EDIT_SEGMENTS)
        with editing(self._store) as session:
            segment_id = edits.add(session, draft, actor=actor)
            edits.set_archived(session, record_of(session, segment_id), archived=archived, actor=actor)
            return read_segment(session, segment_id)

    def create_once(self, drafts: Sequence[SegmentDraft], *, actor: str) -> builtins.list[Segment]:
        """Save the segments that every new store begins with; only once in the life of the store.

        A draft whose name is taken, or whose rule reads a segment that is not there, is left out.
        """
        done = select(AuditEvent.id).where(
            AuditEvent.subject_kind == edits.SUBJECT_KIND, AuditEvent.action == _STARTERS_CREATED
        )
        with editing(self._store) as session:
            if not drafts or session.scalar(done.limit(1)) is not None:
                return []
            ids = [segment_id for draft in drafts if (segment_id := _add_if_possible(session, draft, actor))]
            audit.record(
                session,
                actor=actor,
                action=_STARTERS_CREATED,
                subject_kind=edits.SUBJECT_KIND,
                subject_id="",
                details={"ids": ids},
            )
            return read_segments(session, SegmentRecord.id.in_(ids))

    def update(self, segment_id: str, draft: SegmentDraft, *, actor: str, expected_version: int) -> Segment:
        """Save the next version; none when nothing has changed.

        Raises `SegmentChanged` where the newest version is not `expected_version`, `BadSegment`, `SegmentNameTaken`
        and `SegmentCycle`.
        """
        require(Action.EDIT_SEGMENTS)
        identity = self._identity()
        with editing(self._store) as session:
            record = record_of(session, segment_id)
            if record.version != expected_version:
                raise SegmentChanged(record.name, record.version, record.updated_by, record.updated_at)
            edits.save(session, record, draft, actor=actor)
            return read_segment(session, segment_id, identity)

    def amend(
        self,
        segment_id: str,
        changes: Mapping[str, Any],
        *,
        actor: str,
        archived: bool | None = None,
        expected_version: int | None = None,
    ) -> Segment:
        """Change some fields of the newest version, by their names in `SegmentDraft`, and archive or restore it.

        All of it or nothing is saved. Raises as `update` does, and `SegmentInUse` as `archive` does.
        """
        require(Action.EDIT_SEGMENTS)
        identity = self._identity()
        with editing(self._store) as session:
            record = record_of(session, segment_id)
            if expected_version not in {None, record.version}:
                raise SegmentChanged(record.name, record.version, record.updated_by, record.updated_at)
            edits.save(session, record, replace(draft_of(record), **changes), actor=actor)
            if archived is not None:
                edits.set_archived(session, record, archived=archived, actor=actor)
            return read_segment(session, segment_id, identity)

    def restore(self, segment_id: str, number: int, *, actor: str) -> Segment:
        """Save version `number` again as the newest; raises as `update` does."""
        require(Action.EDIT_SEGMENTS)
        identity = self._identity()
        with editing(self._store) as session:
            record = record_of(session, segment_id)
            version = session.get(SegmentVersionRecord, (segment_id, number))
            if version is None:
                raise SegmentNotFound(segment_id, number)
            changes = (f"Restored version {number}.",)
            edits.save(session, record, draft_of(version), actor=actor, changes=changes)
            return read_segment(session, segment_id, identity)

    def duplicate(self, segment_id: str, *, actor: str) -> Segment:
        """Save a copy of the segment under a new name, owned by `actor`."""
        require(Action.EDIT_SEGMENTS)
        identity = self._identity()
        with editing(self._store) as session:
            original = record_of(session, segment_id)
            name = copy_name(original.name, set(session.scalars(select(SegmentRecord.name_key))))
            draft = replace(draft_of(original), name=name)
            copy = edits.add(session, draft, actor=actor, changes=(f"Copied from “{original.name}”.",))
            return read_segment(session, copy, identity)

    def archive(self, segment_id: str, *, actor: str) -> Segment:
        """Archive the segment; raises `SegmentInUse` while another segment or a campaign reads it."""
        return self._set_archived(segment_id, archived=True, actor=actor)

    def unarchive(self, segment_id: str, *, actor: str) -> Segment:
        """Restore an archived segment; raises `BadSegment` if its rule reads one that is no longer in use."""
        return self._set_archived(segment_id, archived=False, actor=actor)

    def delete(self, segment_id: str, *, actor: str) -> None:
        """Delete the segment, its versions, sizes and members; raises `SegmentInUse` as `archive` does."""
        require(Action.EDIT_SEGMENTS)
        with editing(self._store) as session:
            edits.remove(session, record_of(session, segment_id, lock=True), actor=actor)

    def replace_members(
        self, segment_id: str, batches: Iterable[Sequence[str]], *, base: int, version: int, cause: str
    ) -> SegmentSize:
        """Make the customers in `batches` the members, and record the size; see `membership.replace_members`."""
        return membership.replace_members(
            self._store, segment_id, batches, base=base, version=version, cause=cause, identity=self._identity()
        )

    def record_error(self, segment_id: str, text: str) -> None:
        """Record why the last refresh failed; the last size and the members stay."""
        with self._store.session() as session:
            record_of(session, segment_id, lock=True).error = text

    def change_members(
        self, segment_id: str, belongs: Mapping[str, bool], *, version: int
    ) -> tuple[SegmentSize, int, int]:
        """Make these customers members, or not, as version `version` of the rule has it; at most some 30,000.

        Returns the latest size, adjusted, and how many joined and left. Raises `SegmentNotComputed` unless the other
        members were computed by the same rule and on this data.
        """
        identity = self._identity()
        with self._store.session() as session:
            record = record_of(session, segment_id, lock=True)
            if read_segment(session, segment_id, identity).is_stale or record.rule_version > version:
                raise SegmentNotComputed(record.name)
            size, joined, left = membership.change_members(session, record, belongs)
            return size, len(joined), len(left)

    def change_member(self, segment_id: str, customer_id: str, *, belongs: bool) -> bool:
        """Add or remove one member and adjust the latest size; returns whether that changed anything."""
        with self._store.session() as session:
            record = record_of(session, segment_id, lock=True)
            return membership.change_member(session, record, customer_id, belongs=belongs)

    def _set_archived(self, segment_id: str, *, archived: bool, actor: str) -> Segment:
        require(Action.EDIT_SEGMENTS)
        identity = self._identity()
        with editing(self._store) as session:
            edits.set_archived(session, record_of(session, segment_id), archived=archived, actor=actor)
            return read_segment(session, segment_id, identity)


def _add_if_possible(session: Session, draft: SegmentDraft, actor: str) -> str | None:
    try:
        with session.begin_nested():
            return edits.add(session, draft, actor=actor)
    except (SegmentNameTaken, BadSegment):
        return None
