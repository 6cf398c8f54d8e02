"""The first row of Overview: the base in a few numbers, and what the last scoring run expects of it."""

import streamlit as st

from loyalty_core.analytics.overview import Outlook
from loyalty_core.ui import cached_reads, formatting
from loyalty_core.ui.text import escape


def draw_base_figures() -> None:
    """Customers, how many are active, revenue and blanks."""
    figures = cached_reads.key_figures()
    st.metric(
        "Customers",
        formatting.count(figures.customers),
        border=True,
        height="stretch",
        help="Rows of the features view that you may see.",
    )
    if figures.active is not None:
        share = formatting.percent(figures.active / figures.customers)
        st.metric(
            f"Active · {share}",
            formatting.count(figures.active),
            border=True,
            height="stretch",
            help=escape(f"Active: {figures.active_means}."),
        )
    if figures.revenue is not None and figures.revenue_column is not None:
        st.metric(
            "Revenue",
            escape(formatting.compact_money(figures.revenue)),
            border=True,
            height="stretch",
            help=escape(f"{formatting.money(figures.revenue)}: the sum of {figures.revenue_column.label.lower()}."),
        )
    st.metric(
        "Blank values",
        formatting.percent(figures.blanks, 1),
        border=True,
        height="stretch",
        help=f"Share of empty cells; {formatting.count(figures.blank_columns)} of the columns have some.",
    )


def draw_expected_churners(outlook: Outlook) -> None:
    """How many are expected to leave, and how many more than by the run before."""
    if outlook.churners is None or not outlook.customers:
        return
    change = None if outlook.churners_change is None else round(outlook.churners_change)
    st.metric(
        f"Expected churners · {formatting.percent(outlook.churners / outlook.customers)}",
        formatting.count(round(outlook.churners)),
        formatting.change(change) if change else None,
        delta_color="red" if change and change > 0 else "green",
        delta_arrow=formatting.arrow(change or 0),
        border=True,
        height="stretch",
        help=_churners_in_words(outlook),
    )


def _churners_in_words(outlook: Outlook) -> str:
    words = f"The sum of the churn probabilities of {formatting.count(outlook.customers)} customers."
    if outlook.before is None or outlook.churners_change is None:
        return words
    words += f" The change is since the scoring of {formatting.moment(outlook.before.scored_at)}"
    if outlook.before.model_version == outlook.run.model_version:
        return words + "."
    return escape(f"{words}, which was by another model ({outlook.before.model_version}).")
