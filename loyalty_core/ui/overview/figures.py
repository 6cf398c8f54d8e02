"""Plotly figures of the cards that the other screens do not have."""

from collections.abc import Sequence

import plotly.graph_objects as go

from loyalty_core.ui import charts
from loyalty_core.ui.overview.card import Mark


def ring(marks: Sequence[Mark]) -> go.Figure:
    """Parts of a whole, in the order given."""
    part = go.Pie(
        labels=[mark.label for mark in marks],
        values=[mark.value for mark in marks],
        text=[f"{mark.label}\n{_numbers(mark)}" for mark in marks],
        textinfo="text",
        textposition="outside",
        hovertext=[mark.sentence for mark in marks],
        hoverinfo="text",
        marker_colors=[mark.color for mark in marks],
        hole=0.62,
        sort=False,
        direction="clockwise",
        automargin=True,
    )
    return go.Figure(part)


def ranking(marks: Sequence[Mark]) -> go.Figure:
    """Bars that lie, the first on top."""
    upwards = list(reversed(marks))
    bars = go.Bar(
        x=[mark.value for mark in upwards],
        y=[mark.label for mark in upwards],
        orientation="h",
        text=[_numbers(mark) for mark in upwards],
        textposition="auto",
        insidetextfont={"color": charts.theme("backgroundColor")},
        hovertext=[mark.sentence for mark in upwards],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title="Customers", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    figure.update_yaxes(type="category", dtick=1)
    return figure


def _numbers(mark: Mark) -> str:
    return f"{mark.shown}  {mark.change}".strip()
