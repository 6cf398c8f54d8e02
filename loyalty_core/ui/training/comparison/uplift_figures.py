"""Figures about an uplift model of one or two versions: the Qini curve, and predicted beside measured uplift."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from loyalty_core.ui import charts, formatting

Points = Sequence[Sequence[float]]
Groups = Sequence[Mapping[str, float]]

_DASHES = ("dash", "dot", "dashdot")


def qini(curves: Mapping[str, Points], simple: Mapping[str, Points]) -> go.Figure:
    """Additional conversions by share contacted, by name; those of the `simple` models are grey."""
    figure = go.Figure()
    for dash, (name, points) in zip(_DASHES, simple.items(), strict=False):
        _add_curve(figure, name, points, charts.GREY, dash)
    for colour, (name, points) in reversed([*zip(charts.palette(), curves.items(), strict=False)]):
        _add_curve(figure, name, points, colour, "solid")
    everybody = next(iter(curves.values()))[-1][1]
    figure.add_scatter(
        x=[0, 1], y=[0, everybody], mode="lines", line={"width": 1, "color": charts.GREY}, name="Random order",
        hoverinfo="skip", showlegend=False,
    )  # fmt: skip
    figure.update_xaxes(charts.share_axis("Customers contacted, highest uplift first"))
    figure.update_yaxes(title="Conversions gained per 100")
    figure.update_layout(legend=charts.LEGEND_ABOVE | {"traceorder": "reversed"})
    return figure


def groups(by_name: Mapping[str, Groups]) -> go.Figure:
    """What contact changes in each fifth of the test customers, in percentage points, with the measured interval."""
    figure = go.Figure()
    for colour, (name, fifths) in zip(charts.palette(), by_name.items(), strict=False):
        places = [*range(1, len(fifths) + 1)]
        measured = [100 * fifth["measured"] for fifth in fifths]
        figure.add_bar(
            x=places,
            y=measured,
            name=name,
            marker_color=colour,
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [100 * fifth["high"] - value for fifth, value in zip(fifths, measured, strict=True)],
                "arrayminus": [value - 100 * fifth["low"] for fifth, value in zip(fifths, measured, strict=True)],
                "thickness": 1,
                "color": charts.GREY,
            },
            hovertext=[_described(name, place, fifth) for place, fifth in zip(places, fifths, strict=True)],
            hoverinfo="text",
        )
        figure.add_scatter(
            x=places, y=[100 * fifth["predicted"] for fifth in fifths], name=f"{name}, predicted", mode="markers",
            marker={"symbol": "diamond", "size": 9, "color": charts.GREY}, hoverinfo="skip", showlegend=False,
        )  # fmt: skip
    figure.update_xaxes(title="Fifth of the customers, highest uplift first", dtick=1)
    figure.update_yaxes(title="Uplift (percentage points)", zeroline=True)
    figure.update_layout(barmode="group", legend=charts.LEGEND_ABOVE)
    return figure


def _described(name: str, place: int, fifth: Mapping[str, float]) -> str:
    measured, low, high = (formatting.signed(100 * fifth[key], 1) for key in ("measured", "low", "high"))
    return (
        f"{name}, fifth {place}: {measured} points measured ({low} to {high}),\n"
        f"{formatting.signed(100 * fifth['predicted'], 1)} predicted"
    )


def _add_curve(figure: go.Figure, name: str, points: Points, colour: str, dash: str) -> None:
    figure.add_scatter(
        x=[share for share, _ in points],
        y=[gain for _, gain in points],
        name=name,
        mode="lines",
        line={"color": colour, "width": 2.5 if dash == "solid" else 1.5, "dash": dash},
        hovertext=[
            f"{name}: contacting {formatting.percent(share)} gains {formatting.decimal(gain, 2)}\n"
            "conversions per 100 customers"
            for share, gain in points
        ],
        hoverinfo="text",
    )
