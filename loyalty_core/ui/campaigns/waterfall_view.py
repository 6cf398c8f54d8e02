"""The suppression waterfall: how many of the audience get a message, and what happens to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import charts, formatting
from loyalty_core.ui.campaigns import wording
from loyalty_core.ui.text import escape
from loyalty_core.ui.work_slots import evaluation_slot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.campaigns import Campaign, Definition, Waterfall

_ROW_HEIGHT = 34


def draw_waterfall(definition: Definition, campaign: Campaign | None, *, key: str) -> Waterfall:
    """Compute the waterfall now, in warehouse and state store, and draw it; returns its figures."""
    with evaluation_slot():
        waterfall = get_services().campaigns.waterfall(definition, campaign)
    with st.container(horizontal=True):
        st.metric(
            "Audience",
            formatting.count(waterfall.audience),
            border=True,
            help="Customers in the audience of the campaign, before any are left out.",
        )
        st.metric(
            "Get a message",
            formatting.count(waterfall.to_send),
            border=True,
            help="Of the audience as it is now, if the campaign wrote to everyone at this moment.",
        )
    if waterfall.audience:
        charts.draw(
            _figure(waterfall),
            key,
            f"Of {formatting.count(waterfall.audience)} customers, {formatting.count(waterfall.to_send)} get a "
            "message; each bar in between shows how many are left out for one reason.",
            height=_ROW_HEIGHT * len(_shown(waterfall)) + 40,
        )
    else:
        st.info(
            "Nobody is in the audience at the moment. Choose other segments, or compute them again.",
            icon=":material/group_off:",
        )
    _draw_notes(waterfall)
    return waterfall


def _shown(waterfall: Waterfall) -> list[tuple[str, int, int]]:
    """(title, customers left out, customers remaining) for the audience, each reason, and those who get a message."""
    reasons = [(step.title, step.removed, step.remaining) for step in waterfall.steps if step.removed]
    return [("Audience", 0, waterfall.audience), *reasons, ("Get a message", 0, waterfall.to_send)]


def _figure(waterfall: Waterfall) -> go.Figure:
    rows = _shown(waterfall)
    titles = [title for title, _, _ in rows]
    kept = charts.palette()[0]
    figure = go.Figure()
    figure.add_bar(
        y=titles,
        x=[remaining for _, _, remaining in rows],
        orientation="h",
        marker_color=[kept if not removed else "rgba(0, 0, 0, 0)" for _, removed, _ in rows],
        hoverinfo="skip",
    )
    figure.add_bar(
        y=titles,
        x=[removed for _, removed, _ in rows],
        orientation="h",
        marker_color=charts.GREY,
        hoverinfo="skip",
    )
    for title, removed, remaining in rows:
        figure.add_annotation(
            y=title,
            x=remaining + removed,
            text=f"−{formatting.count(removed)}" if removed else formatting.count(remaining),
            xanchor="left",
            showarrow=False,
        )
    figure.update_layout(barmode="stack")
    figure.update_xaxes(visible=False, range=[0, waterfall.audience * 1.22])
    figure.update_yaxes(autorange="reversed", title=None)
    return figure


def _draw_notes(waterfall: Waterfall) -> None:
    if waterfall.delayed and waterfall.delayed_until:
        st.caption(
            f":material/bedtime: {formatting.count(waterfall.delayed)} of them wait for the end of quiet hours, "
            f"the last until {formatting.moment(waterfall.delayed_until)}."
        )
    if waterfall.unreadable_zones:
        st.caption(
            f":material/schedule: {formatting.count(waterfall.unreadable_zones)} have a time zone that cannot be read; "
            f"theirs is taken to be {escape(get_services().settings.time_zone)}."
        )
    for title, figures in _splits(waterfall):
        st.caption(
            escape(f"{title}: " + ", ".join(f"{name} ({formatting.count(size)})" for name, size in figures.items()))
        )


def _splits(waterfall: Waterfall) -> list[tuple[str, Mapping[str, int]]]:
    channels = {wording.channel_title(name): size for name, size in waterfall.by_channel.items()}
    by_size = sorted(waterfall.by_offer.items(), key=lambda one: one[1], reverse=True)
    offers = {wording.offer_title(offer): size for offer, size in by_size}
    return [
        (title, figures)
        for title, figures in (("By channel", channels), ("By variant", waterfall.by_variant), ("By offer", offers))
        if figures and (title == "By channel" or len(figures) > 1 or title == "By offer")
    ]
