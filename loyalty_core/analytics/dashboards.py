"""Dashboard layouts: where each viewer has placed the cards on a grid of twelve columns, saved in the state store."""

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
_MAX_ROWS = 500
_MAX_HEIGHT = 40
_MAX_CARDS = 100


@dataclass(frozen=True)
class CardPosition:
    """Left edge, top edge, width and height, in columns and rows of the grid."""

    x: int
    y: int
    w: int
    h: int

    @classmethod
    def from_json(cls, content: Any) -> CardPosition | None:
        """Read a position as saved or as sent by a browser; None when it is invalid."""
        sides: list[Any] = [content.get(side) for side in "xywh"] if isinstance(content, dict) else [None]
        # A boolean is an int as well, but not a coordinate.
        if not all(type(side) is int for side in sides):
            return None
        position = cls(*sides)
        across = position.x >= 0 and position.w >= 1 and position.x + position.w <= COLUMNS
        down = 0 <= position.y <= _MAX_ROWS and 1 <= position.h <= _MAX_HEIGHT
        return position if across and down else None


Layout = dict[str, CardPosition]


class DashboardLayouts:
    """One saved layout per viewer; every method raises `StateStoreUnavailable` if the database cannot be used."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def of(self, viewer: str) -> Layout:
        """Card → position as the viewer left it; empty before the first change."""
        with self._store.session(read_only=True) as session:
            record = session.get(DashboardLayoutRecord, viewer)
        return read_layout(record.layout) if record else {}

    def save(self, viewer: str, layout: Layout) -> None:
        """Save these positions; cards that are not in `layout` keep theirs."""
        with self._store.session() as session:
            record = session.get(DashboardLayoutRecord, viewer, with_for_update=True)
            earlier = read_layout(record.layout) if record else {}
            content = {card: asdict(position) for card, position in (earlier | layout).items()}
            session.merge(DashboardLayoutRecord(viewer=viewer, layout=content, updated_at=datetime.now(UTC)))

    def reset(self, viewer: str) -> None:
        """Restore the initial layout."""
        with self._store.session() as session:
            session.execute(delete(DashboardLayoutRecord).where(DashboardLayoutRecord.viewer == viewer))


def read_layout(content: Any) -> Layout:
    """Read the valid positions; anything else is ignored."""
    if not isinstance(content, dict) or len(content) > _MAX_CARDS:
        return {}
    return {
        card: position for card, value in content.items() if (position := CardPosition.from_json(value)) is not None
    }


def arrange(cards: Iterable[str], initial: Mapping[str, CardPosition], saved: Layout) -> Layout:
    """A position for each card: the saved one, else the initial one, moved below all saved cards if there are any."""
    if not saved:
        return {card: initial[card] for card in cards}
    bottom = max(position.y + position.h for position in saved.values())
    return {
        card: saved.get(card) or CardPosition(initial[card].x, bottom, initial[card].w, initial[card].h)
        for card in cards
    }
