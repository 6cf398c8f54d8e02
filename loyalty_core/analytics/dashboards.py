"""Where a viewer has put the cards of the dashboard: a grid of twelve columns, saved in the state store."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete

from loyalty_core.store.dashboards import DashboardLayoutRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from loyalty_core.store import StateStore

COLUMNS = 12
_MOST_ROWS = 500
_TALLEST = 40
_MOST_CARDS = 100


@dataclass(frozen=True)
class Place:
    """Left edge, top edge, width and height, in columns and rows of the grid."""

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def from_json(cls, content: Any) -> Place | None:
        """A place as saved or as a browser sends it; None when no card can be there."""
        sides: list[Any] = [content.get(side) for side in "xywh"] if isinstance(content, dict) else [None]
        # A boolean is an int as well, but no place.
        if not all(type(side) is int for side in sides):
            return None
        place = cls(*sides)
        across = place.x >= 0 and place.w >= 1 and place.x + place.w <= COLUMNS
        down = 0 <= place.y <= _MOST_ROWS and 1 <= place.h <= _TALLEST
        return place if across and down else None


Layout = dict[str, Place]


class DashboardLayouts:
    """Keeps one layout a viewer; every method raises `StateStoreUnavailable` where the database cannot be used."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def of(self, viewer: str) -> Layout:
        """Card → place as the viewer left it; empty before the first change."""
        with self._store.session(read_only=True) as session:
            record = session.get(DashboardLayoutRecord, viewer)
        return read_layout(record.layout) if record else {}

    def keep(self, viewer: str, layout: Layout) -> None:
        """Keep these places; cards that are not among them stay where they were."""
        with self._store.session() as session:
            record = session.get(DashboardLayoutRecord, viewer, with_for_update=True)
            earlier = read_layout(record.layout) if record else {}
            content = {card: asdict(place) for card, place in (earlier | layout).items()}
            session.merge(DashboardLayoutRecord(viewer=viewer, layout=content, updated_at=datetime.now(UTC)))

    def forget(self, viewer: str) -> None:
        """Restore the initial layout."""
        with self._store.session() as session:
            session.execute(delete(DashboardLayoutRecord).where(DashboardLayoutRecord.viewer == viewer))


def read_layout(content: Any) -> Layout:
    """The places that can be read, whatever else is there."""
    if not isinstance(content, dict) or len(content) > _MOST_CARDS:
        return {}
    return {card: place for card, value in content.items() if (place := Place.from_json(value)) is not None}


def arrange(cards: Iterable[str], first: Mapping[str, Place], kept: Layout) -> Layout:
    """A place for each card: the viewer's own, else the first one; below all others where those are taken."""
    if not kept:
        return {card: first[card] for card in cards}
    bottom = max(place.y + place.h for place in kept.values())
    return {card: kept.get(card) or Place(first[card].x, bottom, first[card].w, first[card].h) for card in cards}
