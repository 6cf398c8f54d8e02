"""What events say about features: values before the warehouse has them, and which columns they change at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.events.event import features_in
from loyalty_core.events.inbox import IS_DONE
from loyalty_core.store.events import EventRecord

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from loyalty_core.events.event import Event
    from loyalty_core.store import StateStore


def stated_features(
    store: StateStore, events: Sequence[Event], now: datetime, within: timedelta, *, simulated: bool = False
) -> dict[str, dict[str, Any]]:
    """The values of columns that events of the last time state, by the customer's id; a later event goes above.

    Those of `events` count, and those that were applied before; only simulated ones, or only real ones. An event that
    is out of order states nothing.
    """
    since = now - within
    events = [event for event in events if event.is_simulated == simulated]
    before = select(EventRecord.customer_id, EventRecord.data).where(
        store.dialect.is_one_of(EventRecord.customer_id.expression, {event.customer_id for event in events}),
        EventRecord.occurred_at > since,
        IS_DONE,
        EventRecord.is_simulated.is_(simulated),
        EventRecord.sequel.is_distinct_from("out_of_order"),
        EventRecord.states_features,
    )
    found: dict[str, dict[str, Any]] = {}
    with store.session(read_only=True) as session:
        for customer_id, data in session.execute(before.order_by(EventRecord.occurred_at, EventRecord.id)):
            found.setdefault(customer_id, {}).update(features_in(data))
    for event in events:
        if event.occurred_at > since and not event.is_out_of_order:
            found.setdefault(event.customer_id, {}).update(features_in(event.data))
    return found


def changed_columns(events: Sequence[Event], declared: Mapping[str, Sequence[str]]) -> dict[str, frozenset[str] | None]:
    """The columns that the events of each customer may have changed, by id; None where they may be any."""
    found: dict[str, frozenset[str] | None] = {}
    for event in events:
        columns, before = declared.get(event.type), found.get(event.customer_id, frozenset())
        found[event.customer_id] = None if columns is None or before is None else before.union(columns)
    return found
