"""Figures of predictions compared with outcomes, by month."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

import plotly.graph_objects as go

from loyalty_core.analytics.outcomes import ChurnFigures, Figures, Measure, Month, OfferFigures, Role
from loyalty_core.ui import charts, formatting

# A change of a hundredth should not look like a cliff.
_LEAST_SPAN = 0.12
_MAX_TICKS = 6
_OTHERS = "Other versions"
# Beside the active version of the same month rather than on it.
_ASIDE = timedelta(days=5)
ROLES: dict[Role, str] = {
    "before": "Older than its training",
    "learned": "Learned from",
    "validation": "Validation",
    "mixed": "Learned from in part",
    "test": "Test",
    "after": "After the training",
}
_SYMBOLS: dict[Role | None, str] = {"validation": "diamond", "test": "square", "after": "circle"}
_NEW: frozenset[Role | None] = frozenset({None, "test", "after", "before"})


def measured(
    months: Sequence[Month[Figures]], active: str, test: float | None, title: str, *, is_share: bool
) -> go.Figure:
    """The main measure with its interval, a dotted line at the value on test rows; pale where the model learned."""
    known = [(month, month.figures.main) for month in months if month.figures.main is not None]
    figure = go.Figure()
    if months[0].role is not None:
        figure.add_scatter(
            x=[month.month for month, _ in known], y=[measure.value for _, measure in known], mode="lines",
            line={"color": charts.palette()[0], "width": 1.5}, opacity=0.35, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
    for name, belongs in _groups(months, active).items():
        if own := [(month, measure) for month, measure in known if belongs(month)]:
            _add_measures(figure, name, own, is_share=is_share)
    if test is not None:
        figure.add_scatter(
            x=_ends(months), y=[test] * 2, mode="lines", line={"dash": "dot", "color": charts.GREY, "width": 2},
            name="On its test rows", hovertext=f"{_shown(test, is_share)} on its test rows", hoverinfo="text",
        )  # fmt: skip
    values = [value for _, measure in known for value in measure.interval] + ([test] if test is not None else [])
    low, high = _range(values)
    if is_share:
        figure.update_yaxes(charts.share_axis(title, high, lowest=low))
    else:
        figure.update_yaxes(title=title, range=[low, high], tickformat=".2f", nticks=6)
    return _by_month(figure, months)


def predicted_and_actual(months: Sequence[Month[ChurnFigures]], yes: str) -> go.Figure:
    """The mean probability beside the share of those who `yes`, such as "churned"."""
    colours, figure = charts.palette(), go.Figure()
    predicted = [month.figures.predicted for month in months]
    actual = [month.figures.left.value for month in months]
    _add_shares(figure, months, "Predicted", predicted, colours[1], "dash")
    _add_shares(figure, months, yes.capitalize(), actual, colours[0])
    figure.update_yaxes(charts.share_axis("Customers", min(1.0, 1.3 * max(*predicted, *actual) + 0.01)))
    return _by_month(figure, months)


def lift(months: Sequence[Month[ChurnFigures]], yes: str) -> go.Figure:
    """How many times as often the fifth with the highest probability `yes` as everybody did; 1 is chance."""
    colour = charts.palette()[0]
    figure = go.Figure()
    figure.add_bar(
        x=[month.month for month in months],
        y=[month.figures.lift for month in months],
        marker={"color": colour, "opacity": [1.0 if month.role in _NEW else 0.45 for month in months]},
        text=[f"{formatting.decimal(month.figures.lift, 1)}×" for month in months],
        textposition="outside",
        cliponaxis=False,
        hovertext=[
            f"{formatting.month(month.month)}: {formatting.decimal(month.figures.lift, 2)} times as often\n"
            f"as everybody, {formatting.percent(month.figures.captured, 1)} of those who {yes}"
            for month in months
        ],
        hoverinfo="text",
    )
    figure.add_hline(1, line={"width": 1.5, "color": charts.GREY, "dash": "dot"})
    figure.update_yaxes(title="Times as often", range=[0, 1.2 * max(1.2, *(month.figures.lift for month in months))])
    return _by_month(figure, months)


def first_three(months: Sequence[Month[OfferFigures]]) -> go.Figure:
    """How often the offer taken was among the first three, the first, or simply the most popular one."""
    colours, figure = charts.palette(), go.Figure()
    three, first, popular = (
        [getattr(month.figures, name).value for month in months] for name in ("top_3", "top_1", "popular")
    )
    _add_shares(figure, months, "Among the first three", three, colours[2])
    _add_shares(figure, months, "First choice", first, colours[0])
    _add_shares(figure, months, "Most popular offer", popular, charts.GREY, "dash")
    figure.update_yaxes(charts.share_axis("Customers"))
    return _by_month(figure, months)


def _add_shares(
    figure: go.Figure,
    months: Sequence[Month[Figures]],
    name: str,
    shares: list[float],
    colour: str,
    dash: str = "solid",
) -> None:
    figure.add_scatter(
        x=[month.month for month in months],
        y=shares,
        name=name,
        mode="lines+markers",
        line={"color": colour, "width": 2.5, "dash": dash},
        hovertext=[
            f"{name}, {formatting.month(month.month)}: {formatting.percent(share, 1)}"
            for month, share in zip(months, shares, strict=True)
        ],
        hoverinfo="text",
    )


def _groups(months: Sequence[Month[Figures]], active: str) -> dict[str, Callable[[Month[Figures]], bool]]:
    """A series for the active version and one for others, or one for each role of replayed months."""
    if months[0].role is None:
        return {
            "Active version": lambda month: month.version == active,
            _OTHERS: lambda month: month.version != active,
        }
    roles: list[Role] = [role for role in ROLES if any(month.role == role for month in months)]
    return {ROLES[role]: lambda month, own=role: month.role == own for role in roles}


def _add_measures(
    figure: go.Figure, name: str, known: Sequence[tuple[Month[Figures], Measure]], *, is_share: bool
) -> None:
    role, colours = known[0][0].role, charts.palette()
    colour = colours[1] if role == "after" or name == _OTHERS else colours[0]
    aside = _ASIDE if name == _OTHERS else timedelta()
    figure.add_scatter(
        x=[month.month + aside for month, _ in known],
        y=[measure.value for _, measure in known],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [measure.interval.high - measure.value for _, measure in known],
            "arrayminus": [measure.value - measure.interval.low for _, measure in known],
            "thickness": 1.5,
            "width": 5,
        },
        name=name,
        mode="markers" if role or name == _OTHERS else "lines+markers",
        opacity=1.0 if role in _NEW else 0.45,
        line={"color": colour, "width": 2},
        marker={"color": colour, "size": 9, "symbol": _SYMBOLS.get(role, "circle")},
        hovertext=[_hover(month, measure, is_share=is_share) for month, measure in known],
        hoverinfo="text",
    )


def _hover(month: Month[Figures], measure: Measure, *, is_share: bool) -> str:
    what = ROLES[month.role].lower() if month.role else f"version {month.version}"
    value, low, high = (_shown(number, is_share) for number in (measure.value, *measure.interval))
    return (
        f"{formatting.month(month.month)}, {what}:\n{value} ({low} to {high}), "
        f"{formatting.count(month.figures.rows)} customers"
    )


def _by_month(figure: go.Figure, months: Sequence[Month[Figures]]) -> go.Figure:
    first, last = _ends(months)
    between = 1 + (last - first).days // 31 // _MAX_TICKS
    figure.update_xaxes(type="date", range=[first, last], dtick=f"M{between}", tickformat="%b<br>%Y")
    figure.update_layout(legend=charts.LEGEND_ABOVE, hovermode="closest")
    return figure


def _ends(months: Sequence[Month[Figures]]) -> tuple[date, date]:
    """Half a month before the first and after the last, so that no point lies on the edge."""
    half = timedelta(days=16)
    return months[0].month - half, months[-1].month + half


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    missing = max(_LEAST_SPAN - (high - low), 0) / 2
    return max(low - missing - 0.01, 0), min(high + missing + 0.01, 1.0)


def _shown(value: float, is_share: bool) -> str:
    return formatting.percent(value, 1) if is_share else formatting.decimal(value, 3)
