"""Checks of events: whether they are applied, what was given up, and how far Kafka is read."""

from collections.abc import Iterator
from datetime import timedelta

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.events import KafkaUnusable, read_backlog
from loyalty_core.health.check import Check, failed_check
from loyalty_core.services import Services

# Longer than an event waits while others are applied before it.
_STUCK = timedelta(minutes=2)


def events_checks(services: Services) -> Iterator[Check]:
    """One line each for what waits, dead letters, and Kafka if it is configured; none without the state store."""
    try:
        backlog = read_backlog(services.store)
    except StateStoreUnavailable:
        return  # the check of the state store says why
    waiting = f"{backlog.waiting:,} waiting, of which {backlog.retried:,} failed before."
    if backlog.oldest is not None and backlog.oldest > _STUCK:
        minutes = backlog.oldest.total_seconds() / 60
        remedy = "See the log of the worker. With EVENTS_WORKER=separate, start loyalty events."
        yield Check("Events", "Worker", "warning", f"{waiting} The oldest has been due for {minutes:,.0f} min.", remedy)
    else:
        yield Check("Events", "Worker", "ok", waiting)
    if backlog.dead_letters:
        remedy = "Correct and replay them, or discard them, on the page Flight recorder, which has the reason of each."
        yield Check("Events", "Dead letters", "warning", f"{backlog.dead_letters:,} open.", remedy)
    else:
        yield Check("Events", "Dead letters", "ok", "None open.")
    if services.settings.kafka_bootstrap_servers:
        yield _kafka_check(services)


def _kafka_check(services: Services) -> Check:
    from loyalty_core.events.consumer import read_lag  # noqa: PLC0415 -- librdkafka, only where it is used

    try:
        lag = read_lag(services.settings, answer_seconds=2)
    except KafkaUnusable as error:
        return failed_check("Events", "Kafka", error)
    topics = ", ".join(services.settings.kafka_topics)
    return Check("Events", "Kafka", "ok", f"Messages of {topics} that are not read yet: {lag:,}.")
