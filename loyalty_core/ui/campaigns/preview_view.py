"""The messages themselves, for ten real customers, and a test to one's own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from loyalty_core.access import Action
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign
    from loyalty_core.campaigns.sending.trials import Preview

_SHOWN = 10


def draw_preview(campaign: Campaign, *, key: str) -> None:
    """What customers of the audience would get, one message after another."""
    refused = refusal(Action.EDIT_CAMPAIGNS)
    if refused:
        st.info(refused, icon=":material/lock:")
        return
    variants = [variant.name for variant in campaign.definition.variants]
    variant = variants[0]
    if len(variants) > 1:
        variant = st.segmented_control(
            "Variant", variants, default=variant, format_func=escape, key=f"{key}-variant", required=True
        )
    services = get_services()
    with evaluation_slot():
        candidates = services.campaigns.some_candidates(campaign, None, _SHOWN)
        previews = services.new_trials().preview(campaign, candidates, variant=variant)
    if not previews:
        st.info(
            "Nobody is in the audience at the moment. Choose other segments to see messages.",
            icon=":material/group_off:",
        )
    for preview in previews:
        _draw_message(preview)


def draw_test_send(campaign: Campaign) -> None:
    """A form that sends one of the messages to the viewer's own address."""
    refused = refusal(Action.RUN_CAMPAIGNS)
    with st.popover("Send a test", icon=":material/outgoing_mail:", disabled=bool(refused), help=refused):
        channel = st.selectbox(
            "Channel", list(campaign.definition.channels.use), format_func=wording.channel_title, key="test-channel"
        )
        address = st.text_input("Your own address", key="test-address") if channel == "email" else None
        st.caption("The message of the first customer of the audience, marked as a test. It is not counted anywhere.")
        if st.button("Send", type="primary", icon=":material/send:", key="test-send") and channel:
            _send(campaign, channel, address)


def _send(campaign: Campaign, channel: str, address: str | None) -> None:
    services = get_services()
    try:
        candidates = services.campaigns.some_candidates(campaign, None, 1)
        if not candidates:
            st.info("Nobody is in the audience at the moment, so there is no message to test.")
            return
        services.new_trials().send_test(campaign, candidates[0], channel=channel, address=(address or "").strip())
    except LoyaltyError as error:
        show_error(error, retry=False)
        return
    st.success("The test was sent.", icon=":material/check_circle:")


def _draw_message(preview: Preview) -> None:
    with st.container(border=True, gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.markdown(f"**{escape(preview.customer_id)}**", width="stretch")
            st.badge(escape(wording.channel_title(preview.channel), in_badge=True), color="gray")
            if preview.offer_id is not None:
                st.badge(escape(wording.offer_title(preview.offer_id), in_badge=True), color="blue")
        if preview.address:
            st.caption(f"To {escape(preview.address)}")
        if preview.problem:
            st.warning(escape(preview.problem), icon=":material/warning:")
        if preview.subject:
            st.markdown(f"**{escape(preview.subject)}**")
        # As plain text: nothing in a message is read as Markdown.
        st.text(preview.body)
