"""Consumers and the broker are killed while events stream in: each good one is applied once, each bad one reported."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import uuid
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic  # pyright: ignore[reportPrivateImportUsage]
from sqlalchemy import func, select

from loyalty_core.store.events import DeadLetterRecord, EventRecord
from tests.events.applying import applied, letters
from tests.waiting import wait_until
from tests.workbench import ROOT, clean_environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.store import StateStore
    from tests.servers import KafkaServer

EVENTS, CUSTOMERS, KILLS = 10_000, 2_000, 10
TOPIC = "loyalty.events"


class Members:
    """Two processes that consume and apply events; one that is killed has a successor at once."""

    def __init__(self, store: StateStore, settings: dict[str, Any], folder: Path) -> None:
        self._store_url = store.url.render_as_string(hide_password=False)
        self._settings, self._folder = settings, folder
        self._processes = [self._start(name) for name in range(2)]

    def kill_one(self, chance: random.Random) -> None:
        name = chance.randrange(len(self._processes))
        self._kill(self._processes[name])
        self._processes[name] = self._start(name)

    def stop(self) -> None:
        for process in self._processes:
            self._kill(process)
        for log in sorted(self._folder.glob("member-*.log")):  # shown where the test fails
            print(f"{log.name}: …{log.read_text(errors='replace')[-4_000:]}")

    def _start(self, name: int) -> subprocess.Popen[bytes]:
        # The broker waits for members that have died, unlike Kafka; a member of the same name takes the place of one.
        options = {**self._settings["kafka_options"], "group.instance.id": f"member-{name}"}
        settings = json.dumps({**self._settings, "kafka_options": options})
        command = [sys.executable, "-m", "tests.events.member", self._store_url, settings]
        with (self._folder / f"member-{name}.log").open("ab") as log:
            return subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stderr=log)

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()


@contextmanager
def members_of(store: StateStore, settings: dict[str, Any], folder: Path) -> Iterator[Members]:
    members = Members(store, settings, folder)
    try:
        yield members
    finally:
        members.stop()


def message(number: int) -> bytes:
    """One in a hundred cannot be read, and one in a hundred cannot be applied."""
    if number % 100 == 13:
        return b'{"event_id": ' + str(number).encode()
    event = {
        "event_id": str(number),
        "type": "customer.login",
        "customer_id": str(number % CUSTOMERS),
        "occurred_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat(),
        "data": {"poison": True} if number % 100 == 57 else {},
    }
    return json.dumps(event).encode()


def publish(address: str, numbers: range) -> None:
    producer = Producer({"bootstrap.servers": address, "enable.idempotence": True, "message.timeout.ms": 120_000})
    for number in numbers:
        producer.produce(TOPIC, message(number), partition=number % 4)
        producer.poll(0)
    assert producer.flush(120) == 0


def finished(store: StateStore) -> int:
    """How many events were applied or given up, and messages could not be read."""
    with store.session(read_only=True) as session:
        ended = session.scalars(select(func.count()).where(EventRecord.status != "waiting")).one()
        unreadable = select(func.count()).where(DeadLetterRecord.event.is_(None))
        return ended + session.scalars(unreadable.select_from(DeadLetterRecord)).one()


def wait_for(store: StateStore, number: int) -> None:
    """Wait until so many are finished, as long as it takes while they become more."""
    while (so_far := finished(store)) < number:
        wait_until(partial(has_more, store, so_far))


def has_more(store: StateStore, than: int) -> bool:
    return finished(store) > than


@pytest.mark.slow
def test_ten_thousand_events_while_consumers_and_the_broker_are_killed(
    kafka_server: KafkaServer, store: StateStore, tmp_path: Path
):
    admin = AdminClient({"bootstrap.servers": kafka_server.address})
    admin.create_topics([NewTopic(TOPIC, 4, 1)])[TOPIC].result(60)
    settings = {
        "kafka_bootstrap_servers": kafka_server.address,
        "kafka_topics": [TOPIC],
        "kafka_group": f"group-{uuid.uuid4().hex}",
        "kafka_options": {"session.timeout.ms": 6000, "heartbeat.interval.ms": 500},
    }
    chance = random.Random(7)
    part = EVENTS // KILLS
    with members_of(store, settings, tmp_path) as members:
        for kill in range(KILLS):
            publish(kafka_server.address, range(kill * part, (kill + 1) * part))
            wait_for(store, finished(store) + chance.randrange(1, part // 2))
            members.kill_one(chance)
            if kill == KILLS // 2:
                kafka_server.kill()
                kafka_server.start()
        wait_for(store, EVENTS)
    good = {str(number) for number in range(EVENTS) if number % 100 not in {13, 57}}
    assert Counter(applied(store)) == dict.fromkeys(good, 1)
    # Whatever was wrong last with an event that could not be applied: its worker may have been killed with it.
    assert Counter(letter.event is None for letter in letters(store)) == {True: EVENTS // 100, False: EVENTS // 100}
