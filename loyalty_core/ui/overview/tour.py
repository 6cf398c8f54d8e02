"""A tour of three steps for whoever is new, until they dismiss it."""

from __future__ import annotations

import streamlit as st

from loyalty_core.access import Action, may
from loyalty_core.errors import LoyaltyError
from loyalty_core.services import get_services
from loyalty_core.ui.messages import show_error
from loyalty_core.ui.navigation import CHURN, CONNECT, SEGMENTS, SYSTEM_HEALTH
from loyalty_core.ui.segments.address import EDIT

_HINT = "tour"
_IS_DISMISSED = "tour-is-dismissed"


def draw_tour() -> None:
    """One line that opens each step; nothing for viewers who have dismissed it, and while the store is down."""
    if _is_dismissed():
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="tour"):
        st.markdown(":material/explore: **New here?**", width="content")
        with st.popover("1 · What you see", width="content"):
            _draw_what_you_see()
        with st.popover("2 · Your first segment", width="content"):
            _draw_first_segment()
        with st.popover("3 · Your own data", width="content"):
            _draw_own_data()
        st.button(
            "Dismiss",
            icon=":material/close:",
            type="tertiary",
            key="tour-dismiss",
            help="Ends the tour for you; others still see it.",
            on_click=_dismiss,
        )


def _is_dismissed() -> bool:
    if not st.session_state.get(_IS_DISMISSED):
        try:
            st.session_state[_IS_DISMISSED] = get_services().dismissals.has(_HINT)
        except LoyaltyError:  # it could not be dismissed either
            return True
    return st.session_state[_IS_DISMISSED]


def _dismiss() -> None:
    try:
        get_services().dismissals.add(_HINT)
    except LoyaltyError as error:
        show_error(error, retry=False)
    else:
        st.session_state[_IS_DISMISSED] = True


def _draw_what_you_see() -> None:
    st.markdown(
        "This page counts all customers you may see. The question mark beside a figure says how it is computed. "
        "**Explore** finds segments and customers, **Predict** says who may leave and which offer fits, **Act** writes "
        "to them, and **Operate** trains the models and checks every part."
    )
    st.page_link(f"pages/{CHURN.file}", label="See who may leave", icon=CHURN.icon)
    st.page_link(f"pages/{SYSTEM_HEALTH.file}", label="See whether everything works", icon=SYSTEM_HEALTH.icon)


def _draw_first_segment() -> None:
    st.markdown(
        "A segment is a rule with a name, such as “revenue above 500 and likely to leave”. The editor counts "
        "its customers while you build it. A saved segment can be used in campaigns, compared with others and exported."
    )
    if may(Action.EDIT_SEGMENTS) and st.button("Create a segment", icon=":material/group_add:", key="tour-segment"):
        st.switch_page(f"pages/{SEGMENTS.file}", query_params={EDIT: "1"})
    st.page_link(f"pages/{SEGMENTS.file}", label="See the segments", icon=SEGMENTS.icon)


def _draw_own_data() -> None:
    if may(CONNECT.action):
        st.markdown(
            "Drop a file of customers or purchases in the browser, or name a database. The data in use stays, and Undo "
            "returns to it."
        )
        st.page_link(f"pages/{CONNECT.file}", label="Connect your data", icon=CONNECT.icon)
    else:
        st.markdown("An admin connects your own file or database on the page “Connect data”.")
