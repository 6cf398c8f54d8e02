"""Figures of what another version changes for customers."""

from collections.abc import Sequence

import plotly.graph_objects as go

from loyalty_core.ml.tasks import RISKS
from loyalty_core.ml.versions import Matrix
from loyalty_core.ui import charts, formatting

MAX_OFFERS = 15


def bands(counts: Matrix, names: tuple[str, str]) -> go.Figure:
    """Customers by churn risk with the second version (rows) and with the first (columns)."""
    words = [risk.capitalize() for risk in RISKS]
    total = max(sum(map(sum, counts)), 1)
    first, second = names
    figure = go.Figure(
        go.Heatmap(
            x=words,
            y=words,
            # The many who stay where they are would leave no colour for those who move.
            z=[[None if row == column else value for column, value in enumerate(values)]
               for row, values in enumerate(counts)],
            colorscale=charts.sequence()[1:6],
            showscale=False,
            xgap=3,
            ygap=3,
            hovertext=[
                [
                    f"{formatting.count(value)} customers: {before.lower()} with {second},\n{after.lower()} "
                    f"with {first}"
                    for after, value in zip(words, row, strict=True)
                ]
                for before, row in zip(words, counts, strict=True)
            ],
            hoverinfo="text",
        )
    )  # fmt: skip
    texts = [[f"{formatting.count(value)}\n{formatting.percent(value / total, 1)}" for value in row] for row in counts]
    charts.write_in_cells(figure, texts, _intensities(counts))
    bare = {"showgrid": False, "zeroline": False, "ticks": ""}
    figure.update_xaxes(title=f"Churn risk with {first}", **bare)
    figure.update_yaxes(title=f"with {second}", **bare)
    return figure


def _intensities(counts: Matrix) -> list[list[float | None]]:
    """Of the cells off the diagonal, within the second to the sixth of the ten colours."""
    moved = [value for row, values in enumerate(counts) for column, value in enumerate(values) if row != column]
    low, span = min(moved), max(moved) - min(moved)
    return [
        [None if row == column else (1 + 4 * (value - low) / (span or 1)) / 9 for column, value in enumerate(values)]
        for row, values in enumerate(counts)
    ]


def best_offers(counts: Matrix, offers: Sequence[str], names: tuple[str, str]) -> go.Figure:
    """Customers by best offer with each version, the most frequent of the second on top."""
    before, after = [sum(row) for row in counts], [sum(column) for column in zip(*counts, strict=True)]
    shown = sorted(range(len(offers)), key=lambda place: before[place])[-MAX_OFFERS:]
    colours = charts.palette()
    figure = go.Figure()
    for name, colour, customers in ((names[1], colours[1], before), (names[0], colours[0], after)):
        figure.add_bar(
            x=[customers[place] for place in shown],
            y=[offers[place] for place in shown],
            orientation="h",
            name=name,
            marker_color=colour,
            hovertext=[
                f"{offers[place]}: best for {formatting.count(customers[place])} customers with {name}"
                for place in shown
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(title="Customers whose best offer it is", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    figure.update_yaxes(type="category")
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE | {"traceorder": "reversed"})
    return figure
