"""The runs of a campaign over its whole audience, by schedule or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.access import Action, current_viewer
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.campaigns.waterfall_view import draw_waterfall
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.jobs import POLL_SECONDS
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rights import refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.campaigns import Campaign, CampaignRun

_UNDER_WAY = ("waiting", "running")
_STATUS = {
    "waiting": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "⚠ Failed",
    "missed": "⚠ Missed",
}


def draw_runs(campaign: Campaign) -> None:
    """What has run, and the button that runs it now; while one is under way, the figures are read again."""
    _draw_start(campaign)
    if campaign.next_run_at is not None:
        st.caption(f":material/schedule: The next run is {formatting.moment(campaign.next_run_at)}.")
    runs = get_services().campaigns.repository.runs(campaign.id)
    if any(run.status in _UNDER_WAY for run in runs):
        # Created only now: a fragment with run_every makes every open page poll.
        fragment(run_every=POLL_SECONDS)(_draw_under_way)(campaign.id)
    else:
        _draw_table(runs)


def _draw_start(campaign: Campaign) -> None:
    if campaign.state != "running":
        st.caption("Once the campaign is started, a button here writes to its whole audience.")
        return
    refused = refusal(Action.RUN_CAMPAIGNS)
    if st.button(
        "Write to the whole audience now",
        icon=":material/play_arrow:",
        key="campaign-run",
        disabled=bool(refused),
        help=refused or "Everyone in the audience who may get a message enters the campaign, as the waterfall says.",
    ):
        confirm_run(campaign)


@st.dialog("Write to the whole audience", icon=":material/send:")
def confirm_run(campaign: Campaign) -> None:
    """Ask whether to write to as many customers as would get a message now."""
    with errors_shown():
        waterfall = draw_waterfall(campaign.definition, campaign, key="run-waterfall")
        messages = "1 customer" if waterfall.to_send == 1 else f"{formatting.count(waterfall.to_send)} customers"
        st.caption("Messages cannot be taken back once they are sent. The run reads the audience again.")
        if st.button(f"Write to {messages}", type="primary", key="run-now", disabled=not waterfall.to_send):
            get_services().campaign_runs.begin(campaign.id, actor=current_viewer().id)
            st.rerun()


def _draw_under_way(campaign_id: str) -> None:
    runs = get_services().campaigns.repository.runs(campaign_id)
    if not any(run.status in _UNDER_WAY for run in runs):
        st.rerun()
    _draw_table(runs)


def _draw_table(runs: Sequence[CampaignRun]) -> None:
    if not runs:
        st.info("Nothing has run yet.", icon=":material/hourglass_empty:")
        return
    st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        column_config={name: table_columns.count_column() for name in ("Audience", "Messages")},
        alt="Runs",
    )


def _row(run: CampaignRun) -> dict[str, Any]:
    counts = run.counts or {}
    return {
        "Due": formatting.moment(run.due_at),
        "Status": _STATUS.get(run.status, run.status),
        "Audience": counts.get("audience"),
        "Messages": counts.get("to_send"),
        "Started by": run.started_by,
        "Version": run.version,
        "Why": (run.error or {}).get("what", ""),
    }
