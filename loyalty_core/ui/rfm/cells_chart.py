"""The cells as a grid of recency against frequency, each with the name of its segment."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from textwrap import wrap
from typing import TYPE_CHECKING

import plotly.graph_objects as go

from loyalty_core.rfm import SCORES, SEGMENT_NAMES, cell_index, segment_names
from loyalty_core.ui import charts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from loyalty_core.rfm import CellRule

NO_NAME = "no name"
# As much as a cell holds on a phone.
_LINE_CHARACTERS = 11
_MAX_LINES = 5
# A square that a click or a tap hits, smaller than a cell of the narrowest grid.
_TARGET_PIXELS = 44


def cell_grid(claims: Sequence[tuple[str, ...]], layer: int | None, chosen: CellRule) -> go.Figure:
    """The 5×5 grid of one monetary score, or of all; `claims` are the names of each of the 125 CELLS.

    The cells in the ranges of `chosen` have a frame. A click gives (recency, frequency) as customdata.
    """
    places = [(r, f) for f in SCORES for r in SCORES]
    names = {place: _layers(claims, place, layer) for place in places}
    colours = _colours([name for own in claims for name in own])
    figure = go.Figure(
        go.Scatter(
            x=[r for r, _ in places],
            y=[f for _, f in places],
            customdata=places,
            mode="markers+text",
            marker={"symbol": "square", "size": _TARGET_PIXELS, "opacity": 0},
            text=[_cell_text(names[place]) for place in places],
            textfont={"size": 10, "color": charts.theme("textColor")},
            textposition="middle center",
            hovertext=[_cell_sentence(place, names[place]) for place in places],
            hoverinfo="text",
        )
    )
    cells = [
        {
            "type": "rect",
            **{"x0": r - 0.47, "x1": r + 0.47, "y0": f - 0.47, "y1": f + 0.47},
            "fillcolor": _fill(names[r, f], colours),
            "line": _line(names[r, f]),
            "layer": "below",
        }
        for r, f in places
    ]
    # All at once: for each one that is added by itself, Plotly validates all the others again.
    figure.update_layout(shapes=[*cells, _frame(chosen)])
    bare = {"showgrid": False, "zeroline": False, "ticks": "", "tickvals": [*SCORES], "range": [0.45, 5.55]}
    figure.update_xaxes(title="Recency score (5 bought last)", **bare)
    figure.update_yaxes(title="Frequency score (5 buys most often)", **bare)
    figure.update_layout(hovermode="closest")
    return figure


def _layers(claims: Sequence[tuple[str, ...]], place: tuple[int, int], layer: int | None) -> dict[int, tuple[str, ...]]:
    return {m: claims[cell_index(*place, m)] for m in (SCORES if layer is None else (layer,))}


def _runs(by_layer: Mapping[int, tuple[str, ...]]) -> list[tuple[str, str]]:
    """Names, and the monetary scores that have them: [("Loyal", "1–3"), ("Champions", "4–5")]."""
    runs = []
    for names, group in groupby(by_layer, key=by_layer.__getitem__):
        scores = list(group)
        text = " / ".join(names) or NO_NAME
        mark = "⚠ " if len(names) != 1 else ""
        runs.append((mark + text, str(scores[0]) if len(scores) == 1 else f"{scores[0]}–{scores[-1]}"))
    return runs


def _cell_text(by_layer: Mapping[int, tuple[str, ...]]) -> str:
    runs = _runs(by_layer)
    words = [f"{name} {scores}" for name, scores in runs] if len(runs) > 1 else [runs[0][0]]
    lines = [line for text in words for line in wrap(text, _LINE_CHARACTERS)]
    return "\n".join([*lines[: _MAX_LINES - 1], "…"] if len(lines) > _MAX_LINES else lines)


def _cell_sentence(place: tuple[int, int], by_layer: Mapping[int, tuple[str, ...]]) -> str:
    lines = [f"monetary {scores}: {name}" for name, scores in _runs(by_layer)]
    return "\n".join([f"Recency {place[0]}, frequency {place[1]}", *lines, "Click to choose the cell."])


def _colours(names: Sequence[str]) -> dict[str, str]:
    """A light colour for each segment; a lighter one when the palette repeats."""
    palette = charts.palette()
    # The default segments have the same colours in every map.
    ordered = dict.fromkeys((*SEGMENT_NAMES[:-1], *segment_names(tuple(names))[:-1]))
    return {
        name: _rgba(palette[place % len(palette)], 0.42 if place < len(palette) else 0.18)
        for place, name in enumerate(ordered)
    }


def _rgba(colour: str, opacity: float) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def _fill(by_layer: Mapping[int, tuple[str, ...]], colours: Mapping[str, str]) -> str:
    """The colour of the name that most layers have; none where a name is missing or several claim the cell."""
    if any(len(names) != 1 for names in by_layer.values()):
        return "rgba(0, 0, 0, 0)"
    return colours[Counter(names[0] for names in by_layer.values()).most_common(1)[0][0]]


def _line(by_layer: Mapping[int, tuple[str, ...]]) -> dict[str, object]:
    sound = all(len(names) == 1 for names in by_layer.values())
    return {"width": 0} if sound else {"width": 2, "dash": "dot", "color": charts.palette()[3]}


def _frame(chosen: CellRule) -> dict[str, object]:
    (left, right), (bottom, top) = chosen.recency, chosen.frequency
    edges = {"x0": left - 0.5, "x1": right + 0.5, "y0": bottom - 0.5, "y1": top + 0.5}
    return {"type": "rect", "line": {"width": 4, "color": charts.palette()[1]}, **edges}
