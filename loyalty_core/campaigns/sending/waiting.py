"""What messages that were not sent yet wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from loyalty_core.store.campaigns import CampaignRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore
    from loyalty_core.store.messages import OutboxRecord

WaitsFor = Literal["campaign", "due_time", "next_attempt", "channel", "sender", "turn"]
"""A paused campaign, the end of quiet hours, another attempt, settings of its channel, its sender, or its turn."""


@dataclass(frozen=True)
class Waiting:
    """What a message waits for; `problem` says which settings its channel lacks, where it waits for those."""

    waits_for: WaitsFor
    problem: str | None = None


def what_messages_wait_for(
    store: StateStore, settings: Settings, messages: Sequence[OutboxRecord]
) -> dict[int, Waiting]:
    """What those of the messages that are waiting or being sent wait for, by their ids."""
    of_campaigns = CampaignRecord.id.in_({message.campaign_id for message in messages})
    paused = select(CampaignRecord.id).where(of_campaigns, CampaignRecord.state == "paused")
    with store.session(read_only=True) as session:
        reasons = _Reasons(settings, set(session.scalars(paused)), store.dialect.now(session))
    return {message.id: reasons.of(message) for message in messages if message.status in {"waiting", "sending"}}


class _Reasons:
    """Reasons as of `now`; each channel is looked at once."""

    def __init__(self, settings: Settings, paused: Collection[str], now: datetime) -> None:
        self._paused, self._now = paused, now
        self._lease = timedelta(seconds=settings.sending_lease_seconds)
        self._problem = lru_cache(lambda channel: _channel_problem(settings, channel))

    def of(self, message: OutboxRecord) -> Waiting:
        if message.status == "sending":
            return Waiting("sender")
        if message.campaign_id in self._paused:
            return Waiting("campaign")
        if message.due_at > self._now:
            return Waiting("next_attempt" if message.attempts else "due_time")
        if message.claimed_at is not None and message.claimed_at >= self._now - self._lease:
            return Waiting("sender")
        # Simulated messages go to the log alone.
        problem = None if message.is_simulated else self._problem(message.channel)
        return Waiting("channel", problem) if problem else Waiting("turn")


def _channel_problem(settings: Settings, channel: str) -> str:
    from loyalty_core.campaigns.sending.readiness import channel_problem  # noqa: PLC0415 -- loads HTTP clients

    return channel_problem(settings, channel)
