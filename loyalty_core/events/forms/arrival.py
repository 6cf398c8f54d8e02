"""How a message came: what its form does not say is taken from here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

KAFKA = "kafka/"


@dataclass(frozen=True)
class Arrival:
    """`source` is the default source of its events, `position` where the message is in it, and `sent_at` when the
    sender handed it over, where that is known. `zone` is of timestamps without one, in forms that allow them.
    """

    source: str
    received_at: datetime
    position: str | None = None
    sent_at: datetime | None = None
    zone: tzinfo = UTC

    @property
    def topic(self) -> str | None:
        """The Kafka topic it came from."""
        return self.source.removeprefix(KAFKA) if self.source.startswith(KAFKA) else None
