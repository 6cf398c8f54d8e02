"""From an analysis to other screens: a selection as a segment, a customer's own page."""

from typing import Any

import streamlit as st

from loyalty_core.ui.campaigns import address as campaign_address
from loyalty_core.ui.navigation import CAMPAIGNS, CUSTOMER_PARAMETER, CUSTOMERS, SEGMENTS, Screen
from loyalty_core.ui.segments import address


def draw_save_as_segment(rule: Any, key: str, *, disabled: bool = False) -> None:
    """A button that opens the segment editor with the rule; saved there, it can be exported and used anywhere."""
    if st.button(
        "Save as segment",
        icon=":material/group_add:",
        key=key,
        disabled=disabled,
        help="Opens the segment editor with this rule. A saved segment can be exported.",
    ):
        open_rule(rule)


def draw_link(screen: Screen, label: str, **parameters: str) -> None:
    """A link to another screen, where an empty one says what to do next."""
    st.page_link(f"pages/{screen.file}", label=label, icon=screen.icon, query_params=parameters or None)


def open_rule(rule: Any) -> None:
    """Open the segment editor with the rule."""
    parameters = {address.EDIT: "1", address.RULE: address.encode_rule(rule)}
    st.switch_page(f"pages/{SEGMENTS.file}", query_params=parameters)


def open_new_campaign(segment_id: str) -> None:
    """Open the campaign editor for a new campaign with the segment as its audience."""
    parameters = {campaign_address.EDIT: "1", campaign_address.SEGMENT: segment_id}
    st.switch_page(f"pages/{CAMPAIGNS.file}", query_params=parameters)


def open_customer(customer_id: object) -> None:
    """Open the customer's page."""
    st.switch_page(f"pages/{CUSTOMERS.file}", query_params={CUSTOMER_PARAMETER: str(customer_id)})
