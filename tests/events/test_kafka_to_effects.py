"""From a message in Kafka to its effects, as the server does it, and what system health says meanwhile."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from confluent_kafka import Producer

from loyalty_core.events import BadEvent, EventHistory, Intake, Unreadable
from loyalty_core.events.running import EventThreads
from loyalty_core.health import Check, check_health
from loyalty_core.services import get_services
from tests.events.applying import accept, an_event
from tests.waiting import wait_until
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from tests.servers import KafkaServer
    from tests.workbench import Configure


def checks() -> dict[str, Check]:
    return {check.name: check for check in check_health(get_services()) if check.area == "Events"}


def test_a_message_is_consumed_and_applied(shared_kafka: KafkaServer, demo_settings: Configure):
    topic = f"events-{uuid.uuid4().hex}"
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    event = {"event_id": "1", "type": "customer.login", "customer_id": GUIDE_CUSTOMER, "occurred_at": at}
    producer = Producer({"bootstrap.servers": shared_kafka.address})
    producer.produce(topic, json.dumps(event).encode())
    assert producer.flush(60) == 0
    demo_settings(
        ml_mock_mode=True,
        kafka_bootstrap_servers=shared_kafka.address,
        kafka_topics=topic,
        kafka_group=topic,
    )
    services = get_services()
    threads = EventThreads(services)
    threads.start()
    try:
        wait_until(lambda: [found.status for found in EventHistory(services.store).list()] == ["done"])
    finally:
        threads.stop()
    kafka = checks()["Kafka"]
    assert (kafka.status, kafka.detail) == ("ok", f"Messages of {topic} that are not read yet: 0.")


def test_health_says_what_waits_and_what_has_to_be_mended(demo_settings: Configure):
    demo_settings(ml_mock_mode=True, kafka_bootstrap_servers="127.0.0.1:1")
    store = get_services().store
    accept(store, an_event("1"))
    Intake(store, timedelta()).accept([], [Unreadable("test", None, "{", BadEvent("No JSON."))])
    found = checks()
    assert (found["Worker"].status, found["Worker"].detail) == ("ok", "1 waiting, of which 0 failed before.")
    assert (found["Dead letters"].status, found["Dead letters"].detail) == ("warning", "1 open.")
    assert (found["Kafka"].status, found["Kafka"].detail.split(".")[0]) == ("error", "Kafka does not answer")
    Intake(store, timedelta(minutes=-5)).accept([an_event("2")])
    stuck = checks()["Worker"]
    assert stuck.status == "warning"
    assert re.fullmatch(r"2 waiting, .* The oldest has been due for \d+ min\.", stuck.detail)
