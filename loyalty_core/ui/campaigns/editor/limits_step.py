"""The limits: how often, at which hours, for how much money, and who is left out to compare with."""

from __future__ import annotations

from datetime import time
from typing import TYPE_CHECKING, Any

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import formatting
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.campaigns.editor.fields import begin, draw_faults, draw_limit
from loyalty_core.ui.fields import Numbers
from loyalty_core.ui.text import escape

if TYPE_CHECKING:
    from loyalty_core.ui.campaigns.editor.draft import CampaignDraft

_MONEY = Numbers(lowest=0)


def draw_limits(draft: CampaignDraft) -> None:
    """Caps, quiet hours, holdout, budget, and what counts as success."""
    _draw_cap(draft)
    _draw_quiet_hours(draft)
    _draw_holdout(draft)
    _draw_budget(draft)
    _draw_conversion(draft)
    cancels = st.toggle(
        "Cancel messages that wait when the customer leaves the audience",
        key=begin(draft, "cancel-on-leave", draft.definition.cancel_on_leave),
        help="Checked when the message is due: a customer who was out for a moment and is back still gets it.",
    )
    draft.change("cancel_on_leave", cancels)


def _draw_cap(draft: CampaignDraft) -> None:
    cap = draft.definition.frequency.campaign
    st.markdown("**Frequency**")
    first, second = st.columns(2)
    with first:
        messages = draw_limit(draft, "cap", "Most messages to one customer", cap and cap.messages, placeholder="No cap")
    with second:
        days = draw_limit(draft, "cap-days", "Within how many days", cap.days if cap else 30)
    if messages.is_valid and days.is_valid:
        has_cap = messages.number is not None
        content = {"messages": int(messages.number or 0), "days": int(days.number or 30)} if has_cap else None
        draft.change("frequency", {"campaign": content})
    settings = get_services().settings
    if settings.frequency_cap_messages:
        st.caption(
            f"Over all campaigns a customer gets at most {formatting.count(settings.frequency_cap_messages)} messages "
            f"within {formatting.count(settings.frequency_cap_days)} days (FREQUENCY_CAP_MESSAGES)."
        )
    draw_faults(draft, "frequency")


def _draw_quiet_hours(draft: CampaignDraft) -> None:
    quiet = draft.definition.quiet_hours
    st.markdown("**Quiet hours**")
    on = st.toggle(
        "Send nothing at night",
        key=begin(draft, "quiet", quiet is not None),
        help="In the customer's time zone, if the warehouse has it. Messages wait until the quiet hours end.",
    )
    content: dict[str, Any] | None = None
    if on:
        first, second = st.columns(2)
        starts = first.time_input("From", key=begin(draft, "quiet-from", quiet.starts if quiet else time(21)))
        ends = second.time_input("Until", key=begin(draft, "quiet-until", quiet.ends if quiet else time(8)))
        content = {"from": starts.isoformat(), "until": ends.isoformat()}
    draft.change("quiet_hours", content)
    draw_faults(draft, "quiet_hours")


def _draw_holdout(draft: CampaignDraft) -> None:
    st.markdown("**Holdout**")
    share = st.slider(
        "Share of customers who are never written to",
        0.0,
        50.0,
        step=1.0,
        # A share that was set over HTTP may have decimals.
        format=formatting.percent_format().replace("%d", "%g"),
        key=begin(draft, "holdout", min(float(draft.definition.holdout.share), 50.0)),
        help="Without a holdout, nobody can tell how many would have bought without the message.",
    )
    draft.change("holdout", {"share": share})
    if not share:
        st.caption("Without a holdout, the results cannot say what the campaign changed.")
    draw_faults(draft, "holdout")


def _draw_budget(draft: CampaignDraft) -> None:
    budget = draft.definition.budget
    symbol = escape(formatting.currency_symbol())
    st.markdown("**Budget**")
    first, second, third = st.columns(3)
    with first:
        messages = draw_limit(draft, "budget", "Most messages in all", budget.messages, placeholder="No limit")
    with second:
        money = draw_limit(
            draft, "money", f"Most money in all ({symbol})", budget.money, placeholder="No limit", numbers=_MONEY
        )
    with third:
        cost = draw_limit(
            draft, "cost", f"Cost of one message ({symbol})", budget.cost_per_message or None, placeholder="0",
            numbers=_MONEY,
        )  # fmt: skip
    if messages.is_valid and money.is_valid and cost.is_valid:
        content = {
            "messages": None if messages.number is None else int(messages.number),
            "money": money.number,
            "cost_per_message": cost.number or 0.0,
        }
        draft.change("budget", content)
    draw_faults(draft, "budget")


def _draw_conversion(draft: CampaignDraft) -> None:
    conversion = draft.definition.conversion
    titles = wording.event_titles()
    st.markdown("**Success**")
    first, second = st.columns([2, 1])
    with first:
        chosen = st.multiselect(
            "Events that count",
            list(titles),
            format_func=titles.__getitem__,
            key=begin(draft, "conversions", [one for one in conversion.event_types if one in titles]),
        )
    with second:
        days = draw_limit(draft, "conversion-days", "Within how many days of entering", conversion.within_days)
    draft.change("conversion", {"event_types": chosen, "within_days": int(days.number or conversion.within_days)})
    draw_faults(draft, "conversion")
