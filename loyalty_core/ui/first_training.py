"""Training and scoring in one step, for data that has no models yet."""

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.services import get_services
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.rights import refusal

TRAIN_AND_SCORE = "Train and score"
_NEEDED = (Action.TRAIN, Action.ACTIVATE_MODELS, Action.SCORE)


def needs_first_training() -> bool:
    """Whether no model answers for this data, and none is made up either."""
    status = get_services().inference.status()
    return status.version is None and not status.is_mock


def refused() -> str | None:
    """Why the viewer may not train, activate and score; None if they may."""
    for action in _NEEDED:
        said = refusal(action)
        if said:
            return said
    return None


def draw_first_training() -> None:
    """One button from loaded data to predictions, and how far it is; the customers are scored in any case."""
    with st.container(border=True):
        st.markdown(
            ":material/model_training: **No model has learned from this data yet.** Train every model that has "
            "enough history, activate those that pass every check, and score all customers. Without such a history, "
            "they are scored by RFM alone."
        )
        try:
            draw_job(
                "training",
                start_label=TRAIN_AND_SCORE,
                options={"activate_and_score": True, "trained_by": current_viewer().id},
                key="train-and-score",
                help="In a terminal: loyalty train --score",
            )
        except StateStoreUnavailable:
            st.caption("Training cannot be started from here: the state store cannot be used.")
