"""Champion and challenger side by side: which customers they answer, and what they predict."""

from collections.abc import Mapping

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.analytics.outcomes import ArmScores
from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.bundles import Experiment
from loyalty_core.ml.tasks import RISKS
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.jobs import draw_job
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.experiment import queries as experiment_reading
from loyalty_core.warehouse.offers import offer_name

NAMES = ("Champion", "Challenger")


def draw_arms(running: Experiment) -> None:
    """Both arms in the last scoring; a button to score where that was before the present test."""
    arms = experiment_reading.arm_scores(running)
    if not arms:
        with st.container(border=True):
            st.markdown(
                ":material/update: The last scoring was not by both versions with these shares. Score all customers to "
                "see both arms, and to compare the predictions of each with outcomes later."
            )
            draw_job("scoring", start_label="Score now", key="score-arms")
        return
    total = sum(arm.customers for arm in arms)
    intended = (1 - running.share, running.share)
    for place, name, arm, share in zip(st.columns(2), NAMES, arms, intended, strict=True):
        with place, st.container(border=True):
            _draw_arm(name, arm, total, share)
    left, right = st.columns(2)
    if any(arm.risks for arm in arms):
        with left:
            st.markdown("**Customers by churn risk**")
            names = {risk: risk.capitalize() for risk in RISKS}
            _draw_shares([arm.risks for arm in arms], names, "arm-risks")
    if any(arm.offers for arm in arms):
        with right:
            st.markdown("**Customers by recommended offer**")
            _draw_shares([arm.offers for arm in arms], _offer_names(arms), "arm-offers")


def _draw_arm(name: str, arm: ArmScores, total: int, intended: float) -> None:
    st.subheader(name, anchor=False)
    st.caption(escape(f"Version {arm.version}"))
    with st.container(horizontal=True):
        st.metric(
            "Customers", formatting.count(arm.customers),
            f"{formatting.percent(arm.customers / total, 1)} of all, {formatting.percent(intended)} intended",
            delta_color="off", delta_arrow="off", help="Customers that this version scored in the last run.",
        )  # fmt: skip
        if arm.churn is not None:
            st.metric(
                "Mean churn probability",
                formatting.percent(arm.churn, 1),
                help="On average over the customers of this version.",
            )


def _draw_shares(counts: list[Mapping], names: Mapping, key: str) -> None:
    """Per arm the share of its customers with each value, so that arms of different size compare."""
    figure, highest = go.Figure(), 0.0
    for name, colour, of_arm in zip(NAMES, charts.palette(), counts, strict=False):
        total = sum(of_arm.values()) or 1
        shares = [of_arm.get(value, 0) / total for value in names]
        highest = max(highest, *shares)
        figure.add_bar(
            y=list(names.values()),
            x=shares,
            name=name,
            orientation="h",
            marker_color=colour,
            hovertext=[
                f"{name}, {shown}: {formatting.count(of_arm.get(value, 0))} customers, {formatting.percent(share, 1)}"
                for (value, shown), share in zip(names.items(), shares, strict=True)
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(charts.share_axis("Share of the arm's customers", highest))
    figure.update_yaxes(type="category", autorange="reversed")
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE)
    charts.draw(figure, key, _in_words(counts, names), height=120 + 36 * len(names), legend=True)


def _in_words(counts: list[Mapping], names: Mapping) -> str:
    arms = [
        f"{name}: "
        + ", ".join(
            f"{shown} {formatting.percent(of_arm.get(value, 0) / (sum(of_arm.values()) or 1), 1)}"
            for value, shown in names.items()
        )
        for name, of_arm in zip(NAMES, counts, strict=True)
    ]
    return f"{'; '.join(arms)}."


def _offer_names(arms: tuple[ArmScores, ...]) -> dict[int, str]:
    try:
        known = cached_reads.offer_names()
    except LoyaltyError:
        known = {}
    return {offer: offer_name(known, offer) for offer in sorted({offer for arm in arms for offer in arm.offers})}
