"""Segments in the state store, with their versions, sizes and members."""

from loyalty_core.segments.repository.drafts import MOST_NAME_CHARACTERS, copy_name, name_key, new_id, same_rule
from loyalty_core.segments.repository.edits import editing
from loyalty_core.segments.repository.repository import Segment, SegmentDraft, SegmentRepository, SegmentSize

__all__ = [
    "MOST_NAME_CHARACTERS",
    "Segment",
    "SegmentDraft",
    "SegmentRepository",
    "SegmentSize",
    "copy_name",
    "editing",
    "name_key",
    "new_id",
    "same_rule",
]
