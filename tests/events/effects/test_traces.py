"""Recorded traces: found again, seen as far as the viewer may, and removed when they are old."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from loyalty_core.access import Scope, Viewer, acting_as
from loyalty_core.errors import CustomerNotFound
from loyalty_core.events import EventHistory, EventNotFound
from loyalty_core.events.effects import Effects, TraceNotFound, Traces, forget_old_traces, read_story
from loyalty_core.store.campaigns import CampaignEntryRecord
from loyalty_core.store.events import EventRecord
from loyalty_core.store.messages import MessageOutcomeRecord, OutboxRecord
from loyalty_core.warehouse import NeedsEveryCustomer
from tests.events.effects.conftest import NOW, event, outputs

if TYPE_CHECKING:
    from loyalty_core.events.effects import Moment
    from tests.events.effects.conftest import Programme

IN_OSLO = Scope.of({"==": [{"var": "city"}, "Oslo"]})
LOOKS = Viewer("vi", frozenset({"viewer"}))
IN_SCOPE = Viewer("sam", frozenset({"admin"}), scope=IN_OSLO)


def store_event(programme: Programme, row: int, customer_id: str = "ann", minutes: int = 0) -> None:
    values = {
        "id": row,
        "source": "test",
        "event_id": f"e{row}",
        "type": "customer.updated",
        "customer_id": customer_id,
        "occurred_at": NOW + timedelta(minutes=minutes),
        "received_at": NOW,
        "data": {},
        "is_simulated": False,
        "status": "done",
        "attempts": 0,
        "due_at": NOW,
    }
    with programme.services.store.session() as session:
        session.execute(insert(EventRecord).values(values))


def test_a_trace_is_read_as_it_was_recorded(programme: Programme) -> None:
    rich = programme.save("Rich", {">": [{"var": "total_revenue"}, 40]})
    programme.services.segments.change_member(rich, "ann", belongs=False)
    programme.apply(event(1, data={"features": {"city": "Oslo"}}), event(2, "bob"))
    traces = Traces(programme.services)
    found = traces.get(1)
    assert found.customer_id == "ann"
    assert found.at == NOW
    assert found.segments_joined == (rich,)
    assert found.scores is not None
    assert found.scores.after == outputs(found)["Churn predicted"]["after"]
    assert found.steps[0].input["data"] == {"features": {"city": "Oslo"}}
    assert [one.event for one in traces.list()] == [2, 1]
    assert [one.event for one in traces.list(before=2)] == [1]
    assert [one.event for one in traces.list(customer_id="bob")] == [2]
    assert traces.outcomes([1, 2, 3]).keys() == {1, 2}
    with pytest.raises(TraceNotFound):
        traces.get(3)


def test_traces_of_a_campaign_are_those_that_made_customers_enter(programme: Programme) -> None:
    programme.apply(event(1), event(2, "bob"))
    enter(programme, "retention", "bob", cause="event:2")
    enter(programme, "retention", "ann", cause="run:1")
    found = Traces(programme.services).list(campaign_id="retention")
    assert [one.event for one in found] == [2]
    store_event(programme, 1)
    store_event(programme, 2, "bob")
    assert [one.id for one in EventHistory(programme.services.store).list(campaign_id="retention")] == [2]


def test_a_viewer_without_the_right_sees_no_personal_values(programme_on_server: Programme) -> None:
    programme = programme_on_server
    revealing = programme.save("Has example.com", {"in": ["example", {"var": "email"}]})
    oslo = programme.save("In Oslo", {"==": [{"var": "city"}, "Oslo"]})
    programme.services.features.get("ann")
    programme.change("UPDATE customers SET email = 'a@other.org', city = 'Bergen' WHERE customer_id = 'ann'")
    programme.apply(event(1, data={"email": "a@other.org"}))
    assert set(Traces(programme.services).get(1).segments_left) == {revealing, oslo}
    with acting_as(LOOKS):
        seen = Traces(programme.services.seen_by(LOOKS)).get(1)
    assert seen.steps[0].input["data"] is None
    changed = {one["column"]: one["after"] for one in outputs(seen)["Features fetched"]["changed"]}
    assert changed == {"email": "•••", "city": "Bergen"}
    assert seen.segments_left == (oslo,)
    assert outputs(seen)["Segments joined and left"]["left"] == [{"id": oslo, "name": "In Oslo"}]
    assert "other.org" not in str(seen)
    assert "Has example" not in str(seen)


def test_a_scope_limits_traces_and_stories(programme: Programme) -> None:
    programme.apply(event(1), event(2, "cid"))
    services = programme.services.seen_by(IN_SCOPE)
    with acting_as(IN_SCOPE):
        assert Traces(services).get(1).customer_id == "ann"
        assert [one.event for one in Traces(services).list(customer_id="ann")] == [1]
        with pytest.raises(EventNotFound):
            Traces(services).get(2)
        with pytest.raises(CustomerNotFound):
            read_story(services, "cid")
        with pytest.raises(NeedsEveryCustomer):
            Traces(services).list()


def test_old_traces_are_removed(programme: Programme) -> None:
    long_ago = replace(programme, effects=Effects(programme.services, clock=lambda: NOW - timedelta(days=3_650)))
    long_ago.apply(event(1))
    programme.apply(event(2))
    forget_old_traces(programme.services.store, days=3_000)
    assert [one.event for one in Traces(programme.services).list()] == [2]


def enter(programme: Programme, campaign_id: str, customer_id: str, **more: Any) -> None:
    values = {
        "campaign_id": campaign_id,
        "customer_id": customer_id,
        "number": 1,
        "entered_at": NOW,
        "cause": "event:1",
        "version": 1,
        "status": "queued",
        "is_simulated": False,
        **more,
    }
    with programme.services.store.session() as session:
        session.execute(insert(CampaignEntryRecord).values(values))


def summary_of(moments: list[Moment]) -> list[tuple[str, str, str]]:
    return [(one.kind, one.what, one.how) for one in moments]


def test_a_story_has_everything_newest_first(programme: Programme) -> None:
    rich = programme.save("Rich", {">": [{"var": "total_revenue"}, 40]})
    programme.services.segments.change_member(rich, "ann", belongs=False)
    store_event(programme, 1, minutes=-1)
    store_event(programme, 2, "bob")
    programme.apply(event(1))
    enter(programme, "retention", "ann")
    enter(programme, "vip", "ann", entered_at=NOW + timedelta(minutes=1), status="holdout")
    message = {
        "campaign_id": "retention",
        "customer_id": "ann",
        "entry_id": 1,
        "channel": "log",
        "is_simulated": False,
    }
    queued = {
        **message,
        "key": "k",
        "version": 1,
        "queued_at": NOW + timedelta(minutes=2),
        "due_at": NOW,
        "status": "sent",
        "attempts": 1,
    }
    opened = {**message, "kind": "opened", "occurred_at": NOW + timedelta(minutes=3)}
    with programme.services.store.session() as session:
        session.execute(insert(OutboxRecord).values(queued))
        session.execute(insert(MessageOutcomeRecord).values(opened))
    story = read_story(programme.services, "ann")
    assert summary_of(story) == [
        ("outcome", "retention", "opened"),
        ("message", "retention", "sent"),
        ("entry", "vip", "holdout"),
        ("segment", "Rich", "joined"),
        ("event", "customer.updated", "done"),
    ]
    pages: list[Moment] = []
    while page := read_story(programme.services, "ann", 2, pages[-1].place if pages else None):
        pages += page
    assert pages == story


def test_moments_of_one_time_are_each_told_once(programme: Programme) -> None:
    for row in range(1, 6):
        store_event(programme, row)
        enter(programme, "vip", "ann", number=row, status="suppressed", reason="consent")
    pages: list[Moment] = []
    while page := read_story(programme.services, "ann", 3, pages[-1].place if pages else None):
        pages += page
    assert len(pages) == len({one.place for one in pages}) == 10
