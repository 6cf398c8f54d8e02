"""Preview of a change of RFM cells or cut points: both versions are applied to all customers in one statement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.analytics.rfm.figures import strength
from loyalty_core.rfm import (
    NO_PURCHASES,
    cell_index,
    current_cut_points,
    measure,
    never_bought_in_sql,
    saved_cut_points,
    score_columns,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.rfm import RfmCutPoints, RfmMap
    from loyalty_core.warehouse import Warehouse

_SCORES = ("recency", "frequency", "monetary")


@dataclass(frozen=True)
class SegmentSize:
    """The size of a segment now, and after the change."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class RfmChange:
    """How many of all `customers` would get another score, and another segment."""

    customers: int
    other_score: int
    other_segment: int
    sizes: tuple[SegmentSize, ...]


def cut_points_without_map(warehouse: Warehouse) -> RfmCutPoints:
    """The cut points from the settings or the quintiles of the base; raises `RfmUnavailable`."""
    return saved_cut_points(warehouse) or current_cut_points(warehouse)


def preview_change(warehouse: Warehouse, before: RfmMap | None, after: RfmMap | None) -> RfmChange:
    """The effect of replacing a map; None stands for the defaults. Raises `RfmUnavailable`."""
    points = cut_points_without_map(warehouse)
    old, new = (chosen.apply(points) if chosen else points for chosen in (before, after))
    old_sizes, new_sizes = Counter[str](), Counter[str]()
    other_score = other_segment = 0
    for row in warehouse.rows(_by_scores(warehouse.features, old, new)):
        customers, names = row["customers"], [_segment(row, side, used) for side, used in (("old", old), ("new", new))]
        old_sizes[names[0]] += customers
        new_sizes[names[1]] += customers
        other_score += customers * any(row[f"old_{name}"] != row[f"new_{name}"] for name in _SCORES)
        other_segment += customers * (names[0] != names[1])
    shown = sorted({*old_sizes, *new_sizes}, key=lambda name: (-strength(name), name))
    sizes = tuple(SegmentSize(name, old_sizes[name], new_sizes[name]) for name in shown)
    return RfmChange(old_sizes.total(), other_score, other_segment, sizes)


def _by_scores(view: sa.FromClause, old: RfmCutPoints, new: RfmCutPoints) -> sa.Select:
    """Customers by old and new scores; segments are assigned in Python, since 125 cases are slow in SQL."""
    recency, frequency = (measure(view.c[column]) for column in old.columns[:2])
    never = sa.case((never_bought_in_sql(recency, frequency), 1), else_=0)
    scores = [
        score_columns(view, points)[name].label(f"{side}_{name}")
        for side, points in (("old", old), ("new", new))
        for name in _SCORES
    ]
    scored = sa.select(never.label("never_bought"), *scores).subquery("scored")
    return sa.select(*scored.c, sa.func.count().label("customers")).group_by(*scored.c)


def _segment(row: Mapping[str, Any], side: str, cut_points: RfmCutPoints) -> str:
    if row["never_bought"]:
        return NO_PURCHASES.name
    recency, frequency, monetary = (row[f"{side}_{name}"] for name in _SCORES)
    return cut_points.cell_names[cell_index(recency, frequency, monetary)]
