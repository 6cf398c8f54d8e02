"""The sizes of segments: computed, and as they were."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.api.customer_ids import CustomerIds
from loyalty_core.api.customer_lists import Cursor
from loyalty_core.api.json_values import JsonList, JsonObject
from loyalty_core.api.pages import PageNumber, PageSize, sliced
from loyalty_core.api.segments.answers import size_answer
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter()
# Snapshots of any segment, beside /segments.
snapshots_router = APIRouter(prefix="/segmentSnapshots")

_RECENT = 30


class CalculationBody(BaseModel):
    """The customers to compute membership for; without ids, all."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: CustomerIds | None = None


@router.post("/{segment_id}/refresh/", dependencies=[allowed(Action.SCORE), rule_slot])
def refresh_segment(segment_id: SegmentId) -> JsonObject:
    """Recompute the members: their number, and how many joined and left."""
    return asdict(get_services().segmentation.refresh(segment_id))


@router.post("/{segment_id}/calculate/", dependencies=[allowed(Action.SCORE), rule_slot])
@router.post(
    "/{segment_id}/recalculate/", operation_id="recalculate_segment", dependencies=[allowed(Action.SCORE), rule_slot]
)
def calculate_segment(segment_id: SegmentId, body: CalculationBody | None = None) -> JsonObject:
    """Recompute the members, or whether some customers are members: `added` and `removed`, and the `total` after it.

    With ids, 409 before the first calculation of the whole segment with its newest rule.
    """
    engine = get_services().segmentation
    if body is None or body.customer_ids is None:
        size = engine.refresh(segment_id)
        return size_answer(size) | {"segment_id": segment_id, "total": size.customers, "unknown": []}
    found = engine.refresh_customers(segment_id, body.customer_ids)
    changed = {"added": found.joined, "removed": found.left, "unknown": found.unknown}
    return size_answer(found.size) | {"segment_id": segment_id, "total": found.size.customers} | changed


@router.get("/{segment_id}/metrics/", dependencies=[allowed(Action.VIEW)])
def read_metrics(segment_id: SegmentId) -> JsonObject:
    """The last size, whether it is up to date, and the 30 sizes before and including it, newest first."""
    segment = get_services().segments.get(segment_id)
    size = segment.size
    return {
        "segment_id": segment.id,
        "name": segment.name,
        "total_members": size.customers if size else None,
        "base": size.base if size else None,
        "share": size.customers / size.base if size and size.base else None,
        "calculated_at": size.at if size else None,
        "is_stale": segment.is_stale,
        "data_changed": segment.data_changed,
        "error": segment.error,
        "snapshots": _snapshots(segment_id)[:_RECENT],
    }


@router.get("/{segment_id}/snapshots/", dependencies=[allowed(Action.VIEW)])
def read_snapshots(segment_id: SegmentId, limit: PageSize = 50, cursor: Cursor = None) -> JsonObject:
    """Every size that was computed, newest first; `next_cursor` is null on the last page."""
    of, sizes = f"snapshots of {segment_id}", _snapshots(segment_id)
    if cursor:
        before = decode_cursor(of, cursor)
        if not isinstance(before, datetime):
            raise BadCursor
        sizes = [size for size in sizes if size["at"] < before]
    page = sizes[:limit]
    more = encode_cursor(of, page[-1]["at"]) if len(sizes) > limit else None
    return {"snapshots": page, "next_cursor": more}


@snapshots_router.get("/", dependencies=[allowed(Action.VIEW)])
def list_snapshots(
    request: Request, segment: SegmentId, page: PageNumber = None, page_size: PageSize = 50
) -> JsonObject | JsonList:
    """Every size of a segment, newest first, as a list; with `page`, that page with `count`, `next`, `previous`."""
    sizes = _snapshots(segment)
    return sizes if page is None else dict(sliced(request, page, page_size, sizes))


def _snapshots(segment_id: str) -> list[dict[str, Any]]:
    sizes = reversed(get_services().segments.sizes(segment_id))
    return [{"segment_id": segment_id, **size_answer(size)} for size in sizes]
