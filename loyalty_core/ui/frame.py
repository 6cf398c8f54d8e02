"""The frame around every page: title, mode badge and freshness in the sidebar."""

from pathlib import Path
from typing import Literal

import streamlit as st

from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.text import escape

PRODUCT = "Loyalty workbench"
# A file of our own: the browser would fetch a Material icon for its tab from Google.
ICON = str(Path(__file__).with_name("icon.svg"))


def draw_sidebar() -> None:
    """Mode (demo, mock or live) and how fresh the data is; says so when the warehouse does not answer."""
    with st.sidebar.container(gap="xsmall"):
        try:
            if outage := cached_reads.outage():
                raise outage
            source = cached_reads.source()
        except LoyaltyError:
            st.badge("No data", icon=":material/cloud_off:", color="red")
            st.caption("The warehouse cannot be used. System health says why.")
            return
        _draw_mode(is_demo=source.is_demo)
        _draw_restriction()
        if source.newest is not None:
            st.caption(f"Data up to {formatting.day(source.newest)}", help=escape(f"By the {source.newest_from}."))
        else:
            st.caption("Freshness unknown", help="No update date in the features view and no transactions table.")


def _draw_restriction() -> None:
    """Says so to viewers who do not see everything, so that they do not mistake a part for the whole."""
    warehouse = get_services().warehouse
    with st.container(horizontal=True, gap="xsmall"):
        if warehouse.has_scope:
            st.badge(
                "Part of the customers",
                icon=":material/filter_alt:",
                color="blue",
                help="Your role shows some of the customers. All figures are about these, unless they say otherwise.",
            )
        if warehouse.smallest_group:
            st.badge(
                "No small groups",
                icon=":material/groups:",
                color="blue",
                help=f"Groups of fewer than {formatting.count(warehouse.smallest_group)} customers are left out, and "
                "single customers are not shown.",
            )
        if warehouse.hidden:
            st.badge(
                "No personal data",
                icon=":material/visibility_off:",
                color="blue",
                help="Names, addresses and the like are masked, and cannot be used in rules, sorting and exports.",
            )


def browser_title(title: str, *, sidebar: Literal["auto", "collapsed"] = "auto") -> None:
    """What the browser's tab, history and bookmarks call the page; a page that needs the room folds the sidebar."""
    st.set_page_config(page_title=f"{title} · {PRODUCT}", initial_sidebar_state=sidebar)


def page_title(title: str, purpose: str) -> None:
    """The heading that every page starts with."""
    browser_title(title)
    st.title(title, anchor=False)
    st.caption(purpose)


def _draw_mode(*, is_demo: bool) -> None:
    mock = get_services().settings.ml_mock_mode
    with st.container(horizontal=True, gap="xsmall"):
        if is_demo:
            st.badge("Demo data", icon=":material/science:", color="orange", help="A simulated loyalty programme.")
        else:
            st.badge("Live data", icon=":material/database:", color="green", help="Your own warehouse.")
        if mock:
            st.badge("Mock predictions", icon=":material/theater_comedy:", color="violet", help="ML_MOCK_MODE is on.")
