"""The versions of a segment: listed, compared and restored."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonObject
from loyalty_core.api.segments.answers import segment_answer
from loyalty_core.api.segments.bodies import RestoreBody, SegmentId, Version
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter()


@router.get("/{segment_id}/versions/")
def read_versions(segment_id: SegmentId) -> JsonObject:
    """All versions, newest first."""
    return {"versions": [asdict(version) for version in get_services().segments.versions(segment_id)]}


@router.get("/{segment_id}/versions/compare/", dependencies=[allowed(Action.VIEW), rule_slot])
def compare_versions(
    segment_id: SegmentId, first: Annotated[Version, Query(alias="from")], second: Annotated[Version, Query(alias="to")]
) -> JsonObject:
    """What changed between two versions, and how many customers each of their rules selects as the data is now."""
    found = get_services().segmentation.compare_versions(segment_id, first, second)
    return {
        "from": asdict(found.first),
        "to": asdict(found.second),
        "changes": found.changes,
        "customers": {"both": found.both, "only_from": found.only_first, "only_to": found.only_second},
    }


@router.post("/{segment_id}/restore/", dependencies=[allowed(Action.EDIT_SEGMENTS), rule_slot])
def restore_version(segment_id: SegmentId, body: RestoreBody) -> JsonObject:
    """Save an older version as the newest."""
    return segment_answer(get_services().segmentation.restore(segment_id, body.version, actor=current_viewer().id))
