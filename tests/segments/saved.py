"""Segments for tests, created by ann and edited by bob."""

from typing import Any

from loyalty_core.segments import Segment, SegmentDraft, SegmentRepository

RULE = {">": [{"var": "points"}, 1000]}


def reads(*ids: str) -> dict[str, Any]:
    """A rule over the members of those segments."""
    return {"and": [{"==": [{"var": f"segment:{segment_id}"}, True]} for segment_id in ids]}


def create(repository: SegmentRepository, name: str, rule: Any = RULE, **parts: Any) -> Segment:
    return repository.create(SegmentDraft(name, rule, **parts), actor="ann")


def update(repository: SegmentRepository, segment: Segment, **parts: Any) -> Segment:
    saved = {"name": segment.name, "rule": segment.rule, "description": segment.description, "tags": segment.tags}
    return repository.update(segment.id, SegmentDraft(**(saved | parts)), actor="bob", expected_version=segment.version)
