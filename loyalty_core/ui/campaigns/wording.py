"""Campaigns in words: states, triggers, channels and offers, as the screens name them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from loyalty_core.events import TYPES
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign, Definition, State, Trigger
    from loyalty_core.campaigns.definition import Day, OfferKind, TriggerKind


class StateBadge(NamedTuple):
    """How a state is shown."""

    title: str
    icon: str
    color: Literal["gray", "orange", "green", "yellow"]


STATE_BADGES: dict[State, StateBadge] = {
    "draft": StateBadge("Draft", ":material/edit_note:", "gray"),
    "awaiting_approval": StateBadge("Awaiting approval", ":material/approval:", "orange"),
    "running": StateBadge("Running", ":material/play_circle:", "green"),
    "paused": StateBadge("Paused", ":material/pause_circle:", "yellow"),
    "ended": StateBadge("Ended", ":material/stop_circle:", "gray"),
}
TRIGGER_TITLES: dict[TriggerKind, str] = {
    "segment_joined": "A customer joins a segment",
    "segment_left": "A customer leaves a segment",
    "event": "An event about a customer",
    "schedule": "At set times",
    "by_hand": "When someone runs it",
}
OFFER_TITLES: dict[OfferKind, str] = {
    "none": "No offer",
    "fixed": "The same offer for everyone",
    "best": "The best offer for each customer",
}
CHANNEL_TITLES = {"email": "E-mail", "webhook": "Webhook", "log": "Log only"}
DAY_TITLES: dict[Day, str] = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def channel_title(channel: str) -> str:
    """A channel as the screens name it."""
    return CHANNEL_TITLES.get(channel, channel)


def segment_names() -> dict[str, str]:
    """Id → name of the segments in use, by name."""
    outlines = get_services().segments.outlines()
    return {one: outlines[one].name for one in sorted(outlines, key=lambda one: outlines[one].name.casefold())}


def event_titles() -> dict[str, str]:
    """Type → label of the events about customers."""
    return {name: kind.label for name, kind in TYPES.items()}


def offer_title(offer_id: int | None) -> str:
    """An offer with its number and name."""
    if offer_id is None:
        return "No offer"
    name = cached_reads.offer_names().get(offer_id)
    return f"{offer_id} · {name}" if name else f"Offer {offer_id}"


def trigger_in_words(trigger: Trigger, names: dict[str, str]) -> str:
    """What makes customers enter, in a few words."""
    segment = names.get(trigger.segment or "", trigger.segment or "a segment")
    match trigger.kind:
        case "segment_joined":
            return f"Joins {segment}"
        case "segment_left":
            return f"Leaves {segment}"
        case "event":
            return event_titles().get(trigger.event_type or "", trigger.event_type or "An event")
        case "schedule":
            days = ", ".join(DAY_TITLES[day][:3] for day in trigger.days) or "Every day"
            return f"{days} at {trigger.hour:02d}:{trigger.minute:02d}"
        case _:
            return "By hand"


def audience_in_words(definition: Definition, names: dict[str, str]) -> str:
    """Whom the campaign writes to, in a few words."""
    included = [names.get(one, one) for one in definition.audience.included] or ["Everyone"]
    text = " or ".join(included)
    if definition.audience.exclude:
        text += ", but not " + " or ".join(names.get(one, one) for one in definition.audience.exclude)
    return text


def state_note(campaign: Campaign) -> str:
    """Since when the campaign has been in its state, and by whom."""
    if campaign.state == "ended" and campaign.ended_at:
        return f"Ended {formatting.moment(campaign.ended_at)}"
    if campaign.started_at:
        return f"Started {formatting.moment(campaign.started_at)}"
    return f"Saved {formatting.moment(campaign.updated_at)}"
