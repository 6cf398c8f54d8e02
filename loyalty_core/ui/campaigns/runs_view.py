"""The runs of a campaign over its whole audience, by schedule or by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns

if TYPE_CHECKING:
    from loyalty_core.campaigns import Campaign, CampaignRun

_STATUS = {
    "waiting": "Waiting",
    "running": "Running",
    "done": "Done",
    "failed": "⚠ Failed",
    "missed": "⚠ Missed",
}


def draw_runs(campaign: Campaign) -> None:
    """What has run, and the button that runs it now."""
    if campaign.next_run_at is not None:
        st.caption(f":material/schedule: The next run is {formatting.moment(campaign.next_run_at)}.")
    runs = get_services().campaigns.runs(campaign.id)
    if not runs:
        st.info("Nothing has run yet.", icon=":material/hourglass_empty:")
        return
    st.dataframe(
        [_row(run) for run in runs],
        hide_index=True,
        column_config={name: table_columns.count_column() for name in ("Audience", "Messages")},
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
