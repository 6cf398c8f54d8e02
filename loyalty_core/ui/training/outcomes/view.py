"""Accuracy on outcomes: predictions compared with what happened, and the active version applied to past months."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, cast

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from loyalty_core.analytics.outcomes import ChurnFigures, Month, MonthlyFigures, OfferFigures, Verdict, one_per_month
from loyalty_core.ml.tasks import TASKS, BinaryTask, ModelTask, UpliftTask
from loyalty_core.ml.versions import VersionRecord
from loyalty_core.ui import charts, formatting
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.text import escape
from loyalty_core.ui.training.comparison import model_figures
from loyalty_core.ui.training.outcomes import figures as outcomes_figures
from loyalty_core.ui.training.outcomes import queries as outcomes_reading

# Of the customers, likeliest first, in whom those captured are counted.
_TOP_SHARE = 0.2
_STORED, _REPLAY = "Stored predictions", "Past months, predicted now"
_REPLAY_NOTE = (
    "The active version predicted every customer of each month in the history. Pale months are those that it learned "
    "from, which favours it."
)
_MIXED_NOTE = (
    "Its training drew rows at random, so the months that it learned from cannot be separated from the others: all up "
    "to the last of them favour it."
)
_STORED_NOTE = (
    "The first scoring of each month, compared with each customer's first later row of the history in that month. "
    "Where several versions scored in a month, the first chart and the table show all of them; the other charts show "
    "the active one, or the one that scored most customers."
)


def draw_outcomes(active: VersionRecord) -> None:
    """One card for each model: whether it is still good, its measures by month, and the same as a table."""
    for task in TASKS.values():
        if isinstance(task, UpliftTask) or (task.is_optional and task.name not in active.models):
            continue  # of uplift, only one of each customer's two outcomes can be seen
        with st.container(border=True):
            heading = st.container(horizontal=True, vertical_alignment="center", gap="small")
            heading.subheader(escape(f"{task.title}: accuracy on outcomes"), anchor=False, width="content")
            with errors_shown():
                _draw_model(task, active, heading)


def _draw_model(task: ModelTask, active: VersionRecord, heading: DeltaGenerator) -> None:
    with st.spinner("Comparing predictions with outcomes …"):
        outcomes, replay = outcomes_reading.outcomes(task.name), outcomes_reading.replay(task.name, active.version)
        verdict = outcomes_reading.verdict(task.name, active)
    _draw_badge(verdict, heading)
    st.markdown(escape(verdict.sentence))
    if _choose(task.name, outcomes, replay) == _STORED:
        _draw_months(task, outcomes, active, _STORED_NOTE)
        return
    if outcomes.why_none and outcomes.why_none != replay.why_none:
        st.caption(escape(outcomes.why_none))
    if replay.months:
        mixed = any(month.role == "mixed" for month in replay.months)
        _draw_months(task, replay, active, f"{_MIXED_NOTE if mixed else _REPLAY_NOTE} {replay.remark}")
    else:
        st.info(escape(replay.why_none), icon=":material/info:")


def _draw_badge(verdict: Verdict, heading: DeltaGenerator) -> None:
    if verdict.is_worse:
        heading.badge("Got worse", icon=":material/trending_down:", color="red")
    elif verdict.is_known:
        heading.badge("Still good", icon=":material/check_circle:", color="green")
    else:
        heading.badge("Not known yet", icon=":material/hourglass_top:", color="gray")


def _choose(model: str, outcomes: MonthlyFigures[Any], replay: MonthlyFigures[Any]) -> str | None:
    """Which of the two to draw; the viewer chooses only where there are both."""
    if not (outcomes.months and replay.months):
        return _STORED if outcomes.months else _REPLAY
    return st.segmented_control(
        "Which predictions", [_STORED, _REPLAY], default=_STORED, required=True, key=f"outcomes-{model}"
    )


def _draw_months(task: ModelTask, figures: MonthlyFigures[Any], active: VersionRecord, note: str) -> None:
    one_each = one_per_month(figures.months, active.version)
    left, right = st.columns(2)
    with left:
        _draw_main(task, figures.months, active)
    if isinstance(task, BinaryTask):
        _draw_yes_or_no(task, one_each, right)
    else:
        with right:
            st.markdown("**Beside simply naming the most popular offer**")
            charts.draw(
                outcomes_figures.first_three(one_each),
                "outcomes-first-three",
                "Share of customers whose offer was the first choice, among the first three, or the most popular.",
                legend=True,
            )
    st.caption(escape(note.strip()))
    is_binary = isinstance(task, BinaryTask)
    rows = _yes_or_no_rows(task, figures.months) if is_binary else _offer_rows(figures.months)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height="content",
        key=f"outcomes-table-{task.name}",
        alt="The same by month",
    )


def _draw_main(task: ModelTask, months: Sequence[Month[Any]], active: VersionRecord) -> None:
    main = task.metrics[0]
    st.markdown(f"**{escape(main.title)} by month**")
    if all(month.figures.main is None for month in months):
        yes, no = (task.yes, task.no) if isinstance(task, BinaryTask) else ("took an offer", "took another")
        st.caption(escape(f"Too few customers {yes}, or too few {no}, to tell them apart."))
        return
    charts.draw(
        outcomes_figures.measured(
            months,
            active.version,
            active.metrics(task.name).get(main.key),
            main.title,
            is_share=main.is_share,
        ),
        f"outcomes-main-{task.name}",
        f"{main.title} of {len(months)} months with intervals, beside the value on test rows.",
        legend=True,
    )


def _draw_yes_or_no(task: BinaryTask, months: Sequence[Month[ChurnFigures]], place: DeltaGenerator) -> None:
    with place:
        st.markdown(f"**Share that {escape(task.yes)}, predicted and actual**")
        charts.draw(
            outcomes_figures.predicted_and_actual(months, task.yes),
            f"outcomes-calibration-{task.name}",
            f"Mean probability and share that {task.yes}, by month.",
            legend=True,
        )
    left, right = st.columns(2)
    with left:
        st.markdown(f"**How much more often the likeliest fifth {escape(task.yes)}**")
        charts.draw(
            outcomes_figures.lift(months, task.yes),
            f"outcomes-lift-{task.name}",
            f"How many times as often the likeliest fifth {task.yes}, by month; 1 is chance.",
        )
    with right:
        newest = months[-1]
        month = formatting.month(newest.month)
        st.markdown(f"**Calibration by deciles, {month}**")
        charts.draw(
            model_figures.calibration({"Customers": [asdict(decile) for decile in newest.figures.deciles]}, task.yes),
            f"outcomes-deciles-{task.name}",
            f"Share that {task.yes} over the share predicted, by deciles of the customers of {month}.",
            legend=True,
        )


def _yes_or_no_rows(task: BinaryTask, months: Sequence[Month[ChurnFigures]]) -> list[dict[str, str]]:
    return [
        _named(month)
        | {
            "Customers": formatting.count(month.figures.rows),
            "AUC": _with_interval(month),
            "Predicted": formatting.percent(month.figures.predicted, 1),
            task.yes.capitalize(): formatting.percent(month.figures.left.value, 1),
            f"Captured in the top {formatting.percent(_TOP_SHARE)}": formatting.percent(month.figures.captured, 1),
            "Lift": formatting.decimal(month.figures.lift, 2),
        }
        for month in reversed(months)
    ]


def _offer_rows(months: Sequence[Month[OfferFigures]]) -> list[dict[str, str]]:
    return [
        _named(month)
        | {
            "Customers": formatting.count(month.figures.rows),
            "First choice": _with_interval(month),
            "Among the first three": formatting.percent(month.figures.top_3.value, 1),
            "Most popular offer": formatting.percent(month.figures.popular.value, 1),
        }
        for month in reversed(months)
    ]


def _named(month: Month[Any]) -> dict[str, str]:
    what = {"Version": month.version} if month.role is None else {"Role": outcomes_figures.ROLES[month.role]}
    return {"Month": formatting.short_month(month.month)} | what


def _with_interval(month: Month[Any]) -> str:
    """ "0.810 (0.803–0.817)", or that there are too few rows to say."""
    measure = month.figures.main
    if measure is None:
        return "too few"
    is_share = isinstance(month.figures, OfferFigures)
    value, low, high = (
        formatting.percent(number, 1) if is_share else formatting.decimal(number, 3)
        for number in cast("tuple[float, ...]", (measure.value, *measure.interval))
    )
    return f"{value} ({low}–{high})"
