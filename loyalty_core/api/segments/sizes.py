"""The sizes of segments: computed, and as they were."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.api.customer_ids import CustomerIds
from loyalty_core.api.customer_lists import Cursor
from loyalty_core.api.jobs import JobAnswer, accepted
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.pages import Page, PageNumber, PageSize, sliced
from loyalty_core.api.segments.answers import CalculationAnswer, SizeAnswer, SnapshotAnswer, snapshot_answer
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.work_limits import change_slot
from loyalty_core.segments import SegmentSize
from loyalty_core.services import get_services

router = APIRouter()
# Snapshots of any segment, beside /segments.
snapshots_router = APIRouter(prefix="/segmentSnapshots")

_RECENT = 30


class CalculationBody(BaseModel):
    """The customers to compute membership for; without ids, all."""

    model_config = ConfigDict(extra="forbid")

    customer_ids: CustomerIds | None = None


class MetricsAnswer(BaseModel):
    """The last size of a segment, null before the first, and the latest 30 `snapshots`, newest first.

    `fewer_than` is set in place of a size that the viewer does not see.
    """

    segment_id: str
    name: str
    total_members: int | None
    base: int | None
    share: float | None
    calculated_at: datetime | None
    is_stale: bool
    data_changed: bool
    error: str | None
    fewer_than: int | None
    snapshots: list[SnapshotAnswer]


class SnapshotsAnswer(BaseModel):
    """Sizes, newest first; `next_cursor` is null on the last page."""

    snapshots: list[SnapshotAnswer]
    next_cursor: str | None


class RefreshBody(BaseModel):
    """The segments to compute; without ids, all that are not archived."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[SegmentId], Field(min_length=1, max_length=1_000)] | None = None


@router.post("/refresh/", status_code=202, dependencies=[allowed(Action.SCORE)])
def refresh_segments(request: Request, response: Response, body: RefreshBody | None = None) -> JobAnswer:
    """Compute the members of many segments in the background."""
    services = get_services()
    options = body.model_dump(exclude_none=True) if body else {}
    for segment_id in options.get("ids", ()):
        services.segments.get(segment_id)
    return accepted(services.jobs.start("segments", options, current_viewer().id), request, response)


@router.post("/{segment_id}/refresh/", response_model=SizeAnswer, dependencies=[allowed(Action.SCORE), change_slot])
def refresh_segment(segment_id: SegmentId) -> SegmentSize:
    """Recompute the members: their number, and how many joined and left."""
    return get_services().segmentation.refresh(segment_id)


@router.post(
    "/{segment_id}/calculate/", response_model=CalculationAnswer, dependencies=[allowed(Action.SCORE), change_slot]
)
@router.post(
    "/{segment_id}/recalculate/",
    operation_id="recalculate_segment",
    response_model=CalculationAnswer,
    dependencies=[allowed(Action.SCORE), change_slot],
)
def calculate_segment(segment_id: SegmentId, body: CalculationBody | None = None) -> dict[str, Any]:
    """Recompute the members, or whether some customers are members: `added` and `removed`, and the `total` after it.

    With ids, 409 before the first calculation of the whole segment with its newest rule.
    """
    engine = get_services().segmentation
    if body is None or body.customer_ids is None:
        size = engine.refresh(segment_id)
        return snapshot_answer(segment_id, size) | {"total": size.customers, "unknown": []}
    found = engine.refresh_customers(segment_id, body.customer_ids)
    changed = {"added": found.joined, "removed": found.left, "unknown": found.unknown}
    return snapshot_answer(segment_id, found.size) | {"total": found.size.customers} | changed


@router.get("/{segment_id}/metrics/", response_model=MetricsAnswer)
def read_metrics(segment_id: SegmentId) -> dict[str, Any]:
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
        "fewer_than": segment.fewer_than,
        "snapshots": _snapshots(segment_id)[:_RECENT],
    }


@router.get("/{segment_id}/snapshots/", response_model=SnapshotsAnswer)
def read_snapshots(segment_id: SegmentId, limit: PageSize = 50, cursor: Cursor = None) -> Response:
    """Every size that was computed, newest first; `next_cursor` is null on the last page."""
    of, sizes = f"snapshots of {segment_id}", _snapshots(segment_id)
    if cursor:
        before = decode_cursor(of, cursor)
        if not isinstance(before, datetime):
            raise BadCursor
        sizes = [size for size in sizes if size["at"] < before]
    page = sizes[:limit]
    more = encode_cursor(of, page[-1]["at"]) if len(sizes) > limit else None
    return FastJSONResponse({"snapshots": page, "next_cursor": more})


@snapshots_router.get(
    "/", response_model=list[SnapshotAnswer] | Page[SnapshotAnswer], dependencies=[allowed(Action.VIEW)]
)
def list_snapshots(request: Request, segment: SegmentId, page: PageNumber = None, page_size: PageSize = 50) -> Response:
    """Every size of a segment, newest first, as a list; with `page`, that page with `count`, `next`, `previous`."""
    sizes = _snapshots(segment)
    return FastJSONResponse(sizes if page is None else sliced(request, page, page_size, sizes))


def _snapshots(segment_id: str) -> list[dict[str, Any]]:
    return [snapshot_answer(segment_id, size) for size in reversed(get_services().segments.sizes(segment_id))]
