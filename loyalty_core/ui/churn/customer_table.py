"""The customers with the most to lose, page by page, each with what to do."""

import math
from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
import streamlit as st

from loyalty_core.analytics.churn import ChurnCurve, risk_rule
from loyalty_core.ml.tasks import RISKS, Risk, recommend, score_for_advice
from loyalty_core.rfm import RfmScore
from loyalty_core.services import get_services
from loyalty_core.ui import formatting, table_columns
from loyalty_core.ui.churn import queries as reading
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.fields import draw_number
from loyalty_core.ui.links import draw_save_as_segment, open_customer
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.connection import Row

_PAGE = 25
_ANY = ""
# Three lines of a recommendation.
_ROW_HEIGHT = 66
_ROWS_SEEN = 9
_RISK_MARKS = {"high": "▲ high", "medium": "■ medium", "low": "▽ low"}


def draw_customers(reader: reading.ChurnReader, curve: ChurnCurve) -> None:
    """One page, highest value at risk first; a click on a row opens the customer."""
    revenue = reading.column("revenue")
    with st.container(horizontal=True):
        risk = _choose_risk()
        total = (curve.at_risk(risk) if risk else curve.everyone).customers
        pages = max(1, math.ceil(total / _PAGE))
        page = draw_number(
            f"Page of {formatting.count(pages)}",
            1,
            key="page",
            lowest=1,
            highest=pages,
            whole=True,
            width=160,
            bind="query-params",
        )
        if risk:
            draw_save_as_segment(risk_rule(reader.base, risk), "risk-segment", disabled=not total)
    if page is None:
        return
    identifier = reader.base.warehouse.customer_id.name
    fields = [*get_services().features.name_columns()[:1], identifier]
    recency = reading.column("recency")
    read = [*fields, *([recency.name] if recency else [])]
    rows = reader.customers_by_loss(revenue.name if revenue else None, read, risk, _PAGE, (int(page) - 1) * _PAGE)
    if not rows:
        st.info("Nobody in scope has this risk.")
        return
    chosen = _draw_table(rows, fields, revenue, recency)
    order = f"probability times {escape(revenue.label.lower())}" if revenue else "probability"
    st.caption(f"{formatting.count(total)} customers, the highest {order} first. Click a row to open one.")
    if chosen is not None:
        open_customer(rows[chosen][identifier])


def _choose_risk() -> Risk | None:
    words = {_ANY: "Any", **{risk: risk.capitalize() for risk in reversed(RISKS)}}
    chosen = st.segmented_control(
        "Risk",
        list(words),
        default=_ANY,
        required=True,
        format_func=words.__getitem__,
        key="risk",
        bind="query-params",
    )
    return cast("Risk | None", chosen or None)


def _draw_table(
    rows: Sequence[Row], fields: Sequence[str], revenue: Column | None, recency: Column | None
) -> int | None:
    """Returns the index of the row that was clicked."""
    table = pd.DataFrame([_table_row(row, fields, revenue, recency) for row in rows])
    event = draw_customer_rows(
        table,
        "churn-customers",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            "Probability": table_columns.share_bar(width=130),
            "Risk": st.column_config.TextColumn(width=90),
            "Revenue": st.column_config.TextColumn(alignment="right"),
            "Value at risk": st.column_config.TextColumn(alignment="right"),
            "Recommendation": st.column_config.TextColumn(width=430),
        },
        row_height=_ROW_HEIGHT,
        height=_ROWS_SEEN * _ROW_HEIGHT,
        alt="Customers by value at risk",
    )
    return next((row for row, _ in event.selection.cells if row < len(rows)), None)


def _table_row(row: Row, fields: Sequence[str], revenue: Column | None, recency: Column | None) -> dict[str, Any]:
    money = (
        {"Revenue": formatting.value(revenue, row["value"]), "Value at risk": _money(row["loss"])} if revenue else {}
    )
    return {
        **({"Name": row[fields[0]]} if len(fields) > 1 else {}),
        "Probability": formatting.rounded_share(row["p"]),
        "Risk": _RISK_MARKS[row["risk"]],
        **money,
        "Recommendation": ". ".join(recommend(row["risk"], _rfm(row, recency))) + ".",
        "ID": row[fields[-1]],
    }


def _money(amount: float | None) -> str:
    return formatting.BLANK if amount is None else formatting.money(amount)


def _rfm(row: Row, recency: Column | None) -> RfmScore | None:
    """None where scoring found no recency and money to judge by."""
    scores = [row[f"rfm_{name}"] for name in ("recency", "frequency", "monetary")]
    if None in scores:
        return None
    score = RfmScore(*(int(score) for score in scores), segment=row["rfm_segment"])
    days = row[recency.name] if recency else None
    return score_for_advice(score, days, get_services().settings.active_within_days)
