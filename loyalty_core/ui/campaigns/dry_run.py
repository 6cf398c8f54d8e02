"""The dry run as a file: every customer of the audience with what they would get, or why they get nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import streamlit as st

from loyalty_core.access import Action
from loyalty_core.ui.api_links import api_link
from loyalty_core.ui.rights import refusal

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign


def draw_dry_run(campaign: Campaign) -> None:
    """The link to the file, which is written while it is sent."""
    refused = refusal(Action.EXPORT) or refusal(Action.SEE_PERSONAL_DATA)
    st.link_button(
        "Dry run as CSV",
        api_link(f"campaigns/{quote(campaign.id)}/dry-run/"),
        icon=":material/download:",
        disabled=bool(refused),
        help=refused or "Every customer of the audience: what they would get now, or why they get nothing.",
    )
