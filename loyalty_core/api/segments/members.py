"""Members of segments: listed, exported and explained."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.customer_lists import Cursor, customers_after
from loyalty_core.api.files import FILES, streamed_file
from loyalty_core.api.json_values import FastJSONResponse, Features, JsonValue
from loyalty_core.api.pages import Page, PageNumber, PageSize, page_of
from loyalty_core.api.segments.bodies import SegmentId
from loyalty_core.api.work_limits import export_slot, rule_slot
from loyalty_core.segments import Selection
from loyalty_core.segments.exports import Format
from loyalty_core.segments.figures import MAX_ROWS
from loyalty_core.services import get_services
from loyalty_core.warehouse.connection import Row

router = APIRouter()


class MembersAnswer(BaseModel):
    """Members with the columns of the features view; `next_cursor` only in the order of ids, null on the last page."""

    members: list[Features]
    next_cursor: str | None = None


class MemberAnswer(BaseModel):
    """A member; `joined_at` is null for one who has joined since the last refresh."""

    customer_id: str
    joined_at: datetime | None
    is_active: bool


class ChangeAnswer(BaseModel):
    """Another value for one column."""

    column: str
    before: JsonValue
    after: JsonValue
    sentence: str


class ExplanationAnswer(BaseModel):
    """One condition for one customer, with the `actual` values that it reads; groups have `children`.

    `change`, on the rule as a whole, is the smallest set of changes found that would reverse `holds`.
    """

    sentence: str
    path: str
    holds: bool
    actual: dict[str, JsonValue]
    children: list["ExplanationAnswer"]
    change: list[ChangeAnswer] | None


class MembershipExplained(BaseModel):
    """Whether the customer is a member, and the rule condition by condition."""

    belongs: bool
    explanation: ExplanationAnswer


@router.get(
    "/{segment_id}/members/",
    response_model=MembersAnswer | Page[MemberAnswer] | list[MemberAnswer],
    dependencies=[rule_slot],
)
def read_members(
    request: Request,
    segment_id: SegmentId,
    limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    sort: Annotated[str | None, Query(max_length=255)] = None,
    descending: bool = False,
    cursor: Cursor = None,
    page: PageNumber = None,
    page_size: PageSize = 50,
    is_active: Annotated[bool | None, Query(description="True: everyone who belongs now, as a plain list")] = None,
) -> Response:
    """One page of the current members with the columns of the features view, ordered by `sort`, by default by id.

    In the order of ids, `next_cursor` leads to the next page, null on the last. With `page` the answer is that page of
    ids with `joined_at`, and `count`, `next` and `previous`; with `is_active=true` alone it is a list of them.
    """
    if is_active is False:
        raise HTTPException(422, "Members who have left are not stored: leave is_active out, or send true.")
    if cursor and (sort or offset or page or is_active):
        raise HTTPException(422, "A cursor follows the order of ids: leave sort, offset, page and is_active out.")
    if offset and (page or is_active):
        raise HTTPException(422, "Send either offset, or page and is_active.")
    services = get_services()
    selection = services.segmentation.select(services.segments.get(segment_id).rule)
    if page is not None:
        offset = (page - 1) * page_size
        rows = selection.members(page_size, offset, sort=sort, descending=descending, columns=[_id_column()])
        members = _with_joined_at(segment_id, rows)
        return FastJSONResponse(page_of(request, page, page_size, selection.count(), members))
    if is_active:
        return FastJSONResponse(_all_members(segment_id, selection, sort, descending=descending))
    if sort is None and not offset:
        return FastJSONResponse(customers_after(selection, f"members of {segment_id}", cursor, limit))
    return FastJSONResponse({"members": selection.members(limit, offset, sort=sort, descending=descending)})


@router.get(
    "/{segment_id}/members/export/",
    response_class=StreamingResponse,
    responses=FILES,
    dependencies=[allowed(Action.EXPORT), export_slot],
)
def export_members(
    segment_id: SegmentId, format: Format = "csv", columns: Annotated[tuple[str, ...], Query()] = ()
) -> StreamingResponse:
    """All current members as a streamed file.

    It has the given columns, which may include predictions, by default all columns of the features view.
    """
    services = get_services()
    parts = services.segmentation.select(services.segments.get(segment_id).rule).export_parts(format, columns)
    return streamed_file(
        parts,
        format,
        segment_id,
        action="exported",
        subject=("segment", segment_id),
        details={"format": format, "columns": list(columns)},
    )


@router.get("/{segment_id}/customers/{customer_id:path}/", response_model=MembershipExplained, dependencies=[rule_slot])
def explain_customer(segment_id: SegmentId, customer_id: str) -> dict[str, Any]:
    """Whether a customer is a member now, and why; the id may contain slashes."""
    services = get_services()
    explanation = services.segmentation.select(services.segments.get(segment_id).rule).explain(customer_id)
    return {"belongs": explanation.holds, "explanation": explanation}


def _all_members(segment_id: str, selection: Selection, sort: str | None, *, descending: bool) -> list[dict[str, Any]]:
    rows = selection.members(MAX_ROWS, sort=sort, descending=descending, columns=[_id_column()])
    if len(rows) == MAX_ROWS and (count := selection.count()) > MAX_ROWS:
        raise HTTPException(422, f"{count:,} members are too many for one list: ask for pages, beginning with ?page=1.")
    return _with_joined_at(segment_id, rows)


def _with_joined_at(segment_id: str, rows: list[Row]) -> list[dict[str, Any]]:
    """The members as ids, with the refresh since which they have belonged; null where they have joined since."""
    ids = [str(row[_id_column()]) for row in rows]
    joined = get_services().segments.joined_at(segment_id, ids)
    return [{"customer_id": one, "joined_at": joined.get(one), "is_active": True} for one in ids]


def _id_column() -> str:
    return get_services().settings.dwh_customer_id_column
