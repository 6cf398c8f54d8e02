"""Applies the events that wait, until it is asked to stop."""

from __future__ import annotations

import logging
from collections import Counter
from itertools import chain
from typing import TYPE_CHECKING, Any

from loyalty_core.access import ROLES, Viewer, acting_as
from loyalty_core.errors import LoyaltyError
from loyalty_core.events.errors import ClaimLost
from loyalty_core.events.outages import is_outage
from loyalty_core.events.types import find_type
from loyalty_core.telemetry import count_event

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterable, Sequence

    from loyalty_core.events.event import Event
    from loyalty_core.events.handler import Handler
    from loyalty_core.events.inbox import Inbox
    from loyalty_core.store import StateStore

_log = logging.getLogger(__name__)

BATCH_SIZE = 1_000
_IDLE_SECONDS = 0.25
_OUTAGE_SECONDS = 5.0

EVENTS_VIEWER = Viewer("Events", frozenset(ROLES), place="events")
"""Who acts where an event causes a change."""


class Worker:
    """Claims events, and applies each exactly once by a transaction with everything that it causes in the store."""

    def __init__(self, store: StateStore, inbox: Inbox, handler: Handler[Any], *, batch_size: int = BATCH_SIZE) -> None:
        self._store, self._inbox, self._handler = store, inbox, handler
        self._batch_size = batch_size
        self._unreleased: Sequence[Event] = ()
        self._is_stopped = False

    def run(self, stop: threading.Event) -> None:
        """Apply events until `stop` is set; a batch under way is finished. No error ends it."""
        with acting_as(EVENTS_VIEWER):
            while not stop.is_set():
                stop.wait(self._step())

    def apply_all(self) -> int:
        """Apply all that is due, and return how many events were taken, those that failed included.

        Raises what `apply_waiting` raises.
        """
        taken = 0
        with acting_as(EVENTS_VIEWER):
            while applied := self.apply_waiting():
                taken += applied
        return taken

    def apply_waiting(self) -> int:
        """Apply one batch of what is due, and return how many events it had; 0 where nothing is due.

        Raises what `is_outage` recognises; nothing of the events under way has changed then.
        """
        if self._unreleased:
            self._inbox.release(self._unreleased)
            self._unreleased = ()
        if not self._inbox.has_due():
            return 0
        events = self._inbox.claim(self._batch_size)
        try:
            self._apply(events)
        except Exception:
            self._unreleased = events
            raise
        return len(events)

    def _step(self) -> float:
        """Apply one batch; returns the seconds to wait before the next one."""
        try:
            applied = self.apply_waiting()
        except Exception as error:  # noqa: BLE001 -- the worker goes on, whatever the error
            self._report(error)
            return _OUTAGE_SECONDS
        if self._is_stopped and applied:
            _log.info("Events are applied again.")
            self._is_stopped = False
        return 0 if applied else _IDLE_SECONDS

    def _report(self, error: Exception) -> None:
        """Log an error that no event is the cause of: an outage once, with its sentence instead of a traceback."""
        if not is_outage(error):
            _log.error("Events cannot be applied.", exc_info=error)
        elif not self._is_stopped:
            _log.error("Events wait until this is over. %s", error)
        self._is_stopped = True

    def _apply(self, events: Sequence[Event]) -> None:
        """Apply the events; what is wrong with one of them is found by halving, so that the others are applied."""
        if not events:
            return
        try:
            self._commit(events)
        except ClaimLost as lost:
            _log.warning("%s", lost)
            self._inbox.release(events)
        except Exception as error:
            if is_outage(error):
                raise
            if len(events) == 1:
                self._fail(events[0], error)
            for part in _parts(events):
                self._apply(part)

    def _commit(self, events: Sequence[Event]) -> None:
        prepared = self._handler.prepare(events)
        with self._store.session() as session:
            self._inbox.hold(session, events)
            self._handler.write(session, prepared)
            self._inbox.mark_done(session, events)
        for kind, number in Counter(event.type for event in events).items():
            count_event(find_type(kind).value, "applied", number)

    def _fail(self, event: Event, error: Exception) -> None:
        expected = isinstance(error, LoyaltyError)
        _log.warning(
            "Event %s (%s) could not be applied. %s",
            event.row,
            event.type,
            error if expected else "",
            exc_info=None if expected else error,
        )
        count_event(find_type(event.type).value, "failed")
        try:
            self._inbox.fail(event, error)
        except ClaimLost as lost:
            _log.warning("%s", lost)


def _parts(events: Sequence[Event]) -> Iterable[Sequence[Event]]:
    """Two halves, between customers where there are several; nothing of a single event."""
    if len(events) == 1:
        return []
    by_customer: dict[str, list[Event]] = {}
    for event in events:
        by_customer.setdefault(event.customer_id, []).append(event)
    groups = list(by_customer.values()) if len(by_customer) > 1 else [[event] for event in events]
    middle = len(groups) // 2
    return [list(chain.from_iterable(half)) for half in (groups[:middle], groups[middle:])]
