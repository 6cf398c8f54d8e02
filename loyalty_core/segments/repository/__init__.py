"""Segments in the state store, with their versions, sizes and members."""

from loyalty_core.segments.repository.changes import (
    ExpectedChanges,
    MemberChange,
    change_memberships,
    computed_segments,
    expected_changes,
)
from loyalty_core.segments.repository.drafts import copy_name, differences
from loyalty_core.segments.repository.recent_members import RecentMembers
from loyalty_core.segments.repository.repository import Segment, SegmentDraft, SegmentRepository, SegmentSize

__all__ = [
    "ExpectedChanges",
    "MemberChange",
    "RecentMembers",
    "Segment",
    "SegmentDraft",
    "SegmentRepository",
    "SegmentSize",
    "change_memberships",
    "computed_segments",
    "copy_name",
    "differences",
    "expected_changes",
]
