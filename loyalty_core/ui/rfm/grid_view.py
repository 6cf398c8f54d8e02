"""Recency against frequency as a grid, with the monetary score as the third dimension, and the customers of a cell."""

from functools import partial
from typing import Any, cast

import streamlit as st

from loyalty_core.analytics.rfm import RfmFigures, cell_conditions
from loyalty_core.ui import charts, formatting
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.messages import errors_shown
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.rfm_charts import Amount, Cell, heat_map
from loyalty_core.ui.rfm.score_ranges import with_unit
from loyalty_core.ui.rfm.selection import draw_customers, draw_selection
from loyalty_core.ui.text import escape

_MAP, _CELL, _MONETARY, _COLOUR = "rfm-map", "cell", "monetary", "colour"
_ALL = "All"
_COLOURS: dict[Amount, str] = {"money": "Average spend", "customers": "Customers"}
# The names are part of the address.
_CELLS = {f"Recency {r} · frequency {f}": (r, f) for r in range(5, 0, -1) for f in range(5, 0, -1)}
_BEST = (5, 5)
_HEIGHT = 460


@fragment()
def draw_grid(reader: RfmReader) -> None:
    """The heat map and the chosen cell; a click or the list chooses one."""
    figures = reader.figures()
    left, right = st.columns([3, 2], gap="medium")
    with left.container(border=True):
        monetary, colour = _draw_controls(figures, reader)
        # The cell is drawn on the map, and chosen after it.
        chosen = _CELLS.get(st.session_state.get(_CELL) or st.query_params.get(_CELL, ""), _BEST)
        _draw_map(figures, reader, monetary, colour, chosen)
    with right.container(border=True):
        cell = _draw_cell(figures, reader, monetary)
    with errors_shown():
        customers = figures.grid(monetary)[cell].customers
        draw_customers(reader, _rule(reader, cell, monetary), figures.cut_points.columns.monetary, customers)


def _draw_controls(figures: RfmFigures, reader: RfmReader) -> tuple[int | None, Amount]:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        chosen = st.select_slider(
            "Monetary score",
            [_ALL, "1", "2", "3", "4", "5"],
            key=_MONETARY,
            bind="query-params",
            width=260,
            help="Show only the customers with one monetary score; 5 spent most.",
        )
        colour = st.segmented_control(
            "Colour",
            list(_COLOURS),
            default="money",
            required=True,
            format_func=_COLOURS.__getitem__,
            key=_COLOUR,
            bind="query-params",
        )
    monetary = None if chosen == _ALL else int(chosen)
    st.caption(escape(_which(figures, reader, monetary)))
    return monetary, cast("Amount", colour)


def _which(figures: RfmFigures, reader: RfmReader, monetary: int | None) -> str:
    if monetary is None:
        bought = sum(spending.customers for spending in figures.by_score("monetary").values())
        never = figures.total.customers - bought
        outside = f" {formatting.count(never)} who never bought are not in the grid." if never else ""
        return f"In each cell: customers, and their average spend.{outside}"
    customers = figures.by_score("monetary")[monetary].customers
    spent = reader.ranges(figures.cut_points, "monetary")[monetary]
    return f"In each cell: customers of the {formatting.count(customers)} with monetary score {monetary} ({spent})."


def _draw_map(figures: RfmFigures, reader: RfmReader, monetary: int | None, colour: Amount, chosen: Cell) -> None:
    ranges = (reader.ranges(figures.cut_points, "recency"), reader.ranges(figures.cut_points, "frequency"))
    charts.draw(
        partial(heat_map, figures.grid(monetary), colour, ranges, chosen),
        _MAP,
        "Customers and their average spend by recency and frequency score.",
        height=_HEIGHT,
        on_click=_choose_clicked,
    )


def _choose_clicked() -> None:
    cell = charts.clicked(_MAP)
    if cell is not None:
        st.session_state[_CELL] = next(name for name, one in _CELLS.items() if one == tuple(cell))


def _draw_cell(figures: RfmFigures, reader: RfmReader, monetary: int | None) -> Cell:
    chosen = st.selectbox(
        "Cell",
        list(_CELLS),
        help="Click a cell of the grid, or choose one here.",
        key=_CELL,
        bind="query-params",
    )
    cell = _CELLS[chosen]
    groups = figures.cell(*cell, monetary)
    if groups:
        st.markdown(escape(_meaning(figures, reader, cell, monetary)))
        names = dict.fromkeys(group.segment for group in groups)
        st.caption(escape(f"Segment{'s' if len(names) > 1 else ''}: {', '.join(names)}"))
    draw_selection(_rule(reader, cell, monetary), figures.grid(monetary)[cell], figures.total, "cell")
    return cell


def _rule(reader: RfmReader, cell: Cell, monetary: int | None) -> Any:
    return reader.base.scope.rule_with(*cell_conditions(reader.base, *cell, monetary))


def _meaning(figures: RfmFigures, reader: RfmReader, cell: Cell, monetary: int | None) -> str:
    """The cell in days, purchases and money."""
    points, (recency, frequency) = figures.cut_points, cell
    parts = [
        f"last bought {with_unit(reader.ranges(points, 'recency')[recency], 'recency')} ago",
        with_unit(reader.ranges(points, "frequency")[frequency], "frequency"),
    ]
    if monetary is not None:
        parts.append(f"{reader.ranges(points, 'monetary')[monetary]} spent")
    return f"{', '.join(parts)}.".capitalize()
