"""Removes from the memory cache of one process what another has removed from its own, by way of the state store.

With Redis all processes share one cache, and nothing is written here.
"""

from __future__ import annotations

import threading
import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.store.dialects import dialect_of_session
from loyalty_core.store.invalidations import InvalidationRecord

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy.orm import Session

    from loyalty_core.store import StateStore
    from loyalty_core.warehouse import FeatureStore

# Rows become visible when they are committed, not in the order of their numbers: those of a minute are looked at again.
_COMMITTED_WITHIN = timedelta(minutes=1)
_REMOVED_AFTER = timedelta(days=1)


class Invalidations:
    """What this process and others have removed from their caches of features."""

    def __init__(self, store: StateStore, features: FeatureStore) -> None:
        self._store, self._features = store, features
        self._process = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._seen: set[int] = set()

    def announce(self, session: Session, customer_ids: Iterable[str] | None) -> None:
        """Have other processes remove these customers, or all for None, once the session is committed."""
        if self._features.is_shared:
            return
        now = dialect_of_session(session).now(session)
        ids = None if customer_ids is None else list(customer_ids)
        session.execute(sa.insert(InvalidationRecord).values(at=now, process=self._process, customer_ids=ids))

    def follow(self) -> None:
        """Remove what others have announced since the last call, or within the last minute.

        Raises `StateStoreUnavailable`.
        """
        if self._features.is_shared:
            return
        with self._lock:
            new = self._read_new()
        for ids in new:
            if ids is None:
                self._features.invalidate_all()
            else:
                self._features.invalidate(ids)

    def _read_new(self) -> list[list[str] | None]:
        row = InvalidationRecord
        with self._store.session(read_only=True) as session:
            since = dialect_of_session(session).now(session) - _COMMITTED_WITHIN
            recent = set(session.scalars(sa.select(row.id).where(row.at > since, row.process != self._process)))
            unseen = recent - self._seen
            new = list(session.scalars(sa.select(row.customer_ids).where(row.id.in_(unseen)))) if unseen else []
        self._seen = recent
        return new


def forget_old_invalidations(session: Session) -> None:
    """Remove rows that are a day old, which every process has followed by then."""
    before = dialect_of_session(session).now(session) - _REMOVED_AFTER
    session.execute(sa.delete(InvalidationRecord).where(InvalidationRecord.at < before))
