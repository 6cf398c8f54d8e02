"""Training and scoring in one step, for data that has no models yet."""

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.ml.tasks import TASKS
from loyalty_core.rfm import RfmUnavailable, rfm_columns
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.links import draw_link
from loyalty_core.ui.navigation import DOCUMENTATION, TRAINING
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.queries import versions
from loyalty_core.warehouse.history import history_exists

TRAIN_AND_SCORE, SCORE_BY_RFM = "Train and score", "Score by RFM"
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
    """One button from loaded data to predictions, and how far it is; without a button, why there is none."""
    with st.container(border=True):
        try:
            if has_history():
                _draw_training()
            else:
                _draw_without_history()
        except StateStoreUnavailable:
            st.caption("This cannot be started from here: the state store cannot be used.")


@cached_reads.cached_lookup
def has_history() -> bool:
    """Whether there is a history for any of the models to learn from."""
    return any(history_exists(get_services().warehouse, task.history) for task in TASKS.values())


def awaits_decision() -> bool:
    """Whether models have learned from this data, and none of them answers."""
    return needs_first_training() and bool(versions().own)


def _draw_training() -> None:
    if awaits_decision():
        st.markdown(
            ":material/model_training: **A trained version awaits a decision.** It is not active, because it did not "
            "pass every check or nobody has decided yet. See what was found; you can activate it anyway."
        )
        draw_link(TRAINING, "See the trained version")
    else:
        st.markdown(
            ":material/model_training: **No model has learned from this data yet.** Train every model that has enough "
            "history, activate those that pass every check, and score all customers. Without enough history, they are "
            "scored by RFM alone."
        )
    draw_job(
        "training",
        start_label=TRAIN_AND_SCORE,
        options={"activate_and_score": True, "trained_by": current_viewer().id},
        key="train-and-score",
        help="In a terminal: loyalty train --score",
    )


def _draw_without_history() -> None:
    st.markdown(
        ":material/model_training: **No model can learn from this data:** it has no history of who left, or of who "
        "took which offer. Segments, customers and campaigns work without models."
    )
    try:
        rfm_columns(get_services().warehouse)
    except RfmUnavailable as error:
        st.caption(escape(f"Nor can RFM score the customers: {error}"))
    else:
        draw_job("scoring", start_label=SCORE_BY_RFM, key="score-by-rfm", help="In a terminal: loyalty score")
    draw_link(DOCUMENTATION, "See what models and RFM need", page="dwh-integration")
