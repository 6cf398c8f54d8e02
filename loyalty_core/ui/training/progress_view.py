"""A training under way: how the losses fall, and the last lines of its log."""

import streamlit as st

from loyalty_core.jobs import Job
from loyalty_core.ml.tasks import title_of
from loyalty_core.services import get_services
from loyalty_core.ui import charts
from loyalty_core.ui.text import escape
from loyalty_core.ui.training import figures


def draw_progress(job: Job) -> None:
    """Drawn again every second or two, from the store: whoever opens the screen sees the same."""
    draw_losses(job)
    if job.log_tail:
        with st.expander("Last lines of its log", icon=":material/article:"):
            st.code(job.log_tail, language=None)


def draw_losses(job: Job) -> None:
    """A chart of both losses for each model that was trained so far."""
    epochs_so_far = [event.data for event in get_services().jobs.events(job.id)]
    models = list(dict.fromkeys(epoch["model"] for epoch in epochs_so_far))
    if not models:
        return
    for place, model in zip(st.columns(len(models)), models, strict=True):
        epochs = [epoch for epoch in epochs_so_far if epoch["model"] == model]
        with place:
            st.markdown(f"**{escape(title_of(model))}**")
            charts.draw(
                figures.losses(epochs),
                f"losses-{job.id}-{model}",
                f"{title_of(model)}: training and validation loss over {len(epochs)} epochs.",
                legend=True,
            )
