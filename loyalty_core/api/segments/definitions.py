"""Segments: create, read, update, delete and refresh, and their versions."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.conditional import Conditional
from loyalty_core.api.json_values import JsonObject
from loyalty_core.api.segments.bodies import RestoreBody, SegmentBody, SegmentId, SegmentUpdate
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter()

_edit = allowed(Action.EDIT_SEGMENTS)


@router.get("/")
def list_segments(
    search: str = "", tag: Annotated[tuple[str, ...], Query()] = (), archived: bool = False
) -> JsonObject:
    """Segments by name, active or archived; filtered by a part of name, description, tag or id, and by tags."""
    found = get_services().segments.list(search=search, tags=tag, archived=archived)
    return {"segments": [asdict(segment) for segment in found]}


@router.post("/", status_code=201, dependencies=[_edit, rule_slot])
def create_segment(body: SegmentBody) -> JsonObject:
    """Create a segment; `refresh` computes its members."""
    return asdict(get_services().segmentation.create(body.draft(), actor=current_viewer().id))


@router.get("/{segment_id}/", response_model=JsonObject)
def read_segment(segment_id: SegmentId, conditions: Conditional) -> Response:
    """One segment with its rule, version and last known size."""
    return conditions.answer(asdict(get_services().segments.get(segment_id)))


@router.put("/{segment_id}/", dependencies=[_edit, rule_slot])
def update_segment(segment_id: SegmentId, body: SegmentUpdate, conditions: Conditional) -> JsonObject:
    """Save the next version; 409 if someone else has saved one after `version`."""
    services, actor = get_services(), current_viewer().id
    conditions.require_unchanged(asdict(services.segments.get(segment_id)))
    updated = services.segmentation.update(segment_id, body.draft(), actor=actor, expected_version=body.version)
    return conditions.mark(asdict(updated))


@router.delete("/{segment_id}/", status_code=204, dependencies=[_edit])
def delete_segment(segment_id: SegmentId, conditions: Conditional) -> Response:
    """Delete the segment; 409 if the rule of another segment refers to it."""
    segments = get_services().segments
    conditions.require_unchanged(asdict(segments.get(segment_id)))
    segments.delete(segment_id, actor=current_viewer().id)
    return Response(status_code=204)


@router.post("/{segment_id}/refresh/", dependencies=[allowed(Action.SCORE), rule_slot])
def refresh_segment(segment_id: SegmentId) -> JsonObject:
    """Recompute the members: their number, and how many joined and left."""
    return asdict(get_services().segmentation.refresh(segment_id))


@router.get("/{segment_id}/versions/")
def read_versions(segment_id: SegmentId) -> JsonObject:
    """All versions, newest first."""
    return {"versions": [asdict(version) for version in get_services().segments.versions(segment_id)]}


@router.post("/{segment_id}/restore/", dependencies=[_edit, rule_slot])
def restore_version(segment_id: SegmentId, body: RestoreBody) -> JsonObject:
    """Save an older version as the newest."""
    return asdict(get_services().segmentation.restore(segment_id, body.version, actor=current_viewer().id))
