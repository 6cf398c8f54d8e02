"""The channels that messages are sent by; one more is a small class and its line in `all_channels`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.campaigns.sending.channels.base import (
    Channel,
    ChannelDown,
    MaybeSent,
    Message,
    NotSent,
    PermanentFailure,
    TemporaryFailure,
)
from loyalty_core.campaigns.sending.channels.email import EmailChannel
from loyalty_core.campaigns.sending.channels.log import LogChannel
from loyalty_core.campaigns.sending.channels.webhook import WebhookChannel

if TYPE_CHECKING:
    from loyalty_core.settings import Settings

__all__ = [
    "CHANNEL_NAMES",
    "Channel",
    "ChannelDown",
    "LogChannel",
    "MaybeSent",
    "Message",
    "NotSent",
    "PermanentFailure",
    "TemporaryFailure",
    "all_channels",
]

CHANNEL_NAMES = (LogChannel.name, WebhookChannel.name, EmailChannel.name)


def all_channels(settings: Settings) -> dict[str, Channel]:
    """Every channel by name; those whose settings are missing say so when they are used."""
    channels: tuple[Channel, ...] = (LogChannel(), WebhookChannel(settings), EmailChannel(settings))
    return {channel.name: channel for channel in channels}
