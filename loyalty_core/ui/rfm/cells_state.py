"""The RFM map being edited: names cell by cell or rules of ranges, custom cut points, and texts of custom segments."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import streamlit as st

from loyalty_core.rfm import BadRfmMap, CellCheck, CellRule, RfmMap, SegmentText, apply_rule, check_names, check_rules

if TYPE_CHECKING:
    from loyalty_core.rfm import FourPoints, RfmMapVersion
    from loyalty_core.settings import RfmMeasure

Way = Literal["paint", "rules"]
_KEY = "rfm-map-draft"


@dataclass
class MapDraft:
    """The map on the screen. `version` is the newest one when the draft began; `generation` counts how often it began.

    `base` is the map in use, None for the defaults; `start` is what the fields on the screen began with.
    `rules` apply while `way` is "rules", otherwise the names of the cells, which a rule paints over. `unusable` are the
    measures with a cut point that is not a number.
    """

    base: RfmMap | None = None
    version: int = 0
    start: RfmMap = field(default_factory=RfmMap)
    names: tuple[str, ...] = ()
    way: Way = "paint"
    rules: list[CellRule] = field(default_factory=list)
    cut_points: dict[RfmMeasure, FourPoints] = field(default_factory=dict)
    texts: dict[str, SegmentText] = field(default_factory=dict)
    unusable: set[RfmMeasure] = field(default_factory=set)
    generation: int = 0

    @classmethod
    def of(cls, newest: RfmMapVersion | None) -> MapDraft:
        """The map in use, to be changed."""
        draft = cls()
        draft.begin(newest)
        return draft

    def begin(self, newest: RfmMapVersion | None) -> None:
        """Start again from the map in use; the rules remain for the next time."""
        self.base, self.version = (newest.map, newest.number) if newest else (None, 0)
        self.take(self.base)

    def take(self, shown: RfmMap | None) -> None:
        """Put a map, or the defaults, on the screen."""
        start = self.start = shown or RfmMap()
        self.names, self.cut_points, self.texts = start.names, dict(start.cut_points), dict(start.texts)
        self.way, self.unusable = "paint", set()
        self.generation += 1

    def apply(self, rule: CellRule) -> None:
        """Paint the cells in the ranges, or add the rule to the others."""
        if self.way == "rules":
            self.rules.append(rule)
        else:
            self.names = apply_rule(self.names, rule)

    def drop_rule(self, place: int) -> None:
        """Remove a rule."""
        del self.rules[place]

    def check(self) -> CellCheck:
        """Which cells have no name, and which have several."""
        return check_rules(self.rules) if self.way == "rules" else check_names(self.names)

    def result(self) -> RfmMap:
        """The map as it would be saved; raises `BadRfmMap`."""
        if self.unusable:
            raise BadRfmMap(f"A cut point of {' and '.join(sorted(self.unusable))} is not a number.")
        return RfmMap(self.check().names, self.cut_points, self.texts)

    def is_changed(self, result: RfmMap) -> bool:
        """Whether `result` is another map than the one in use."""
        return result.to_json() != (self.base or RfmMap()).to_json()


def open_draft(newest: RfmMapVersion | None) -> MapDraft:
    """The draft as it was left, else what is in use."""
    draft: MapDraft | None = st.session_state.get(_KEY)
    if draft is None:
        draft = st.session_state[_KEY] = MapDraft.of(newest)
    return draft
