"""The audit trail over HTTP: searched, and read page by page."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from loyalty_core.services import get_services
from loyalty_core.store import audit
from tests.fixtures.api import Ask, error_of

if TYPE_CHECKING:
    from tests.workbench import Configure

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def events(demo_settings: Configure) -> None:
    """Five events, two of them at the same moment."""
    with get_services().store.session() as session:
        for number, minutes in enumerate((0, 1, 1, 2, 3), start=1):
            audit.record(
                session, actor=f"ann-{number}", action="created" if number < 4 else "deleted", subject_kind="segment",
                subject_id=f"s{number}", details={"version": number}, at=NOON + timedelta(minutes=minutes),
            )  # fmt: skip


def subjects(ask: Ask, query: str) -> list[str]:
    answer = ask(f"/audit/?{query}")
    assert answer.status_code == 200, answer.text
    return [event["subject_id"] for event in answer.json()["events"]]


def test_an_event_is_answered_whole(ask: Ask):
    (event,) = ask("/audit/?actor=ANN-3").json()["events"]
    assert event | {"id": 0} == {
        "id": 0, "at": "2026-11-24T12:01:00Z", "actor": "ann-3", "place": "", "action": "created",
        "subject_kind": "segment", "subject_id": "s3", "details": {"version": 3},
    }  # fmt: skip


def test_events_are_searched(ask: Ask):
    assert subjects(ask, "action=created") == ["s3", "s2", "s1"]
    assert subjects(ask, "subject=segment s4") == ["s4"]
    assert subjects(ask, "since=2026-11-24T12:01:00Z&until=2026-11-24T13:02:00%2B01:00") == ["s3", "s2"]
    assert subjects(ask, "actor=nobody") == []


def test_pages_leave_nothing_out_and_repeat_nothing(ask: Ask):
    found, cursor = list[str](), ""
    while True:
        page = ask(f"/audit/?subject=segment&limit=2{cursor}").json()
        found += [event["subject_id"] for event in page["events"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
        with get_services().store.session() as session:  # what happens meanwhile is before the first page
            audit.record(session, actor="bob", action="created", subject_kind="segment", subject_id="new")
    assert found == ["s5", "s4", "s3", "s2", "s1"]


def test_what_cannot_be_searched_is_refused(ask: Ask):
    assert error_of(ask("/audit/?cursor=abc"))[:2] == (422, "bad_cursor")
    assert error_of(ask("/audit/?since=2026-11-24T12:00:00"))[:2] == (422, "bad_request")
    assert error_of(ask("/audit/?who=ann"))[:2] == (422, "bad_request")


def test_the_trail_as_a_file(ask: Ask):
    answer = ask("/audit/file/?subject=segment&until=2026-11-24T12:02:00Z")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["subject_id"] for row in rows] == ["s3", "s2", "s1"]
    assert rows[2] == {
        "at": "2026-11-24T12:00:00+00:00", "actor": "ann-1", "place": "", "action": "created",
        "subject_kind": "segment", "subject_id": "s1", "details": '{"version": 1}',
    }  # fmt: skip
    (newest,) = ask("/audit/?limit=1").json()["events"]
    assert (newest["action"], newest["subject_kind"], newest["details"]) == ("exported", "audit trail", {"events": 3})
