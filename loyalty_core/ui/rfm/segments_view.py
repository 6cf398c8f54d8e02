"""The RFM segments: how many customers, what they bring, what to do about them, and who they are."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.analytics.rfm import CurvePoint, RfmSegment, Spending, segment_condition, spending_curve
from loyalty_core.ui import charts, formatting, table_columns
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rfm import rfm_charts
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.selection import draw_customers, draw_selection
from loyalty_core.ui.text import escape

_BARS, _CHOSEN = "rfm-segments", "rfm_segment"


@fragment()
def draw_segments(reader: RfmReader) -> None:
    """The bars beside the chosen segment, then the table of advice, then the curve."""
    figures = reader.figures()
    segments = figures.segments()
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        st.subheader("Share of customers and of revenue", anchor=False)
        charts.draw(
            partial(rfm_charts.segment_shares, segments),
            _BARS,
            "; ".join(f"{s.name} {formatting.percent(s.customer_share)} of customers" for s in segments),
            height=90 + 40 * len(segments),
            legend=True,
            on_click=_choose_clicked,
        )
    with right.container(border=True):
        chosen = _draw_chosen(reader, segments, figures.total)
    with errors_shown():
        draw_customers(reader, _rule(reader, chosen), figures.cut_points.columns.monetary, chosen.spending.customers)
    with st.container(border=True):
        st.subheader("What to do", anchor=False)
        _draw_table(segments)
    with st.container(border=True):
        st.subheader("How concentrated revenue is", anchor=False)
        _draw_curve(segments)


def _draw_curve(segments: Sequence[RfmSegment]) -> None:
    curve = spending_curve(segments)
    st.caption(escape(_best(curve)))
    left, right = st.columns([3, 2], gap="medium", vertical_alignment="center")
    with left:
        charts.draw(
            partial(rfm_charts.spending_curve, curve),
            "rfm-curve",
            "Share of revenue against share of customers.",
            height=380,
        )
    right.dataframe(
        pd.DataFrame([_curve_row(point) for point in curve]),
        hide_index=True,
        height=38 + 35 * len(curve),
        column_config={"Customers": table_columns.share_column(), "Revenue": table_columns.share_column()},
        alt="Cumulative shares of customers and of revenue, the highest spenders first",
    )


def _curve_row(point: CurvePoint) -> dict[str, Any]:
    return {
        "Down to": point.segment,
        "Customers": formatting.rounded_share(point.customer_share),
        "Revenue": formatting.rounded_share(point.money_share),
    }


def _best(curve: Sequence[CurvePoint]) -> str:
    """The curve in one sentence: the first segments that bring half of the revenue."""
    half = next((place for place, point in enumerate(curve, start=1) if point.money_share >= 0.5), len(curve))
    names = " and ".join(", ".join(point.segment for point in curve[:half]).rsplit(", ", 1))
    point = curve[half - 1]
    return (
        f"{names}: {formatting.percent(point.customer_share)} of the customers bring "
        f"{formatting.percent(point.money_share)} of the revenue. The dotted line is a base where "
        "every customer brings the same."
    )


def _draw_table(segments: Sequence[RfmSegment]) -> None:
    rows = [
        {
            "Segment": escape(segment.name),
            "Customers": segment.spending.customers,
            "Share": segment.customer_share,
            "Revenue": segment.spending.money,
            "Revenue share": segment.money_share,
            "Average order": segment.spending.average_order,
            "What to do": escape(segment.advice) or formatting.BLANK,
        }
        for segment in segments
    ]
    # Not a data frame: it cuts long sentences off.
    st.table(
        pd.DataFrame(rows)
        .set_index("Segment")
        .style.format(
            {
                "Customers": formatting.count,
                "Share": _percent,
                "Revenue": formatting.whole_money,
                "Revenue share": _percent,
                "Average order": formatting.money,
            },
            na_rep=formatting.BLANK,
        ),
        border="horizontal",
    )


def _choose_clicked() -> None:
    name = charts.clicked(_BARS)
    if name is not None:
        st.session_state[_CHOSEN] = name


def _draw_chosen(reader: RfmReader, segments: Sequence[RfmSegment], total: Spending) -> RfmSegment:
    by_name = {segment.name: segment for segment in segments}
    chosen = st.selectbox(
        "Segment",
        list(by_name),
        key=_CHOSEN,
        bind="query-params",
        help="Click a bar, or choose one here.",
    )
    segment = by_name[chosen]
    if segment.advice:
        st.markdown(f":material/lightbulb: {escape(segment.advice)}")
    draw_selection(_rule(reader, segment), segment.spending, total, "rfm-segment")
    return segment


def _rule(reader: RfmReader, segment: RfmSegment) -> Any:
    return reader.base.scope.rule_with(segment_condition(reader.base, segment.name))


def _percent(share: float) -> str:
    return formatting.percent(share, 1)
