"""What the last load did, and what to do next."""

from __future__ import annotations

import streamlit as st

from loyalty_core.services import services_of_process
from loyalty_core.ui import formatting
from loyalty_core.ui.connect.unusable_segments import draw_unusable_segments
from loyalty_core.ui.first_training import draw_first_training, has_history, needs_first_training, refused
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.links import draw_link
from loyalty_core.ui.navigation import CAMPAIGNS, OVERVIEW, TRAINING
from loyalty_core.ui.text import escape

_SHOWN = 40


def draw_loaded() -> None:
    """The report of the data in use, if a file was loaded for it; nothing otherwise."""
    services = services_of_process()
    job, current = services.jobs.latest("connection"), services.connections.current()
    if job is None or current is None or job.state != "done" or job.result.get("connection") != current.id:
        return
    result = job.result
    with st.container(border=True):
        st.success(
            f"**{escape(current.title)} is in use.** {escape(result['loaded'])}. "
            f"Left out: {escape(result['left_out'])}.",
            icon=":material/check_circle:",
        )
        if result.get("continues"):
            learned_from = f", which learned from {escape(result['learned_from'])}," if result["learned_from"] else ""
            st.info(
                f"This is newer data of the customers of **{escape(result['continues'])}**. Its models{learned_from} "
                "and predictions stay in use. Score the customers again to bring the predictions up to date, and train "
                "again when the file has newer outcomes.",
                icon=":material/history:",
            )
            draw_job("scoring", start_label="Score now", key="score-newer-data")
        elif result["features"] is not None and has_history():
            st.markdown(f"**The models learn from** {escape(', '.join(result['features']) or 'nothing')}.")
        doubtful = [one for one in result["not_learned"] if not one["is_certain"]]
        for one in doubtful:
            st.warning(
                f"**{escape(one['column'])}** is left out: {escape(one['reason'])}. If it is known before that "
                "happens, load the file again with it among the columns the models learn from in any case.",
                icon=":material/help:",
            )
        if result["mapping_is_set"]:
            st.warning(
                "The setting ML_FEATURE_MAPPING stays in force: the models learn from its columns, not from these. "
                "Remove it from the environment, .env and loyalty.toml, and start the app again.",
                icon=":material/warning:",
            )
        _draw_currency()
        others = [f"{one['column']}: {one['reason']}" for one in result["not_learned"] if one["is_certain"]]
        with st.expander("How the file was read", icon=":material/article:"):
            for line in [*result["notes"][:_SHOWN], *(f"Not learned from {text}" for text in others[:_SHOWN])]:
                st.caption(escape(line))
        _draw_running_campaigns()
        draw_unusable_segments()
        _draw_links()
    _draw_training()


def draw_connected() -> None:
    """What to do next, if the data in use is a database that was connected here; nothing otherwise."""
    services = services_of_process()
    current = services.connections.current()
    if current is None or current.kind != "database":
        return
    with st.container(border=True):
        customers = formatting.count(services.warehouse.catalog().customers or 0)
        st.success(f"**{escape(current.title)} is in use.** {customers} customers.", icon=":material/check_circle:")
        _draw_currency()
        _draw_running_campaigns()
        draw_unusable_segments()
        _draw_links()
    _draw_training()


def _draw_currency() -> None:
    currency = escape(services_of_process().settings.currency)
    st.caption(f"Amounts are shown in {currency}, as the setting CURRENCY or the connection says.")


def _draw_running_campaigns() -> None:
    """Campaigns belong to the workbench, not to the data: they go on with whatever data is in use."""
    names = [campaign.name for campaign in services_of_process().campaigns.repository.list(["running"])]
    if names:
        st.warning(
            f"Running campaigns go on with this data: {escape(', '.join(names))}. "
            "Pause those that are not meant for it.",
            icon=":material/campaign:",
        )
        draw_link(CAMPAIGNS, "See the campaigns")


def _draw_links() -> None:
    with st.container(horizontal=True):
        draw_link(OVERVIEW, "See the overview")
        draw_link(TRAINING, "See the models")


def _draw_training() -> None:
    if needs_first_training() and refused() is None:
        draw_first_training()
