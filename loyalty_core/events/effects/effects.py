"""Applies events: reads and computes first, then writes everything that they cause in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from loyalty_core.events.effects.campaigns import Triggered
from loyalty_core.events.effects.customers import CustomerReader, named
from loyalty_core.events.effects.trace import Step, Stopwatch, Trace
from loyalty_core.segments import MemberChange, change_memberships
from loyalty_core.store.events import EventTraceRecord, SegmentChangeRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.events.effects.customers import Customer, Customers
    from loyalty_core.events.event import Event
    from loyalty_core.services import Services

_REFUSALS = {
    "late": "Nothing was sent: the event is too old to trigger a message. Features and segments are up to date.",
    "out_of_order": "Nothing was sent because of this event: a later one of the same type was applied before it.",
}
_NOT_FOUND = "Nothing was sent: the warehouse does not know the customer yet."


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Prepared:
    """Events, and what was read and computed for their customers. Nothing of it has been written."""

    events: tuple[Event, ...]
    customers: Customers
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

    def prepare(self, events: Sequence[Event]) -> Prepared:
        """Read and compute for the customers of the events; the state store is not written.

        Raises what `is_outage` recognises where the warehouse or the state store cannot be used.
        """
        customer_ids = dict.fromkeys(event.customer_id for event in events)
        return Prepared(tuple(events), self._customers.read(customer_ids), self._clock())

    def write(self, session: Session, prepared: Prepared) -> None:
        """Write what the events cause: members of segments, campaigns' entries and messages, outcomes, traces."""
        traces = self._apply(session, prepared)
        rows = [_record(trace) for trace in traces if trace.event.row is not None]
        if rows:
            session.execute(insert(EventTraceRecord), rows)

    def dry_run(self, event: Event) -> Trace:
        """What the event would cause now: the same steps in a transaction that is rolled back."""
        prepared = self.prepare([event])
        with self._services.store.session() as session:
            (trace,) = self._apply(session, prepared)
            session.rollback()
        return trace

    def _apply(self, session: Session, prepared: Prepared) -> list[Trace]:
        watch, customers = Stopwatch(), prepared.customers
        known = {one.customer_id: one for one in customers.found.values() if one.features is not None}
        belongs = {customer_id: customer.belongs for customer_id, customer in known.items()}
        changes = change_memberships(session, belongs, customers.versions, customers.identity)
        newest = {event.customer_id: event for event in prepared.events}
        causes = {customers.found[event.customer_id].customer_id: event.row for event in newest.values()}
        if changes:
            session.execute(insert(SegmentChangeRecord), [_change(one, causes, prepared.at) for one in changes])
        moved = _Moved.of(changes, watch.lap(), customers.segments)
        return [
            _trace(
                event, customers.found[event.customer_id], newest[event.customer_id], moved, Triggered(), prepared.at
            )
            for event in prepared.events
        ]


@dataclass(frozen=True)
class _Moved:
    """Who joined and left which segments, by customer, and how long writing it took."""

    joined: Mapping[str, tuple[str, ...]]
    left: Mapping[str, tuple[str, ...]]
    milliseconds: float
    names: Mapping[str, str]

    @classmethod
    def of(cls, changes: Sequence[MemberChange], milliseconds: float, names: Mapping[str, str]) -> _Moved:
        joined: dict[str, tuple[str, ...]] = {}
        left: dict[str, tuple[str, ...]] = {}
        for change in changes:
            moved = joined if change.has_joined else left
            moved[change.customer_id] = (*moved.get(change.customer_id, ()), change.segment_id)
        return cls(joined, left, milliseconds, names)

    def step(self, customer_id: str) -> Step:
        output = {
            "joined": [named(one, self.names) for one in self.joined.get(customer_id, ())],
            "left": [named(one, self.names) for one in self.left.get(customer_id, ())],
        }
        return Step("Segments joined and left", self.milliseconds, {}, output)


def _trace(event: Event, customer: Customer, newest: Event, moved: _Moved, triggered: Triggered, at: datetime) -> Trace:
    """The trace of an event; what several events of one customer changed together is the newest one's."""
    steps = [_event_read(event, customer, newest), *customer.steps]
    if customer.features is None:
        return Trace(event, customer.customer_id, at, tuple(steps), _NOT_FOUND)
    if event is not newest:
        outcome = f"Applied together with a later event of the customer, {_name(newest)}, whose trace has the rest."
        return Trace(event, customer.customer_id, at, tuple(steps), outcome, scores=customer.scores)
    refusal = _REFUSALS.get(event.sequel)
    return Trace(
        event,
        customer.customer_id,
        at,
        (*steps, moved.step(customer.customer_id), *(() if refusal else triggered.steps)),
        refusal or triggered.outcome,
        moved.joined.get(customer.customer_id, ()),
        moved.left.get(customer.customer_id, ()),
        () if refusal else triggered.campaign_ids,
        customer.scores,
    )


def _event_read(event: Event, customer: Customer, newest: Event) -> Step:
    note = "" if event is newest else f"Taken together with {_name(newest)}, which happened later."
    about = {
        "type": event.type,
        "source": event.source,
        "event_id": event.event_id,
        "occurred_at": event.occurred_at,
        "data": event.data,
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


def _record(trace: Trace) -> dict[str, Any]:
    return {
        "event": trace.event.row,
        "customer_id": trace.customer_id,
        "at": trace.at,
        "milliseconds": round(trace.milliseconds, 3),
        "steps": [step.as_json() for step in trace.steps],
        "outcome": trace.outcome,
        "campaign_ids": list(trace.campaign_ids),
        "segments_joined": list(trace.segments_joined),
        "segments_left": list(trace.segments_left),
        "scores": trace.scores.as_json() if trace.scores else None,
    }
