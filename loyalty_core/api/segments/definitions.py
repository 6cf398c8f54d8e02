"""Segments: create, read, change and delete."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional, Conditions
from loyalty_core.api.json_values import FastJSONResponse
from loyalty_core.api.pages import Page, PageNumber, PageSize, sliced
from loyalty_core.api.segments.answers import SegmentAnswer, segment_answer
from loyalty_core.api.segments.bodies import SegmentBody, SegmentId, SegmentPatch, SegmentUpdate
from loyalty_core.api.work_limits import change_slot
from loyalty_core.services import get_services

router = APIRouter()

_edit = allowed(Action.EDIT_SEGMENTS)


class SegmentsAnswer(BaseModel):
    """Segments by name."""

    segments: list[SegmentAnswer]


@router.get("/", response_model=SegmentsAnswer | Page[SegmentAnswer] | list[SegmentAnswer])
def list_segments(
    request: Request,
    search: str = "",
    tag: Annotated[tuple[str, ...], Query()] = (),
    archived: bool = False,
    is_active: Annotated[bool | None, Query(description="As a plain list: active segments, or archived ones")] = None,
    page: PageNumber = None,
    page_size: PageSize = 50,
) -> Response:
    """Segments by name, active or archived; filtered by a part of name, description, tag or id, and by tags.

    With `page` the answer is that page with `count`, `next` and `previous`; with `is_active` alone it is a plain list.
    """
    archived = archived if is_active is None else not is_active
    found = [segment_answer(one) for one in get_services().segments.list(search=search, tags=tag, archived=archived)]
    if page is not None:
        return FastJSONResponse(sliced(request, page, page_size, found))
    return FastJSONResponse({"segments": found} if is_active is None else found)


@router.post("/", status_code=201, response_model=SegmentAnswer, dependencies=[_edit, change_slot])
def create_segment(body: SegmentBody) -> dict[str, Any]:
    """Create a segment; `refresh` computes its members."""
    archived = body.is_active is False
    return segment_answer(get_services().segmentation.create(body.draft, actor=current_viewer().id, archived=archived))


@router.get("/{segment_id}/", response_model=SegmentAnswer)
def read_segment(segment_id: SegmentId, conditions: Conditional) -> Response:
    """One segment with its rule, version and last known size."""
    return conditions.answer(segment_answer(get_services().segments.get(segment_id)))


@router.put("/{segment_id}/", response_model=SegmentAnswer, dependencies=[_edit, change_slot])
def update_segment(segment_id: SegmentId, body: SegmentUpdate, conditions: Conditional) -> dict[str, Any]:
    """Save the next version; 409 if someone else has saved one after `version`."""
    return _amended(segment_id, vars(body.draft), body, conditions)


@router.patch("/{segment_id}/", response_model=SegmentAnswer, dependencies=[_edit, change_slot])
def change_segment(segment_id: SegmentId, body: SegmentPatch, conditions: Conditional) -> dict[str, Any]:
    """Change the given parts only; with `version`, 409 if someone else has saved one after it."""
    return _amended(segment_id, body.changes, body, conditions)


@router.delete("/{segment_id}/", status_code=204, dependencies=[_edit])
def delete_segment(segment_id: SegmentId, conditions: Conditional) -> Response:
    """Delete the segment; 409 if the rule of another segment refers to it."""
    segments = get_services().segments
    conditions.require_unchanged(segment_answer(segments.get(segment_id)))
    segments.delete(segment_id, actor=current_viewer().id)
    return Response(status_code=204)


def _amended(
    segment_id: str, changes: Mapping[str, Any], body: SegmentUpdate | SegmentPatch, conditions: Conditions
) -> dict[str, Any]:
    services, version = get_services(), body.version
    if conditions.names_state:
        segment = services.segments.get(segment_id)
        conditions.require_unchanged(segment_answer(segment))
        version = version or segment.version  # so that nobody changes it in between
    amended = services.segmentation.amend(
        segment_id,
        changes,
        actor=current_viewer().id,
        archived=None if body.is_active is None else not body.is_active,
        expected_version=version,
    )
    return conditions.mark(segment_answer(amended))
