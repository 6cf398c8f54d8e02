"""Segments defined by score ranges, and the check that they give each of the 125 RFM cells exactly one name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from loyalty_core.rfm.cells import CELLS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from loyalty_core.settings import RfmMeasure

Cell = tuple[int, int, int]


class Scores(NamedTuple):
    """The scores from `low` to `high`, inclusive."""

    low: int = 1
    high: int = 5

    def __str__(self) -> str:
        if self == Scores():
            return "any"
        return str(self.low) if self.low == self.high else f"{self.low}–{self.high}"


ANY = Scores()


@dataclass(frozen=True)
class CellRule:
    """Customers whose scores are in the three ranges belong to the segment."""

    segment: str
    recency: Scores = ANY
    frequency: Scores = ANY
    monetary: Scores = ANY

    def covers(self, cell: Cell) -> bool:
        """Whether the cell's three scores are in the ranges."""
        ranges = (self.recency, self.frequency, self.monetary)
        return all(low <= score <= high for score, (low, high) in zip(cell, ranges, strict=True))

    def __str__(self) -> str:
        measures: tuple[RfmMeasure, ...] = ("recency", "frequency", "monetary")
        return f"{', '.join(f'{name} {getattr(self, name)}' for name in measures)} → {self.segment}"


@dataclass(frozen=True)
class CellCheck:
    """For each of CELLS, the distinct names that rules give it, in the order of the rules."""

    claims: tuple[tuple[str, ...], ...]

    @property
    def uncovered(self) -> list[Cell]:
        """The cells without a name."""
        return [cell for cell, names in zip(CELLS, self.claims, strict=True) if not names]

    @property
    def overlaps(self) -> dict[Cell, tuple[str, ...]]:
        """The cells with several names."""
        return {cell: names for cell, names in zip(CELLS, self.claims, strict=True) if len(names) > 1}

    @property
    def is_sound(self) -> bool:
        """Whether every cell has exactly one name."""
        return all(len(names) == 1 for names in self.claims)

    @property
    def names(self) -> tuple[str, ...]:
        """The name of each cell; "" if it has none or several."""
        return tuple(names[0] if len(names) == 1 else "" for names in self.claims)


def check_rules(rules: Iterable[CellRule]) -> CellCheck:
    """Apply the rules in order, and find cells without a name or with several."""
    ordered = tuple(rules)
    return CellCheck(tuple(tuple(dict.fromkeys(_claims(ordered, cell))) for cell in CELLS))


def check_names(names: Iterable[str]) -> CellCheck:
    """The same check for the names of all cells, where "" is no name."""
    return CellCheck(tuple((name,) if name else () for name in names))


def apply_rule(names: tuple[str, ...], rule: CellRule) -> tuple[str, ...]:
    """The names of CELLS after a rule has overwritten those in its ranges."""
    return tuple(rule.segment if rule.covers(cell) else name for cell, name in zip(CELLS, names, strict=True))


def _claims(rules: Iterable[CellRule], cell: Cell) -> Iterator[str]:
    return (rule.segment for rule in rules if rule.covers(cell))
