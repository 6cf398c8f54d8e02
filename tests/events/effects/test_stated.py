"""What events say about features: counted for a while where a setting says so, and which segments they concern."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from loyalty_core.events.effects import Effects, Traces
from loyalty_core.services import Services
from loyalty_core.store.events import EventRecord
from tests.events.effects.conftest import NOW, event, outputs

if TYPE_CHECKING:
    from tests.events.effects.conftest import Programme

RICH = {">": [{"var": "total_revenue"}, 100]}
OSLO = {"==": [{"var": "city"}, "Oslo"]}
MORE = {"features": {"total_revenue": 150, "customer_id": "bob", "no_such_column": 1}}


def with_settings(programme: Programme, **settings: Any) -> Programme:
    services = Services(programme.services.settings.model_copy(update=settings))
    return replace(programme, services=services, effects=Effects(services, clock=lambda: NOW))


def test_what_an_event_states_counts_only_where_a_setting_says_so(programme: Programme) -> None:
    rich = programme.save("Rich", RICH)
    programme.apply(event(1, data=MORE))
    assert programme.members(rich) == {"bob"}
    programme = with_settings(programme, events_overlay_seconds=3_600)
    programme.apply(event(60, data=MORE))
    assert programme.members(rich) == {"ann", "bob"}
    trace = Traces(programme.services).get(60)
    assert outputs(trace)["Features fetched"]["overlaid"] == {"total_revenue": 150}
    assert programme.services.features.get("ann")["total_revenue"] == 50


def test_it_counts_for_later_events_until_the_time_is_over(programme: Programme) -> None:
    programme = with_settings(programme, events_overlay_seconds=3_600)
    rich = programme.save("Rich", RICH)
    stated = {
        "source": "test",
        "type": "customer.updated",
        "received_at": NOW,
        "is_simulated": False,
        "status": "done",
        "done_at": NOW,
        "attempts": 0,
        "due_at": NOW,
        "data": MORE,
        "states_features": True,
    }
    minutes = {"ann": 59, "cid": 61}
    with programme.services.store.session() as session:
        for customer_id, age in minutes.items():
            own = {"event_id": customer_id, "customer_id": customer_id, "occurred_at": NOW - timedelta(minutes=age)}
            session.execute(insert(EventRecord).values({**stated, **own}))
    programme.apply(event(98), event(99, "cid"))
    assert programme.members(rich) == {"ann", "bob"}


def test_late_and_out_of_order_events_state_nothing(programme: Programme) -> None:
    programme = with_settings(programme, events_overlay_seconds=3_600)
    rich = programme.save("Rich", RICH)
    programme.apply(event(1, data=MORE, occurred_at=NOW - timedelta(hours=2)))
    programme.apply(event(99, data=MORE, is_out_of_order=True))
    assert programme.members(rich) == {"bob"}


def test_only_segments_that_depend_on_the_changed_columns_are_evaluated(programme: Programme) -> None:
    programme.score()
    rich, oslo = programme.save("Rich", RICH), programme.save("In Oslo", OSLO)
    leaving = programme.save("Leaving", {">=": [{"var": "churn_probability"}, 0]})
    declared = {"customer.login": ["city"], "transaction.created": ["total_revenue"]}
    programme = with_settings(programme, events_changed_columns=declared)
    for segment_id in (rich, oslo, leaving):
        programme.services.segments.change_member(segment_id, "bob", belongs=False)
    programme.apply(event(1, "bob", kind="customer.login"))
    assert Traces(programme.services).get(1).segments_joined == (oslo,)
    programme.apply(event(2, "bob", kind="transaction.created"))
    assert set(Traces(programme.services).get(2).segments_joined) == {rich, leaving}
    programme.services.segments.change_member(oslo, "bob", belongs=False)
    programme.apply(event(3, "bob", kind="transaction.created"), event(4, "bob"))
    assert Traces(programme.services).get(4).segments_joined == (oslo,)
