"""Plotly figures in one style, with the theme's colours for light and dark.

Plotly reads HTML tags in every text. So `draw` escapes all texts of a figure, whatever names they contain; a figure is
built with plain texts, in which "\n" begins a new line and `bold` marks what is to be bold.
"""

import math
from calendar import monthrange
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from itertools import pairwise
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from loyalty_core.ui import formatting
from loyalty_core.ui.made_before import FigureMaker, MadeFigure, made_before
from loyalty_core.ui.text import escape_in_figure
from loyalty_core.warehouse import Column
from loyalty_core.warehouse.columns import Histogram, unit_of
from loyalty_core.warehouse.customers import MonthlySpend

# In full: Plotly's own abbreviations (10k, 0.5 as 500m) are not those of the other figures (10K).
NUMBER_TICKS = ",~f"
LEGEND_ABOVE = {"orientation": "h", "y": 1, "yanchor": "bottom", "x": 0}
GREY = "#7b8a92"
_UNFINISHED_OPACITY = 0.45

_HEIGHT = 280
_SHARE_STEPS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0)
_MAX_SHARE_TICKS = 6
_MAX_VALUE_TICKS = 5
# Up to this share of the scale the theme's text colour reads well on it, above that its background colour does.
_CONTRAST = {"light": 0.65, "dark": 0.35}
_CONFIG = {"displayModeBar": False, "scrollZoom": False}
# Private characters, which no name contains, for the tags that are ours.
_BOLD = ("\ue000", "\ue001")
_TAGS = {"\n": "<br>", _BOLD[0]: "<b>", _BOLD[1]: "</b>"}
# Plotly's own days are American, Oct 4. What follows "\n" is written only where it changes.
_DAY_MS, _MONTH_MS = 86_400_000, 28 * 86_400_000
_DATE_TICKS = [
    {"dtickrange": [None, _DAY_MS - 1], "value": "%H:%M\n%-d %b %Y"},
    {"dtickrange": [_DAY_MS, _MONTH_MS], "value": "%-d %b\n%Y"},
    {"dtickrange": ["M1", "M11"], "value": "%b %Y"},
    {"dtickrange": ["M12", None], "value": "%Y"},
]
_TEXTS = {"text", "hovertext", "x", "y", "name", "label", "labels", "ticktext", "customdata"}


def draw(
    figure: go.Figure | FigureMaker,
    key: str,
    alt: str,
    *,
    height: int = _HEIGHT,
    legend: bool = False,
    on_click: Callable[[], None] | None = None,
) -> None:
    """Draw a figure in the common frame; `alt` says in a sentence what it shows.

    A `partial` that makes a figure is called only if it has not been called with equal arguments before.
    `on_click` is called after a click on a point or a bar; `clicked(key)` then says which.
    """
    finish = partial(_finished, figure, height=height, legend=legend, is_clickable=on_click is not None)
    drawn = finish() if isinstance(figure, go.Figure) else made_before(finish)
    if on_click is None:
        st.plotly_chart(drawn, key=key, config=_CONFIG, alt=alt)
    else:
        st.plotly_chart(drawn, key=key, config=_CONFIG, alt=alt, on_select=on_click, selection_mode="points")


def _finished(figure: go.Figure | FigureMaker, *, height: int, legend: bool, is_clickable: bool) -> MadeFigure:
    """The figure in the common frame, with escaped texts."""
    if not isinstance(figure, go.Figure):
        figure = figure()
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        colorway=palette(),
        showlegend=legend,
        bargap=0.12,
        hoverlabel={"align": "left"},
        dragmode=False,
        separators=formatting.separators(),
    )
    traces: Any = figure.data
    if any(isinstance(trace.x[0], date) for trace in traces if "x" in trace and len(trace.x or ())):
        figure.update_xaxes(tickformatstops=_DATE_TICKS)
    if is_clickable:
        # With clicks Streamlit lets a drag move the axes, unless they are fixed.
        figure.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
    return MadeFigure.of(escaped(figure))


def bold(text: str) -> str:
    """Mark a text of a figure as bold."""
    return text.join(_BOLD)


def escaped(figure: go.Figure) -> go.Figure:
    """The figure with every text escaped for Plotly, and "\\n" and `bold` as the tags they stand for."""
    return go.Figure(_escaped(figure.to_plotly_json()))


def _escaped(part: Any, name: str = "") -> Any:
    match part:
        case dict():
            # Without a template to show it, customdata is what a click reports: a key rather than a text.
            is_key = "hovertemplate" not in part
            return {key: of if key == "customdata" and is_key else _escaped(of, key) for key, of in part.items()}
        case list() | tuple():
            return [_escaped(one, name) for one in part]
        case str() if name in _TEXTS:
            return "".join(_TAGS.get(character, character) for character in escape_in_figure(part))
        case _:
            return part


def share_axis(title: str, highest: float = 1.0, *, lowest: float = 0.0) -> dict[str, Any]:
    """An axis of shares, 0 to 1, with percentages in the viewer's locale, which Plotly's own formats cannot write."""
    # Room for the point at the very end.
    end = highest + 0.02 * (highest - lowest)
    step = next(
        (one for one in _SHARE_STEPS if round((highest - lowest) / one, 6) < _MAX_SHARE_TICKS), _SHARE_STEPS[-1]
    )
    first, last = math.ceil(lowest / step), math.floor(min(end, 1.0) / step + 1e-9)
    ticks = [round(place * step, 3) for place in range(first, last + 1)]
    digits = 0 if step >= _SHARE_STEPS[3] else 1
    return {
        "title": title,
        "range": [lowest, end],
        "tickvals": ticks,
        "ticktext": [formatting.percent(share, digits) for share in ticks],
    }


def value_ticks(lowest: float, highest: float) -> list[tuple[float, str]]:
    """Round values from `lowest` to `highest`, zero among them if it is between, as the other figures write them."""
    span = max(highest, 0.0) - min(lowest, 0.0)
    if not 0 < span < math.inf:
        return [(0, formatting.compact(0))]
    magnitude = 10.0 ** math.floor(math.log10(span / _MAX_VALUE_TICKS))
    step = next(of * magnitude for of in (1, 2, 5, 10) if span / (of * magnitude) <= _MAX_VALUE_TICKS)
    if span >= 1:
        step = max(step, 1.0)  # there are no halves of customers
    places = range(math.ceil(min(lowest, 0.0) / step), math.floor(max(highest, 0.0) / step + 1e-9) + 1)
    values = [float(f"{place * step:.12g}") for place in places]
    return [(int(value) if value.is_integer() else value, formatting.compact(value)) for value in values]


def clicked(key: str) -> Any | None:
    """The customdata of the point that was clicked in the figure of that key, None when it was deselected."""
    points = st.session_state[key].selection.points
    return points[0]["customdata"] if points else None


def palette() -> list[str]:
    """The theme's chart colours for the viewer's mode, light or dark."""
    return theme("chartCategoricalColors")


def sequence() -> list[str]:
    """The theme's colours from low to high."""
    return theme("chartSequentialColors")


def ink(intensity: float) -> str:
    """The colour of text on a cell with that intensity of `sequence`, 0 to 1: the theme's text, or its background."""
    mode = st.context.theme.type or "light"
    return theme("textColor" if intensity < _CONTRAST[mode] else "backgroundColor")


def write_in_cells(
    figure: go.Figure,
    texts: Sequence[Sequence[str]],
    intensities: Sequence[Sequence[float | None]],
    *,
    first_row_on_top: bool = False,
) -> None:
    """Write a text in each cell of a heat map, row by row, and end the axes with the cells; None has no colour.

    A heat map's own text has too little contrast on cells of middle intensity. Annotations, one in each
    cell, take Plotly longer to draw than points without markers.
    """
    traces: Any = figure.data
    (heat_map,) = traces
    columns, rows = list(heat_map.x), list(heat_map.y)
    figure.add_scatter(
        x=[column for _ in rows for column in columns],
        y=[row for row in rows for _ in columns],
        mode="text",
        text=[text for row in texts for text in row],
        textfont={"color": [_ink_on(one) for row in intensities for one in row], "size": 11},
        cliponaxis=False,
        hoverinfo="skip",
    )
    bottom_up = [-0.5, len(rows) - 0.5]
    figure.update_xaxes(range=[-0.5, len(columns) - 0.5])
    figure.update_yaxes(range=bottom_up[::-1] if first_row_on_top else bottom_up)


def _ink_on(intensity: float | None) -> str:
    return theme("textColor") if intensity is None else ink(intensity)


def theme(option: str) -> Any:
    """A theme option for the viewer's mode, light or dark."""
    return st.get_option(f"theme.{st.context.theme.type or 'light'}.{option}")


def money_by_month(spend: Sequence[MonthlySpend]) -> go.Figure:
    """Bars of money by calendar month; hover says the month, the money and the purchases.

    The bar of a last month that the data does not cover to its end is pale.
    """
    until = unfinished_month(spend)
    symbol = formatting.currency_symbol()
    hover = [
        f"{formatting.month(month.month)}\n{formatting.money(month.amount)} in {formatting.count(month.purchases)} "
        f"purchase{'' if month.purchases == 1 else 's'}"
        + (f", to {formatting.day(until)} only" if until and month is spend[-1] else "")
        for month in spend
    ]
    bars = go.Bar(
        x=[month.month for month in spend],
        y=[month.amount for month in spend],
        marker_opacity=[1.0] * (len(spend) - 1) + [_UNFINISHED_OPACITY if until else 1.0],
        hovertext=hover,
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_yaxes(title=f"Revenue ({symbol})", rangemode="tozero", tickformat=NUMBER_TICKS)
    figure.update_xaxes(title="Month")
    return figure


def unfinished_month(spend: Sequence[MonthlySpend]) -> date | None:
    """The day of the newest purchase, if it is not the last of its month; else None."""
    newest = spend[-1].newest if spend else None
    return newest if newest and newest.day < monthrange(newest.year, newest.month)[1] else None


def count_by_month(months: Sequence[tuple[date, int]], what: str) -> go.Figure:
    """Bars of customers by month of a date."""
    bars = go.Bar(
        x=[month for month, _ in months],
        y=[customers for _, customers in months],
        hovertext=[
            f"{formatting.month(month)}\n{formatting.count(customers)} customers" for month, customers in months
        ],
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_yaxes(title="Customers", rangemode="tozero", tickformat=NUMBER_TICKS)
    figure.update_xaxes(title=f"{what} (month)")
    return figure


def histogram(spread: Histogram, column: Column) -> go.Figure:
    """Customers by value of a number column; the last bar holds the long tail when it is open-ended."""
    edges = spread.edges
    last = len(spread.counts) - 1
    hover = [
        f"{formatting.count(customers)} customers with "
        + (
            f"{formatting.value(column, edges[i])} or more"
            if spread.open_ended and i == last
            else f"{formatting.value(column, edges[i])} to {formatting.value(column, edges[i + 1])}"
        )
        for i, customers in enumerate(spread.counts)
    ]
    bars = go.Bar(
        x=[(low + high) / 2 for low, high in pairwise(edges)],
        width=[(high - low) * 0.92 for low, high in pairwise(edges)],
        y=spread.counts,
        text=[""] * last + [f"{formatting.compact(edges[last])}+" if spread.open_ended else ""],
        textposition="outside",
        textangle=0,
        constraintext="none",
        cliponaxis=False,
        hovertext=hover,
        hoverinfo="text",
    )
    figure = go.Figure(bars)
    figure.update_yaxes(title="Customers", rangemode="tozero", tickformat=NUMBER_TICKS)
    figure.update_xaxes(title=axis_title(column), tickformat=NUMBER_TICKS)
    return figure


def axis_title(column: Column) -> str:
    """The column's label with its unit."""
    unit = {"money": formatting.currency_symbol(), "days": "days", "years": "years"}.get(unit_of(column.name), "")
    return f"{column.label} ({unit})" if unit and unit not in column.label.lower() else column.label
