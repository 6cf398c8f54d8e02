"""Each form of a message becomes the same event, and what is none says why."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jsonschema import Draft202012Validator

from loyalty_core.events import TYPES, Arrival, BadEvent, Event, read_event, read_text

DOCS = Path(__file__).parents[2] / "docs" / "events.md"
NOW = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
AT = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
FROM_API = Arrival("api/shop", NOW)
FROM_TOPIC = Arrival("kafka/dwh.transaction.created", NOW, "dwh.transaction.created/0/17@1795768200000", AT)
FLAT = {
    "event_id": "1",
    "type": "transaction.created",
    "customer_id": "7",
    "occurred_at": "2026-11-27T08:30:00Z",
    "data": {"amount": 5},
}
CLOUD_EVENT = {
    "specversion": "1.0",
    "source": "/shop",
    "id": "1",
    "type": "transaction.created",
    "subject": "7",
    "time": "2026-11-27T09:30:00+01:00",
    "data": {"amount": 5},
}
WEBHOOK = {
    "source": "shop",
    "event": {"customer_id": 7, "event_type": "transaction_created", "timestamp": "2026-11-27T08:30:00", "value": 5},
}
TOPIC = {"customer_id": 7, "transaction_id": 1001, "amount": 5, "timestamp": 1795768200}


@pytest.mark.parametrize(
    ("message", "arrival", "source", "event_id"),
    [
        (FLAT, FROM_API, "api/shop", "1"),
        ({**FLAT, "source": "till", "event_id": 1}, FROM_API, "till", "1"),
        (CLOUD_EVENT, FROM_API, "/shop", "1"),
        (TOPIC, FROM_TOPIC, "kafka/dwh.transaction.created", "transaction/1001"),
        ({**TOPIC, "timestamp": 1795768200000}, FROM_TOPIC, "kafka/dwh.transaction.created", "transaction/1001"),
    ],
)
def test_each_form_is_the_same_event(message: dict[str, Any], arrival: Arrival, source: str, event_id: str):
    event = read_event(message, arrival)
    assert (event.source, event.event_id, event.type) == (source, event_id, "transaction.created")
    assert (event.customer_id, event.occurred_at, event.data["amount"]) == ("7", AT, 5)
    assert not event.is_simulated


def test_a_webhook_without_an_id_is_known_by_its_content():
    first, again = read_event(WEBHOOK, FROM_API), read_event(json.loads(json.dumps(WEBHOOK)), FROM_API)
    assert (first.type, first.customer_id, first.occurred_at, first.data) == (
        "transaction.created",
        "7",
        AT,
        {"amount": 5},
    )
    assert first.event_id == again.event_id
    later = {**WEBHOOK, "event": {**WEBHOOK["event"], "timestamp": "2026-11-27T08:31:00"}}
    assert read_event(later, FROM_API).event_id != first.event_id


def test_a_topic_without_ids_is_known_by_the_place_of_the_message():
    arrival = Arrival("kafka/dwh.customer.updated", NOW, "dwh.customer.updated/1/5@1", AT)
    event = read_event({"customer_id": "7", "tier": "Gold"}, arrival)
    assert (event.type, event.event_id, event.data) == (
        "customer.updated",
        "dwh.customer.updated/1/5@1",
        {"tier": "Gold"},
    )
    assert event.occurred_at == AT


def test_the_zone_of_the_settings_counts_where_a_form_has_none():
    event = read_event(WEBHOOK, Arrival("api/shop", NOW, zone=ZoneInfo("Europe/Oslo")))
    assert event.occurred_at == AT - timedelta(hours=1)


def changed(**parts: Any) -> dict[str, Any]:
    return {name: value for name, value in {**FLAT, **parts}.items() if value is not None}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ([], "is no JSON object"),
        ({}, "has no event_id"),
        (changed(customer_id=None), "has no customer_id"),
        (changed(customer_id=" "), "customer_id of the event cannot be used"),
        (changed(customer_id=True), "customer_id of the event cannot be used"),
        (changed(customer_id="a\0b"), "customer_id of the event cannot be used"),
        (changed(customer_id="\ud800"), "customer_id of the event cannot be used"),
        (changed(event_id="x" * 256), "event_id of the event cannot be used"),
        (changed(type="transaction.create"), "Did you mean transaction.created?"),
        (changed(occurred_at=None), "no timestamp"),
        (changed(occurred_at="yesterday"), "no timestamp"),
        (changed(occurred_at="2026-11-27T08:30:00"), "has no time zone"),
        (changed(occurred_at="2026-11-27T09:06:00Z"), "said to happen in the future"),
        (changed(data=[1]), "data of the event is no object"),
        (changed(data={"amount": "5"}), "data.amount: '5' is not of type 'number'"),
        (changed(data={"amount": float("nan")}), "cannot be stored as JSON"),
        (changed(type="points.changed"), "'points' is a required property"),
        (changed(type="campaign.opened", data={}), "is not valid under any of the given schemas"),
        (changed(simulated="yes"), "neither true nor false"),
        ({**CLOUD_EVENT, "specversion": "0.3"}, "Send version 1.0."),
        ({**CLOUD_EVENT, "data_base64": "e30="}, "is not JSON"),
        ({**CLOUD_EVENT, "data": {"customer_id": 8}}, "names two customers"),
        ({**CLOUD_EVENT, "subject": None}, "has no subject"),
    ],
)
def test_what_is_no_event_says_why(message: Any, reason: str):
    with pytest.raises(BadEvent) as caught:
        read_event(message, FROM_API)
    assert reason in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe\x00", "[" * 100_000, " " * (2**20 + 1)])
def test_what_is_not_json_says_so(text: str | bytes):
    with pytest.raises(BadEvent):
        read_text(text, FROM_API)


def test_a_clock_that_is_a_little_ahead_is_accepted():
    assert read_event(changed(occurred_at="2026-11-27T09:04:59Z"), FROM_API)


def test_a_custom_event_may_have_a_name_and_any_data():
    event = read_event(changed(type="custom.wishlist", data={"product": {"id": 1}}), FROM_API)
    assert isinstance(event, Event)
    assert event.type == "custom.wishlist"


@pytest.mark.parametrize("kind", TYPES.values(), ids=list(TYPES))
def test_every_type_has_a_schema_that_takes_further_keys(kind: Any):
    Draft202012Validator.check_schema(kind.schema)
    assert kind.schema["type"] == "object"
    assert "additionalProperties" not in kind.schema


def test_the_documented_types_are_those_that_are_read():
    rows = re.findall(r"^\| (`[^|]+) \| ([^|]*) ?\| ([^|]*) ?\|$", DOCS.read_text("utf-8"), re.MULTILINE)
    documented = {kind.strip("`").partition("`")[0]: re.findall("`([^`]+)`", data) for kind, data, _ in rows}
    described = {name: [key for key in kind.schema["properties"] if key != "features"] for name, kind in TYPES.items()}
    assert documented == described
