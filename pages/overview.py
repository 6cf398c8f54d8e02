"""The place to start: the base in figures, what the last scoring expects, and the cards as the viewer arranged them.

Every figure is an aggregate counted in the warehouse; nothing here depends on how the columns are called.
"""

from collections.abc import Sequence

import streamlit as st

from loyalty_core.analytics.monitoring import check_freshness
from loyalty_core.services import get_services
from loyalty_core.ui import elements
from loyalty_core.ui.first_training import draw_first_training, needs_first_training, refused
from loyalty_core.ui.fragments import fragment
from loyalty_core.ui.frame import page_title
from loyalty_core.ui.overview import queries as reading
from loyalty_core.ui.overview.card import Card
from loyalty_core.ui.overview.cards import all_cards
from loyalty_core.ui.overview.key_figures import draw_base_figures, draw_expected_churners
from loyalty_core.ui.overview.plain import draw_plain
from loyalty_core.ui.overview.tour import draw_tour
from loyalty_core.ui.scoring_notice import draw_scoring_notice


@fragment()
def draw_cards(cards: Sequence[Card]) -> None:
    if not elements.is_available():
        draw_plain(cards)
        return
    from loyalty_core.ui.overview.dashboard import draw_dashboard, draw_reset  # noqa: PLC0415

    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center"):
        above = st.container(width="content")
        is_plain = st.toggle(
            "Plain layout",
            key="plain",
            bind="query-params",
            help="The same cards in fixed columns: for print, and where the dashboard does not load.",
        )
    if is_plain:
        draw_plain(cards)
        return
    with above:
        draw_reset()
    draw_dashboard(cards)


page_title("Overview", "The customer base today, what is expected of it, and where to look next.")
draw_tour()
with st.container(horizontal=True):
    draw_base_figures()
    outlook = reading.outlook()
    if outlook:
        draw_expected_churners(outlook)
services = get_services()
freshness = check_freshness(services.warehouse, services.inference)
is_first = needs_first_training() and refused() is None
if is_first:
    draw_first_training()
if freshness.run or not is_first:
    draw_scoring_notice(freshness, not_scored="Risk, offers and RFM are still blank.")
draw_cards(all_cards(outlook))
