"""What moves the probabilities, and in which groups they are high."""

from collections.abc import Sequence
from functools import partial

import streamlit as st

from loyalty_core.analytics.churn import YEAR, ChurnCurve, RiskByValue, tenure_range
from loyalty_core.ui import cached_reads, charts, formatting
from loyalty_core.ui.churn import figures
from loyalty_core.ui.churn import queries as reading
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.predictions import drivers_sample
from loyalty_core.ui.text import escape
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Role

Group = tuple[str, RiskByValue]
_CATEGORIES: tuple[Role, ...] = ("tier", "region")
_TENURE: tuple[Role, ...] = ("tenure", "signup")


def draw_groups(reader: reading.ChurnReader, curve: ChurnCurve) -> None:
    """Drivers, then risk by tier, region and tenure, where the view has such columns."""
    cards = st.columns(2, gap="medium")
    with cards[0].container(border=True, height="stretch"), errors_shown():
        _draw_drivers(reader, curve.everyone.customers)
    categories = [column for role in _CATEGORIES if (column := cached_reads.column_for(role))]
    for place, column in enumerate(categories, start=1):
        with cards[place % 2].container(border=True, height="stretch"), errors_shown():
            found = reader.risk_by_category(column.name)
            _draw_risk(column.label, [(_name(column, one), one) for one in found], curve, len(found))
    tenure = next((column for role in _TENURE if (column := cached_reads.column_for(role))), None)
    if tenure is not None:
        with cards[(len(categories) + 1) % 2].container(border=True, height="stretch"), errors_shown():
            _draw_risk("Tenure", [(_range(one), one) for one in reader.risk_by_tenure(tenure.name)], curve)


def _draw_drivers(reader: reading.ChurnReader, customers: int) -> None:
    st.subheader("What drives the probability", anchor=False)
    with st.spinner("Explaining a sample of customers…"):
        found = reader.drivers(customers)
    charts.draw(
        partial(figures.drivers, found),
        "churn-drivers",
        "; ".join(f"{name} {formatting.decimal(by, 1)}" for name, by in found.items()),
    )
    st.caption(
        f"How far each feature moves a customer's probability from the average of {drivers_sample()}, "
        f"over {formatting.count(min(customers, reading.SAMPLE))} customers drawn from those in scope."
    )


def _draw_risk(label: str, groups: Sequence[Group], curve: ChurnCurve, shown: int = 0) -> None:
    st.subheader(f"Risk by {escape(label.lower())}", anchor=False)
    mean = curve.everyone.mean
    charts.draw(
        partial(figures.risk_by_group, groups, mean),
        f"churn-by-{label.lower()}",
        "; ".join(f"{name} {formatting.percent(group.mean)}" for name, group in groups),
    )
    limit = f" The {shown} largest groups." if shown == reading.MAX_CATEGORIES else ""
    st.caption(
        f"Bars: mean probability. Diamonds: share at high risk. Dashed line: the mean of all in scope, "
        f"{formatting.percent(mean, 1)}. Next to each name: its customers.{limit}"
    )


def _name(column: Column, group: RiskByValue) -> str:
    return "Blank" if group.value is None else formatting.value(column, group.value)


def _range(group: RiskByValue) -> str:
    """ "Under 90 days", "90–180 days", "180 days – 1 year", "1–2 years", "5 years or more"."""
    if group.value is None:
        return "Blank"
    first, end = tenure_range(group.value)
    if end is None:
        return f"{_span(first)} or more"
    if first == 0:
        return f"Under {_span(end)}"
    if _in_years(first) == _in_years(end):
        return f"{_span(first).split()[0]}–{_span(end)}"
    return f"{_span(first)} – {_span(end)}"


def _span(days: int) -> str:
    if not _in_years(days):
        return f"{days} days"
    years = days // YEAR
    return "1 year" if years == 1 else f"{years} years"


def _in_years(days: int) -> bool:
    return days % YEAR == 0
