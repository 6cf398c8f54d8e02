"""All campaigns: state, whom they write to, and the results."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from loyalty_core.access import Action
from loyalty_core.campaigns import Totals
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.campaigns import address, wording
from loyalty_core.ui.campaigns.editor.draft import discard, unsaved_drafts
from loyalty_core.ui.rights import refusal
from loyalty_core.ui.text import escape
from loyalty_core.ui.unsaved import draw_unsaved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.campaigns import Campaign


def draw_list() -> None:
    """The campaigns in the states that are chosen; a click on a row opens one."""
    for draft in unsaved_drafts():
        name = draft.campaign.name if draft.campaign else None
        reopen = partial(address.open_editor, draft.campaign_id)
        draw_unsaved(draft.campaign_id, name, "campaign", reopen, partial(discard, draft))
    states = st.pills(
        "State",
        list(wording.STATE_BADGES),
        format_func=lambda state: escape(wording.STATE_BADGES[state].title),
        selection_mode="multi",
        key="state",
        bind="query-params",
        label_visibility="collapsed",
    )
    found = get_services().campaigns.repository.list(states)
    refused = refusal(Action.EDIT_CAMPAIGNS)
    if st.button("New campaign", icon=":material/add:", type="primary", disabled=bool(refused), help=refused):
        address.open_editor()
    if not found:
        st.info(
            "No campaign is in these states." if states else "There are no campaigns yet. Create the first one.",
            icon=":material/campaign:",
        )
        return
    chosen = _draw_table(found)
    if chosen is not None:
        address.open_campaign(chosen.id)


def _draw_table(campaigns: Sequence[Campaign]) -> Campaign | None:
    services, names = get_services(), wording.segment_names()
    totals = None if services.warehouse.has_scope else services.campaigns.totals()
    event: Any = st.dataframe(
        pd.DataFrame([_row(campaign, names, totals) for campaign in campaigns]),
        hide_index=True,
        height="content",
        on_select="rerun",
        selection_mode="single-cell",
        key="campaign-list",
        column_config={
            "Campaign": st.column_config.TextColumn(width=200),
            "State": st.column_config.TextColumn(width=125),
            "Sent": table_columns.count_column(width=70),
            "Converted": table_columns.count_column(width=90),
            "Trigger": st.column_config.TextColumn(width=180),
            "Audience": st.column_config.TextColumn(width=160),
            "Changed": st.column_config.TextColumn(width=145),
        },
        alt="Campaigns",
    )
    rows = [row for row, _ in event.selection.cells if row < len(campaigns)]
    return campaigns[rows[0]] if rows else None


def _row(campaign: Campaign, names: dict[str, str], totals: Mapping[str, Totals] | None) -> dict[str, Any]:
    achieved = None if totals is None else totals.get(campaign.id, Totals())
    return {
        "Campaign": campaign.name,
        "State": wording.STATE_BADGES[campaign.state].title,
        "Sent": achieved and achieved.sent,
        "Converted": achieved and achieved.converted,
        "Trigger": wording.trigger_in_words(campaign.definition.trigger, names),
        "Audience": wording.audience_in_words(campaign.definition, names),
        "Changed": formatting.moment(campaign.updated_at),
    }
