"""The versions of a segment: listed, compared and restored."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from loyalty_core.access import Action, current_viewer
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonValue
from loyalty_core.api.segments.answers import SegmentAnswer, segment_answer
from loyalty_core.api.segments.bodies import RestoreBody, SegmentId, Version
from loyalty_core.api.work_limits import change_slot, rule_slot
from loyalty_core.services import get_services

router = APIRouter()


class SegmentVersionAnswer(BaseModel):
    """A segment as it was saved once, and in sentences what changed from the version before."""

    number: int
    at: datetime
    actor: str
    changes: list[str]
    name: str
    description: str
    tags: list[str]
    rule: JsonValue


class SegmentVersions(BaseModel):
    """All versions, newest first."""

    versions: list[SegmentVersionAnswer]


class CustomersCompared(BaseModel):
    """How many customers both rules select now, and how many only one of them."""

    both: int
    only_from: int
    only_to: int


class VersionsCompared(BaseModel):
    """Two versions, and in sentences what changed from one to the other."""

    first: SegmentVersionAnswer = Field(alias="from")
    second: SegmentVersionAnswer = Field(alias="to")
    changes: list[str]
    customers: CustomersCompared


@router.get("/{segment_id}/versions/", response_model=SegmentVersions)
def read_versions(segment_id: SegmentId) -> dict[str, Any]:
    """All versions, newest first."""
    return {"versions": get_services().segments.versions(segment_id)}


@router.get("/{segment_id}/versions/compare/", response_model=VersionsCompared, dependencies=[rule_slot])
def compare_versions(
    segment_id: SegmentId, first: Annotated[Version, Query(alias="from")], second: Annotated[Version, Query(alias="to")]
) -> dict[str, Any]:
    """What changed between two versions, and how many customers each of their rules selects as the data is now."""
    found = get_services().segmentation.compare_versions(segment_id, first, second)
    return {
        "from": found.first,
        "to": found.second,
        "changes": found.changes,
        "customers": {"both": found.both, "only_from": found.only_first, "only_to": found.only_second},
    }


@router.post(
    "/{segment_id}/restore/",
    response_model=SegmentAnswer,
    dependencies=[allowed(Action.EDIT_SEGMENTS), change_slot],
)
def restore_version(segment_id: SegmentId, body: RestoreBody) -> dict[str, Any]:
    """Save an older version as the newest."""
    return segment_answer(get_services().segmentation.restore(segment_id, body.version, actor=current_viewer().id))
