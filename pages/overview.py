"""The base at a glance: how many customers, what they bring, and how they are spread.

Every figure is an aggregate counted in the warehouse; nothing here depends on how the columns are called.
"""

import streamlit as st

from loyalty_core.services import get_services
from loyalty_core.ui import charts, data, format
from loyalty_core.ui.frame import page_title
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.roles import Role, column_for


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


def draw_time() -> None:
    spend = data.spend_by_month()
    signup = column("signup")
    if spend:
        st.subheader("Revenue by month", anchor=False)
        charts.draw(charts.money_by_month(spend), "revenue", "Revenue of all customers by calendar month.")
    elif signup is not None:
        st.subheader(f"Customers by {signup.label.lower()}", anchor=False)
        charts.draw(
            charts.count_by_month(data.customers_by_month(signup.name), signup.label),
            "signups",
            f"Customers by month of {signup.label.lower()}.",
        )


def draw_category() -> None:
    category = column("category") or next((c for c in data.catalog().columns if 1 < len(c.top_values) <= 8), None)
    if category is not None and category.top_values:
        st.subheader(f"Customers by {category.label.lower()}", anchor=False)
        figure = charts.categories(category, data.key_figures().customers)
        charts.draw(figure, "category", f"Customers by {category.label.lower()}.")


def draw_histogram(of: Column) -> None:
    spread = data.histogram(of.name)
    if spread is not None:
        st.subheader(f"Customers by {of.label.lower()}", anchor=False)
        charts.draw(charts.histogram(spread, of), f"histogram-{of.name}", f"Customers by {of.label.lower()}.")


def draw_spreads() -> None:
    numbers = [c for c in data.catalog().columns if c.kind == "number" and c.minimum != c.maximum]
    chosen = [of for of in (column("revenue"), column("recency")) if of is not None]
    chosen += [of for of in numbers if of not in chosen]
    for place, of in zip(st.columns(2), chosen, strict=False):
        with place.container(border=True):
            draw_histogram(of)


page_title("Overview", "The customer base as it stands in the warehouse.")
draw_key_figures()
left, right = st.columns([3, 2])
with left.container(border=True):
    draw_time()
with right.container(border=True):
    draw_category()
draw_spreads()
