"""Events: send one or many, list them, and how many wait."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, Field, WithJsonSchema

from loyalty_core.access import Action, current_viewer, may
from loyalty_core.api.access import allowed
from loyalty_core.api.json_values import JsonValue
from loyalty_core.events import Accepted, Arrival, BadEvent, Event, EventHistory, Intake, StoredEvent, read_event
from loyalty_core.events.backlog import read_backlog, require_room
from loyalty_core.services import Services, get_services

router = APIRouter()

MAX_EVENTS = 1_000
_ONE: dict[str, Any] = {
    "type": "object",
    "description": "An event as `{event_id, type, customer_id, occurred_at, data}`, or a CloudEvent 1.0",
    "additionalProperties": True,
}
_ONE_OR_MANY = {"anyOf": [_ONE, {"type": "array", "minItems": 1, "maxItems": MAX_EVENTS, "items": {}}]}
OneEvent = Annotated[Any, Body(), WithJsonSchema(_ONE)]
OneOrMany = Annotated[Any, Body(), WithJsonSchema(_ONE_OR_MANY)]
OriginEvent = Annotated[Any, Body(), WithJsonSchema({**_ONE, "description": "`{source, event: {customer_id, …}}`"})]
_send = allowed(Action.SEND_EVENTS)


class Rejected(BaseModel):
    """One of the events that were sent, counted from 0, and why it cannot be used."""

    index: int
    error: str
    detail: str


class AcceptedAnswer(BaseModel):
    """How many events are new, and their numbers; `duplicates` were accepted before, and change nothing."""

    accepted: int
    events: list[int]
    duplicates: int
    rejected: list[Rejected]


class OriginAnswer(BaseModel):
    """The event is accepted, or was before (`duplicate`)."""

    status: Literal["accepted", "duplicate"]
    event_id: str


class EventAnswer(BaseModel):
    """An event and its outcome; `data` is null for viewers who may not see personal data."""

    id: int
    source: str
    event_id: str
    type: str
    customer_id: str
    occurred_at: datetime
    received_at: datetime
    data: dict[str, JsonValue] | None
    simulated: bool
    status: Literal["waiting", "done", "dead"]
    attempts: int = Field(description="How often it failed")
    done_at: datetime | None
    sequel: Literal["newest", "out_of_order", "late"] | None = Field(
        description="How it relates to what was applied before; null until it is applied"
    )


class EventPage(BaseModel):
    """A page of events, newest first."""

    events: list[EventAnswer]
    next_cursor: int | None = Field(description="The `cursor` of the next page; null on the last one")


class EventsStatus(BaseModel):
    """What waits: events, those of them that failed before, and open dead letters."""

    waiting: int
    retried: int
    dead_letters: int
    oldest_seconds: float | None = Field(description="How long the oldest due event has waited; null where none is due")


@router.post("/events/", status_code=202, dependencies=[_send])
def send_events(body: OneOrMany) -> AcceptedAnswer:
    """Accept one event or up to 1,000; in a list, what cannot be used is `rejected` and the rest accepted."""
    services = _services_for_events()
    intake = Intake.of(services.store, services.settings)
    if isinstance(body, dict):
        return _answer(intake.accept([read_sent(services, body)]))
    if not isinstance(body, list) or not 0 < len(body) <= MAX_EVENTS:
        raise BadEvent("The body is neither an event nor a list of events.", f"A list has 1 to {MAX_EVENTS:,} of them.")
    events: list[Event] = []
    rejected: list[Rejected] = []
    for index, message in enumerate(body):
        try:
            events.append(read_sent(services, message))
        except BadEvent as error:
            rejected.append(Rejected(index=index, error=error.code, detail=str(error)))
    return _answer(intake.accept(events), rejected)


@router.post("/webhooks/customer-events/", status_code=201, dependencies=[_send])
def receive_customer_event(body: OriginEvent) -> OriginAnswer:
    """Accept one event as `{source, event: {customer_id, event_type, timestamp, value, metadata}}`."""
    services = _services_for_events()
    event = read_sent(services, body)
    accepted = Intake.of(services.store, services.settings).accept([event])
    return OriginAnswer(status="duplicate" if accepted.duplicates else "accepted", event_id=event.event_id)


@router.get("/events/", dependencies=[allowed(Action.VIEW)])
def list_events(
    customer_id: Annotated[str | None, Query(max_length=255)] = None,
    type: Annotated[str | None, Query(max_length=255)] = None,
    status: Literal["waiting", "done", "dead"] | None = None,
    campaign_id: Annotated[
        str | None, Query(max_length=100, description="Only events by which customers entered the campaign")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=2**53)] = None,
) -> EventPage:
    """Events, newest first: all, or those of a customer, type, status or campaign."""
    services = get_services()
    services.warehouse.require_rows()
    if customer_id is None:
        services.warehouse.require_every_customer("The events")
    elif services.warehouse.has_scope:
        services.features.get(customer_id)  # refuses a customer who is not in the scope
    found = EventHistory(services.store).list(
        limit + 1, before=cursor, customer_id=customer_id, kind=type, status=status, campaign_id=campaign_id
    )
    page, sees_data = found[:limit], may(Action.SEE_PERSONAL_DATA)
    return EventPage(
        events=[describe(event, sees_data=sees_data) for event in page],
        next_cursor=page[-1].id if len(found) > limit else None,
    )


@router.get("/events/status/", dependencies=[allowed(Action.VIEW)])
def read_events_status() -> EventsStatus:
    """How many events wait to be applied, for how long, and how many dead letters are open."""
    backlog = read_backlog(get_services().store)
    return EventsStatus(
        waiting=backlog.waiting,
        retried=backlog.retried,
        dead_letters=backlog.dead_letters,
        oldest_seconds=backlog.oldest.total_seconds() if backlog.oldest is not None else None,
    )


def describe(event: StoredEvent, *, sees_data: bool) -> EventAnswer:
    """The event as the API answers it."""
    return EventAnswer.model_validate(
        {**vars(event), "simulated": event.is_simulated, "data": dict(event.data) if sees_data else None}
    )


def _services_for_events() -> Services:
    """The viewer's services; refuses whoever sees a part of the customers, and everybody while too many events wait."""
    services = get_services()
    services.warehouse.require_every_customer("Events that are sent")
    require_room(services.store, services.settings.events_max_waiting)
    return services


def read_sent(services: Services, message: object) -> Event:
    """The event in a message that the viewer sent; raises `BadEvent`."""
    source = f"api/{current_viewer().id}"[:255]
    return read_event(message, Arrival(source, datetime.now(UTC), zone=services.settings.zone))


def _answer(accepted: Accepted, rejected: Sequence[Rejected] = ()) -> AcceptedAnswer:
    return AcceptedAnswer(
        accepted=len(accepted.accepted),
        events=accepted.accepted,
        duplicates=accepted.duplicates,
        rejected=list(rejected),
    )
