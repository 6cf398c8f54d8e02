"""Figures of the Churn screen."""

from collections.abc import Sequence

import plotly.graph_objects as go

from loyalty_core.analytics.churn import Choice, ChurnCurve, Plan, RiskByValue
from loyalty_core.ml.tasks import RiskThresholds
from loyalty_core.ui import charts, formatting
from loyalty_core.warehouse.columns import label_of

_BARS = 20
# The height of a name of a risk with its background, and a gap.
LABEL_STEP = 20
# More points would not be visible, and each has a hover text.
_MAX_POINTS = 200
# The profit curve ends here; beyond are only losses, which would compress the part that matters.
_BEYOND_BREAK_EVEN = 1.5


def distribution(curve: ChurnCurve, risks: RiskThresholds, threshold: float) -> go.Figure:
    """Customers by probability in steps of five points, those at or above the threshold in another colour."""
    contacted = curve.histogram(_BARS, threshold)
    others = [every - own for every, own in zip(curve.histogram(_BARS), contacted, strict=True)]
    middles = [(bar + 0.5) / _BARS for bar in range(_BARS)]
    colours = charts.palette()
    figure = go.Figure()
    for counts, colour, words in (
        (others, colours[0], "below the threshold"),
        (contacted, colours[1], "at or above the threshold"),
    ):
        hover = [
            f"{formatting.count(customers)} customers {words}\nwith a probability of "
            f"{formatting.percent(bar / _BARS)} to {formatting.percent((bar + 1) / _BARS)}"
            for bar, customers in enumerate(counts)
        ]
        figure.add_bar(x=middles, y=counts, marker_color=colour, hovertext=hover, hoverinfo="text")
    # At different heights, since on a phone the first is longer than the way to the next line.
    for word, start, lowered in (("medium risk", risks.medium, 0), ("high risk", risks.high, -LABEL_STEP)):
        figure.add_vline(
            start,
            line={"dash": "dot", "width": 1.5, "color": charts.GREY},
            annotation={
                "text": f"{word} →",
                "xanchor": "left",
                "xshift": 3,
                "yshift": lowered,
                "font": {"color": charts.GREY},
                "bgcolor": charts.theme("backgroundColor"),
                "borderpad": 1,
            },
            annotation_position="top right",
        )
    figure.add_vline(threshold, line={"width": 2.5, "color": colours[1]})
    figure.update_layout(barmode="stack")
    figure.update_xaxes(charts.share_axis("Churn probability"))
    figure.update_yaxes(title="Customers", rangemode="tozero", tickformat=charts.NUMBER_TICKS)
    return figure


def profit(plan: Plan, ranked_by: str = "loss") -> go.Figure:
    """Expected profit over customers contacted with the 90 % band; the best number and break-even are marked.

    Customers are ranked by expected "loss" or "gain".
    """
    shown = _thinned(plan)
    numbers = [choice.customers for choice in shown]
    colours = charts.palette()
    figure = go.Figure()
    band = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(x=numbers, y=[choice.high for choice in shown], **band)
    figure.add_scatter(
        x=numbers, y=[choice.low for choice in shown], fill="tonexty", fillcolor=_faint(colours[0]), **band
    )
    figure.add_scatter(
        x=numbers,
        y=[choice.profit for choice in shown],
        mode="lines",
        line={"color": colours[0], "width": 2.5},
        hovertext=[_in_words(choice) for choice in shown],
        hoverinfo="text",
    )
    figure.add_hline(0, line={"width": 1, "color": charts.GREY})
    _mark(figure, plan.best, "star", colours[1], "Best", "top center")
    if plan.break_even is not None:
        _mark(figure, plan.break_even, "x", colours[3], "Break-even", "top right")
    figure.update_xaxes(
        title=f"Customers contacted, highest expected {ranked_by} first",
        rangemode="tozero",
        tickformat=charts.NUMBER_TICKS,
    )
    figure.update_yaxes(title=f"Expected profit ({formatting.currency_symbol()})", tickformat=charts.NUMBER_TICKS)
    return figure


def drivers(contributions: dict[str, float]) -> go.Figure:
    """Mean absolute contribution of each feature, the strongest on top."""
    shown = list(reversed(list(contributions.items())[:8]))
    bars = go.Bar(
        x=[points for _, points in shown],
        y=[label_of(feature) for feature, _ in shown],
        orientation="h",
        text=[formatting.decimal(points, 1) for _, points in shown],
        textposition="outside",
        cliponaxis=False,
        hovertext=[
            f"{label_of(feature)} moves the probability\n"
            f"by {formatting.decimal(points, 1)} percentage points on average"
            for feature, points in shown
        ],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    longest = max((points for _, points in shown), default=0.0)
    figure.update_xaxes(title="Mean effect, up or down (percentage points)", range=[0, 1.15 * longest or 1])
    figure.update_yaxes(type="category")
    return figure


def risk_by_group(groups: Sequence[tuple[str, RiskByValue]], mean: float) -> go.Figure:
    """Mean probability as bars, the share at high risk as diamonds, the scope's mean as a line; first on top."""
    shown = list(reversed(groups))
    names = [f"{name} · {formatting.compact(group.customers)}" for name, group in shown]
    hover = [
        f"{name}: {formatting.count(group.customers)} customers\n{formatting.percent(group.mean, 1)} leave on average, "
        f"{formatting.percent(group.high, 1)} are at high risk"
        for name, group in shown
    ]
    colours = charts.palette()
    figure = go.Figure()
    figure.add_bar(
        x=[group.mean for _, group in shown],
        y=names,
        orientation="h",
        marker_color=colours[0],
        hovertext=hover,
        hoverinfo="text",
    )
    figure.add_scatter(
        x=[group.high for _, group in shown],
        y=names,
        mode="markers",
        marker={"symbol": "diamond", "size": 10, "color": colours[3], "line": {"width": 1, "color": "white"}},
        hovertext=hover,
        hoverinfo="text",
        cliponaxis=False,
    )
    figure.add_vline(mean, line={"dash": "dash", "width": 1.5, "color": charts.GREY})
    longest = max((mean, *(max(group.mean, group.high) for _, group in shown)))
    # In a column beyond everything that is drawn: at the ends of the bars, the line would run through the numbers.
    figure.add_scatter(
        x=[1.02 * longest] * len(shown),
        y=names,
        mode="text",
        text=[formatting.percent(group.mean) for _, group in shown],
        textposition="middle right",
        hoverinfo="skip",
        cliponaxis=False,
    )
    figure.update_xaxes(charts.share_axis("Share of customers", 1.15 * longest or 1))
    figure.update_yaxes(type="category")
    return figure


def _thinned(plan: Plan) -> list[Choice]:
    """Choices about equally far apart in customers, with the best one and break-even; not far into the losses."""
    everybody = plan.choices[-1].customers
    last = min(everybody, _BEYOND_BREAK_EVEN * plan.break_even.customers) if plan.break_even else everybody
    step = last / _MAX_POINTS
    shown, reached = [], 0.0
    for choice in plan.choices:
        if choice.customers > last:
            break
        if choice.customers >= reached or choice in {plan.best, plan.break_even, plan.choices[-1]}:
            shown.append(choice)
            reached = choice.customers + step
    return shown


def _mark(figure: go.Figure, choice: Choice, symbol: str, colour: str, word: str, place: str) -> None:
    figure.add_scatter(
        x=[choice.customers],
        y=[choice.profit],
        mode="markers+text",
        marker={"symbol": symbol, "size": 13, "color": colour},
        text=[word],
        textposition=place,
        hovertext=[f"{word}: {_in_words(choice)}"],
        hoverinfo="text",
        cliponaxis=False,
    )


def _in_words(choice: Choice) -> str:
    return (
        f"{formatting.count(choice.customers)} customers contacted\nfor {formatting.compact_money(choice.cost)} bring "
        f"{formatting.compact_money(choice.profit)} on average,\n90%: {formatting.compact_money(choice.low)} to "
        f"{formatting.compact_money(choice.high)}"
    )


def _faint(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.18)"
