"""What is read of segments in the state store: the newest versions, earlier ones, sizes, uses and members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.errors import LoyaltyError
from loyalty_core.segments.repository import membership
from loyalty_core.segments.repository.dependencies import all_uses, uses_of
from loyalty_core.segments.repository.rows import (
    counted_on,
    read_segment,
    read_segments,
    record_of,
    size_of,
    version_of,
)
from loyalty_core.segments.segment import SegmentOutline
from loyalty_core.store.segments import SegmentRecord, SegmentSizeRecord, SegmentVersionRecord
from loyalty_core.store.versioned import name_key
from loyalty_core.warehouse.identity import NO_DATA

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from loyalty_core.segments.segment import Membership, Segment, SegmentSize, SegmentVersion, Use
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse.identity import DataIdentity


class SegmentQueries:
    """Part of `SegmentRepository`: it changes nothing."""

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

    def is_member(self, segment_id: str, customer_id: str) -> bool:
        """Whether the customer was a member at the last refresh, or has been made one since."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            record_of(session, segment_id)
            return membership.is_member(session, segment_id, customer_id, identity)

    def memberships(self, customer_id: str) -> builtins.list[Membership]:
        """The segments that the customer belongs to, by name, and since when; archived ones are left out."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            return membership.memberships(session, customer_id, identity)

    def revealing(self) -> frozenset[str]:
        """Ids of the segments whose members would tell the viewer a hidden value: none where nothing is hidden."""
        return frozenset()

    def joined_at(self, segment_id: str, customer_ids: Sequence[str]) -> dict[str, datetime]:
        """When those of the customers who were members at the last refresh joined, by id; at most some 30,000 ids."""
        identity = self._identity()
        with self._store.session(read_only=True) as session:
            return membership.joined_at(session, segment_id, customer_ids, identity)

    def _identity(self) -> DataIdentity | None:
        """Determined before a session begins, since the warehouse may be slow; in an outage, that of no data."""
        try:
            return self._find_identity() if self._find_identity else None
        except LoyaltyError:
            return NO_DATA


def _mentions(segment: Segment, search: str) -> bool:
    texts = (segment.name, segment.description, segment.id, *segment.tags)
    return any(name_key(search.strip()) in name_key(text) for text in texts)


def _has_tags(segment: Segment, wanted: set[str]) -> bool:
    return wanted <= {tag.casefold() for tag in segment.tags}
