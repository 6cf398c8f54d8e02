"""The audit trail, searched page by page."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.api.customer_lists import Cursor
from loyalty_core.api.days import Time
from loyalty_core.api.json_values import FastJSONResponse, JsonValue
from loyalty_core.api.pages import PageSize
from loyalty_core.services import services_of_process
from loyalty_core.store import audit, audit_file
from loyalty_core.store.audit import AuditEvent

router = APIRouter(prefix="/audit", dependencies=[allowed(Action.READ_AUDIT)])

_LIST = "audit trail"

Text = Annotated[str, Query(max_length=255)]


class AuditEventAnswer(BaseModel):
    """Who did what to which thing, when, and from where: a network address, or "terminal"."""

    id: int
    at: datetime
    actor: str
    place: str
    action: str
    subject_kind: str
    subject_id: str
    details: dict[str, JsonValue]


class AuditAnswer(BaseModel):
    """Events, newest first; `next_cursor` is null on the last page."""

    events: list[AuditEventAnswer]
    next_cursor: str | None


@router.get("/", response_model=AuditAnswer)
def search_audit_trail(
    actor: Text = "",
    action: Text = "",
    subject: Text = "",
    since: Time | None = None,
    until: Time | None = None,
    limit: PageSize = 50,
    cursor: Cursor = None,
) -> Response:
    """Events whose actor, action and subject have these parts, in any case, from `since` to before `until`."""
    before, wanted = _position(cursor) if cursor else None, audit.Search(actor, action, subject, since, until)
    # Of the process, since the trail is of all customers and people; the route's action says who may read it.
    with services_of_process().store.session(read_only=True) as session:
        found = audit.search(session, wanted, limit=limit + 1, before=before)
    page = found[:limit]
    more = encode_cursor(_LIST, [page[-1].at, page[-1].id]) if len(found) > limit else None
    return FastJSONResponse({"events": [_answer(event) for event in page], "next_cursor": more})


@router.get(
    "/file/",
    response_class=Response,
    responses={200: {"description": "The file", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def download_audit_trail(
    actor: Text = "",
    action: Text = "",
    subject: Text = "",
    since: Time | None = None,
    until: Time | None = None,
) -> Response:
    """The newest 100,000 events that match as CSV, with times in UTC; the download is itself an event."""
    with services_of_process().store.session() as session:
        content = audit_file.export(session, audit.Search(actor, action, subject, since, until))
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=headers)


def _position(cursor: str) -> tuple[datetime, int]:
    match decode_cursor(_LIST, cursor):
        case [datetime() as at, int() as number]:
            return at, number
        case _:
            raise BadCursor


def _answer(event: AuditEvent) -> dict[str, Any]:
    return {name: getattr(event, name) for name in AuditEventAnswer.model_fields}
