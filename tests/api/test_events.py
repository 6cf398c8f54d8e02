"""Events over HTTP: sent, listed by whoever may see them, corrected and replayed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.access import Scope, Viewer, acting_as
from loyalty_core.events.running import new_worker
from loyalty_core.services import get_services, services_of_process
from loyalty_core.store.events import DeadLetterRecord
from tests.fixtures.api import Ask, error_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from loyalty_core.events import Worker
    from tests.workbench import Configure


@pytest.fixture(autouse=True)
def _together_at_once(demo_settings: Configure):
    demo_settings(ml_mock_mode=True, events_together_seconds=0)


def sent(event_id: str, **parts: Any) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    return {"event_id": event_id, "type": "customer.login", "customer_id": GUIDE_CUSTOMER, "occurred_at": at, **parts}


def worker() -> Worker:
    return new_worker(services_of_process())


def test_one_event_is_accepted_applied_and_found(ask: Ask):
    answer = ask("/events/", "POST", sent("1", data={"channel": "app"}))
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "events": [1], "duplicates": 0, "rejected": []}
    assert ask("/events/status/").json()["waiting"] == 1
    assert worker().apply_all() == 1
    (found,) = ask(f"/events/?customer_id={GUIDE_CUSTOMER}").json()["events"]
    assert (found["status"], found["sequel"], found["data"]) == ("done", "newest", {"channel": "app"})
    assert ask("/events/status/").json() == {"waiting": 0, "retried": 0, "dead_letters": 0, "oldest_seconds": None}


def test_of_a_list_what_cannot_be_used_is_rejected_and_the_rest_accepted(ask: Ask):
    answer = ask("/events/", "POST", [sent("1"), 5, sent("2", type="nonsense"), sent("1")]).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(one["index"], one["error"]) for one in answer["rejected"]] == [(1, "bad_event"), (2, "bad_event")]


def test_a_single_event_that_cannot_be_used_is_refused(ask: Ask):
    future = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    status, code, detail = error_of(ask("/events/", "POST", sent("1", occurred_at=future)))
    assert (status, code) == (422, "bad_event")
    assert "in the future" in detail
    for body in ([], [{}] * 1001, "text"):
        assert error_of(ask("/events/", "POST", body))[:2] == (422, "bad_event")


def test_a_webhook_that_is_sent_again_is_a_duplicate(ask: Ask):
    event = {"customer_id": GUIDE_CUSTOMER, "event_type": "customer.login", "timestamp": "2026-11-24T08:00:00"}
    first, again = (ask("/webhooks/customer-events/", "POST", {"source": "shop", "event": event}) for _ in range(2))
    assert (first.status_code, first.json()["status"]) == (201, "accepted")
    assert again.json() == {"status": "duplicate", "event_id": first.json()["event_id"]}


def test_no_more_are_accepted_while_too_many_wait(ask: Ask, demo_settings: Configure):
    demo_settings(ml_mock_mode=True, events_max_waiting=1)
    ask("/events/", "POST", [sent("1"), sent("2")])
    answer = ask("/events/", "POST", sent("3"))
    assert error_of(answer)[:2] == (429, "too_many_events")
    assert answer.headers["retry-after"] == "10"


def test_events_come_in_pages_and_by_status(ask: Ask):
    ask("/events/", "POST", [sent(str(number)) for number in range(3)])
    first = ask("/events/?limit=2&status=waiting").json()
    second = ask(f"/events/?limit=2&cursor={first['next_cursor']}").json()
    assert [len(first["events"]), len(second["events"]), second["next_cursor"]] == [2, 1, None]
    assert ask("/events/?status=done").json()["events"] == []


def test_a_dead_letter_is_mended_if_nobody_else_has(ask: Ask):
    ask("/events/", "POST", sent("1"))
    with get_services().store.session() as session:
        session.add(
            DeadLetterRecord(
                source="test", body="{", error={"code": "x", "what": "w", "why": "", "remedy": ""}, attempts=0,
                received_at=datetime.now(UTC), status="open",
            )
        )  # fmt: skip
    read = ask("/dead-letters/1/")
    corrected = {"body": json.dumps(sent("2"))}
    assert ask("/dead-letters/1/", "PATCH", corrected, {"if-match": '"other"'}).status_code == 412
    assert ask("/dead-letters/1/", "PATCH", corrected, {"if-match": read.headers["etag"]}).status_code == 200
    assert ask("/dead-letters/1/replay/", "POST").json()["status"] == "replayed"
    assert error_of(ask("/dead-letters/1/discard/", "POST"))[:2] == (409, "dead_letter_closed")
    assert error_of(ask("/dead-letters/2/"))[:2] == (404, "dead_letter_not_found")
    assert worker().apply_all() == 2


def test_a_scope_shows_the_events_of_its_customers_alone(ask: Ask, demo_settings: Configure):
    demo_settings(ml_mock_mode=True, sign_in="openid")
    none = Scope.of({"==": [{"var": "customer_id"}, "none"]})
    with acting_as(Viewer("ann", frozenset({"analyst"}))):
        ask("/events/", "POST", [sent("1"), sent("2", customer_id="nobody")])
        assert len(ask("/events/").json()["events"]) == 2
    with acting_as(Viewer("bob", frozenset({"analyst"}), scope=none)):
        assert error_of(ask("/events/"))[:2] == (403, "needs_every_customer")
        assert error_of(ask(f"/events/?customer_id={GUIDE_CUSTOMER}"))[:2] == (404, "customer_not_found")
        assert error_of(ask("/events/", "POST", sent("3")))[:2] == (403, "needs_every_customer")
        assert error_of(ask("/dead-letters/"))[:2] == (403, "needs_every_customer")


def test_data_of_events_is_for_those_who_may_see_personal_data(ask: Ask, demo_settings: Configure):
    demo_settings(ml_mock_mode=True, sign_in="openid")
    with acting_as(Viewer("ann", frozenset({"analyst"}))):
        ask("/events/", "POST", sent("1", data={"email": "ann@example.com"}))
    with acting_as(Viewer("bob", frozenset({"viewer"}))):
        answer = ask("/events/")
    assert answer.json()["events"][0]["data"] is None
    assert "ann@example.com" not in answer.text


def test_whoever_sees_no_small_groups_sees_no_events(ask: Ask, demo_settings: Configure):
    demo_settings(sign_in="openid", smallest_group_shown=5)
    with acting_as(Viewer("vera", frozenset({"viewer"}))):
        for path in ("/events/", f"/events/?customer_id={GUIDE_CUSTOMER}"):
            answer = ask(path)
            assert (answer.status_code, answer.json()["error"]) == (403, "groups_only")
