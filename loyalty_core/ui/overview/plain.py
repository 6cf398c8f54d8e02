"""The cards in fixed columns, drawn by Streamlit alone."""

from collections.abc import Sequence

import streamlit as st

from loyalty_core.ui import charts
from loyalty_core.ui.overview.card import Card, Mark
from loyalty_core.ui.text import escape

_ARROW = ":material/arrow_forward:"


def draw_plain(cards: Sequence[Card]) -> None:
    """Two cards a row."""
    for start in range(0, len(cards), 2):
        for place, card in zip(st.columns(2), cards[start : start + 2], strict=False):
            with place.container(border=True, height="stretch"):
                _draw_card(card)


def _draw_card(card: Card) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape(card.title), anchor=False, width="stretch")
        if card.screen:
            st.page_link(
                f"pages/{card.screen.file}", label="Open", help=escape(f"Open {card.screen.title}"), icon=_ARROW
            )
    if not card.marks:
        st.caption(escape(card.empty))
    elif card.figure:
        charts.draw(card.figure, card.title, card.alt)
    else:
        with st.container(gap="xsmall"):
            for mark in card.marks:
                _draw_row(card, mark)
    if card.note:
        st.caption(escape(card.note))


def _draw_row(card: Card, mark: Mark) -> None:
    """Its name and numbers above a bar, whose track is all customers."""
    text = escape(f"{mark.label} · {mark.numbers}")
    if card.screen and mark.segment_id:
        st.page_link(
            f"pages/{card.screen.file}",
            label=escape(mark.label),
            query_params={"segment": mark.segment_id},
            help=escape(mark.sentence),
        )
        text = escape(mark.numbers)
    st.progress(round(100 * (mark.share or 0)), text)
