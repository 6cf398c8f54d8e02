"""What sets a segment apart from the base, and how segments share their customers."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from loyalty_core.api.json_values import JsonValue
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.work_limits import rule_slot
from loyalty_core.services import get_services

router = APIRouter(dependencies=[rule_slot])

_MAX_COMPARED = 6


class NumberProfile(BaseModel):
    """Means of a number; `difference` is in standard deviations of the base."""

    column: str
    segment_mean: float | None
    base_mean: float | None
    segment_total: float | None
    base_total: float | None
    difference: float | None


class ValueProfile(BaseModel):
    """How common one value of a category is (shares 0–1); `index` is their ratio, null if nobody else has the value."""

    column: str
    value: JsonValue
    customers: int
    segment_share: float
    base_share: float
    index: float | None


class ProfileAnswer(BaseModel):
    """A segment against the base; `numbers` and `values` start with what sets it apart most."""

    customers: int
    base: int
    numbers: list[NumberProfile]
    values: list[ValueProfile]


class OverlapBody(BaseModel):
    """The segments to compare."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[SegmentId], Field(min_length=2, max_length=_MAX_COMPARED)]


class CombinationAnswer(BaseModel):
    """The customers who are in exactly these of the segments, and in none of the others."""

    member_of: list[str]
    customers: int


class OverlapAnswer(BaseModel):
    """Every combination with customers, the largest first; together they are the base."""

    combinations: list[CombinationAnswer]


@router.get("/{segment_id}/profile/", response_model=ProfileAnswer)
def read_profile(segment_id: SegmentId) -> dict[str, Any]:
    """Compare the customers who match the rule now with the base, on every number and category."""
    services = get_services()
    found = services.segmentation.profile(services.segments.get(segment_id).rule)
    return {
        **vars(found),
        "numbers": [{**vars(one), "column": one.column.name} for one in found.numbers],
        "values": [
            {**vars(one), "column": one.column.name, "index": one.index if one.base_share else None}
            for one in found.values
        ],
    }


@router.post("/overlap/", response_model=OverlapAnswer)
def compare_segments(body: OverlapBody) -> dict[str, Any]:
    """Count the customers who are in each combination of up to six segments."""
    services = get_services()
    rules = {segment_id: services.segments.get(segment_id).rule for segment_id in body.ids}
    found = services.segmentation.overlap(rules)
    return {"combinations": [{"member_of": one.members_of, "customers": one.customers} for one in found.combinations]}
