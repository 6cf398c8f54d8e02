"""The positions of the cards in the grid: the first ones, and those that a browser sends."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from loyalty_core.analytics.dashboards import COLUMNS, CardPosition, Layout, read_layout
from loyalty_core.ui.overview.card import Card

SMALLEST_HEIGHT = 3
# In pixels: a row of the grid, the gap between two, and what a ranking has above its first row and below its last.
ROW_PIXELS, GAP_PIXELS = 40, 16
_RANKING_PIXELS, _NOTE_PIXELS, _MARK_PIXELS = 62, 28, 33
_FIRST_SIZES = {"months": (7, 6), "risk": (5, 6)}
_FIRST_SIZE = (4, 6)
_EMPTY_SIZE = (4, SMALLEST_HEIGHT)


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
    """Three cards in a row, but for the first row, where months take more of it than the card beside them.

    A ranking is as high as its rows need.
    """
    if not card.marks and (card.shape == "ranking" or are_thirds):
        return _EMPTY_SIZE
    if card.shape == "ranking":
        pixels = _RANKING_PIXELS + _MARK_PIXELS * len(card.marks) + (_NOTE_PIXELS if card.note else 0)
        rows = math.ceil((pixels + GAP_PIXELS) / (ROW_PIXELS + GAP_PIXELS))
        return 4, max(rows, SMALLEST_HEIGHT)
    if card.id == "risk" and are_thirds:
        return _FIRST_SIZE
    return _FIRST_SIZES.get(card.id, _FIRST_SIZE)


def sent_layout(layouts: Mapping[str, Any]) -> Layout:
    """The layout that the grid reports; the narrow one follows from the wide one and is left out."""
    wide = layouts.get("lg")
    return read_layout({item.get("i"): dict(item) for item in wide} if isinstance(wide, list) else None)
