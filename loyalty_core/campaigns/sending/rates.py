"""How many messages a channel may send in a moment, counted in the state store for all senders together."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from loyalty_core.store.messages import ChannelRateRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.orm import Session


class Rates:
    """The limits of the channels in messages per second; a channel without one is not limited."""

    def __init__(self, per_second: Mapping[str, float]) -> None:
        self._per_second = per_second

    def at_once(self, channel: str, most: int) -> int:
        """How many messages of the channel are worth claiming together, `most` at the most."""
        limit = self._per_second.get(channel)
        return most if limit is None else min(most, max(1, int(limit)))

    def take(self, session: Session, channel: str, now: datetime) -> datetime | None:
        """Count one message; None if it may be sent now, otherwise when the next one may be.

        A limit of 10 allows ten messages in each window of a second, one of 0.5 a message in each two seconds.
        """
        limit = self._per_second.get(channel)
        if limit is None:
            return None
        window, most = timedelta(seconds=max(1.0, 1 / limit)), max(1, int(limit))
        query = select(ChannelRateRecord).where(ChannelRateRecord.channel == channel).with_for_update()
        record = session.scalars(query).one_or_none()
        if record is None:
            # Two senders may both begin: the second's insert fails, and it comes back later.
            session.add(ChannelRateRecord(channel=channel, window_starts_at=now, sent=1))
            session.flush()
            return None
        ends = record.window_starts_at + window
        # A clock that was set back would otherwise stop the channel until it has caught up.
        if now >= ends or now < record.window_starts_at - window:
            record.window_starts_at, record.sent = now, 1
            return None
        if record.sent >= most:
            return ends
        record.sent += 1
        return None
