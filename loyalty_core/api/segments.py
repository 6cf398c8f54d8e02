"""Segments: create, update, count, list, explain and export; and evaluation of unsaved rules."""

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
    """Reject impossible ids before querying a database; PostgreSQL, for example, does not accept NUL."""
    if not _ID.fullmatch(segment_id):
        raise SegmentNotFound(segment_id[:60])
    return segment_id


SegmentId = Annotated[str, AfterValidator(_possible_id)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class RuleBody(BaseModel):
    """A JSONLogic rule; `{}` or null stands for everyone."""

    model_config = ConfigDict(extra="forbid")

    rule: Any


class SegmentBody(RuleBody):
    """The content of a segment."""

    name: str
    description: str = ""
    tags: list[str] = Field(default=[], max_length=100)

    def draft(self) -> SegmentDraft:
        """The draft to save."""
        return SegmentDraft(self.name, self.rule, self.description, tuple(self.tags))


class SegmentUpdate(SegmentBody):
    """The next version of a segment, based on `version`."""

    version: Version


class RestoreBody(BaseModel):
    """The version to restore."""

    model_config = ConfigDict(extra="forbid")

    version: Version


@router.get("/")
def list_segments(
    search: str = "", tag: Annotated[tuple[str, ...], Query()] = (), archived: bool = False
) -> JsonObject:
    """Segments by name, active or archived; filtered by a part of name, description, tag or id, and by tags."""
    found = get_services().segments.list(search=search, tags=tag, archived=archived)
    return {"segments": [asdict(segment) for segment in found]}


@router.post("/", status_code=201, dependencies=[rule_slot])
def create_segment(body: SegmentBody) -> JsonObject:
    """Create a segment; `refresh` computes its members."""
    return asdict(get_services().segmentation.create(body.draft(), actor=ACTOR))


@router.post("/evaluate/", dependencies=[rule_slot])
def evaluate_rule(body: RuleBody) -> JsonObject:
    """Count the customers who match a rule, in total, by condition and step by step; nothing is saved.

    `certain` is false if no customer can match whatever the data, true if every customer matches, otherwise null.
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
    """One segment with its rule, version and last known size."""
    return asdict(get_services().segments.get(segment_id))


@router.put("/{segment_id}/", dependencies=[rule_slot])
def update_segment(segment_id: SegmentId, body: SegmentUpdate) -> JsonObject:
    """Save the next version; 409 if someone else has saved one after `version`."""
    engine = get_services().segmentation
    return asdict(engine.update(segment_id, body.draft(), actor=ACTOR, expected_version=body.version))


@router.delete("/{segment_id}/", status_code=204)
def delete_segment(segment_id: SegmentId) -> Response:
    """Delete the segment; 409 if the rule of another segment refers to it."""
    get_services().segments.delete(segment_id, actor=ACTOR)
    return Response(status_code=204)


@router.post("/{segment_id}/refresh/", dependencies=[rule_slot])
def refresh_segment(segment_id: SegmentId) -> JsonObject:
    """Recompute the members: their number, and how many joined and left."""
    return asdict(get_services().segmentation.refresh(segment_id))


@router.get("/{segment_id}/versions/")
def read_versions(segment_id: SegmentId) -> JsonObject:
    """All versions, newest first."""
    return {"versions": [asdict(version) for version in get_services().segments.versions(segment_id)]}


@router.post("/{segment_id}/restore/")
def restore_version(segment_id: SegmentId, body: RestoreBody) -> JsonObject:
    """Save an older version as the newest."""
    return asdict(get_services().segmentation.restore(segment_id, body.version, actor=ACTOR))


@router.get("/{segment_id}/members/", dependencies=[rule_slot])
def read_members(
    segment_id: SegmentId,
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    sort: Annotated[str | None, Query(max_length=255)] = None,
    descending: bool = False,
) -> JsonObject:
    """One page of the current members with the columns of the features view, ordered by `sort`, by default by id."""
    services = get_services()
    rule = services.segments.get(segment_id).rule
    return {"members": services.segmentation.members(rule, limit, offset, sort=sort, descending=descending)}


@router.get("/{segment_id}/members/export/", dependencies=[export_slot])
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
