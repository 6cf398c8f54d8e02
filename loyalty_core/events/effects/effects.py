"""Applies events: reads and computes first, then writes everything that they cause in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import insert

from loyalty_core.campaigns.sending.outcomes import AwaitedEvents
from loyalty_core.events.effects.campaigns import (
    CampaignTriggers,
    Occasion,
    Prospects,
    Triggered,
    outcome_steps,
)
from loyalty_core.events.effects.customers import CustomerReader
from loyalty_core.events.effects.evaluation import named
from loyalty_core.events.effects.offers import OfferPredictor
from loyalty_core.events.effects.trace import SharedStep, Step, Stopwatch, Trace, as_json
from loyalty_core.segments import ExpectedChanges, MemberChange, RecentMembers, change_memberships, expected_changes
from loyalty_core.services import services_of_process
from loyalty_core.store.dialects import WrittenJson
from loyalty_core.store.events import EventTraceRecord, SegmentChangeRecord
from loyalty_core.store.rows import insert_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.events.effects.customer import Customer, Customers
    from loyalty_core.events.event import Event
    from loyalty_core.services import Services

_TRACE = (
    "event",
    "customer_id",
    "at",
    "milliseconds",
    "steps",
    "outcome",
    "campaign_ids",
    "segments_joined",
    "segments_left",
    "scores",
)
_MOVED = "Segments joined and left"
_NOT_FOUND = "Nothing was sent: the warehouse does not know the customer yet."


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Prepared:
    """Events, and what was read and computed for their customers. Nothing of it has been written."""

    events: tuple[Event, ...]
    customers: Customers
    expected: ExpectedChanges
    prospects: Prospects
    at: datetime


class Effects:
    """What events cause: features, scores and segments of their customers brought up to date, campaigns triggered.

    The worker calls `prepare` outside and `write` inside its transaction, so that an event is applied once or not at
    all. Events of one customer in a batch are applied together, by the customer's features as they are now.
    """

    def __init__(self, services: Services, clock: Callable[[], datetime] = _now) -> None:
        self._services = services
        self._clock = clock
        self._customers = CustomerReader(services)
        self._triggers = CampaignTriggers(services.campaigns)
        self._recent = RecentMembers()
        self._awaited = AwaitedEvents()

    def prepare(self, events: Sequence[Event]) -> Prepared:
        """Read and compute for the customers of the events; the state store is not written.

        Raises what `is_outage` recognises where the warehouse or the state store cannot be used.
        """
        with self._services.store.reading():
            return self._prepared(events, self._clock())

    def _prepared(self, events: Sequence[Event], now: datetime) -> Prepared:
        customers = self._customers.read(events, now)
        with self._services.store.session(read_only=True) as session:
            expected = expected_changes(session, customers.answers, customers.versions, self._recent)
        scores = {one.customer_id: one.scores.after for one in customers.known.values() if one.scores}
        churn = {customer_id: after for customer_id, after in scores.items() if after is not None}
        occasions = _occasions(events, customers, _Moved.of(expected.changes, 0.0, customers.segments))
        offers = OfferPredictor(self._services, customers)
        prospects = self._triggers.prepare(occasions, churn, offers, customers.fields)
        return Prepared(tuple(events), customers, expected, prospects, now)

    def write(self, session: Session, prepared: Prepared) -> None:
        """Write what the events cause: members of segments, campaigns' entries and messages, outcomes, traces."""
        self._services.invalidations.announce(session, prepared.customers.found)
        traces = self._apply(session, prepared)
        insert_rows(session, EventTraceRecord, _TRACE, [_row(trace) for trace in traces if trace.event is not None])

    def dry_run(self, event: Event) -> Trace:
        """What the event would cause now: the same steps in a transaction that is rolled back."""
        prepared = self.prepare([event])
        with self._services.store.session() as session:
            (trace,) = self._apply(session, prepared)
            session.rollback()
        return trace

    def _apply(self, session: Session, prepared: Prepared) -> Iterator[Trace]:
        """Write what the events cause, and give the trace of each, made as it is asked for."""
        watch, customers = Stopwatch(), prepared.customers
        changes = change_memberships(
            session, customers.answers, customers.versions, customers.identity, prepared.expected, self._recent
        )
        if changes:
            causes = {customers.found[event.customer_id].customer_id: event.row for event in prepared.events}
            rows = [_change(one, causes, prepared.at) for one in changes]
            session.connection().execute(insert(SegmentChangeRecord), rows)
        moved = _Moved.of(changes, watch.lap(), customers.segments)
        events = [(event, customers.id_of(event.customer_id)) for event in prepared.events]
        outcomes = outcome_steps(session, events, self._awaited.types(session))
        occasions = _occasions(prepared.events, customers, moved)
        triggered = self._triggers.consider(session, occasions, prepared.prospects, prepared.at)
        caused = [_Caused(*parts, moved) for parts in zip(occasions, outcomes, triggered, strict=True)]
        newest = _newest(prepared.events)
        return (_trace(customers, one, newest, prepared.at) for one in caused)


def dry_run(event: Event) -> Trace:
    """What an event would cause now, by the services of the process; see `Effects.dry_run`."""
    return _effects_of(services_of_process()).dry_run(event)


@lru_cache(maxsize=1)
def _effects_of(services: Services) -> Effects:
    return Effects(services)


@dataclass(frozen=True)
class _Moved:
    """Who joined and left which segments, by customer, and how long writing it took."""

    joined: Mapping[str, tuple[str, ...]]
    left: Mapping[str, tuple[str, ...]]
    milliseconds: float
    names: Mapping[str, str]

    @cached_property
    def nothing(self) -> Step:
        """The step of a customer who neither joined nor left any."""
        return SharedStep(_MOVED, self.milliseconds, {}, {"joined": [], "left": []})

    @classmethod
    def of(cls, changes: Sequence[MemberChange], milliseconds: float, names: Mapping[str, str]) -> _Moved:
        joined: dict[str, tuple[str, ...]] = {}
        left: dict[str, tuple[str, ...]] = {}
        for change in changes:
            moved = joined if change.has_joined else left
            moved[change.customer_id] = (*moved.get(change.customer_id, ()), change.segment_id)
        return cls(joined, left, milliseconds, names)

    def step(self, customer_id: str) -> Step:
        if customer_id not in self.joined and customer_id not in self.left:
            return self.nothing
        output = {
            "joined": [named(one, self.names) for one in self.joined.get(customer_id, ())],
            "left": [named(one, self.names) for one in self.left.get(customer_id, ())],
        }
        return Step(_MOVED, self.milliseconds, {}, output)


class _Caused(NamedTuple):
    """What one event caused by itself, beside what all events of its customer caused together."""

    occasion: Occasion
    recorded: Step | None
    triggered: Triggered
    moved: _Moved


def _newest(events: Sequence[Event]) -> dict[str, Event]:
    """The latest event of each customer, by the id that it names; events come the oldest first."""
    return {event.customer_id: event for event in events}


def _occasions(events: Sequence[Event], customers: Customers, moved: _Moved) -> list[Occasion]:
    """What events may make customers enter; what several events changed together is the newest one's."""
    newest = _newest(events)
    occasions = []
    for event in events:
        customer_id = customers.id_of(event.customer_id)
        is_newest = newest[event.customer_id] is event
        joined = moved.joined.get(customer_id, ()) if is_newest else ()
        left = moved.left.get(customer_id, ()) if is_newest else ()
        occasions.append(Occasion(event, customer_id, joined, left))
    return occasions


def _trace(customers: Customers, caused: _Caused, newest: Mapping[str, Event], at: datetime) -> Trace:
    event, triggered, moved = caused.occasion.event, caused.triggered, caused.moved
    customer, latest = customers.found[event.customer_id], newest[event.customer_id]
    steps = [_event_read(event, customer, latest), *customers.steps_of(customer)]
    if caused.recorded is not None:
        steps.append(caused.recorded)
    if customer.features is None:
        return Trace(event.row, customer.customer_id, at, tuple(steps), _NOT_FOUND)
    outcome = triggered.outcome
    if event is latest:
        steps.append(moved.step(customer.customer_id))
    elif not triggered.campaign_ids:
        outcome = f"Applied together with a later event of the customer, {_name(latest)}, whose trace has the rest."
    return Trace(
        event.row,
        customer.customer_id,
        at,
        (*steps, *triggered.steps),
        outcome,
        moved.joined.get(customer.customer_id, ()) if event is latest else (),
        moved.left.get(customer.customer_id, ()) if event is latest else (),
        triggered.campaign_ids,
        customer.scores,
    )


def _event_read(event: Event, customer: Customer, newest: Event) -> Step:
    note = "" if event is newest else f"Taken together with {_name(newest)}, which happened later."
    about = {
        "type": event.type,
        "source": event.source,
        "event_id": event.event_id,
        "occurred_at": event.occurred_at.isoformat(),
        "data": as_json(event.data),
    }
    return Step("Event read", 0.0, about, {"customer_id": customer.customer_id, "sequel": event.sequel}, note)


def _name(event: Event) -> str:
    return f"event {event.row}" if event.row is not None else event.event_id


def _change(change: MemberChange, causes: Mapping[str, int | None], at: datetime) -> dict[str, Any]:
    return {
        "segment_id": change.segment_id,
        "customer_id": change.customer_id,
        "at": at,
        "has_joined": change.has_joined,
        "event": causes[change.customer_id],
    }


def _row(trace: Trace) -> tuple[Any, ...]:
    """The values of `_TRACE`."""
    return (
        trace.event,
        trace.customer_id,
        trace.at,
        round(trace.milliseconds, 3),
        WrittenJson.of([step.as_json() for step in trace.steps]),
        trace.outcome,
        trace.campaign_ids,
        trace.segments_joined,
        trace.segments_left,
        trace.scores.as_json() if trace.scores else None,
    )
