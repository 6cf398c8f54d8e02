"""Events from Kafka, through a real broker: nothing is lost, nothing is applied twice, nothing bad blocks the rest."""

from __future__ import annotations

import json
import shutil
import threading
import uuid
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # pyright: ignore[reportPrivateImportUsage]
from sqlalchemy import func, select

from loyalty_core.events import Intake, KafkaUnusable
from loyalty_core.events.consumer import EventConsumer, open_consumer, read_lag
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.store.events import DeadLetterRecord, EventRecord
from tests.events.applying import Counting, applied, letters, poison, states, worker_of
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers import KafkaServer


@pytest.fixture
def store(migrated_file: Path, tmp_path: Path) -> Iterator[StateStore]:
    """On SQLite alone: what Kafka adds does not depend on the store."""
    with StateStore(f"sqlite:///{shutil.copy(migrated_file, tmp_path)}", timeout_seconds=60) as store:
        yield store


@pytest.fixture
def kafka(shared_kafka: KafkaServer) -> Settings:
    """Settings with a topic and a group of the test's own; the topic has two partitions."""
    return settings_for(shared_kafka, f"events-{uuid.uuid4().hex}")


def settings_for(server: KafkaServer, *topics: str, **others: Any) -> Settings:
    admin = AdminClient({"bootstrap.servers": server.address})
    for created in admin.create_topics([NewTopic(topic, 2, 1) for topic in topics]).values():
        created.result(60)
    return Settings(
        kafka_bootstrap_servers=server.address,
        kafka_topics=topics,
        kafka_group=f"group-{uuid.uuid4().hex}",
        kafka_options={"session.timeout.ms": 6000, "heartbeat.interval.ms": 500},
        **others,
    )


def publish(settings: Settings, *messages: Any, topic: str | None = None) -> None:
    """Each as JSON, or as it is if it is bytes; in turn to each partition."""
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for number, message in enumerate(messages):
        body = message if isinstance(message, bytes) else json.dumps(message).encode()
        producer.produce(topic or settings.kafka_topics[0], body, partition=number % 2)
    assert producer.flush(60) == 0


def login(event_id: str, **parts: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(minutes=1)
    return {
        "event_id": event_id,
        "type": "customer.login",
        "customer_id": event_id,
        "occurred_at": at.isoformat(),
        **parts,
    }


@contextmanager
def consuming(settings: Settings, store: StateStore, members: int = 1) -> Iterator[None]:
    stop = threading.Event()
    consumers = [EventConsumer(settings, store, Intake(store, timedelta())) for _ in range(members)]
    threads = [threading.Thread(target=consumer.run, args=(stop,)) for consumer in consumers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def count(store: StateStore, table: type[EventRecord] | type[DeadLetterRecord]) -> int:
    with store.session(read_only=True) as session:
        return session.scalars(select(func.count()).select_from(table)).one()


def test_a_consumer_that_another_took_the_place_of_is_replaced(kafka: Settings, store: StateStore):
    """As after a restart of a member of the same name while its broker was slow: librdkafka reads nothing more then."""
    named = {"kafka_options": {**kafka.kafka_options, "group.instance.id": "one"}}
    settings = kafka.model_copy(update=named)
    publish(settings, login("1"), login("2"))
    with consuming(settings, store):
        wait_until(lambda: count(store, EventRecord) == 2)
        with closing(open_consumer(settings)) as other:
            other.subscribe(list(settings.kafka_topics))
            wait_until(lambda: other.poll(0.1) is not None or other.assignment())
        publish(settings, login("3"), login("4"))
        wait_until(lambda: count(store, EventRecord) == 4)


def test_messages_become_events_and_what_is_none_a_dead_letter(kafka: Settings, store: StateStore):
    publish(kafka, login("1"), b"{not json", login("2", type="nonsense"), login("3", data={"poison": True}), login("1"))
    with consuming(kafka, store):
        wait_until(lambda: count(store, EventRecord) == 2 and count(store, DeadLetterRecord) == 2)
        wait_until(lambda: read_lag(kafka) == 0)
    worker_of(store, Counting(poison)).apply_all()
    assert applied(store) == ["1"]
    assert states(store) == {"1": "done", "3": "waiting"}
    found = {letter.body: letter for letter in letters(store)}
    assert found["{not json"].error["what"] == "The message is not JSON."
    assert str(found["{not json"].position).startswith(f"{kafka.kafka_topics[0]}/1/0@")
    (unknown_type,) = (letter for body, letter in found.items() if "nonsense" in body)
    assert unknown_type.error["what"] == "There is no type of events 'nonsense'."


def test_two_members_of_a_group_share_the_partitions(kafka: Settings, store: StateStore):
    with consuming(kafka, store, members=2):
        for start in range(0, 40, 10):
            publish(kafka, *(login(str(number)) for number in range(start, start + 10)))
        wait_until(lambda: count(store, EventRecord) == 40)
        wait_until(lambda: read_lag(kafka) == 0)


def test_what_was_stored_but_not_committed_is_read_again_and_stored_once(kafka: Settings, store: StateStore):
    publish(kafka, login("1"), login("2"))
    with consuming(kafka, store):
        wait_until(lambda: read_lag(kafka) == 0)
    other_group = kafka.model_copy(update={"kafka_group": f"group-{uuid.uuid4().hex}"})
    assert read_lag(other_group) == 2
    with consuming(other_group, store):
        wait_until(lambda: read_lag(other_group) == 0)
    assert count(store, EventRecord) == 2


def test_topics_without_event_ids(shared_kafka: KafkaServer, store: StateStore):
    settings = settings_for(shared_kafka, "dwh.customer.updated", "dwh.transaction.created")
    purchase = {"customer_id": 7, "transaction_id": 1001, "amount": 59.9, "timestamp": "2026-11-26T10:00:00"}
    publish(settings, purchase, purchase, topic="dwh.transaction.created")
    publish(settings, {"customer_id": "7", "tier": "Gold"}, topic="dwh.customer.updated")
    with consuming(settings, store):
        wait_until(lambda: read_lag(settings) == 0)
    with store.session(read_only=True) as session:
        found = {record.type: record for record in session.scalars(select(EventRecord))}
    assert found.keys() == {"transaction.created", "customer.updated"}
    bought = found["transaction.created"]
    assert (bought.event_id, bought.customer_id, bought.data["amount"]) == ("transaction/1001", "7", 59.9)
    assert bought.occurred_at == datetime(2026, 11, 26, 10, tzinfo=UTC)
    assert found["customer.updated"].event_id.startswith("dwh.customer.updated/0/0@")


def test_kafka_is_not_read_while_too_many_events_wait(
    kafka: Settings, store: StateStore, caplog: pytest.LogCaptureFixture
):
    limited = kafka.model_copy(update={"events_max_waiting": 3})
    publish(limited, *(login(str(number)) for number in range(4)))
    with caplog.at_level("INFO"), consuming(limited, store):
        wait_until(lambda: "Kafka is not read until fewer events wait" in caplog.text)
        publish(limited, login("later"))
        wait_until(lambda: read_lag(limited) == 1)
        assert count(store, EventRecord) == 4
        worker_of(store, Counting()).apply_all()
        wait_until(lambda: count(store, EventRecord) == 5)


def test_while_the_store_is_away_messages_wait_in_kafka(kafka: Settings, store: StateStore, tmp_path: Path):
    publish(kafka, login("1"))
    late = StateStore(f"sqlite:///{tmp_path}/late.db")
    with consuming(kafka, late):
        wait_until(lambda: read_lag(kafka) == 1)
        late.migrate()
        wait_until(lambda: read_lag(kafka) == 0)
    assert count(late, EventRecord) == 1


def test_a_broker_that_is_killed_and_comes_back_loses_nothing(kafka_server: KafkaServer, store: StateStore):
    settings = settings_for(kafka_server, "loyalty.events")
    publish(settings, login("before"))
    with consuming(settings, store):
        wait_until(lambda: count(store, EventRecord) == 1)
        kafka_server.kill()
        kafka_server.start()
        publish(settings, login("after"))
        wait_until(lambda: count(store, EventRecord) == 2)


def test_options_that_are_wrong_are_named_without_their_values():
    settings = Settings(kafka_bootstrap_servers="127.0.0.1:1", kafka_options={"no.such.option": "secret"})
    with pytest.raises(KafkaUnusable, match=r"no\.such\.option") as caught:
        open_consumer(settings)
    assert "secret" not in str(caught.value)
