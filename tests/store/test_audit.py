from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text
from sqlalchemy.exc import StatementError

from loyalty_core.errors import DataError
from loyalty_core.store import StateStore, audit
from loyalty_core.store.audit import AuditEvent

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)


def write(store: StateStore, *events: dict) -> None:
    with store.session() as session:
        for event in events:
            fields = {"actor": "ann", "action": "changed", "subject_kind": "segment", "subject_id": "7"} | event
            audit.record(session, **fields)


def read(store: StateStore, limit: int = 100, **conditions) -> list[AuditEvent]:
    with store.session(read_only=True) as session:
        return list(audit.recent(session, limit, **conditions))


def test_an_event_comes_back_as_it_was_recorded(store: StateStore):
    details = {"name": "Bodø «vår» 😀", "rule": {"==": [{"var": "city"}, None]}, "count": 3, "share": 0.25}
    write(store, {"at": NOON, "details": details})
    (event,) = read(store)
    assert (event.actor, event.action, event.subject_kind, event.subject_id) == ("ann", "changed", "segment", "7")
    assert event.at == NOON
    assert event.details == details


def test_times_are_utc_whatever_zone_they_were_given_in(store: StateStore):
    oslo = datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Oslo"))
    write(store, {"at": oslo})
    (event,) = read(store)
    assert event.at == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert event.at.tzinfo is UTC


def test_times_are_utc_whatever_zone_the_server_lives_in(postgres_database: str):
    with StateStore(f"{postgres_database}?options=-ctimezone%3DAsia/Kathmandu") as store:
        store.migrate()
        write(store, {"at": NOON})
        (event,) = read(store)
        with store.session() as session:
            assert session.scalar(text("SHOW timezone")) == "Asia/Kathmandu"
    assert (event.at, event.at.tzinfo) == (NOON, UTC)


def test_a_time_without_a_zone_is_refused(store: StateStore):
    with pytest.raises(StatementError, match="has no time zone"):
        write(store, {"at": NOON.replace(tzinfo=None)})


def test_the_default_time_is_now(store: StateStore):
    before = datetime.now(UTC)
    write(store, {})
    (event,) = read(store)
    assert before <= event.at <= datetime.now(UTC)


def test_recent_puts_the_newest_first_and_respects_the_limit(store: StateStore):
    write(
        store,
        {"subject_id": "middle", "at": NOON},
        {"subject_id": "newest", "at": NOON + timedelta(hours=1)},
        {"subject_id": "oldest", "at": NOON - timedelta(hours=1)},
        {"subject_id": "middle, later", "at": NOON},
    )
    assert [event.subject_id for event in read(store)] == ["newest", "middle, later", "middle", "oldest"]
    assert [event.subject_id for event in read(store, 2)] == ["newest", "middle, later"]
    assert [event.subject_id for event in read(store, -5)] == ["newest"]


@pytest.mark.parametrize(
    ("conditions", "found"),
    [
        ({"actor": "bob"}, ["2"]),
        ({"action": "deleted"}, ["3"]),
        ({"subject_kind": "campaign"}, ["4"]),
        ({"subject_kind": "segment", "subject_id": "1"}, ["1"]),
        ({"since": NOON}, ["4", "3"]),
        ({"actor": "ann", "action": "changed"}, ["4", "1"]),
        ({"actor": "' OR 1=1 --"}, []),
    ],
)
def test_recent_respects_every_condition(store: StateStore, conditions: dict, found: list[str]):
    write(
        store,
        {"subject_id": "1", "at": NOON - timedelta(hours=2)},
        {"subject_id": "2", "at": NOON - timedelta(hours=1), "actor": "bob"},
        {"subject_id": "3", "at": NOON, "action": "deleted"},
        {"subject_id": "4", "at": NOON + timedelta(hours=1), "subject_kind": "campaign"},
    )
    assert [event.subject_id for event in read(store, **conditions)] == found


@pytest.mark.parametrize("details", [{"x": float("nan")}, {"x": object()}, {"x": NOON}])
def test_details_that_are_no_json_are_refused_before_anything_is_written(store: StateStore, details: dict):
    with pytest.raises(DataError, match="cannot be stored as JSON"):
        write(store, {}, {"details": details})
    assert read(store) == []


def found(store: StateStore, limit: int = 100, **wanted: Any) -> list[str]:
    """The subjects of the events that match, newest first."""
    with store.session(read_only=True) as session:
        return [event.subject_id for event in audit.search(session, audit.Search(**wanted), limit=limit)]


def test_a_search_finds_parts_of_texts_in_any_case_within_a_span_of_time(store: StateStore):
    hour = timedelta(hours=1)
    write(
        store,
        {"actor": "Anna@example.com", "subject_id": "VIP 100%", "at": NOON},
        {"actor": "bo", "action": "deleted", "subject_id": "VIP 1000", "at": NOON + hour},
        {"actor": "bo", "subject_kind": "model version", "subject_id": "2026", "at": NOON + 2 * hour},
    )
    assert found(store) == ["2026", "VIP 1000", "VIP 100%"]
    assert found(store, limit=2) == ["2026", "VIP 1000"]
    assert found(store, actor=" anna@ ") == ["VIP 100%"]
    assert found(store, action="DELE") == ["VIP 1000"]
    assert found(store, subject="vip") == ["VIP 1000", "VIP 100%"]
    assert found(store, subject="segment vip 100%") == ["VIP 100%"]
    assert found(store, subject="V_P") == []
    assert found(store, subject="version 2") == ["2026"]
    assert found(store, actor="bo", since=NOON + 2 * hour) == ["2026"]
    assert found(store, until=NOON + hour) == ["VIP 100%"]
    assert found(store, since=NOON + hour, until=NOON + 2 * hour) == ["VIP 1000"]


def test_events_are_forgotten_after_so_many_days(store: StateStore):
    now = datetime.now(UTC)
    ages = {"new": 0, "in time": 29, "old": 31, "very old": 4000}
    write(store, *({"subject_id": name, "at": now - timedelta(days=days)} for name, days in ages.items()))
    with store.session() as session:
        audit.forget_old(session, days=30)
    assert found(store) == ["new", "in time"]
