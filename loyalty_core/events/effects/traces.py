"""The recorded traces, as a viewer may see them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from loyalty_core.access import Action, may
from loyalty_core.errors import CustomerNotFound, LoyaltyError
from loyalty_core.events.effects.evaluation import named
from loyalty_core.events.effects.trace import Scores, Step, Trace
from loyalty_core.events.errors import EventNotFound
from loyalty_core.events.history import events_of_campaign
from loyalty_core.store.events import EventTraceRecord, SegmentChangeRecord
from loyalty_core.warehouse.columns import MASK

if TYPE_CHECKING:
    import builtins
    from collections.abc import Collection, Mapping

    from loyalty_core.services import Services
    from loyalty_core.store import StateStore

_EVALUATED = ("belongs_to", "not_evaluated")
_SEGMENT_LISTS = (*_EVALUATED, "joined", "left")


class TraceNotFound(LoyaltyError):
    """There is no trace of the event: it has not been applied, or was so too long ago."""

    code = "trace_not_found"

    def __init__(self, event: int) -> None:
        super().__init__(
            f"There is no trace of event {event}.",
            "It has not been applied yet, or its trace was removed after EVENTS_TRACES_KEPT_DAYS days.",
        )


class Traces:
    """Traces in the state store, by the services of the viewer, whose scope and rights apply.

    Raises `StateStoreUnavailable`, and `CustomerNotFound` for a customer outside the viewer's scope.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def get(self, event: int) -> Trace:
        """The trace of an event by its row; raises `TraceNotFound`."""
        with self._services.store.session(read_only=True) as session:
            record = session.scalar(select(EventTraceRecord).where(EventTraceRecord.event == event))
        if record is None:
            raise TraceNotFound(event)
        self.require_event_in_scope(event, record.customer_id)
        return self.shown(_trace_of(record))

    def list(
        self,
        limit: int = 50,
        *,
        before: int | None = None,
        customer_id: str | None = None,
        campaign_id: str | None = None,
    ) -> builtins.list[Trace]:
        """The latest, newest first; those of a customer, or that made a customer enter a campaign.

        `before` is the row of an event: only traces of earlier rows. A viewer with a scope names a customer; raises
        `NeedsEveryCustomer` otherwise.
        """
        self._services.warehouse.require_rows()
        if customer_id is None:
            self._services.warehouse.require_every_customer("The traces")
        else:
            self.require_in_scope(customer_id)
        wanted = select(EventTraceRecord).order_by(EventTraceRecord.event.desc()).limit(limit)
        if customer_id is not None:
            wanted = wanted.where(EventTraceRecord.customer_id == customer_id)
        if before is not None:
            wanted = wanted.where(EventTraceRecord.event < before)
        with self._services.store.session(read_only=True) as session:
            if campaign_id is not None:
                wanted = wanted.where(EventTraceRecord.event.in_(events_of_campaign(session, campaign_id)))
            found = [_trace_of(record) for record in session.scalars(wanted)]
        return self._shown(found)

    def outcomes(self, events: Collection[int]) -> dict[int, str]:
        """The outcome of each of the events, by row; those without a trace are left out."""
        columns = EventTraceRecord.event, EventTraceRecord.outcome
        with self._services.store.session(read_only=True) as session:
            return dict(session.execute(select(*columns).where(EventTraceRecord.event.in_(events))).all())

    def require_event_in_scope(self, event: int, customer_id: str) -> None:
        """Raise `EventNotFound` where the viewer may not see the customer, whom the error does not name."""
        try:
            self.require_in_scope(customer_id)
        except CustomerNotFound:
            raise EventNotFound(event) from None

    def require_in_scope(self, customer_id: str) -> None:
        """Raise `CustomerNotFound` where the viewer may not see the customer, `GroupsOnly` where they see none."""
        self._services.warehouse.require_rows()
        if self._services.warehouse.has_scope:
            self._services.features.get(customer_id)

    def shown(self, trace: Trace) -> Trace:
        """The trace with the names of segments, without what the viewer may not see.

        That is personal values, and segments that would tell them. What an event says may be personal whatever its name
        is, so it is left out whole.
        """
        return self._shown([trace])[0]

    def _shown(self, traces: builtins.list[Trace]) -> builtins.list[Trace]:
        hidden, names = self._services.warehouse.hidden, self._services.segments.names()
        sees_data = may(Action.SEE_PERSONAL_DATA)
        named = [replace(one, steps=tuple(_with_names(step, names) for step in one.steps)) for one in traces]
        if sees_data and not hidden:
            return named
        revealing = self._services.segments.revealing()
        return [_without_hidden(one, hidden, revealing, sees_data=sees_data) for one in named]


def forget_old_traces(store: StateStore, days: int) -> None:
    """Remove traces that are older than this many days."""
    with store.session() as session:
        before = store.dialect.now(session) - timedelta(days=days)
        session.execute(delete(EventTraceRecord).where(EventTraceRecord.at < before))


def forget_old_changes(store: StateStore, days: int) -> None:
    """Remove records of who joined and left segments that are older than this many days; the members stay."""
    with store.session() as session:
        before = store.dialect.now(session) - timedelta(days=days)
        session.execute(delete(SegmentChangeRecord).where(SegmentChangeRecord.at < before))


def _with_names(step: Step, names: Mapping[str, str]) -> Step:
    """The step with names of the segments that were evaluated, which are stored as ids."""
    lists = {name: step.output[name] for name in _EVALUATED if name in step.output}
    if not lists:
        return step
    with_names = {
        name: [named(one, names) if isinstance(one, str) else one for one in found] for name, found in lists.items()
    }
    return replace(step, output={**step.output, **with_names})


def _without_hidden(trace: Trace, hidden: Collection[str], revealing: Collection[str], *, sees_data: bool) -> Trace:
    return replace(
        trace,
        steps=tuple(_shown(step, hidden, revealing, sees_data=sees_data) for step in trace.steps),
        segments_joined=tuple(one for one in trace.segments_joined if one not in revealing),
        segments_left=tuple(one for one in trace.segments_left if one not in revealing),
    )


def _shown(step: Step, hidden: Collection[str], revealing: Collection[str], *, sees_data: bool) -> Step:
    given, output = dict(step.input), dict(step.output)
    if "data" in given and not sees_data:
        given["data"] = None
    for part in ("read_by_models", "overlaid"):
        if part in output:
            output[part] = {name: MASK if name in hidden else value for name, value in output[part].items()}
    if "changed" in output:
        output["changed"] = [_masked(change) if change["column"] in hidden else change for change in output["changed"]]
    for name in _SEGMENT_LISTS:
        if name in output:
            output[name] = [one for one in output[name] if one["id"] not in revealing]
    return replace(step, input=given, output=output)


def _masked(change: Mapping[str, Any]) -> dict[str, Any]:
    return {"column": change["column"], "before": MASK, "after": MASK}


def _trace_of(record: EventTraceRecord) -> Trace:
    scores = record.scores
    return Trace(
        event=record.event,
        customer_id=record.customer_id,
        at=record.at,
        steps=tuple(Step(**step) for step in record.steps),
        outcome=record.outcome,
        segments_joined=tuple(record.segments_joined),
        segments_left=tuple(record.segments_left),
        campaign_ids=tuple(record.campaign_ids),
        scores=Scores(scores["before"], scores["after"], scores["model_version"]) if scores else None,
    )
