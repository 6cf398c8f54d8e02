"""Reads events from Kafka: what is read is stored first, and only then committed, so that nothing is lost.

A message that is read twice has the same position or event id, so it is stored once.
"""

from __future__ import annotations

import logging
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.events.backlog import count_waiting
from loyalty_core.events.errors import BadEvent, KafkaUnusable
from loyalty_core.events.forms import Arrival, read_text
from loyalty_core.events.forms.arrival import KAFKA
from loyalty_core.events.intake import Unreadable

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from confluent_kafka import Message

    from loyalty_core.events.event import Event
    from loyalty_core.events.intake import Intake
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

_log = logging.getLogger(__name__)

_MESSAGES_AT_ONCE = 500
_WAIT_SECONDS = 0.5
_OUTAGE_SECONDS = 5.0


class EventConsumer:
    """One member of the consumer group; several, in this process or others, share the partitions of the topics."""

    def __init__(self, settings: Settings, store: StateStore, intake: Intake) -> None:
        self._settings, self._store, self._intake = settings, store, intake
        self._is_paused = False
        self._reported: set[str] = set()

    def run(self, stop: threading.Event) -> None:
        """Read until `stop` is set; what was read by then is stored and committed. No error ends it."""
        while not stop.is_set():
            try:
                with closing(open_consumer(self._settings, self._report)) as consumer:
                    consumer.subscribe(list(self._settings.kafka_topics), on_assign=_log_assignment)
                    self._read(consumer, stop)
            except KafkaException as error:
                self._report(error.args[0])
                stop.wait(_OUTAGE_SECONDS)
            except Exception as error:  # noqa: BLE001 -- the consumer goes on, whatever the error
                self._log_once(type(error).__name__, str(error), None if isinstance(error, LoyaltyError) else error)
                stop.wait(_OUTAGE_SECONDS)

    def _read(self, consumer: Consumer, stop: threading.Event) -> None:
        unstored: list[Message] = []
        while not stop.is_set():
            self._pause(consumer, paused=bool(unstored) or self._is_full())
            messages = consumer.consume(_MESSAGES_AT_ONCE, _OUTAGE_SECONDS if unstored else _WAIT_SECONDS)
            unstored += [message for message in messages if self._is_message(message)]
            if unstored and self._store_messages(unstored):
                self._commit(consumer, unstored)
                unstored = []

    def _is_message(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        if error.fatal() or error.code() == KafkaError._FATAL:  # this consumer reads nothing more, a new one may
            raise KafkaException(error)
        if error.code() != KafkaError._PARTITION_EOF:
            self._report(error)
        return False

    def _is_full(self) -> bool:
        """Whether so many events wait that no more are to be read; while the store does not answer, it is full."""
        try:
            return count_waiting(self._store) > self._settings.events_max_waiting
        except StateStoreUnavailable:
            return True

    def _pause(self, consumer: Consumer, *, paused: bool) -> None:
        """A paused consumer stays a member of the group, as long as it goes on asking for messages."""
        if paused:
            consumer.pause(consumer.assignment())  # also of partitions that were assigned in the meantime
        elif self._is_paused:
            consumer.resume(consumer.assignment())
        if paused and not self._is_paused:
            _log.info("Kafka is not read until fewer events wait and the state store answers.")
        self._is_paused = paused

    def _store_messages(self, messages: Sequence[Message]) -> bool:
        events: list[Event] = []
        unreadable: list[Unreadable] = []
        for message in messages:
            body, arrival = message.value(), arrival_of(message, self._settings)
            if body is None:  # says that the key is deleted, which is about no customer's event
                continue
            try:
                events.append(read_text(body, arrival))
            except BadEvent as error:
                text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
                unreadable.append(Unreadable(arrival.source, arrival.position, text, error))
        try:
            self._intake.accept(events, unreadable)
        except StateStoreUnavailable as error:
            self._log_once(error.code, str(error))
            return False
        self._reported.clear()
        return True

    def _commit(self, consumer: Consumer, messages: Sequence[Message]) -> None:
        newest: dict[tuple[Any, Any], int] = {}
        for message in messages:
            place = (message.topic(), message.partition())
            newest[place] = max(newest.get(place, 0), (message.offset() or 0) + 1)
        try:
            consumer.commit(
                offsets=[TopicPartition(topic, partition, offset) for (topic, partition), offset in newest.items()],
                asynchronous=False,
            )
        except KafkaException as error:
            # Whoever has the partitions now reads the messages again, and none of them is stored twice.
            _log.info("Offsets were not committed: %s", error.args[0].str())

    def _report(self, error: KafkaError) -> None:
        self._log_once(error.name(), f"Kafka: {error.str()}")

    def _log_once(self, kind: str, text: str, error: Exception | None = None) -> None:
        """Log an error, unless one of its kind was logged since messages were last stored."""
        if kind not in self._reported:
            _log.error("%s", text, exc_info=error)
            self._reported.add(kind)


def _log_assignment(_: Consumer, partitions: Sequence[TopicPartition]) -> None:
    names = ", ".join(f"{partition.topic}/{partition.partition}" for partition in partitions)
    _log.info("Partitions that this consumer reads: %s", names or "none")


def open_consumer(settings: Settings, report: Callable[[KafkaError], None] = lambda _: None) -> Consumer:
    """A consumer by the settings, not connected yet; `report` is called with each error, repeatedly.

    Raises `KafkaUnusable` for options that librdkafka refuses.
    """
    options = {
        "client.id": "loyalty-workbench",
        # What a new group has missed is read too; events of long ago trigger no message.
        "auto.offset.reset": "earliest",
        **settings.kafka_options,
        "bootstrap.servers": settings.kafka_bootstrap_servers,
        "group.id": settings.kafka_group,
        "enable.auto.commit": False,
        "error_cb": report,
        # Below what it reports, of which it would log every attempt.
        "log_level": 2,
    }
    try:
        return Consumer(options)
    except KafkaException as error:
        raise KafkaUnusable(
            "The Kafka consumer cannot be set up.", f"{error.args[0].str()}.", "Check KAFKA_OPTIONS."
        ) from None


def arrival_of(message: Message, settings: Settings) -> Arrival:
    """How a message came; its position includes the time, since a topic of that name may be created anew."""
    kind, milliseconds = message.timestamp()
    sent_at = datetime.fromtimestamp(milliseconds / 1000, UTC) if kind and milliseconds > 0 else None
    place = f"{message.topic()}/{message.partition()}/{message.offset()}@{milliseconds}"
    return Arrival(f"{KAFKA}{message.topic()}", datetime.now(UTC), place, sent_at, settings.zone)


def read_lag(settings: Settings, *, answer_seconds: float = 10) -> int:
    """How many messages of the topics the group has not committed yet; raises `KafkaUnusable`."""
    with closing(open_consumer(settings)) as consumer:
        try:
            known = consumer.list_topics(timeout=answer_seconds).topics
            partitions = [
                TopicPartition(topic, partition)
                for topic in settings.kafka_topics
                if topic in known
                for partition in known[topic].partitions
            ]
            committed = consumer.committed(partitions, timeout=answer_seconds)
            return sum(_behind(consumer, partition, answer_seconds) for partition in committed)
        except KafkaException as error:
            raise KafkaUnusable(
                "Kafka does not answer.", f"{error.args[0].str()}.", "Check KAFKA_BOOTSTRAP_SERVERS and the brokers."
            ) from None


def _behind(consumer: Consumer, committed: TopicPartition, answer_seconds: float) -> int:
    low, high = consumer.get_watermark_offsets(committed, timeout=answer_seconds)
    return high - max(low, committed.offset)
