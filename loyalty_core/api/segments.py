"""Segments: saved, counted, listed, explained and exported; and rules that are only tried."""

import re
from collections.abc import AsyncGenerator, Generator
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.concurrency import iterate_in_threadpool

from loyalty_core.api.json_values import JsonObject
from loyalty_core.api.work_limits import export_slot, rule_slot
from loyalty_core.segments import SegmentDraft, SegmentNotFound
from loyalty_core.segments.exports import Format
from loyalty_core.segments.figures import MOST_ROWS
from loyalty_core.services import get_services

router = APIRouter(prefix="/segments")

ACTOR = "API"
_ID = re.compile(r"[a-z0-9-]{1,100}")
MEDIA_TYPES: dict[Format, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def _possible_id(segment_id: str) -> str:
    """Refuse impossible ids before a database is asked: PostgreSQL does not accept NUL, for example."""
    if not _ID.fullmatch(segment_id):
        raise SegmentNotFound(segment_id[:60])
    return segment_id


SegmentId = Annotated[str, AfterValidator(_possible_id)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RuleBody(BaseModel):
    """A rule in JSONLogic; `{}` or null is everyone."""

    model_config = ConfigDict(extra="forbid")

    rule: Any


class SegmentBody(RuleBody):
    """What a segment is."""

    name: str
    description: str = ""
    tags: list[str] = Field(default=[], max_length=100)

    def draft(self) -> SegmentDraft:
        """The segment as the repository takes it."""
        return SegmentDraft(self.name, self.rule, self.description, tuple(self.tags))


class SegmentUpdate(SegmentBody):
    """The next version of a segment, instead of `version`."""

    version: Version


class Restoration(BaseModel):
    """Which version to restore."""

    model_config = ConfigDict(extra="forbid")

    version: Version


@router.get("/")
def list_segments(
    search: str = "", tag: Annotated[tuple[str, ...], Query()] = (), archived: bool = False
) -> JsonObject:
    """Segments by name: those in use, or archived; with a part of name, description, tag or id, and all tags."""
    found = get_services().segments.list(search=search, tags=tag, archived=archived)
    return {"segments": [asdict(segment) for segment in found]}


@router.post("/", status_code=201, dependencies=[rule_slot])
def create_segment(body: SegmentBody) -> JsonObject:
    """Save a new segment; its members are computed by `refresh`."""
    return asdict(get_services().segmentation.create(body.draft(), actor=ACTOR))


@router.post("/evaluate/", dependencies=[rule_slot])
def evaluate_rule(body: RuleBody) -> JsonObject:
    """How many customers a rule holds for, by condition and step by step; nothing is saved.

    `certain` is false for a rule that no customer can meet whatever the data, true for one that every customer meets.
    """
    selection = get_services().segmentation.select(body.rule)
    preview = selection.preview()
    return {
        "customers": preview.members,
        "base": preview.customers,
        "share": preview.share,
        "certain": preview.certain,
        "sentence": selection.describe(),
        "conditions": [asdict(condition) for condition in preview.conditions],
        "funnel": [asdict(step) for step in preview.steps],
        "sql": selection.sql(),
    }


@router.get("/{segment_id}/")
def read_segment(segment_id: SegmentId) -> JsonObject:
    """One segment with its rule, its version and the size it had last."""
    return asdict(get_services().segments.get(segment_id))


@router.put("/{segment_id}/", dependencies=[rule_slot])
def update_segment(segment_id: SegmentId, body: SegmentUpdate) -> JsonObject:
    """Save the next version, unless somebody else has saved one after `version`."""
    engine = get_services().segmentation
    return asdict(engine.update(segment_id, body.draft(), actor=ACTOR, expected_version=body.version))


@router.delete("/{segment_id}/", status_code=204)
def delete_segment(segment_id: SegmentId) -> Response:
    """Delete the segment, unless the rule of another reads it."""
    get_services().segments.delete(segment_id, actor=ACTOR)
    return Response(status_code=204)


@router.post("/{segment_id}/refresh/", dependencies=[rule_slot])
def refresh_segment(segment_id: SegmentId) -> JsonObject:
    """Recompute the members: how many there are, and how many joined and left."""
    return asdict(get_services().segmentation.refresh(segment_id))


@router.get("/{segment_id}/versions/")
def read_versions(segment_id: SegmentId) -> JsonObject:
    """Every version, newest first."""
    return {"versions": [asdict(version) for version in get_services().segments.versions(segment_id)]}


@router.post("/{segment_id}/restore/")
def restore_version(segment_id: SegmentId, body: Restoration) -> JsonObject:
    """Save an older version again as the newest."""
    return asdict(get_services().segmentation.restore(segment_id, body.version, actor=ACTOR))


@router.get("/{segment_id}/members/", dependencies=[rule_slot])
def read_members(
    segment_id: SegmentId,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    sort: Annotated[str | None, Query(max_length=255)] = None,
    descending: bool = False,
) -> JsonObject:
    """One page of the customers who belong now, with the features view's columns; ordered by id unless by `sort`."""
    services = get_services()
    rule = services.segments.get(segment_id).rule
    return {"members": services.segmentation.members(rule, limit, offset, sort=sort, descending=descending)}


@router.get("/{segment_id}/members/export/", dependencies=[export_slot])
def export_members(
    segment_id: SegmentId, format: Format = "csv", columns: Annotated[tuple[str, ...], Query()] = ()
) -> StreamingResponse:
    """Every customer who belongs now, as a file that is sent while it is written.

    It has the columns that are named, predictions among them, otherwise all of the features view.
    """
    services = get_services()
    parts = services.segmentation.select(services.segments.get(segment_id).rule).export_parts(format, columns)
    # What can fail fails here, while the answer can still be an error.
    first = next(parts)
    return StreamingResponse(
        _sent(first, parts),
        media_type=MEDIA_TYPES[format],
        headers={"Content-Disposition": f'attachment; filename="{segment_id}.{format}"'},
    )


@router.get("/{segment_id}/customers/{customer_id:path}/", dependencies=[rule_slot])
def explain_customer(segment_id: SegmentId, customer_id: str) -> JsonObject:
    """Whether a customer belongs now, and why; an id may hold slashes."""
    services = get_services()
    explanation = services.segmentation.select(services.segments.get(segment_id).rule).explain(customer_id)
    return {"belongs": explanation.holds, "explanation": asdict(explanation)}


async def _sent(first: bytes, parts: Generator[bytes]) -> AsyncGenerator[bytes]:
    """The parts one by one; when the client goes away, the warehouse is left alone too."""
    with closing(parts):
        async for part in iterate_in_threadpool(chain((first,), parts)):
            yield part
