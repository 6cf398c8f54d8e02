"""Score drift: what each stored scoring run said, and how far it moved from the run before."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.analytics.monitoring import ScoreChange, ScoredRun, changes
from loyalty_core.ml.features import State
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.training.monitoring import drift_charts
from loyalty_core.ui.training.monitoring.drift_view import STATE_MARKS
from loyalty_core.warehouse.offers import offer_name

_HEIGHT = 400


def draw_score_drift(runs: Sequence[ScoredRun]) -> None:
    """Charts over the runs and a table of them; `runs` are newest first."""
    with st.container(border=True):
        st.subheader("Scores: drift from run to run", anchor=False)
        if len(runs) < 2:
            st.info(_none_to_compare(runs), icon=":material/timeline:")
            return
        st.caption("Every scoring run that is still stored, each compared with the one before it.")
        _draw_charts(list(reversed(runs)))
        _draw_table(runs)


def _none_to_compare(runs: Sequence[ScoredRun]) -> str:
    if not runs:
        return "Nobody has been scored yet. From the second scoring on, each is compared here with the one before."
    mean = runs[0].scores.mean
    said = "" if mean is None else f", with a mean churn probability of {formatting.percent(mean, 1)}"
    when = formatting.moment(runs[0].run.scored_at)
    return f"There is one scoring run so far, of {when}{said}. The next one is compared with it here."


def _draw_charts(runs: Sequence[ScoredRun]) -> None:
    """Oldest first."""
    left, right = st.columns(2, gap="medium")
    if any(one.scores.with_churn for one in runs):
        with left:
            st.markdown("**Churn risk**")
            alt = f"Mean churn probability by scoring run, oldest first: {', '.join(_mean(one) for one in runs)}."
            charts.draw(drift_charts.risk_by_run(runs), "risk-by-run", alt, height=_HEIGHT, legend=True)
    if any(one.scores.with_offer for one in runs):
        with right:
            st.markdown("**Best offers**")
            known = cached_reads.offer_names()
            names = {offer: offer_name(known, offer) for one in runs for offer in one.scores.offers}
            alt = f"Share of customers by best offer in {len(runs)} scoring runs."
            charts.draw(drift_charts.offers_by_run(runs, names), "offers-by-run", alt, height=_HEIGHT, legend=True)


def _draw_table(runs: Sequence[ScoredRun]) -> None:
    compared: list[ScoreChange | None] = [*changes(runs), None]
    st.dataframe(
        pd.DataFrame([_row(one, change) for one, change in zip(runs, compared, strict=True)]),
        hide_index=True,
        key="score-drift",
        column_config={
            "Model": st.column_config.TextColumn(width=185),
            "What is behind it": st.column_config.TextColumn(width=300),
        },
        alt="Scoring runs, newest first",
    )


def _row(one: ScoredRun, change: ScoreChange | None) -> dict[str, Any]:
    return {
        "Scored": formatting.moment(one.run.scored_at),
        "Model": _models(one),
        "Customers": formatting.count(one.scores.customers),
        "Mean churn": _mean(one),
        "Churn PSI": _index(change.churn_psi, change.churn_state) if change else formatting.BLANK,
        "Offers PSI": _index(change.offers_psi, change.offers_state) if change else formatting.BLANK,
        "What is behind it": change.sentence if change else "The oldest stored run.",
    }


def _models(one: ScoredRun) -> str:
    """One version, or two with their shares."""
    if len(one.versions) == 1:
        return one.versions[0]
    customers = one.scores.customers
    shares = (
        f"{version} ({formatting.percent(one.by_version[version].customers / customers)})" for version in one.versions
    )
    return " + ".join(shares)


def _mean(one: ScoredRun) -> str:
    return formatting.BLANK if one.scores.mean is None else formatting.percent(one.scores.mean, 1)


def _index(index: float | None, state: State | None) -> str:
    if index is None or state is None:
        return formatting.BLANK
    return f"{formatting.decimal(index, 3)} {STATE_MARKS[state]}"
