"""Segments as a viewer sees them who may not see every customer, or not every value.

What the state store holds of a segment was computed over the whole base, so of these figures nothing is shown to a
viewer with a scope: sizes are counted in the scope when they are asked for, and there is no history of them.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cachetools import TTLCache

from loyalty_core.segments.engine import SegmentationEngine
from loyalty_core.segments.errors import PersonalDataHidden
from loyalty_core.segments.masked_rules import as_seen_in, reads_any
from loyalty_core.segments.references import built_on
from loyalty_core.segments.repository import Segment, SegmentRepository, SegmentSize
from loyalty_core.warehouse import GroupTooSmall
from loyalty_core.warehouse.predictions import last_run

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Mapping, Sequence

    from loyalty_core.segments.figures.overlap import Similar
    from loyalty_core.segments.segment import (
        CustomersRefreshed,
        Membership,
        SegmentDraft,
        SegmentOutline,
        SegmentVersion,
    )
    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import RestrictedWarehouse, Warehouse

_CACHED_SECONDS = 300.0


class RestrictedEngine(SegmentationEngine):
    """An engine for a restricted warehouse; members, which are stored for everybody, are computed in the whole one."""

    def __init__(self, warehouse: Warehouse, repository: SegmentRepository, whole: SegmentationEngine) -> None:
        super().__init__(warehouse, repository)
        self._whole = whole

    def refresh(self, segment_id: str, *, cause: str = "on demand") -> SegmentSize:
        """Compute the members of the whole base anew; returns the size that the viewer sees."""
        return self._seen(segment_id, self._whole.refresh(segment_id, cause=cause))

    def near_duplicates(self, rule: Any, segment_id: str | None = None) -> tuple[Similar, ...]:
        """Saved segments with nearly the same customers; none where small groups are hidden: they may differ by one."""
        return () if self._warehouse.smallest_group else super().near_duplicates(rule, segment_id)

    def refresh_customers(self, segment_id: str, customer_ids: Sequence[object]) -> CustomersRefreshed:
        """Compute for those of the customers whom the viewer may see whether they are members; others are unknown."""
        seen, unknown = self.select({}).belonging(customer_ids)
        found = self._whole.refresh_customers(segment_id, list(seen))
        return replace(found, size=self._seen(segment_id, found.size), unknown=unknown)

    def _seen(self, segment_id: str, computed: SegmentSize) -> SegmentSize:
        """The size that the viewer sees after one was computed; raises `GroupTooSmall`."""
        seen = self._saved.get(segment_id)
        if seen.fewer_than is not None:
            raise GroupTooSmall(seen.fewer_than)
        return seen.size or replace(computed, customers=0, base=0, joined=None, left=None)


class RestrictedSegments(SegmentRepository):
    """The saved segments without what a viewer may not see of them.

    With a scope their sizes are counted in it, at most every five minutes, and they have no history. Values that a rule
    compares hidden columns with are masked, since they are personal data too; such a rule cannot be used, only seen.
    """

    def __init__(self, store: StateStore, warehouse: RestrictedWarehouse) -> None:
        super().__init__(store, lambda: warehouse.identity)
        self._warehouse = warehouse
        # Every segment may be counted: a size does not tell who its members are.
        self._engine = SegmentationEngine(warehouse.with_personal_data.unguarded, SegmentRepository(store))
        self._sizes: TTLCache[Any, Mapping[str, SegmentSize]] = TTLCache(8, _CACHED_SECONDS)
        self._lock = threading.Lock()

    def list(self, *, search: str = "", tags: Iterable[str] = (), archived: bool = False) -> builtins.list[Segment]:
        """The segments as `SegmentRepository.list` finds them."""
        found = super().list(search=search, tags=tags, archived=archived)
        sizes = self._counted() if found and self._warehouse.has_scope else None
        return [self._seen(segment, sizes) for segment in found]

    def get(self, segment_id: str) -> Segment:
        """One segment, archived or not."""
        return self._seen(super().get(segment_id))

    def sizes(self, segment_id: str) -> builtins.list[SegmentSize]:
        """Every size, oldest first; none with a scope, since they are of the whole base, or without small groups."""
        found = super().sizes(segment_id)
        return [] if self._warehouse.has_scope or self._warehouse.smallest_group else found

    def versions(self, segment_id: str) -> builtins.list[SegmentVersion]:
        """Every version, newest first."""
        return [replace(one, rule=self._shown(one.rule)) for one in super().versions(segment_id)]

    def memberships(self, customer_id: str) -> builtins.list[Membership]:
        """The segments that the customer belongs to, but those that would tell a hidden value."""
        self._warehouse.require_rows()
        revealing = self.revealing()
        return [found for found in super().memberships(customer_id) if found.segment_id not in revealing]

    def is_member(self, segment_id: str, customer_id: str) -> bool:
        """Whether the customer was a member at the last refresh; raises `PersonalDataHidden` where that is hidden."""
        self._warehouse.require_rows()
        if segment_id in self.revealing():
            raise PersonalDataHidden(self._warehouse.hidden)
        return super().is_member(segment_id, customer_id)

    def create(self, draft: SegmentDraft, *, actor: str, archived: bool = False) -> Segment:
        """Save a new segment."""
        return self._seen(super().create(draft, actor=actor, archived=archived))

    def update(self, segment_id: str, draft: SegmentDraft, *, actor: str, expected_version: int) -> Segment:
        """Save the next version."""
        return self._seen(super().update(segment_id, draft, actor=actor, expected_version=expected_version))

    def amend(
        self,
        segment_id: str,
        changes: Mapping[str, Any],
        *,
        actor: str,
        archived: bool | None = None,
        expected_version: int | None = None,
    ) -> Segment:
        """Change some fields of the newest version."""
        amended = super().amend(segment_id, changes, actor=actor, archived=archived, expected_version=expected_version)
        return self._seen(amended)

    def restore(self, segment_id: str, number: int, *, actor: str) -> Segment:
        """Save an earlier version as the newest."""
        return self._seen(super().restore(segment_id, number, actor=actor))

    def duplicate(self, segment_id: str, *, actor: str) -> Segment:
        """Save a copy."""
        return self._seen(super().duplicate(segment_id, actor=actor))

    def archive(self, segment_id: str, *, actor: str) -> Segment:
        """Archive the segment."""
        return self._seen(super().archive(segment_id, actor=actor))

    def unarchive(self, segment_id: str, *, actor: str) -> Segment:
        """Restore an archived segment."""
        return self._seen(super().unarchive(segment_id, actor=actor))

    def _seen(self, segment: Segment, sizes: Mapping[str, SegmentSize] | None = None) -> Segment:
        segment = replace(segment, rule=self._shown(segment.rule))
        if self._warehouse.has_scope:
            size = (self._counted() if sizes is None else sizes).get(segment.id)
            segment = replace(segment, size=size, sizes_recent=(), error=None, is_stale=False, data_changed=False)
        return self._without_small_groups(segment) if self._warehouse.smallest_group else segment

    def _without_small_groups(self, segment: Segment) -> Segment:
        """The segment without a size that is too small, and without how its sizes differ, which may be by one."""
        size, smallest = segment.size, self._warehouse.smallest_group
        if size is not None:
            size = replace(size, joined=None, left=None)
            # Membership in a segment of all customers reveals nothing.
            base = size.base if segment.rule else size.base + smallest
            try:
                self._warehouse.require_group(size.customers, base)
            except GroupTooSmall:
                return replace(segment, size=None, sizes_recent=(), fewer_than=smallest)
        return replace(segment, size=size, sizes_recent=())

    def _shown(self, rule: Any) -> Any:
        return as_seen_in(self._warehouse, rule)

    def revealing(self) -> frozenset[str]:
        """Ids of the segments whose members have a hidden value in common, by their rules or those they read."""
        if not (hidden := self._warehouse.hidden):
            return frozenset()
        rules = self.rules()
        direct = (segment_id for segment_id, rule in rules.items() if reads_any(rule, hidden))
        return frozenset(other for segment_id in direct for other in built_on(segment_id, rules))

    def _counted(self) -> Mapping[str, SegmentSize]:
        """The sizes of all segments whose rules can be used, by id."""
        outlines = self.outlines()
        read = {segment_id: (outline.version, outline.rule) for segment_id, outline in outlines.items()}
        state = self._warehouse.cache_key, last_run(self._warehouse), json.dumps(read, sort_keys=True)
        with self._lock:
            found = self._sizes.get(state)
            if found is None:
                found = self._sizes[state] = self._count(outlines)
            return found

    def _count(self, outlines: Mapping[str, SegmentOutline]) -> Mapping[str, SegmentSize]:
        base, members = self._engine.count_each({one: outline.rule for one, outline in outlines.items()})
        now = datetime.now(UTC)
        return {
            segment_id: SegmentSize(now, customers, base, None, None, outlines[segment_id].version, "scope")
            for segment_id, customers in members.items()
        }
