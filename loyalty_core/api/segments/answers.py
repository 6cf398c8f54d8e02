"""Segments and their sizes as the API answers them."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from loyalty_core.api.json_values import JsonValue
from loyalty_core.segments import Segment, SegmentSize


class SizeAnswer(BaseModel):
    """How many of `base` customers were members at one moment, and how many joined and left since the size before.

    `cause` is "edit", "on demand" or "scoring"; "scope" where the viewer sees a part of the base.
    """

    at: datetime
    customers: int
    base: int
    joined: int | None
    left: int | None
    version: int
    cause: str


class SnapshotAnswer(SizeAnswer):
    """One size of a segment; `total_members`, `added` and `removed` are other names of the same numbers."""

    segment_id: str
    total_members: int
    added: int | None
    removed: int | None


class CalculationAnswer(SnapshotAnswer):
    """The size after a calculation; `unknown` are the ids of no customer."""

    total: int
    unknown: list[str]


class SavedRule(BaseModel):
    """The rule of a segment under its name."""

    name: str
    rule: JsonValue


class SegmentAnswer(BaseModel):
    """A segment: `rule` is JSONLogic, and `size` the last that was counted; `error` says why the last refresh failed.

    `is_stale` is true without a size and where the rule has changed since, `data_changed` where the data has.
    `sizes_recent` has up to 30 sizes, oldest first. `rules` has the whole rule as one. `fewer_than` is set in place of
    a size that the viewer does not see, since fewer customers are members, or are none.
    """

    id: str
    name: str
    description: str
    tags: list[str]
    rule: JsonValue
    rules: list[SavedRule]
    owner: str
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str
    archived_at: datetime | None
    is_active: bool
    is_dynamic: bool
    size: SizeAnswer | None
    sizes_recent: list[int]
    error: str | None
    is_stale: bool
    data_changed: bool
    fewer_than: int | None


def segment_answer(segment: Segment) -> dict[str, Any]:
    """A `SegmentAnswer`, with what clients that know several rules per segment read: here it is always one."""
    return asdict(segment) | {
        "rules": [{"name": segment.name, "rule": segment.rule}],
        "is_active": segment.archived_at is None,
        "is_dynamic": True,
    }


def snapshot_answer(segment_id: str, size: SegmentSize) -> dict[str, Any]:
    """A `SnapshotAnswer`."""
    other_names = {"total_members": size.customers, "added": size.joined, "removed": size.left}
    return asdict(size) | other_names | {"segment_id": segment_id}
