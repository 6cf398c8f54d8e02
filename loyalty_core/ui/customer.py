"""One customer, drawn: the list of those found, the heading with key figures, activity, and every feature."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import cached_reads, charts, formatting, table_columns
from loyalty_core.ui.customer_rows import draw_customer_rows
from loyalty_core.ui.made_before import made_before
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import GROUP_ORDER, Role, label_of
from loyalty_core.warehouse.connection import Row

_IN_LIST: tuple[Role, ...] = ("tier", "status", "revenue", "transactions", "recency")
_LIST_COLUMNS = 6
_KEY_FIGURES: tuple[Role, ...] = ("revenue", "transactions", "recency")


def draw_list(customers: Sequence[Row]) -> object | None:
    """A table of customers; returns the id of the row that was clicked, anywhere in it."""
    names = list_columns()
    columns = [column for name in names if (column := cached_reads.catalog().get(name))]
    table = pd.DataFrame(
        [{column.label: formatting.value(column, row[column.name]) for column in columns} for row in customers]
    )
    event = draw_customer_rows(
        table,
        "found",
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            column.label: st.column_config.TextColumn(alignment="right")
            for column in columns
            if column.kind == "number" and column.name != _id_column()
        },
    )
    chosen = [row for row, _ in event.selection.cells if row < len(customers)]
    return customers[chosen[0]][_id_column()] if chosen else None


def draw_profile(features: Row) -> None:
    """Name, id, badges, and the key figures with their percentile in the base."""
    identifier = str(features[_id_column()])
    names = [str(features[name]) for name in get_services().features.name_columns() if features.get(name)]
    st.title(escape(names[0] if names else f"Customer {identifier}"), anchor=False)
    st.caption(escape(" · ".join([f"ID {identifier}", *names[1:]])))
    with st.container(horizontal=True, gap="small"):
        for column in (cached_reads.column_for("tier"), cached_reads.column_for("status")):
            if column is not None and features.get(column.name):
                text = f"{column.label}: {formatting.value(column, features[column.name])}"
                st.badge(escape(text, in_badge=True), color="gray")
    ranks = cached_reads.percentile_ranks(features)
    with st.container(horizontal=True):
        for column in _key_figure_columns():
            rank = ranks.get(column.name)
            st.metric(
                escape(column.label),
                escape(formatting.value(column, features.get(column.name))),
                border=True,
                delta=None if rank is None else _place(column, rank),
                delta_color="off",
                delta_arrow="off",
                help=escape(column.description) or None,
            )


def draw_activity(features: Row) -> None:
    """Spend by month and the latest purchases, or a sentence when the warehouse has none."""
    identifier = features[_id_column()]
    spend = cached_reads.spend_by_month(identifier)
    if not spend:
        table = get_services().settings.dwh_transactions_table
        st.info(escape(f"The table {table} has no purchases of this customer, or the warehouse has no such table."))
        return
    with st.container(border=True):
        st.subheader("Spend by month", anchor=False)
        charts.draw(partial(charts.money_by_month, spend), "customer-spend", "This customer's spend by calendar month.")
    purchases = cached_reads.latest_purchases(identifier)
    st.subheader("Latest purchases", anchor=False)
    rows = made_before(partial(_purchase_rows, purchases, _id_column()))
    draw_customer_rows(pd.DataFrame(rows), "purchases", height=320)


def draw_features(features: Row) -> None:
    """Every feature by group: value, percentile in the base, and what the column means."""
    ranks = cached_reads.percentile_ranks(features)
    for group in GROUP_ORDER:
        columns = [column for column in cached_reads.catalog().columns if column.group == group]
        if not columns:
            continue
        st.subheader(escape(group), anchor=False)
        draw_customer_rows(
            pd.DataFrame(made_before(partial(_feature_rows, columns, features, ranks))),
            f"features-{group}",
            column_config={
                "Percentile": table_columns.share_bar(
                    digits=0,
                    help="Share of customers with a lower value, half of those with the same value included.",
                ),
            },
        )


def _purchase_rows(purchases: Sequence[Row], hidden: str) -> list[dict[str, str]]:
    return [
        {label_of(name): formatting.loose_value(name, raw) for name, raw in purchase.items() if name != hidden}
        for purchase in purchases
    ]


def _feature_rows(columns: Sequence[Column], features: Row, ranks: dict[str, float]) -> list[dict[str, Any]]:
    return [_feature_row(column, features, ranks) for column in columns]


def _feature_row(column: Column, features: Row, ranks: dict[str, float]) -> dict[str, Any]:
    return {
        "Feature": column.label,
        "Value": formatting.value(column, features.get(column.name)),
        "Percentile": formatting.rounded_share(ranks[column.name], 0) if column.name in ranks else None,
        "In the base": _base_note(column),
        "Column": column.name,
    }


def _place(column: Column, rank: float) -> str:
    rank = min(max(rank, 0.01), 0.99)  # a customer is never ahead of everybody, themselves included
    if column == cached_reads.column_for("recency"):
        return f"more recent than {formatting.percent(1 - rank)} of customers"
    return f"higher than {formatting.percent(rank)} of customers"


def _base_note(column: Column) -> str:
    blanks = f", {formatting.percent(column.blanks)} blank" if column.blanks else ""
    if column.minimum is not None:
        return f"{formatting.value(column, column.minimum)} to {formatting.value(column, column.maximum)}{blanks}"
    if column.top_values:
        value, customers = column.top_values[0]
        if customers == 1:
            return f"Different for everybody{blanks}"
        return f"Most often {formatting.value(column, value)}{blanks}"
    return blanks.removeprefix(", ").capitalize()


def list_columns() -> list[str]:
    """What a list shows: names, columns with a well-known role, and the id, last where there are names."""
    roles = [column.name for role in _IN_LIST if (column := cached_reads.column_for(role))]
    names = get_services().features.name_columns()[:3]
    chosen = [*names, *roles, _id_column()] if names else [_id_column(), *roles]
    others = [column.name for column in cached_reads.catalog().columns if column.name not in chosen]
    return list(dict.fromkeys(chosen + others[: max(0, _LIST_COLUMNS - len(chosen))]))


def _key_figure_columns() -> list[Column]:
    chosen = [column for role in _KEY_FIGURES if (column := cached_reads.column_for(role))]
    financial = [column for column in cached_reads.catalog().columns if column.name == "lifetime_value"]
    numbers = [column for column in cached_reads.catalog().columns if column.kind == "number"]
    return list(dict.fromkeys([*chosen, *financial, *numbers]))[:4]


def _id_column() -> str:
    return get_services().settings.dwh_customer_id_column
