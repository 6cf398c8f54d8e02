"""What has changed from one version of a campaign to the next, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.store.versioned import same_content

if TYPE_CHECKING:
    from loyalty_core.campaigns.campaign import Campaign
    from loyalty_core.campaigns.definition import Definition

_PARTS = {
    "audience": "Audience changed.",
    "trigger": "Trigger changed.",
    "offer": "Offer changed.",
    "variants": "Variants or messages changed.",
    "channels": "Channels changed.",
    "frequency": "Frequency cap changed.",
    "quiet_hours": "Quiet hours changed.",
    "re_entry": "Re-entry rule changed.",
    "holdout": "Holdout changed.",
    "budget": "Budget changed.",
    "conversion": "Conversion changed.",
    "cancel_on_leave": "What happens to queued messages of customers who leave the audience changed.",
}


def differences(old: Campaign, name: str, definition: Definition) -> tuple[str, ...]:
    """What is different in a new name and definition."""
    before, after = old.definition.to_json(), definition.to_json()
    renamed = [] if name == old.name else [f"Name changed from “{old.name}” to “{name}”."]
    changed = [sentence for part, sentence in _PARTS.items() if not same_content(before[part], after[part])]
    return (*renamed, *changed)
