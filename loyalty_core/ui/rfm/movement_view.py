"""Who moved between the segments since an earlier scoring run."""

from functools import partial
from typing import cast

import pandas as pd
import streamlit as st

from loyalty_core.analytics.rfm import Flow, Kind, Movement
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.rfm_charts import Amount, sankey
from loyalty_core.ui.text import escape
from loyalty_core.warehouse.predictions import ScoringRun

_AMOUNTS: dict[Amount, str] = {"customers": "Customers", "money": "Revenue"}
_BIGGEST = 15
_DIRECTIONS: dict[Kind, str] = {"stronger": "▲ up", "weaker": "▼ down", "other": "◆ other"}
_FIGURES: dict[Kind, str] = {
    "stronger": "▲ Moved up",
    "weaker": "▼ Moved down",
    "stayed": "● Stayed",
    "new": "+ New",
    "gone": "– Left the base",
}
_MEANINGS: dict[Kind, str] = {
    "stronger": "In a stronger segment in the later run than in the earlier one.",
    "weaker": "In a weaker segment in the later run than in the earlier one.",
    "stayed": "In the same segment in both runs.",
    "new": "In the later run only.",
    "gone": "In the earlier run only.",
}
_HEIGHT = 560


@fragment()
def draw_movement(reader: RfmReader) -> None:
    """The Sankey from the run that was chosen to the present one, and the biggest moves as a table."""
    runs = reader.earlier_runs()
    if not runs:
        _draw_none_yet(reader.base.run)
        return
    since, amount, only_moves = _draw_controls(runs)
    movement = reader.movement(since)
    if movement is None:
        st.info("The predictions of that run are no longer stored. Choose another run.")
        return
    _draw_figures(movement, amount)
    flows = [flow for flow in movement.flows if not (only_moves and flow.kind == "stayed")]
    drawn = flows if amount == "customers" else [flow for flow in flows if flow.money > 0]
    if not drawn:
        same = "Nobody has moved: every customer is in the same segment as then."
        st.info("None of them has spent anything." if flows else same)
        return
    with st.container(border=True):
        charts.draw(partial(sankey, drawn, amount), "rfm-sankey", _summary(movement), height=_HEIGHT)
        st.caption(_legend(amount, scoped=reader.base.scope.segment_id is not None))
    if movement.moves:
        with st.container(border=True):
            st.subheader("The biggest moves", anchor=False)
            _draw_table(movement)


def _draw_none_yet(present: ScoringRun) -> None:
    st.info(
        escape(
            f"There is one scoring run so far, of {formatting.moment(present.scored_at)}. Movement is shown from the "
            "next run on: load newer data, then score again."
        ),
        icon=":material/hourglass_top:",
    )


def _draw_controls(runs: list[ScoringRun]) -> tuple[ScoringRun, Amount, bool]:
    by_time = _named(runs)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        since = st.selectbox(
            "Since the scoring run of",
            list(by_time),
            key="since",
            bind="query-params",
            width=260,
        )
        amount = st.segmented_control(
            "Width of the bands",
            list(_AMOUNTS),
            default="customers",
            required=True,
            format_func=_AMOUNTS.__getitem__,
            key="amount",
            bind="query-params",
        )
        only_moves = st.toggle("Only those who moved", key="moves", bind="query-params")
    return by_time[since], cast("Amount", amount), only_moves


def _named(runs: list[ScoringRun]) -> dict[str, ScoringRun]:
    """The runs by their minute, as in the address; with seconds where two share a minute."""
    named: dict[str, ScoringRun] = {}
    for run in runs:
        minute = formatting.moment(run.scored_at)
        named[f"{minute}:{run.scored_at:%S.%f}" if minute in named else minute] = run
    return named


def _draw_figures(movement: Movement, amount: Amount) -> None:
    of = movement.customers if amount == "customers" else movement.money
    in_both = of("stayed", "stronger", "weaker", "other")
    with st.container(horizontal=True):
        for kind, label in _FIGURES.items():
            share = "" if kind in {"new", "gone"} or not in_both else f" · {formatting.percent(of(kind) / in_both, 1)}"
            st.metric(label + share, _figure(movement, kind, amount), border=True, help=_MEANINGS[kind])


def _figure(movement: Movement, kind: Kind, amount: Amount) -> str:
    if amount == "customers":
        return formatting.count(movement.customers(kind))
    return formatting.BLANK if kind == "gone" else escape(formatting.compact_money(movement.money(kind)))


def _summary(movement: Movement) -> str:
    return (
        f"{formatting.count(movement.customers('stronger'))} customers moved to a stronger segment, "
        f"{formatting.count(movement.customers('weaker'))} to a weaker one, "
        f"{formatting.count(movement.customers('stayed'))} stayed."
    )


def _legend(amount: Amount, *, scoped: bool) -> str:
    width = "customers" if amount == "customers" else "what they have spent up to now"
    gone = " Who left the base is not known for a segment." if scoped else ""
    if amount == "money" and not scoped:
        gone = " What those spent who have left the base is no longer known."
    return (
        f"Left: the segment then. Right: the segment now. The width of a band is {width}. "
        f"Green: up, orange: down, grey: stayed, other colours: new or gone; hover over a band for details.{gone}"
    )


def _draw_table(movement: Movement) -> None:
    st.dataframe(
        pd.DataFrame([_table_row(flow, movement) for flow in movement.moves[:_BIGGEST]]),
        hide_index=True,
        column_config={
            "Customers": table_columns.count_column(),
            "Of the segment then": table_columns.share_bar(),
            "Revenue": st.column_config.TextColumn(alignment="right", help="What they have spent up to now"),
        },
        alt="The moves of the most customers",
    )


def _table_row(flow: Flow, movement: Movement) -> dict[str, object]:
    return {
        "From": flow.before,
        "To": flow.after,
        "Direction": _DIRECTIONS[flow.kind],
        "Customers": flow.customers,
        "Of the segment then": formatting.rounded_share(flow.customers / movement.before(flow.before or "")),
        "Revenue": formatting.whole_money(flow.money),
    }
