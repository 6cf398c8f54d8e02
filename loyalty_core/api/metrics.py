"""Metrics in Prometheus form."""

from collections.abc import Iterator

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from loyalty_core.access import Action
from loyalty_core.api.access import allowed
from loyalty_core.errors import LoyaltyError
from loyalty_core.events import read_backlog
from loyalty_core.services import Services, get_services

router = APIRouter()


@router.get(
    "/metrics/",
    operation_id="read_operational_metrics",
    dependencies=[allowed(Action.READ_METRICS)],
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def read_metrics() -> Response:
    """Requests, predictions, feature cache, warehouse, queues, jobs and events, for Prometheus to scrape."""
    of_services = CollectorRegistry()
    of_services.register(_ServicesCollector(get_services()))
    return Response(generate_latest(REGISTRY) + generate_latest(of_services), media_type=CONTENT_TYPE_LATEST)


class _ServicesCollector(Collector):
    """What is read at the moment of a scrape rather than counted as it happens."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterator[Metric]:
        """Nothing, so that registering reads nothing."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        depths = self._services.limits.depths()
        running = GaugeMetricFamily(
            "loyalty_work_running", "Evaluations, exports and streams of progress that run", labels=["kind"]
        )
        waiting = GaugeMetricFamily(
            "loyalty_work_waiting", "Evaluations, exports and streams of progress that wait", labels=["kind"]
        )
        for depth in depths:
            running.add_metric([depth.kind], depth.running)
            waiting.add_metric([depth.kind], depth.waiting)
        yield running
        yield waiting
        yield from self._jobs()
        yield from self._events()
        yield from self._outbox()

    def _jobs(self) -> Iterator[Metric]:
        """Jobs by kind and state; without the state store, only that it cannot be used."""
        jobs = GaugeMetricFamily("loyalty_jobs", "Background jobs in the state store", labels=["kind", "state"])
        try:
            for (kind, state), count in self._services.jobs.count_by_state().items():
                jobs.add_metric([kind, state], count)
        except LoyaltyError:
            yield GaugeMetricFamily("loyalty_state_store_up", "Whether the state store answers", 0)
            return
        yield GaugeMetricFamily("loyalty_state_store_up", "Whether the state store answers", 1)
        yield jobs

    def _outbox(self) -> Iterator[Metric]:
        """Messages by channel and status; nothing without the state store, which `_jobs` reports."""
        try:
            counts, overdue = self._services.outbox.counts(), self._services.outbox.overdue()
        except LoyaltyError:
            return
        messages = GaugeMetricFamily("loyalty_outbox", "Messages in the outbox", labels=["channel", "status"])
        for (channel, status), count in counts.items():
            messages.add_metric([channel, status], count)
        yield messages
        seconds = overdue.total_seconds()
        yield GaugeMetricFamily("loyalty_outbox_oldest_seconds", "How long the oldest due message has waited", seconds)

    def _events(self) -> Iterator[Metric]:
        """What waits to be applied or corrected; nothing without the state store."""
        try:
            backlog = read_backlog(self._services.store)
        except LoyaltyError:
            return
        yield GaugeMetricFamily("loyalty_events_waiting", "Events that wait to be applied", backlog.waiting)
        yield GaugeMetricFamily("loyalty_events_retried", "Waiting events that failed before", backlog.retried)
        oldest = backlog.oldest.total_seconds() if backlog.oldest is not None else 0
        yield GaugeMetricFamily("loyalty_events_oldest_seconds", "How long the oldest due event has waited", oldest)
        yield GaugeMetricFamily(
            "loyalty_dead_letters_open", "Messages to be corrected or discarded", backlog.dead_letters
        )
