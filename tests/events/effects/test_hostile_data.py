"""Whatever an event says, it is refused with a reason when it is sent, or it is applied; it never fails later."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.events import BadEvent, Intake
from loyalty_core.events.effects import Effects, Traces
from loyalty_core.events.forms import Arrival, read_text
from loyalty_core.events.inbox import Inbox
from loyalty_core.events.worker import Worker
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from loyalty_core.store.events import EventRecord
from tests.events.effects.conftest import TABLE, Programme
from tests.events.effects.test_campaigns import RICH, run
from tests.fixtures.warehouses import DuckDBFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.store import StateStore


def lists(depth: int) -> Any:
    return [lists(depth - 1)] if depth else 1


def objects(depth: int) -> Any:
    return {"in": objects(depth - 1)} if depth else 1


REFUSED: dict[str, dict[str, Any]] = {
    "lists 51 deep": {"nested": lists(50)},
    "lists 450 deep": {"nested": lists(449)},
    "objects 450 deep": {"nested": objects(449)},
    "an amount beyond a double": {"amount": 10**400},
    "a feature beyond a double": {"features": {"total_revenue": -(10**400)}},
}
APPLIED: dict[str, dict[str, Any]] = {
    "lists 49 deep": {"nested": lists(48)},
    "objects 49 deep": {"nested": objects(48)},
    "a feature of more than 64 bits": {"features": {"total_revenue": 2**70, "transaction_count": -(2**70)}},
    "features of other types": {"features": {"total_revenue": "much", "joined_on": [1], "city": {"a": 1}}},
    "the id as a feature": {"features": {"customer_id": "bob"}},
    "a large text": {"text": "x" * 1_000_000, "features": {"city": "x" * 10_000}},
    "many keys": {f"key {number}": number for number in range(30_000)},
    "a null character": {"text": "a\0b", "\0": 1},
    "half of a character": {"text": "\ud800", "\udfff": 1},
    "templates": {"{{ customer.email }}": "{% for a in (1..100000) %}{{ a }}{% endfor %}"},
    "SQL": {"message_id": "'; DROP TABLE events; --", "campaign_id": "%s ? :a", "channel": "\u202e*"},
}


@pytest.fixture
def programme(store: StateStore, tmp_path: Path) -> Iterator[Programme]:
    """A programme with the state store on either database, in which features count that events state."""
    database = DuckDBFile(tmp_path / "warehouse.duckdb")
    database.execute(TABLE)
    settings = Settings(
        dwh_url=database.url,
        state_database_url=store.url.render_as_string(hide_password=False),
        models_dir=tmp_path / "models",
        ml_mock_mode=True,
        events_overlay_seconds=3_600,
    )
    services = Services(settings)
    yield Programme(database, services, Effects(services))
    services.warehouse.close()
    services.store.close()


@pytest.mark.parametrize("kind", ["transaction.created", "campaign.converted"])
def test_an_event_is_refused_when_it_is_sent_or_applied(programme: Programme, kind: str) -> None:
    programme.save("Rich", RICH)
    programme.save("Early", {"<": [{"var": "joined_on"}, "2026-06-01"]})
    programme.save("Osloite", {"==": [{"var": "city"}, "Oslo"]})
    run(programme, "Any", {"kind": "event", "event_type": kind}, conversion={"event_types": [kind], "within_days": 5})
    services = programme.services
    intake, worker = (
        Intake(services.store, timedelta()),
        Worker(services.store, Inbox(services.store), programme.effects),
    )
    now, rows, refused = datetime.now(UTC), dict[str, int](), set[str]()
    for name, data in (REFUSED | APPLIED).items():
        said = {"message_id": "m", **data} if kind.startswith("campaign.") else data
        message = {"event_id": name, "type": kind, "customer_id": "ann", "occurred_at": now.isoformat(), "data": said}
        try:
            event = read_text(json.dumps(message), Arrival("test", now))
        except BadEvent:
            refused.add(name)
        else:
            [rows[name]] = intake.accept([event]).accepted
            worker.apply_all()
    assert refused == REFUSED.keys()
    with services.store.session(read_only=True) as session:
        statuses = {name: session.get_one(EventRecord, row).status for name, row in rows.items()}
    assert statuses == dict.fromkeys(APPLIED, "done")
    assert all(Traces(services).get(row).steps for row in rows.values())
