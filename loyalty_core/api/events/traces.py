"""What an event caused, step by step; a dry run of an event; and the story of a customer."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.api.cursors import BadCursor, decode_cursor, encode_cursor
from loyalty_core.api.events.received import OneEvent, read_sent
from loyalty_core.api.json_values import JsonValue
from loyalty_core.events import EventHistory
from loyalty_core.events.effects import Moment, Place, Trace, Traces, dry_run, read_story
from loyalty_core.services import get_services

router = APIRouter()
story_router = APIRouter()

_STORY = "story"
_KINDS = ("event", "segment", "entry", "message", "outcome")


class TraceStepAnswer(BaseModel):
    """One step; `milliseconds` are for all events that were applied together."""

    name: str
    milliseconds: float
    input: dict[str, JsonValue]
    output: dict[str, JsonValue]
    note: str


class ScoresAnswer(BaseModel):
    """The churn probability before and after; null where it is not known."""

    before: float | None
    after: float | None
    model_version: str


class TraceAnswer(BaseModel):
    """What an event caused; personal values are masked for viewers who may not see them."""

    event: int | None = Field(description="Number of the event; null for a dry run")
    customer_id: str
    at: datetime
    milliseconds: float
    outcome: str = Field(description="The outcome in one sentence")
    steps: list[TraceStepAnswer]
    segments_joined: list[str]
    segments_left: list[str]
    campaigns: list[str]
    scores: ScoresAnswer | None


class MomentAnswer(BaseModel):
    """One thing that happened; `what` is a type of events, or the name of a segment or a campaign."""

    at: datetime
    kind: Literal["event", "segment", "entry", "message", "outcome"]
    what: str
    how: str = Field(description="joined or left; the status of an event, entry or message; the kind of an outcome")
    event: int | None
    segment_id: str | None
    campaign_id: str | None
    channel: str | None
    offer_id: int | None
    reason: str | None
    simulated: bool


class StoryAnswer(BaseModel):
    """A page of a customer's story, newest first."""

    story: list[MomentAnswer]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one")


@router.get("/events/{event_id}/trace/", dependencies=[allowed(Action.VIEW)])
def read_trace(event_id: Annotated[int, Path(ge=1, le=2**53)]) -> TraceAnswer:
    """The steps of one event; 404 before it is applied, and after its trace was removed."""
    services = get_services()
    traces = Traces(services)
    event = EventHistory(services.store).get(event_id)
    traces.require_event_in_scope(event_id, event.customer_id)
    return _answer(traces.get(event_id))


@router.post("/events/dry-run/", dependencies=[allowed(Action.SEND_EVENTS)])
def try_event(body: OneEvent) -> TraceAnswer:
    """What the event would cause now: every step is taken, nothing is changed, and nothing is sent."""
    services = get_services()
    event, traces = read_sent(services, body), Traces(services)
    traces.require_in_scope(event.customer_id)
    return _answer(traces.shown(dry_run(event)))


@story_router.get("/customers/{customer_id:path}/story/", dependencies=[allowed(Action.VIEW)])
def read_customer_story(
    customer_id: str,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=100)] = None,
) -> StoryAnswer:
    """Events, segments joined and left, messages and their outcomes, newest first."""
    found = read_story(get_services(), customer_id, limit + 1, _place(cursor) if cursor else None)
    page = found[:limit]
    return StoryAnswer(
        story=[_answer_for(moment) for moment in page],
        next_cursor=_cursor(page[-1].place) if len(found) > limit else None,
    )


def _answer(trace: Trace) -> TraceAnswer:
    return TraceAnswer(
        event=trace.event,
        customer_id=trace.customer_id,
        at=trace.at,
        milliseconds=round(trace.milliseconds, 3),
        outcome=trace.outcome,
        steps=[TraceStepAnswer.model_validate(step, from_attributes=True) for step in trace.steps],
        segments_joined=list(trace.segments_joined),
        segments_left=list(trace.segments_left),
        campaigns=list(trace.campaign_ids),
        scores=ScoresAnswer.model_validate(trace.scores.as_json()) if trace.scores else None,
    )


def _answer_for(moment: Moment) -> MomentAnswer:
    values: dict[str, Any] = {**vars(moment), "at": moment.at, "kind": moment.kind, "simulated": moment.is_simulated}
    return MomentAnswer.model_validate(values)


def _cursor(place: Place) -> str:
    return encode_cursor(_STORY, f"{place.at.isoformat()} {place.kind} {place.row}")


def _place(cursor: str) -> Place:
    try:
        at, kind, row = str(decode_cursor(_STORY, cursor)).split(" ")
        moment, number = datetime.fromisoformat(at), int(row)
    except ValueError:
        raise BadCursor from None
    if kind not in _KINDS or moment.tzinfo is None:
        raise BadCursor
    return Place(moment, kind, number)
