"""Whether the channels of a campaign can be used, asked before it starts rather than when its messages are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.campaigns.errors import BadCampaign
from loyalty_core.campaigns.sending.channels import all_channels
from loyalty_core.campaigns.sending.links import ContactLinks, Recipient
from loyalty_core.errors import SettingsError
from loyalty_core.names import nearest_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore


def channel_problem(settings: Settings, name: str) -> str:
    """Which settings the channel lacks, in a sentence; blank where messages can be sent by it."""
    channel = all_channels(settings).get(name)
    if channel is None:
        return f"There is no channel {name}."
    try:
        channel.require_ready()
    except SettingsError as error:
        return str(error)
    return ""


def require_channels(settings: Settings, store: StateStore, names: Iterable[str]) -> None:
    """Raise `BadCampaign` for a channel that does not exist, and `SettingsError` for one that is not set up."""
    channels = all_channels(settings)
    for name in names:
        if name not in channels:
            near = nearest_names(name, channels)
            remedy = f"Did you mean {near[0]}?" if near else f"Choose {' or '.join(channels)}."
            raise BadCampaign(f"There is no channel {name[:60]}.", remedy=remedy)
        channels[name].require_ready()
        if name == "email":
            ContactLinks(settings, store).unsubscribe_url(Recipient("", name))
