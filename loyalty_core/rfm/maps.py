"""RFM maps as saved in the state store and used wherever RFM is scored.

Without a saved map, the built-in cells and the cut points from settings and warehouse are used.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait, holding
from loyalty_core.rfm.custom_map import RfmMap
from loyalty_core.store import audit, shared_store
from loyalty_core.store.rfm_maps import RfmMapRecord
from loyalty_core.store.versioned import editing

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from loyalty_core.rfm.cells import Segment
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

SUBJECT_KIND, SUBJECT_ID = "rfm map", "rfm"
# How long another process may continue with the previous map.
_CACHED_SECONDS = 3.0


class RfmMapChanged(LoyaltyError):
    """Someone has saved a newer version since this one was read."""

    code = "rfm_map_changed"

    def __init__(self, newest: RfmMapVersion) -> None:
        what = "saved" if newest.map else "restored the defaults with"
        super().__init__(
            "The cells have changed since you loaded them.",
            f"{newest.actor} {what} version {newest.number} on {newest.at:%Y-%m-%d at %H:%M} UTC.",
            "Load the newest version and make your changes there.",
        )


@dataclass(frozen=True)
class RfmMapVersion:
    """One saved version; without a map, a reset to the defaults."""

    number: int
    at: datetime
    actor: str
    map: RfmMap | None


class RfmMapRepository:
    """The saved RFM maps.

    Every method raises `StateStoreUnavailable` if the database cannot be used. Each change is written together with an
    audit event that names `actor`.
    """

    def __init__(self, store: StateStore) -> None:
        self._store = store

    def current(self) -> RfmMap | None:
        """The map in use; None for the defaults."""
        newest = self.newest()
        return newest.map if newest else None

    def at(self, moment: datetime) -> RfmMap | None:
        """The map that was in use at a given time."""
        with self._store.session(read_only=True) as session:
            record = session.scalar(_newest().where(RfmMapRecord.at <= moment))
            return _version(record).map if record else None

    def newest(self) -> RfmMapVersion | None:
        """The newest version; None if nothing has been saved."""
        with self._store.session(read_only=True) as session:
            record = session.scalar(_newest())
            return _version(record) if record else None

    def versions(self, limit: int = 50) -> list[RfmMapVersion]:
        """The newest versions, newest first."""
        with self._store.session(read_only=True) as session:
            records = session.scalars(select(RfmMapRecord).order_by(RfmMapRecord.number.desc()).limit(limit))
            return [_version(record) for record in records]

    def save(self, map: RfmMap, *, actor: str, expected_version: int) -> RfmMap:
        """Save a map as the version after `expected_version` (0 before the first), and use it from now on.

        Raises `RfmMapChanged` if the newest version is not the expected one. Needs EDIT_POLICIES, as does `reset`.
        """
        require(Action.EDIT_POLICIES)
        with editing(self._store) as session:
            record = session.scalar(_newest())
            if record is not None and record.number != expected_version:
                raise RfmMapChanged(_version(record))
            saved = _version(_add(session, record, map.to_json(), actor)).map
        clear_map_cache()
        assert saved is not None  # noqa: S101  it has the content just given
        return saved

    def reset(self, *, actor: str) -> None:
        """Restore the defaults, unless they are in use."""
        require(Action.EDIT_POLICIES)
        with editing(self._store) as session:
            record = session.scalar(_newest())
            if record is None or record.content is None:
                return
            _add(session, record, None, actor)
        clear_map_cache()


def map_at(settings: Settings, moment: datetime | None = None) -> RfmMap | None:
    """The map in use at a given time, by default now; None for the defaults. Not cached."""
    store = shared_store(settings.state_database_url)
    if not store.has_table(RfmMapRecord.__tablename__):
        return None
    maps = RfmMapRepository(store)
    return maps.at(moment) if moment else maps.current()


def map_in_use(settings: Settings) -> RfmMap | None:
    """The map in use now, None for the defaults; cached for a few seconds.

    In an outage, the last known map is used. Raises `StateStoreUnavailable` if none is known, since the default names
    and scores could be silently wrong.
    """
    url = settings.state_database_url
    outcome, until = _last_known.get(url, _NEVER)
    if time.monotonic() >= until:
        with holding(_lock):
            outcome, until = _last_known.get(url, _NEVER)
            if time.monotonic() >= until:
                outcome = _look_up(settings)
                _last_known[url] = outcome, time.monotonic() + _CACHED_SECONDS
    if isinstance(outcome, LoyaltyError):
        raise outcome.with_traceback(None)
    return outcome


def clear_map_cache() -> None:
    """Make the next call read the state store."""
    with _lock:
        _last_known.clear()


def segment_in_use(settings: Settings, name: str) -> Segment:
    """Meaning and advice of a segment by the map in use; neutral ones for an unknown name."""
    return (map_in_use(settings) or RfmMap()).details(name)


_lock = threading.Lock()
# By the URL of the state store: the map, or the error raised when reading it, and the time until which it is used.
_last_known: dict[str, tuple[RfmMap | LoyaltyError | None, float]] = {}
_NEVER = None, -math.inf


def _look_up(settings: Settings) -> RfmMap | LoyaltyError | None:
    about_to_wait()
    try:
        return map_at(settings)
    except LoyaltyError as error:
        known = _last_known.get(settings.state_database_url)
        return known[0] if known else error


def _newest() -> Any:
    return select(RfmMapRecord).order_by(RfmMapRecord.number.desc()).limit(1)


def _add(session: Session, before: RfmMapRecord | None, content: Any, actor: str) -> RfmMapRecord:
    record = RfmMapRecord(
        number=(before.number if before else 0) + 1, at=datetime.now(UTC), actor=actor, content=content
    )
    session.add(record)
    audit.record(
        session,
        actor=actor,
        action="reset" if content is None else "updated",
        subject_kind=SUBJECT_KIND,
        subject_id=SUBJECT_ID,
        details={"version": record.number},
        at=record.at,
    )
    return record


def _version(record: RfmMapRecord) -> RfmMapVersion:
    saved = None
    if record.content is not None:
        saved = replace(
            RfmMap.from_json(record.content), version=record.number, saved_by=record.actor, saved_at=record.at
        )
    return RfmMapVersion(record.number, record.at, record.actor, saved)
