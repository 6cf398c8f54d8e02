"""The cards in a grid where each viewer drags and resizes them; import it only where `elements.is_available()`."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import streamlit as st

from loyalty_core.access import current_viewer
from loyalty_core.analytics.dashboards import COLUMNS, CardPosition, Layout, arrange
from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.services import get_services
from loyalty_core.ui.elements.frames import Script, dashboard, html, mui, new_frame
from loyalty_core.ui.messages import toast_error
from loyalty_core.ui.navigation import SEGMENTS, Screen
from loyalty_core.ui.overview.card import Card
from loyalty_core.ui.overview.layout import GAP_PIXELS, ROW_PIXELS, SMALLEST_HEIGHT, first_layout, sent_layout
from loyalty_core.ui.overview.nivo_cards import HANDLE, NO_HANDLE, draw_card
from loyalty_core.ui.overview.style import WIDE_PIXELS, frame_style
from loyalty_core.ui.segments.address import SEGMENT

_KEY = "overview"
_OPENING = "overview-opening"
# As many names as fit below the columns of a card that is one column wider; a phone holds five.
_MAX_TICKS = 5
_SMALLEST = {"minW": 3, "minH": SMALLEST_HEIGHT}
# An animation named after the mode, light or dark, starts whenever the browser changes to that mode.
_ANIMATE_MODE = "(theme)=>({animation:`mode-${theme.palette.mode} 1ms`})"
_SEND_OTHER_MODE = '(event)=>{if(event.animationName!=="mode-MODE")send({%s:{at:Date.now()}});}'


def draw_reset() -> None:
    """A button that restores the first layout, for viewers who have changed it."""
    if _saved_layout():
        st.button("Reset layout", icon=":material/restart_alt:", type="tertiary", key="reset-layout", on_click=_reset)


def draw_dashboard(cards: Sequence[Card]) -> None:
    """The grid as the viewer left it; every move is saved immediately. Call it in a fragment."""
    _open_what_was_clicked()
    first = first_layout(cards)
    layout = arrange(first, first, _saved_layout())
    with new_frame(_KEY):
        html.style(frame_style())
        _redraw_in_other_mode()
        items = [_item(card_id, place) for card_id, place in layout.items()]
        with dashboard.Grid(
            items,
            breakpoints={"lg": WIDE_PIXELS, "xxs": 0},
            cols={"lg": COLUMNS, "xxs": 1},
            rowHeight=ROW_PIXELS,
            margin=[GAP_PIXELS, GAP_PIXELS],
            containerPadding=[0, 0],
            draggableHandle=f".{HANDLE}",
            draggableCancel=f".{NO_HANDLE}",
            onLayoutChange=partial(_changed, layout),
        ):
            for card in cards:
                ticks = min(max(1, layout[card.id].w - 1), _MAX_TICKS)
                draw_card(card, ticks, partial(_open, card.screen), _open_segment)


def _redraw_in_other_mode() -> None:
    """Have the colours sent again when the viewer changes between light and dark: Streamlit does not ask for them."""
    changed = _SEND_OTHER_MODE.replace("MODE", st.context.theme.type or "light")
    mui.Box(sx=Script(_ANIMATE_MODE), onAnimationStart=Script(changed, _redraw))


def _redraw(at: float) -> None:
    """Called when the mode has changed; what is drawn next has its colours."""


def _item(card_id: str, place: CardPosition) -> dict[str, Any]:
    return {"i": card_id, "x": place.x, "y": place.y, "w": place.w, "h": place.h, **_SMALLEST}


def _changed(drawn: Layout, _layout: Any, layouts: Mapping[str, Any]) -> None:
    """Called on every change, including the one that a grid reports when it is first drawn.

    The underscore of the unused argument makes the browser leave it out.
    """
    layout = {card: place for card, place in sent_layout(layouts).items() if card in drawn}
    if layout == drawn:
        return
    try:
        get_services().layouts.save(current_viewer().id, layout)
    except StateStoreUnavailable as error:
        toast_error(error, icon=":material/cloud_off:")


def _saved_layout() -> Layout:
    try:
        return get_services().layouts.of(current_viewer().id)
    except StateStoreUnavailable:
        return {}  # System health says why


def _reset() -> None:
    try:
        get_services().layouts.reset(current_viewer().id)
    except StateStoreUnavailable as error:
        toast_error(error, icon=":material/cloud_off:")


def _open(screen: Screen | None) -> None:
    if screen:
        st.session_state[_OPENING] = (screen, {})


def _open_segment(segment_id: str) -> None:
    st.session_state[_OPENING] = (SEGMENTS, {SEGMENT: segment_id})


def _open_what_was_clicked() -> None:
    """Pages cannot be switched in a callback."""
    if opening := st.session_state.pop(_OPENING, None):
        screen, parameters = opening
        st.switch_page(f"pages/{screen.file}", query_params=parameters)
