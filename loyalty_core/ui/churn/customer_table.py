"""The customers with the most to lose, page by page, each with what to do."""

import math
from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
import streamlit as st

from loyalty_core.analytics.churn import ChurnCurve, ContactAdvice, advise, gone_conditions, risk_rule
from loyalty_core.ml.tasks import RISKS, UPLIFT, Risk, recommend, score_for_advice
from loyalty_core.rfm import RfmScore
from loyalty_core.rules import Rule
from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, formatting, table_columns
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
    revenue = cached_reads.column_for("revenue")
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
    recency = cached_reads.column_for("recency")
    left, uplift = _left_rules(reader), _uplift_field(reader)
    needed = [recency.name if recency else None, uplift, *(name for rule in left for name in rule.columns)]
    read = [*fields, *(name for name in dict.fromkeys(needed) if name)]
    rows = reader.customers_by_loss(revenue.name if revenue else None, read, risk, _PAGE, (int(page) - 1) * _PAGE)
    if not rows:
        st.info("Nobody in scope has this risk. Choose another one.")
        return
    advice = [_advice(row, recency, uplift, left) for row in rows]
    chosen = _draw_table(rows, fields, revenue, advice)
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
    rows: Sequence[Row], fields: Sequence[str], revenue: Column | None, advice: Sequence[ContactAdvice]
) -> int | None:
    """Returns the index of the row that was clicked."""
    shown = zip(rows, advice, strict=True)
    table = pd.DataFrame([_table_row(row, fields, revenue, advised) for row, advised in shown])
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


def _table_row(row: Row, fields: Sequence[str], revenue: Column | None, advice: ContactAdvice) -> dict[str, Any]:
    money = (
        {"Revenue": formatting.value(revenue, row["value"]), "Value at risk": _money(row["loss"])} if revenue else {}
    )
    return {
        **({"Name": row[fields[0]]} if len(fields) > 1 else {}),
        "Probability": formatting.rounded_share(row["p"]),
        "Risk": _RISK_MARKS[row["risk"]],
        **money,
        "Recommendation": ". ".join(advice.actions) + "." if advice.actions else advice.sentence,
        "ID": row[fields[-1]],
    }


def _left_rules(reader: reading.ChurnReader) -> list[Rule]:
    """Rules of which each holds for customers who have left."""
    fields, settings = reader.base.engine.read_fields(), reader.base.warehouse.settings
    return [fields.compile(one) for one in gone_conditions(fields.columns, settings)]


def _uplift_field(reader: reading.ChurnReader) -> str | None:
    return reader.base.field(UPLIFT.score_column) if reader.has_uplift() else None


def _advice(row: Row, recency: Column | None, uplift: str | None, left: Sequence[Rule]) -> ContactAdvice:
    """The advice on a customer; whether they consented is only read for one customer at a time."""
    signs = [rule.describe().removeprefix("Customers where ") for rule in left if rule.matches(row)]
    change = row[uplift] if uplift else None
    return advise(recommend(row["risk"], _rfm(row, recency)), uplift=change, left=signs, has_consent=None)


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
