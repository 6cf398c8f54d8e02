"""The campaign being edited, between two runs of the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.campaigns import BadCampaign, Definition
from loyalty_core.services import get_services

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign

_KEY = "campaign-drafts"


@dataclass
class CampaignDraft:
    """What is edited: `campaign` is the one that it becomes a version of, None for a new one.

    `generation` counts how often the fields were filled from another definition than their own. `faults` has, by part
    of the definition, why what was entered last cannot be used; that part stays as it was.
    """

    campaign: Campaign | None
    name: str
    definition: Definition
    generation: int = 0

    def __post_init__(self) -> None:
        self.faults: dict[str, BadCampaign] = {}

    @property
    def campaign_id(self) -> str | None:
        return self.campaign.id if self.campaign else None

    @property
    def is_changed(self) -> bool:
        """Whether anything would be lost by leaving."""
        if self.campaign is None:
            return bool(self.name.strip()) or self.definition != Definition()
        return self.name != self.campaign.name or self.definition != self.campaign.definition

    @property
    def is_overtaken(self) -> bool:
        """Whether somebody saved a newer version than the one that the draft was made from."""
        if self.campaign is None:
            return False
        return get_services().campaigns.repository.get(self.campaign.id).version != self.campaign.version

    def key(self, field: str) -> str:
        """The key of a field's widget."""
        return f"campaign-{self.campaign_id or 'new'}-{self.generation}-{field}"

    def change(self, part: str, value: Any) -> None:
        """Put a part of the definition, as JSON, in place of what it was; notes why where it cannot be used."""
        content = self.definition.to_json()
        if content[part] == value:
            self.faults.pop(part, None)
            return
        try:
            self.definition = Definition.from_json(content | {part: value})
            self.faults.pop(part, None)
        except BadCampaign as error:
            self.faults[part] = error

    def begin(self, campaign: Campaign) -> None:
        """Start again from a saved campaign."""
        self.campaign, self.name, self.definition = campaign, campaign.name, campaign.definition
        self.faults.clear()
        self.generation += 1


def open_draft(campaign_id: str | None) -> CampaignDraft:
    """The draft as it was left, or a new one from what is saved; raises `CampaignNotFound`."""
    held = _drafts().get(campaign_id)
    if held is not None and (held.is_changed or not held.is_overtaken):
        return held
    campaign = get_services().campaigns.repository.get(campaign_id) if campaign_id else None
    draft = CampaignDraft(campaign, campaign.name, campaign.definition) if campaign else _new_draft()
    _drafts()[campaign_id] = draft
    return draft


def discard(draft: CampaignDraft) -> None:
    """Forget what was edited."""
    _drafts().pop(draft.campaign_id, None)


def unsaved_drafts() -> list[CampaignDraft]:
    """The drafts with changes that are not saved."""
    return [draft for draft in _drafts().values() if draft.is_changed]


def _new_draft() -> CampaignDraft:
    return CampaignDraft(None, "", Definition())


def _drafts() -> dict[str | None, CampaignDraft]:
    return st.session_state.setdefault(_KEY, {})
