"""A map of RFM cells: a custom segment name for each of the 125, cut points, and texts about the segments."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from loyalty_core.errors import LoyaltyError
from loyalty_core.names import checked_text, shape
from loyalty_core.rfm.cells import CELL_NAMES, CELLS, NO_PURCHASES, Segment, segment_details
from loyalty_core.settings import RfmMeasure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from loyalty_core.rfm.scores import FourPoints, RfmCutPoints

MAX_NAME_LENGTH = 60
MAX_TEXT_LENGTH = 400
MEASURES: tuple[RfmMeasure, ...] = get_args(RfmMeasure)


class BadRfmMap(LoyaltyError):
    """The map is invalid."""

    code = "bad_rfm_map"


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
