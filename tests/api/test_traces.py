"""Traces, dry runs and stories over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.access import Scope, Viewer, acting_as, process_acts_as, terminal_viewer
from loyalty_core.events import Event, Inbox, Intake, Worker
from loyalty_core.events.effects import Effects
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import services_of_process
from tests.fixtures.api import RICH
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.fixtures.api import Ask
    from tests.workbench import Configure, Query

STEPS = [
    "Event read",
    "Cache invalidated",
    "Features fetched",
    "Churn predicted",
    "Segments evaluated",
    "Segments joined and left",
]


@pytest.fixture
def applied(demo_settings: Configure) -> Iterator[int]:
    """The number of an event by which a customer joined or left a segment, where people sign in."""
    demo_settings(ml_mock_mode=True, sign_in="openid")
    with process_acts_as(terminal_viewer()):
        yield apply_events()


def apply_events() -> int:
    services = services_of_process()
    services.segmentation.create(SegmentDraft("Not rich", {"!": RICH}), actor="ann")
    services.segmentation.refresh("not-rich")
    is_member = services.segments.is_member("not-rich", GUIDE_CUSTOMER)
    services.segments.change_member("not-rich", GUIDE_CUSTOMER, belongs=not is_member)
    now = datetime.now(UTC)
    events = [Event("test", f"e{n}", "customer.login", GUIDE_CUSTOMER, now - timedelta(minutes=n)) for n in range(3)]
    *_, newest = sorted(Intake(services.store, timedelta(0)).accept(events).accepted, reverse=True)
    assert Worker(services.store, Inbox(services.store), Effects(services)).apply_waiting() == 3
    return newest


def test_a_trace_has_every_step(applied: int, ask: Ask) -> None:
    found = ask(f"/events/{applied}/trace/").json()
    assert [step["name"] for step in found["steps"]][: len(STEPS)] == STEPS
    assert found["event"] == applied
    assert found["segments_joined"] + found["segments_left"] == ["not-rich"]
    assert (
        found["scores"]["after"]
        == ask("/dwh/ml/churn/", "POST", {"customer_id": GUIDE_CUSTOMER}).json()["churn_probability"]
    )
    missing = ask("/events/99999/trace/")
    assert (missing.status_code, missing.json()["error"]) == (404, "event_not_found")


def test_a_dry_run_changes_nothing(applied: int, ask: Ask) -> None:
    before = ask(f"/customers/{GUIDE_CUSTOMER}/story/").json()
    sent = {"event_id": "x", "type": "points.changed", "customer_id": GUIDE_CUSTOMER, "data": {"points": 5}}
    found = ask("/events/dry-run/", "POST", {**sent, "occurred_at": datetime.now(UTC).isoformat()})
    assert found.status_code == 200
    assert found.json()["event"] is None
    assert found.json()["outcome"].startswith("Nothing was sent")
    assert ask(f"/customers/{GUIDE_CUSTOMER}/story/").json() == before
    wrong = ask("/events/dry-run/", "POST", {**sent, "type": "point.changed"})
    assert (wrong.status_code, wrong.json()["error"]) == (422, "bad_event")


def test_a_story_is_read_in_pages(applied: int, ask: Ask) -> None:
    whole = ask(f"/customers/{GUIDE_CUSTOMER}/story/").json()
    assert whole["next_cursor"] is None
    assert sorted(moment["kind"] for moment in whole["story"]) == ["event", "event", "event", "segment"]
    first = ask(f"/customers/{GUIDE_CUSTOMER}/story/?limit=3").json()
    rest = ask(f"/customers/{GUIDE_CUSTOMER}/story/?cursor={first['next_cursor']}").json()
    assert first["story"] + rest["story"] == whole["story"]
    assert ask(f"/customers/{GUIDE_CUSTOMER}/story/?cursor=made-up").status_code == 422


def test_customers_out_of_scope_have_neither_trace_nor_story(applied: int, ask: Ask, query_demo: Query) -> None:
    [(country,)] = query_demo("SELECT country FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)
    others = Scope.of({"!": {"==": [{"var": "country"}, country]}})
    with acting_as(Viewer("sam", frozenset({"admin"}), scope=others)):
        for path in (f"/events/{applied}/trace/", f"/customers/{GUIDE_CUSTOMER}/story/"):
            assert ask(path).status_code == 404, path


def test_viewers_may_look_but_not_try(applied: int, ask: Ask) -> None:
    with acting_as(Viewer("vi", frozenset({"viewer"}))):
        assert ask(f"/events/{applied}/trace/").json()["steps"][0]["input"]["data"] is None
        assert ask("/events/dry-run/", "POST", {}).status_code == 403
