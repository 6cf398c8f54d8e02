"""How recently, how often and how much customers buy: as a grid, as segments, and how they move between these.

The URL holds the customers in scope, the view and its selection, so a link shows a colleague the same.
"""

import streamlit as st

from loyalty_core.analytics.scope import ScopedBase
from loyalty_core.rfm import RfmUnavailable
from loyalty_core.ui import formatting
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.links import draw_link
from loyalty_core.ui.messages import draw_unavailable, errors_shown
from loyalty_core.ui.navigation import DOCUMENTATION
from loyalty_core.ui.rfm.cells_view import draw_cells
from loyalty_core.ui.rfm.cut_points_view import draw_cut_points
from loyalty_core.ui.rfm.grid_view import draw_grid
from loyalty_core.ui.rfm.movement_view import draw_movement
from loyalty_core.ui.rfm.queries import RfmReader
from loyalty_core.ui.rfm.saved_map import draw_stale_notice
from loyalty_core.ui.rfm.segments_view import draw_segments
from loyalty_core.ui.scope_bar import draw_scope

VIEWS = {
    "Grid": draw_grid,
    "Segments": draw_segments,
    "Movement": draw_movement,
    "Cut points": draw_cut_points,
    "Cells": draw_cells,
}


def draw_analysis(base: ScopedBase) -> None:
    with errors_shown():
        draw_stale_notice(base.run)
    reader = RfmReader.of(base)
    try:
        figures = reader.figures()
    except RfmUnavailable as error:
        draw_unavailable(error)
        draw_link(DOCUMENTATION, "See which columns RFM needs", page="rfm")
        return
    if not figures.groups:
        st.info("Nobody in scope has RFM scores: the segment is empty, or the last scoring run was without RFM.")
        draw_link(DOCUMENTATION, "See which columns RFM needs", page="rfm")
        return
    if figures.unscored:
        st.caption(
            f"{formatting.count(figures.unscored)} customers are newer than the last scoring run and have no scores."
        )
    for tab, draw in zip(st.tabs(list(VIEWS), key="view", bind="query-params"), VIEWS.values(), strict=True):
        if tab.open:
            with tab, errors_shown():
                draw(reader)


page_title("RFM", "How recently, how often and how much customers buy, each scored from 1 to 5; 5 is best.")
in_scope = draw_scope()
if in_scope is not None:
    draw_analysis(in_scope)
