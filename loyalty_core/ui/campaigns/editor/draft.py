"""The campaign being edited, between two runs of the page."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.campaigns import Audience, BadCampaign, Definition
from loyalty_core.services import get_services

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign

_KEY, _GENERATION = "campaign-drafts", "campaign-draft-generation"


def _next_generation() -> int:
    """A number that no other draft of the session has had."""
    st.session_state[_GENERATION] = st.session_state.get(_GENERATION, 0) + 1
    return st.session_state[_GENERATION]


@dataclass
class CampaignDraft:
    """What is edited: `campaign` is the one that it becomes a version of, None for a new one.

    `started_as` is the definition before anything was edited, with what steps fill in when they are first drawn.
    `generation` is part of the keys of all fields, so that they show the definition rather than what was entered for
    another. `faults` has, by part of the definition, why what was entered last cannot be used; that part stays as it
    was.
    """

    campaign: Campaign | None
    name: str
    definition: Definition
    generation: int = field(default_factory=_next_generation)

    def __post_init__(self) -> None:
        self.started_as = self.definition
        self.faults: dict[str, BadCampaign] = {}
        self._drawn: set[str] = set()

    @property
    def campaign_id(self) -> str | None:
        return self.campaign.id if self.campaign else None

    @property
    def is_changed(self) -> bool:
        """Whether anything would be lost by leaving."""
        if self.campaign is None:
            return bool(self.name.strip()) or self.definition != self.started_as
        return self.name != self.campaign.name or self.definition != self.started_as

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
        """Put a part of the definition, as JSON, in place of what it was; notes why where it cannot be used.

        Nobody can have edited a part before its step was drawn once, so the first value is no change.
        """
        if part not in self._drawn:
            self._drawn.add(part)
            with suppress(BadCampaign):
                self.started_as = Definition.from_json(self.started_as.to_json() | {part: value})
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
        self.started_as = campaign.definition
        self.faults.clear()
        self._drawn.clear()
        self.refill()

    def refill(self) -> None:
        """Fill the fields from the definition again."""
        self.generation = _next_generation()


def open_draft(campaign_id: str | None, segment_id: str | None = None) -> CampaignDraft:
    """The draft as it was left, or a new one from what is saved; raises `CampaignNotFound` and `SegmentNotFound`.

    A new campaign has the segment as its audience, unless one for others was begun and not saved.
    """
    held = _drafts().get(campaign_id)
    if held is not None and (held.is_changed or not (held.is_overtaken or is_for_others(held, segment_id))):
        return held
    campaign = get_services().campaigns.repository.get(campaign_id) if campaign_id else None
    draft = CampaignDraft(campaign, campaign.name, campaign.definition) if campaign else _new_draft(segment_id)
    _drafts()[campaign_id] = draft
    return draft


def is_for_others(draft: CampaignDraft, segment_id: str | None) -> bool:
    """Whether a new campaign was begun for others than the segment that is asked for."""
    return draft.campaign is None and segment_id is not None and draft.started_as.audience.segment != segment_id


def discard(draft: CampaignDraft) -> None:
    """Forget what was edited."""
    _drafts().pop(draft.campaign_id, None)


def unsaved_drafts() -> list[CampaignDraft]:
    """The drafts with changes that are not saved."""
    return [draft for draft in _drafts().values() if draft.is_changed]


def _new_draft(segment_id: str | None) -> CampaignDraft:
    segment = get_services().segments.get(segment_id).id if segment_id else None
    return CampaignDraft(None, "", Definition(audience=Audience(segment=segment)))


def _drafts() -> dict[str | None, CampaignDraft]:
    return st.session_state.setdefault(_KEY, {})
