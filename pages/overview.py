"""The base at a glance: how many customers, what they bring, and how they are spread.

Every figure is an aggregate counted in the warehouse; nothing here depends on how the columns are called.
"""

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import charts, data, format
from loyalty_core.ui.frame import page_title
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.roles import Role, column_for

PANELS = 4


class Panel(NamedTuple):
    title: str
    figure: go.Figure


def column(role: Role) -> Column | None:
    return column_for(role, data.catalog().columns, get_services().settings)


def draw_key_figures() -> None:
    figures = data.key_figures()
    with st.container(horizontal=True):
        st.metric("Customers", format.count(figures.customers), border=True)
        if figures.active is not None:
            share = format.percent(figures.active / figures.customers)
            st.metric(
                f"Active · {share}", format.count(figures.active), border=True, help=f"Active: {figures.active_means}."
            )
        if figures.revenue is not None and figures.revenue_column is not None:
            st.metric(
                "Revenue",
                format.compact_money(figures.revenue),
                border=True,
                help=f"{format.money(figures.revenue)}: the sum of {figures.revenue_column.label.lower()}.",
            )
        st.metric(
            "Blank values",
            format.percent(figures.blanks, 1),
            border=True,
            help=f"Share of empty cells; {figures.blank_columns} of the columns have some.",
        )


def time_panel() -> Panel | None:
    if spend := data.spend_by_month():
        return Panel("Revenue by month", charts.money_by_month(spend))
    if signup := column("signup"):
        months = data.customers_by_month(signup.name)
        return Panel(f"Customers by {signup.label.lower()}", charts.count_by_month(months, signup.label))
    return None


def category_panel() -> Panel | None:
    few_values = (c for c in data.catalog().columns if c.kind == "text" and 1 < len(c.top_values) <= 8)
    category = column("category") or next(few_values, None)
    if category is None or not category.top_values:
        return None
    return Panel(f"Customers by {category.label.lower()}", charts.categories(category, data.key_figures().customers))


def spread_panels() -> Iterator[Panel]:
    known = [of for of in (column("revenue"), column("recency")) if of is not None]
    identifier = get_services().settings.dwh_customer_id_column
    numbers = [c for c in data.catalog().columns if c.kind == "number" and c.minimum != c.maximum]
    others = [c for c in numbers if c not in known and c.name != identifier]
    for of in known + others:
        if spread := data.histogram(of.name):
            yield Panel(f"Customers by {of.label.lower()}", charts.histogram(spread, of))


def draw_panels() -> None:
    panels = [panel for panel in (time_panel(), category_panel()) if panel is not None]
    panels += islice(spread_panels(), PANELS - len(panels))
    for start in range(0, len(panels), 2):
        for place, panel in zip(st.columns(2), panels[start : start + 2], strict=False):
            with place.container(border=True):
                st.subheader(panel.title, anchor=False)
                charts.draw(panel.figure, panel.title, f"{panel.title}.")


page_title("Overview", "The customer base as it stands in the warehouse.")
draw_key_figures()
draw_panels()
