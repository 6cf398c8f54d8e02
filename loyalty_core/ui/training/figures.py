"""Figures of the Training screen."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from loyalty_core.ui import charts, formatting

MAX_LABELS = 10


def label_balance(classes: Mapping[str, int], names: Mapping[str, str]) -> go.Figure:
    """Rows by label, the most frequent on top."""
    total = sum(classes.values())
    shown = sorted(classes.items(), key=lambda item: item[1])[-MAX_LABELS:]
    bars = go.Bar(
        x=[rows for _, rows in shown],
        y=[names[name] for name, _ in shown],
        orientation="h",
        text=[formatting.percent(rows / total) for _, rows in shown],
        textposition="outside",
        cliponaxis=False,
        hovertext=[f"{names[name]}: {formatting.count(rows)} rows" for name, rows in shown],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(range=[0, 1.15 * shown[-1][1]], tickformat=charts.NUMBER_TICKS, nticks=5)
    figure.update_yaxes(type="category")
    return figure


def losses(epochs: Sequence[Mapping[str, Any]]) -> go.Figure:
    """Training and validation loss over the epochs so far; what is not a number is a gap."""
    numbers = [epoch["epoch"] for epoch in epochs]
    colours = charts.palette()
    figure = go.Figure()
    for key, name, colour in (
        ("training_loss", "Training", colours[0]),
        ("validation_loss", "Validation", colours[1]),
    ):
        figure.add_scatter(
            x=numbers,
            y=[epoch[key] for epoch in epochs],
            name=name,
            mode="lines+markers" if len(epochs) < 40 else "lines",
            line={"color": colour, "width": 2.5},
            hovertext=[f"{name}, epoch {epoch['epoch']}: {_loss(epoch[key])}" for epoch in epochs],
            hoverinfo="text",
        )
    figure.update_xaxes(title="Epoch", rangemode="tozero", tickformat="d")
    figure.update_yaxes(title="Log loss")
    figure.update_layout(legend=charts.LEGEND_ABOVE)
    return figure


def _loss(loss: float | None) -> str:
    return formatting.BLANK if loss is None else formatting.decimal(loss, 4)
