"""What an event causes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from loyalty_core.events.event import Event
    from loyalty_core.services import Services


def _now() -> datetime:
    return datetime.now(UTC)


class Effects:
    """Applies events; see `loyalty_core.events.handler.Handler`."""

    def __init__(self, services: Services, clock: Callable[[], datetime] = _now) -> None:
        self._services, self._clock = services, clock

    def prepare(self, events: Sequence[Event]) -> Sequence[Event]:
        """Invalidate the cached features of the events' customers."""
        self._services.features.invalidate({event.customer_id for event in events})
        return events

    def write(self, session: Session, prepared: Sequence[Event]) -> None:
        """What is written besides the events themselves: nothing so far."""
