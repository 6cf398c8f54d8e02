"""Segments in the state store, with their versions, sizes and members."""

from loyalty_core.segments.repository.drafts import copy_name, differences
from loyalty_core.segments.repository.repository import Segment, SegmentDraft, SegmentRepository, SegmentSize

__all__ = [
    "Segment",
    "SegmentDraft",
    "SegmentRepository",
    "SegmentSize",
    "copy_name",
    "differences",
]
