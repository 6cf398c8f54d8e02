"""Segments in the state store: saved, versioned and archived, with their members."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments.errors import (
    BadSegment,
    SegmentChanged,
    SegmentNameTaken,
    SegmentNotComputed,
    SegmentNotFound,
)
from loyalty_core.segments.repository import edits, membership
from loyalty_core.segments.repository.dependencies import all_uses, uses_of
from loyalty_core.segments.repository.drafts import copy_name
from loyalty_core.segments.repository.rows import (
    counted_on,
    draft_of,
    read_segment,
    read_segments,
    record_of,
    size_of,
    version_of,
)
from loyalty_core.segments.segment import (
    Membership,
    Segment,
    SegmentDraft,
    SegmentOutline,
    SegmentSize,
    SegmentVersion,
    Use,
)
from loyalty_core.store import audit
from loyalty_core.store.audit import AuditEvent
from loyalty_core.store.segments import SegmentRecord, SegmentSizeRecord, SegmentVersionRecord
from loyalty_core.store.versioned import editing, name_key
from loyalty_core.warehouse.identity import NO_DATA

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse.identity import DataIdentity

__all__ = ["Segment", "SegmentDraft", "SegmentRepository", "SegmentSize", "SegmentVersion", "Use"]

_STARTERS_CREATED = "starters created"


class SegmentRepository:
    """All that is saved about segments. It does not know columns: compile a rule before passing it here.

    Every method raises `StateStoreUnavailable` if the database cannot be used, and those that take an id raise
    `SegmentNotFound`. Each change needs EDIT_SEGMENTS, and is written together with its audit event, by `actor`.
    """

    def __init__(self, store: StateStore, identity: Callable[[], DataIdentity] | None = None) -> None:
        """`identity` returns the data in use: sizes and members computed on other data are ignored."""
        self._store = store
        self._find_identity = identity

    def list(self, *, search: str = "", tags: Iterable[str] = (), archived: bool = False) -> builtins.list[Segment]:
        """Segments by name: those in use, or with `archived` the archived ones.

        `search` is found in name, description, tags and id; a segment needs all of `tags`. Case is ignored.
        """
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            is_archived = SegmentRecord.archived_at.is_not(None)
            found = read_segments(session, is_archived if archived else ~is_archived, identity=identity)
        wanted = {tag.casefold() for tag in tags}
        return [segment for segment in found if _mentions(segment, search) and _has_tags(segment, wanted)]

    def get(self, segment_id: str) -> Segment:
        """One segment, archived or not."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            return read_segment(session, segment_id, identity)

    def rules(self) -> dict[str, Any]:
        """The rule of every segment by its id, archived ones too."""
        with self._store.session(read_only=True) as session:
            return {row.id: row.rule for row in session.execute(select(SegmentRecord.id, SegmentRecord.rule))}

    def names(self) -> dict[str, str]:
        """The name of every segment by its id, archived ones too, by name."""
        statement = select(SegmentRecord.id, SegmentRecord.name).order_by(SegmentRecord.name_key)
        with self._store.session(read_only=True) as session:
            return {row.id: row.name for row in session.execute(statement)}

    def outlines(self) -> dict[str, SegmentOutline]:
        """Name, newest version and rule of every segment by its id, archived ones too, by name."""
        columns = SegmentRecord.id, SegmentRecord.name, SegmentRecord.version, SegmentRecord.rule
        statement = select(*columns).order_by(SegmentRecord.name_key)
        with self._store.session(read_only=True) as session:
            return {row.id: SegmentOutline(row.name, row.version, row.rule) for row in session.execute(statement)}

    def tags(self) -> builtins.list[str]:
        """Every tag in use, each once, sorted."""
        with self._store.session(read_only=True) as session:
            tags = {tag for several in session.scalars(select(SegmentRecord.tags)) for tag in several}
        return sorted(tags, key=lambda tag: (tag.casefold(), tag))

    def versions(self, segment_id: str) -> builtins.list[SegmentVersion]:
        """Every version, newest first."""
        statement = select(SegmentVersionRecord).where(SegmentVersionRecord.segment_id == segment_id)
        with self._store.session(read_only=True) as session:
            record_of(session, segment_id)
            found = session.scalars(statement.order_by(SegmentVersionRecord.number.desc()))
            return [version_of(version) for version in found]

    def sizes(self, segment_id: str) -> builtins.list[SegmentSize]:
        """Every size, oldest first."""
        on_this_data = counted_on(self._identity())
        statement = select(SegmentSizeRecord).where(SegmentSizeRecord.segment_id == segment_id, on_this_data)
        with self._store.session(read_only=True) as session:
            record_of(session, segment_id)
            return [size_of(size) for size in session.scalars(statement.order_by(SegmentSizeRecord.number))]

    def uses(self, segment_id: str) -> builtins.list[Use]:
        """Where the segment is used: by segments that are not archived, and campaigns that have not ended."""
        with self._store.session(read_only=True) as session:
            record_of(session, segment_id)
            return uses_of(session, segment_id)

    def used_in(self) -> dict[str, tuple[str, ...]]:
        """Names of the segments and campaigns that read each segment, by its id; those that none reads are left out."""
        with self._store.session(read_only=True) as session:
            return all_uses(session)

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

    def is_member(self, segment_id: str, customer_id: str) -> bool:
        """Whether the customer was a member at the last refresh, or has been made one since."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            record_of(session, segment_id)
            return membership.is_member(session, segment_id, customer_id, identity)

    def segments_of(self, customer_id: str) -> builtins.list[str]:
        """Ids of the segments that the customer belongs to, by name; archived ones are left out."""
        return [found.segment_id for found in self.memberships(customer_id)]

    def memberships(self, customer_id: str) -> builtins.list[Membership]:
        """The segments that the customer belongs to, by name, and since when; archived ones are left out."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            return membership.memberships(session, customer_id, identity)

    def telling(self) -> frozenset[str]:
        """Ids of the segments whose members would tell the viewer a hidden value: none where nothing is hidden."""
        return frozenset()

    def joined_at(self, segment_id: str, customer_ids: Sequence[str]) -> dict[str, datetime]:
        """When those of the customers who were members at the last refresh joined, by id; at most some 30,000 ids."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            return membership.joined_at(session, segment_id, customer_ids, identity)

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

    def _identity(self) -> DataIdentity | None:
        """Determined before a session begins, since the warehouse may be slow; in an outage, that of no data."""
        try:
            return self._find_identity() if self._find_identity else None
        except LoyaltyError:
            return NO_DATA

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


def _mentions(segment: Segment, search: str) -> bool:
    texts = (segment.name, segment.description, segment.id, *segment.tags)
    return any(name_key(search.strip()) in name_key(text) for text in texts)


def _has_tags(segment: Segment, wanted: set[str]) -> bool:
    return wanted <= {tag.casefold() for tag in segment.tags}
