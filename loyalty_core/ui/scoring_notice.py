"""Why the stored predictions are out of date, with the button that scores again."""

import streamlit as st

from loyalty_core.analytics.monitoring import Freshness
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.text import escape

_KEY = "score-now"


def draw_scoring_notice(freshness: Freshness, *, not_scored: str = "", key: str = _KEY) -> None:
    """Nothing while the predictions are up to date; `not_scored` says more before the first scoring run."""
    if freshness.is_fresh:
        return
    reasons = " ".join(freshness.reasons)
    text = f"The predictions are out of date. {reasons}" if freshness.run else f"{reasons} {not_scored}".strip()
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/update: {escape(text)}", width="stretch")
        try:
            draw_job("scoring", start_label="Score now", key=key)
        except StateStoreUnavailable:
            st.caption("Scoring cannot be started from here: the state store cannot be used.")
