"""RFM maps: custom segment names and cut points, saved in the state store and used wherever RFM is scored.

Without a saved map, the built-in cells and the cut points from settings and warehouse are used.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from cachetools import TTLCache
from sqlalchemy import select

from loyalty_core.access import Action, require
from loyalty_core.errors import LoyaltyError
from loyalty_core.names import checked_text, shape
from loyalty_core.rfm.cells import CELL_NAMES, CELLS, NO_PURCHASES, Segment, segment_details
from loyalty_core.settings import RfmMeasure
from loyalty_core.store import audit, shared_store
from loyalty_core.store.rfm_maps import RfmMapRecord
from loyalty_core.store.versioned import editing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.orm import Session

    from loyalty_core.rfm.scores import FourPoints, RfmCutPoints
    from loyalty_core.settings import Settings
    from loyalty_core.store import StateStore

SUBJECT_KIND, SUBJECT_ID = "rfm map", "rfm"
MAX_NAME_LENGTH = 60
MAX_TEXT_LENGTH = 400
MEASURES: tuple[RfmMeasure, ...] = get_args(RfmMeasure)
# How long another process may continue with the previous map.
_CACHED_SECONDS = 3.0


class BadRfmMap(LoyaltyError):
    """The map is invalid."""

    code = "bad_rfm_map"


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


class SegmentText(NamedTuple):
    """The description of a segment and advice about it; either may be blank."""

    meaning: str = ""
    advice: str = ""


@dataclass(frozen=True)
class RfmMap:
    """A segment name for each of the 125 CELLS, and four ascending cut points for any of the measures.

    `texts` are by segment name. `version`, `saved_by` and `saved_at` are set for a saved map. Raises `BadRfmMap`.
    """

    names: tuple[str, ...] = CELL_NAMES
    cut_points: Mapping[RfmMeasure, FourPoints] = field(default_factory=dict)
    texts: Mapping[str, SegmentText] = field(default_factory=dict)
    version: int = 0
    saved_by: str = ""
    saved_at: datetime | None = None

    def __post_init__(self) -> None:
        _set(self, "names", _checked_names(self.names))
        _set(self, "cut_points", MappingProxyType(_checked_points(self.cut_points)))
        _set(self, "texts", MappingProxyType(_checked_texts(self.texts, self.names)))

    def __reduce__(self) -> tuple[Any, ...]:
        saved = (self.version, self.saved_by, self.saved_at)
        return RfmMap, (self.names, dict(self.cut_points), dict(self.texts), *saved)

    def apply(self, cut_points: RfmCutPoints) -> RfmCutPoints:
        """The cut points with those of the map in their place, and with its segment names."""
        changes: dict[str, Any] = {**self.cut_points, "cell_names": self.names, "custom": tuple(self.cut_points)}
        return replace(cut_points, **changes)

    def details(self, name: str) -> Segment:
        """Meaning and advice of a segment: those of the map, else the built-in ones, else neutral ones."""
        text = self.texts.get(name, SegmentText())
        default = _details(name)
        return Segment(name, text.meaning or default.meaning, text.advice or default.advice)

    def to_json(self) -> dict[str, Any]:
        """The map as plain JSON, without its version."""
        return {
            "names": list(self.names),
            "cut_points": {name: list(points) for name, points in self.cut_points.items()},
            "texts": {name: text._asdict() for name, text in self.texts.items()},
        }

    @classmethod
    def from_json(cls, content: Any) -> RfmMap:
        """The map that `to_json` gave; raises `BadRfmMap` for anything else."""
        try:
            return cls(
                names=tuple(content["names"]),
                cut_points={name: tuple(points) for name, points in content["cut_points"].items()},
                texts={name: SegmentText(**text) for name, text in content["texts"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise BadRfmMap("This is not an RFM map.", f"{error}.", "Load a saved map, or start a new one.") from error


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
    with _lock:
        outcome = _recent.get(url, _EXPIRED)
        if outcome is _EXPIRED:
            outcome = _recent[url] = _last_known[url] = _look_up(settings)
    if isinstance(outcome, LoyaltyError):
        raise outcome.with_traceback(None)
    return outcome


def clear_map_cache() -> None:
    """Make the next call read the state store."""
    with _lock:
        _recent.clear()
        _last_known.clear()


def segment_in_use(settings: Settings, name: str) -> Segment:
    """Meaning and advice of a segment by the map in use; neutral ones for an unknown name."""
    return (map_in_use(settings) or RfmMap()).details(name)


def _clock() -> float:
    return time.monotonic()


_lock = threading.Lock()
# By the URL of the state store.
_recent: TTLCache[str, Any] = TTLCache(16, _CACHED_SECONDS, timer=_clock)
_last_known: dict[str, RfmMap | LoyaltyError | None] = {}
_EXPIRED = object()


def _look_up(settings: Settings) -> RfmMap | LoyaltyError | None:
    try:
        return map_at(settings)
    except LoyaltyError as error:
        return _last_known.get(settings.state_database_url, error)


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


def _details(name: str) -> Segment:
    try:
        return segment_details(name)
    except KeyError:
        return Segment(name, "A custom segment.", "Decide how to market to these customers.")


def _set(target: RfmMap, name: str, value: Any) -> None:
    object.__setattr__(target, name, value)


def _checked_names(names: Iterable[str]) -> tuple[str, ...]:
    checked = tuple(_text("name", name, MAX_NAME_LENGTH) for name in names)
    if len(checked) != len(CELLS) or not all(checked):
        raise BadRfmMap(
            "Not every cell has exactly one segment.",
            f"{sum(map(bool, checked))} of {len(CELLS)} have one.",
            "Give each of the other cells a segment.",
        )
    by_key: dict[str, str] = {NO_PURCHASES.name.casefold(): ""}
    by_shape = {shape(NO_PURCHASES.name): NO_PURCHASES.name}
    for name in dict.fromkeys(checked):
        same = by_key.setdefault(name.casefold(), name)
        alike = by_shape.setdefault(shape(name), name)
        if same == name != alike:
            raise BadRfmMap(
                f"A cell cannot be called “{name}”.",
                f"It looks like “{alike}”, the name of another.",
                "Choose names that look different.",
            )
        if same != name:
            raise BadRfmMap(
                f"A cell cannot be called “{name}”.",
                f"Another is called “{same}”." if same else "The name is reserved for customers who never bought.",
                "Choose another name; case is ignored.",
            )
    return checked


def _checked_points(cut_points: Mapping[RfmMeasure, Iterable[float]]) -> dict[RfmMeasure, FourPoints]:
    checked: dict[RfmMeasure, FourPoints] = {}
    for name, points in cut_points.items():
        numbers = tuple(points)
        if (
            name not in MEASURES
            or len(numbers) != 4
            or not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers)
            or list(numbers) != sorted(numbers)
        ):
            raise BadRfmMap(f"The cut points of {name} cannot be used.", remedy="Give four numbers, smallest first.")
        first, second, third, fourth = map(float, numbers)
        checked[name] = first, second, third, fourth
    return checked


def _checked_texts(texts: Mapping[str, SegmentText], names: Iterable[str]) -> dict[str, SegmentText]:
    """Without texts that are blank or belong to no cell."""
    known = set(names)
    checked = {
        name: SegmentText(
            _text("meaning", text.meaning, MAX_TEXT_LENGTH), _text("advice", text.advice, MAX_TEXT_LENGTH)
        )
        for name, text in texts.items()
        if name in known
    }
    return {name: text for name, text in checked.items() if any(text)}


def _text(what: str, text: str, max_length: int) -> str:
    return checked_text(what, " ".join(text.split()), max_length, BadRfmMap)
