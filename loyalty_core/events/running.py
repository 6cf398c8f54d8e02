"""The threads that consume and apply events, in the server or in a process of their own."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.events.effects import Effects, forget_old_changes, forget_old_traces
from loyalty_core.events.history import EventHistory
from loyalty_core.events.inbox import Inbox, Patience
from loyalty_core.events.intake import Intake
from loyalty_core.events.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.services import Services

_log = logging.getLogger(__name__)

_DAY_SECONDS = 86_400
# Longer than a batch takes, and shorter than a container is given to stop.
_STOP_SECONDS = 25.0


class EventThreads:
    """A number of workers, a Kafka consumer if one is configured, the removal of old events, campaign schedules, and
    the recording of who entered campaigns.

    A thread that ends another way than by `stop` is missing in `are_alive`.
    """

    def __init__(self, services: Services, *, workers: int = 1) -> None:
        self._services = services
        self._stop = threading.Event()
        self._threads = [
            self._thread(f"events-worker-{number + 1}", new_worker(services).run) for number in range(workers)
        ]
        self._threads.append(self._thread("events-upkeep", self._remove_old))
        self._threads.append(self._thread("campaign-schedules", services.campaign_runs.keep_schedules))
        recording = services.campaigns.entry_features.keep_recording
        self._threads.append(self._thread("campaign-features", recording))
        if services.settings.kafka_bootstrap_servers:
            from loyalty_core.events.consumer import EventConsumer  # noqa: PLC0415 -- librdkafka, only where it is used

            intake = Intake.of(services.store, services.settings)
            consumer = EventConsumer(services.settings, services.store, intake)
            self._threads.append(self._thread("events-consumer", consumer.run))

    @property
    def are_alive(self) -> bool:
        """Whether every thread runs."""
        return all(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        """Start all threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ask all threads to stop, and wait until what they have begun is done, for as long as that is reasonable."""
        self._stop.set()
        until = time.monotonic() + _STOP_SECONDS
        for thread in self._threads:
            thread.join(max(0, until - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
            _log.warning("A batch of events is still under way; another worker takes its events over.")

    def _thread(self, name: str, run: Callable[[threading.Event], None]) -> threading.Thread:
        return threading.Thread(target=run, args=(self._stop,), name=name, daemon=True)

    def _remove_old(self, stop: threading.Event) -> None:
        store, settings = self._services.store, self._services.settings
        while True:
            with suppress(StateStoreUnavailable):  # they are removed a day later
                EventHistory(store).forget_old(settings.events_days_kept)
                forget_old_traces(store, settings.events_traces_kept_days)
                forget_old_changes(store, settings.events_days_kept)
            if stop.wait(_DAY_SECONDS):
                return


def new_worker(services: Services) -> Worker:
    """A worker that applies events as the product does."""
    return Worker(services.store, Inbox(services.store, Patience.of(services.settings)), Effects(services))
