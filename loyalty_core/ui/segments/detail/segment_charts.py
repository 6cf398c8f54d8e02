"""Figures about segments."""

from collections.abc import Sequence
from datetime import timedelta

import plotly.graph_objects as go

from loyalty_core.segments import SegmentSize
from loyalty_core.segments.figures import NumberComparison, Overlap
from loyalty_core.ui import charts, formatting


def size_history(sizes: Sequence[SegmentSize]) -> go.Figure:
    """Customers over time; hover says who joined and left."""
    line = go.Scatter(
        x=[size.at for size in sizes],
        y=[size.customers for size in sizes],
        mode="lines+markers",
        line_shape="hv",
        hovertext=[
            f"{formatting.moment(size.at)}\n{formatting.count(size.customers)} customers, "
            f"{formatting.count(size.joined or 0)} joined, {formatting.count(size.left or 0)} left"
            for size in sizes
        ],
        hoverinfo="text",
    )
    figure = go.Figure(line)
    figure.update_yaxes(title="Customers", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    figure.update_xaxes(title="Computed")
    if len({size.at.date() for size in sizes}) == 1:  # else the axis would be divided into milliseconds
        day = timedelta(days=1)
        figure.update_xaxes(range=[sizes[0].at - day, sizes[0].at + day], dtick=24 * 3600 * 1000)
    return figure


def differences(numbers: Sequence[NumberComparison]) -> go.Figure:
    """How far the segment's means are from the base's, in standard deviations, the largest on top."""
    shown = list(reversed(numbers))
    bars = go.Bar(
        x=[number.difference for number in shown],
        y=[number.column.label for number in shown],
        orientation="h",
        hovertext=[
            f"{number.column.label}: {formatting.value(number.column, number.segment_mean)} on average, "
            f"{formatting.value(number.column, number.base_mean)} in the base"
            for number in shown
        ],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_xaxes(title="Standard deviations", zeroline=True)
    figure.update_yaxes(type="category")
    return figure


def overlap_matrix(found: Overlap, names: dict[str, str]) -> go.Figure:
    """For each pair, the share of the row's customers who are in the column's segment too."""
    ids = list(names)
    shares = [[_share(found, row, column) for column in ids] for row in ids]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=[names[column] for column in ids],
            y=[names[row] for row in ids],
            zmin=0,
            zmax=1,
            colorscale=charts.sequence(),
            hovertext=[
                [
                    f"{formatting.count(found.size(row, column))} of {formatting.count(found.size(row))} customers of "
                    f"{names[row]} are in {names[column]}"
                    for column in ids
                ]
                for row in ids
            ],
            hoverinfo="text",
            showscale=False,
        )
    )
    texts = [[formatting.percent(share) for share in row] for row in shares]
    charts.write_in_cells(figure, texts, shares, first_row_on_top=True)
    figure.update_yaxes(type="category")
    figure.update_xaxes(type="category", side="top")
    return figure


def _share(found: Overlap, row: str, column: str) -> float:
    size = found.size(row)
    return found.size(row, column) / size if size else 0.0
