"""Plotly figures of the cards that the other screens do not have."""

from collections.abc import Sequence

import plotly.graph_objects as go

from loyalty_core.ui.overview.card import Mark


def ring(marks: Sequence[Mark]) -> go.Figure:
    """Parts of a whole, in the order given."""
    part = go.Pie(
        labels=[mark.label for mark in marks],
        values=[mark.value for mark in marks],
        text=[f"{mark.label}\n{mark.numbers}" for mark in marks],
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
