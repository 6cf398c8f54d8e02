"""The positions of the cards in the grid: the first ones, and those that a browser sends."""

from collections.abc import Mapping, Sequence
from typing import Any

from loyalty_core.analytics.dashboards import COLUMNS, CardPosition, Layout, read_layout
from loyalty_core.ui.overview.card import Card

_FIRST_SIZES = {"months": (7, 6), "risk": (5, 6), "rfm": (4, 9), "offers": (4, 9), "segments": (4, 9)}
_FIRST_SIZE = (4, 6)
_EMPTY_SIZE = (4, 4)


def first_layout(cards: Sequence[Card]) -> Layout:
    """The positions before anyone has moved a card: from left to right, each as far up as it can.

    The grid in the browser moves cards up by itself, and would report that as a change by the viewer.
    """
    places: Layout = {}
    x, bottoms = 0, [0] * COLUMNS
    are_thirds = all(card.id != "months" for card in cards)
    for card in cards:
        w, h = _first_size(card, are_thirds=are_thirds)
        if x + w > COLUMNS:
            x = 0
        y = max(bottoms[x : x + w])
        places[card.id] = CardPosition(x, y, w, h)
        bottoms[x : x + w] = [y + h] * w
        x += w
    return places


def _first_size(card: Card, *, are_thirds: bool) -> tuple[int, int]:
    """Three cards in a row, but for the first row, where months take more of it than the card beside them."""
    if not card.marks and (card.shape == "ranking" or are_thirds):
        return _EMPTY_SIZE
    if card.id == "risk" and are_thirds:
        return _FIRST_SIZE
    return _FIRST_SIZES.get(card.id, _FIRST_SIZE)


def sent_layout(layouts: Mapping[str, Any]) -> Layout:
    """The layout that the grid reports; the narrow one follows from the wide one and is left out."""
    wide = layouts.get("lg")
    return read_layout({item.get("i"): dict(item) for item in wide} if isinstance(wide, list) else None)
