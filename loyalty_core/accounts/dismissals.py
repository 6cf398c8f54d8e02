"""What each viewer has dismissed, so that it is not shown to them again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from loyalty_core.access import current_viewer
from loyalty_core.store.dismissals import DismissalRecord

if TYPE_CHECKING:
    from loyalty_core.store import StateStore


class Dismissals:
    """Hints that the current viewer has seen enough of; raises `StateStoreUnavailable` in an outage."""

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def has(self, hint: str) -> bool:
        """Whether the viewer has dismissed it."""
        with self._store.session(read_only=True) as session:
            return session.get(DismissalRecord, (current_viewer().id, hint)) is not None

    def add(self, hint: str) -> None:
        """Do not show it to the viewer again."""
        with self._store.session() as session:
            session.merge(DismissalRecord(viewer=current_viewer().id, hint=hint, at=datetime.now(UTC)))
