"""Segments and their sizes as the API answers them."""

from dataclasses import asdict
from typing import Any

from loyalty_core.segments import Segment, SegmentSize


def segment_answer(segment: Segment) -> dict[str, Any]:
    """The segment, with what clients that know several rules per segment read: here it is always one."""
    return asdict(segment) | {
        "rules": [{"name": segment.name, "rule": segment.rule}],
        "is_active": segment.archived_at is None,
        "is_dynamic": True,
    }


def size_answer(size: SegmentSize) -> dict[str, Any]:
    """One size, also under the names `total_members`, `added` and `removed`."""
    return asdict(size) | {"total_members": size.customers, "added": size.joined, "removed": size.left}
