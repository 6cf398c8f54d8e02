"""Members of segments: listed, exported and explained."""

from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse
from starlette.concurrency import iterate_in_threadpool

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonObject
from loyalty_core.api.segments.bodies import MEDIA_TYPES, SegmentId
from loyalty_core.api.work_limits import export_slot, rule_slot
from loyalty_core.segments.exports import Format
from loyalty_core.segments.figures import MAX_ROWS
from loyalty_core.services import get_services

router = APIRouter()


@router.get("/{segment_id}/members/", dependencies=[rule_slot])
def read_members(
    segment_id: SegmentId,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    sort: Annotated[str | None, Query(max_length=255)] = None,
    descending: bool = False,
) -> JsonObject:
    """One page of the current members with the columns of the features view, ordered by `sort`, by default by id."""
    services = get_services()
    rule = services.segments.get(segment_id).rule
    return {"members": services.segmentation.members(rule, limit, offset, sort=sort, descending=descending)}


@router.get("/{segment_id}/members/export/", dependencies=[allowed(Action.EXPORT), export_slot])
def export_members(
    segment_id: SegmentId, format: Format = "csv", columns: Annotated[tuple[str, ...], Query()] = ()
) -> StreamingResponse:
    """All current members as a streamed file.

    It has the given columns, which may include predictions, by default all columns of the features view.
    """
    services = get_services()
    parts = services.segmentation.select(services.segments.get(segment_id).rule).export_parts(format, columns)
    # Errors are raised here, while the response can still be an error.
    first = next(parts)
    return StreamingResponse(
        _stream(first, parts),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{segment_id}.{format}"'},
    )


@router.get("/{segment_id}/customers/{customer_id:path}/", dependencies=[rule_slot])
def explain_customer(segment_id: SegmentId, customer_id: str) -> JsonObject:
    """Whether a customer is a member now, and why; the id may contain slashes."""
    services = get_services()
    explanation = services.segmentation.select(services.segments.get(segment_id).rule).explain(customer_id)
    return {"belongs": explanation.holds, "explanation": asdict(explanation)}


async def _stream(first: bytes, parts: Generator[bytes]) -> AsyncGenerator[bytes]:
    """Yield the parts; the warehouse query is closed if the client disconnects."""
    with closing(parts):
        async for part in iterate_in_threadpool(chain((first,), parts)):
            yield part
