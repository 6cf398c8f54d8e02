"""Where the viewer is on the Campaigns screen, as part of the address, so that a link shows a colleague the same."""

from dataclasses import dataclass

import streamlit as st

CAMPAIGN, EDIT = "campaign", "edit"
# The audience of a new campaign.
SEGMENT = "segment"
VIEW = "show"
CAMPAIGNS, MESSAGES = "Campaigns", "Messages"
# The filters of the messages.
MESSAGE_STATE, MESSAGE_CAMPAIGN = "message-state", "message-campaign"
MESSAGE_CHANNEL, MESSAGE_CUSTOMER = "message-channel", "message-customer"


@dataclass(frozen=True)
class Address:
    """The list, one campaign, or the editor for a campaign or a new one, which may be for a segment."""

    campaign_id: str | None
    is_editing: bool
    segment_id: str | None = None


def current() -> Address:
    """What the address asks for."""
    return Address(st.query_params.get(CAMPAIGN), EDIT in st.query_params, st.query_params.get(SEGMENT))


def open_list() -> None:
    """Go to all campaigns."""
    _go()


def open_campaign(campaign_id: str) -> None:
    """Go to one campaign."""
    _go(**{CAMPAIGN: campaign_id})


def open_editor(campaign_id: str | None = None, segment_id: str | None = None) -> None:
    """Go to the editor; without an id, for a new campaign, whose audience may be a segment."""
    named = {CAMPAIGN: campaign_id, SEGMENT: segment_id}
    _go(**{name: value for name, value in named.items() if value}, **{EDIT: "1"})


def open_messages(campaign: str) -> None:
    """Go to the messages of the campaign of that name."""
    for key in (VIEW, MESSAGE_STATE, MESSAGE_CHANNEL, MESSAGE_CUSTOMER, MESSAGE_CAMPAIGN):
        st.session_state.pop(key, None)
    _go(**{VIEW: MESSAGES, MESSAGE_CAMPAIGN: campaign})


def _go(**parameters: str) -> None:
    st.query_params.from_dict(parameters)
    st.rerun()
