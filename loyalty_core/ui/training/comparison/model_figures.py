"""Figures about one model of one or two versions: curves, calibration, lift, confusion, drivers."""

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from loyalty_core.ui import charts, formatting
from loyalty_core.warehouse.columns import label_of

Points = Sequence[Sequence[float]]
Deciles = Sequence[Mapping[str, float]]

_DASHES = ("dash", "dot", "dashdot")
_MAX_DRIVERS = 8


def roc(curves: Mapping[str, Points], simple: Mapping[str, Points]) -> go.Figure:
    """ROC curves by name; those of the `simple` models are grey."""
    figure = _curves(curves, simple, "true-positive rate {y}\nat a false-positive rate of {x}")
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "width": 1, "color": charts.GREY}, name="Chance",
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(charts.share_axis("False-positive rate"))
    figure.update_yaxes(charts.share_axis("True-positive rate"))
    return figure


def precision(curves: Mapping[str, Points], simple: Mapping[str, Points]) -> go.Figure:
    """Precision-recall curves by name; those of the `simple` models are grey."""
    figure = _curves(curves, simple, "precision {y}\nat a recall of {x}")
    figure.update_xaxes(charts.share_axis("Recall"))
    figure.update_yaxes(charts.share_axis("Precision"))
    return figure


def calibration(deciles: Mapping[str, Deciles], happened: str) -> go.Figure:
    """Per tenth of the test customers the share that did what is predicted, over the share predicted.

    `deciles` are by name; `happened` says what they did, such as "churned".
    """
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": charts.GREY}, name="Exact", hoverinfo="skip"
    )
    for colour, (name, groups) in zip(charts.palette(), deciles.items(), strict=False):
        figure.add_scatter(
            x=[group["predicted"] for group in groups],
            y=[group["actual"] for group in groups],
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            hovertext=[
                f"{name}: {formatting.percent(group['predicted'], 1)} predicted, "
                f"{formatting.percent(group['actual'], 1)} {happened}"
                for group in groups
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(charts.share_axis("Predicted"))
    figure.update_yaxes(charts.share_axis(happened.capitalize()))
    figure.update_layout(legend=charts.LEGEND_ABOVE)
    return figure


def lift(deciles: Mapping[str, Deciles], happened: str) -> go.Figure:
    """How many times the average share each tenth of the test customers has, the highest predictions first."""
    figure = go.Figure()
    for colour, (name, groups) in zip(charts.palette(), deciles.items(), strict=False):
        figure.add_bar(
            x=[*range(1, len(groups) + 1)],
            y=[group["lift"] for group in groups],
            name=name,
            marker_color=colour,
            hovertext=[
                f"{name}, tenth {place}: {formatting.percent(group['actual'], 1)} {happened}, "
                f"{formatting.decimal(group['lift'], 2)} times the average\n"
                f"{formatting.percent(group['captured'])} of all who left are in it or before it"
                for place, group in enumerate(groups, 1)
            ],
            hoverinfo="text",
        )
    figure.add_hline(1, line={"dash": "dot", "width": 1, "color": charts.GREY})
    figure.update_xaxes(title="Tenth of the customers, the riskiest first", dtick=1)
    figure.update_yaxes(title="Times the average", rangemode="tozero")
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE)
    return figure


def confusion(counts: Sequence[Sequence[int]], offers: Sequence[str]) -> go.Figure:
    """For the customers who took an offer (row), which one the model named first (column), as shares of the row."""
    rows = [sum(row) for row in counts]
    shares = [[value / total if total else None for value in row] for row, total in zip(counts, rows, strict=True)]
    figure = go.Figure(
        go.Heatmap(
            x=[*range(len(offers))],
            y=[*range(len(offers))],
            z=shares,
            colorscale=charts.sequence()[1:],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertext=[
                [
                    f"Took {taken}: {formatting.count(value)} of {formatting.count(total)}\nhave {named} as the "
                    "first choice"
                    for named, value in zip(offers, row, strict=True)
                ]
                for taken, row, total in zip(offers, counts, rows, strict=True)
            ],
            hoverinfo="text",
        )
    )
    texts = [["" if share is None else formatting.percent(share) for share in row] for row in shares]
    highest = max((share for row in shares for share in row if share is not None), default=0.0) or 1.0
    intensities = [[None if share is None else share / highest for share in row] for row in shares]
    charts.write_in_cells(figure, texts, intensities, first_row_on_top=True)
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "tickvals": [*range(len(offers))]}
    figure.update_xaxes(title="First choice of the model", ticktext=[_short(name) for name in offers], **bare)
    figure.update_yaxes(title="Offer taken", ticktext=[_short(name) for name in offers], **bare)
    return figure


def drivers(contributions: Mapping[str, Mapping[str, float]]) -> go.Figure:
    """Mean absolute contribution of each feature by version name, the strongest of the first on top."""
    first = next(iter(contributions.values()))
    shown = list(reversed(sorted(first, key=lambda feature: -first[feature])[:_MAX_DRIVERS]))
    figure = go.Figure()
    for colour, (name, points) in reversed([*zip(charts.palette(), contributions.items(), strict=False)]):
        figure.add_bar(
            x=[points.get(feature, 0) for feature in shown],
            y=[label_of(feature) for feature in shown],
            orientation="h",
            name=name,
            marker_color=colour,
            hovertext=[
                f"{name}: {label_of(feature)} moves the probability\n"
                f"by {formatting.decimal(points.get(feature, 0), 1)} percentage points on average"
                for feature in shown
            ],
            hoverinfo="text",
        )
    figure.update_xaxes(title="Percentage points", rangemode="tozero")
    figure.update_yaxes(type="category")
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE | {"traceorder": "reversed"})
    return figure


def _curves(curves: Mapping[str, Points], simple: Mapping[str, Points], sentence: str) -> go.Figure:
    figure = go.Figure()
    for dash, (name, points) in zip(_DASHES, simple.items(), strict=False):
        _add_curve(figure, name, points, {"color": charts.GREY, "width": 1.5, "dash": dash}, sentence)
    for colour, (name, points) in reversed([*zip(charts.palette(), curves.items(), strict=False)]):
        _add_curve(figure, name, points, {"color": colour, "width": 2.5}, sentence)
    figure.update_layout(legend=charts.LEGEND_ABOVE | {"traceorder": "reversed"})
    return figure


def _add_curve(figure: go.Figure, name: str, points: Points, line: Mapping[str, Any], sentence: str) -> None:
    figure.add_scatter(
        x=[x for x, _ in points],
        y=[y for _, y in points],
        name=name,
        mode="lines",
        line=dict(line),
        hovertext=[f"{name}: {sentence.format(x=formatting.percent(x), y=formatting.percent(y))}" for x, y in points],
        hoverinfo="text",
    )


def _short(name: str) -> str:
    return name if len(name) <= 16 else f"{name[:15]}…"
