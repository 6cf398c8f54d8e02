"""The editor: one step after another on the left, whom the campaign would write to now on the right."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.campaigns import CampaignNotFound
from loyalty_core.errors import LoyaltyError
from loyalty_core.segments import SegmentNotFound
from loyalty_core.services import get_services
from loyalty_core.store.versioned import MAX_NAME_LENGTH
from loyalty_core.ui.campaigns import address
from loyalty_core.ui.campaigns.editor.audience_step import draw_audience, draw_trigger
from loyalty_core.ui.campaigns.editor.draft import CampaignDraft, discard, is_for_others, open_draft
from loyalty_core.ui.campaigns.editor.fields import begin
from loyalty_core.ui.campaigns.editor.limits_step import draw_limits
from loyalty_core.ui.campaigns.editor.message_step import draw_messages
from loyalty_core.ui.campaigns.editor.offer_step import draw_channels, draw_offer
from loyalty_core.ui.campaigns.preview_view import draw_preview
from loyalty_core.ui.campaigns.waterfall_view import draw_waterfall
from loyalty_core.ui.fields import draw_fault, length_fault
from loyalty_core.ui.frame import browser_title
from loyalty_core.ui.messages import errors_shown, show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamlit.delta_generator import DeltaGenerator

AUDIENCE, TRIGGER, OFFER, MESSAGES, LIMITS = "Audience", "Trigger", "Offer and channels", "Messages", "Limits"
_STEPS: dict[str, tuple[Callable[[CampaignDraft], None], ...]] = {
    AUDIENCE: (draw_audience,),
    TRIGGER: (draw_trigger,),
    OFFER: (draw_offer, draw_channels),
    MESSAGES: (draw_messages,),
    LIMITS: (draw_limits,),
}


def draw_editor(place: address.Address) -> None:
    """Edit a campaign, or a new one."""
    try:
        draft = open_draft(place.campaign_id, place.segment_id)
    except (CampaignNotFound, SegmentNotFound) as error:
        draw_way_back()
        show_error(error, retry=False)
        return
    buttons = _draw_heading(draft)
    if is_for_others(draft, place.segment_id):
        st.info("You started this campaign earlier. Save it, or discard its changes to create one for the segment.")
    message = st.container()
    steps, effect = st.columns([1.15, 1], gap="large")
    with steps:
        _draw_steps(draft)
    # Drawn once the draft has what was entered last.
    with buttons:
        save, discarded = _draw_buttons(draft)
    if discarded:
        discard(draft)
        address.open_editor(draft.campaign_id, place.segment_id)
    if save:
        with message:
            _save(draft)
    with effect, errors_shown():
        _draw_effect(draft)


def draw_way_back() -> None:
    """The button back to the list."""
    if st.button("All campaigns", icon=":material/arrow_back:", type="tertiary"):
        address.open_list()


def _draw_heading(draft: CampaignDraft) -> DeltaGenerator:
    """The title and the name; returns the place for the buttons."""
    with st.container(horizontal=True, vertical_alignment="center"):
        if st.button("", icon=":material/arrow_back:", type="tertiary", help="Back; unsaved changes stay available"):
            if draft.campaign is not None:
                address.open_campaign(draft.campaign.id)
            address.open_list()
        title = f"Edit {draft.campaign.name}" if draft.campaign else "New campaign"
        browser_title(title, sidebar="collapsed")
        st.title(escape(title), anchor=False, width="stretch")
        buttons = st.container(horizontal=True, width="content")
    draft.name = st.text_input("Name", key=begin(draft, "name", draft.name), placeholder="Such as: Win back in June")
    draw_fault(length_fault(draft.name, MAX_NAME_LENGTH))
    if draft.is_overtaken:
        st.warning(
            "Somebody has saved a newer version meanwhile. Saving will be refused.", icon=":material/sync_problem:"
        )
    return buttons


def _draw_buttons(draft: CampaignDraft) -> tuple[bool, bool]:
    """Whether to save, and whether to discard."""
    refused = refusal(Action.EDIT_CAMPAIGNS)
    save = st.button(
        "Save",
        icon=":material/save:",
        type="primary",
        disabled=bool(refused) or not draft.is_changed,
        help=refused or "A draft may be incomplete; starting it needs everything.",
    )
    discarded = draft.is_changed and st.button("Discard changes", icon=":material/undo:", type="tertiary")
    return save, discarded


def _save(draft: CampaignDraft) -> None:
    repository, actor = get_services().campaigns.repository, current_viewer().id
    try:
        if draft.campaign is None:
            saved = repository.create(draft.name, draft.definition, actor=actor)
        else:
            saved = repository.update(
                draft.campaign.id, draft.name, draft.definition, actor=actor, expected_version=draft.campaign.version
            )
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    discard(draft)
    address.open_campaign(saved.id)


def _draw_steps(draft: CampaignDraft) -> None:
    tabs = st.tabs(list(_STEPS), key="step", on_change="rerun", bind="query-params")
    for tab, parts in zip(tabs, _STEPS.values(), strict=True):
        if tab.open:
            with tab, errors_shown():
                for draw in parts:
                    draw(draft)


def _draw_effect(draft: CampaignDraft) -> None:
    """Whom it would write to now, and the messages themselves."""
    if missing := draft.definition.missing():
        st.warning(
            "Before it can start:\n\n" + "\n".join(f"- {escape(one)}" for one in missing), icon=":material/checklist:"
        )
    whom, texts = st.tabs(["Who gets it", "Preview"], key="effect", on_change="rerun")
    if whom.open:
        with whom, errors_shown():
            draw_waterfall(draft.definition, draft.campaign, key="editor-waterfall")
    if texts.open:
        with texts, errors_shown():
            _draw_preview(draft)


def _draw_preview(draft: CampaignDraft) -> None:
    if draft.campaign is None:
        st.info("Save the campaign once to see its messages for real customers.", icon=":material/save:")
        return
    draw_preview(replace(draft.campaign, name=draft.name, definition=draft.definition), key="editor-preview")
