"""What other RFM cells and cut points would change: both are applied to every customer, in one statement."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.analytics.rfm import strength
from loyalty_core.ml.rfm import score_columns
from loyalty_core.ml.rfm_cut_points import current_cut_points, kept_cut_points

if TYPE_CHECKING:
    from loyalty_core.ml.rfm import RfmCutPoints
    from loyalty_core.ml.rfm_map import RfmMap
    from loyalty_core.warehouse import Warehouse

_SCORES = ("recency", "frequency", "monetary")


@dataclass(frozen=True)
class SegmentSize:
    """How many customers a segment has as things are, and would have."""

    name: str
    before: int
    after: int


@dataclass(frozen=True)
class RfmChange:
    """Of all `customers`, so many would have another score, and so many another segment."""

    customers: int
    other_score: int
    other_segment: int
    sizes: tuple[SegmentSize, ...]


def cut_points_without_map(warehouse: Warehouse) -> RfmCutPoints:
    """The quintiles of the base, or what the settings give; raises `RfmUnavailable`."""
    return kept_cut_points(warehouse) or current_cut_points(warehouse)


def preview_change(warehouse: Warehouse, before: RfmMap | None, after: RfmMap | None) -> RfmChange:
    """Who would change with another map; None is the defaults. Raises `RfmUnavailable`."""
    points, view = cut_points_without_map(warehouse), warehouse.features
    old = score_columns(view, before.apply(points) if before else points)
    new = score_columns(view, after.apply(points) if after else points)
    differs = sa.or_(*(old[name] != new[name] for name in _SCORES))
    scored = sa.select(
        old["rfm_segment"].label("before"),
        new["rfm_segment"].label("after"),
        sa.case((differs, 1), else_=0).label("differs"),
    ).subquery("scored")
    counted = sa.select(
        scored.c.before,
        scored.c.after,
        sa.func.count().label("customers"),
        sa.func.sum(scored.c.differs).label("other_score"),
    ).group_by(scored.c.before, scored.c.after)
    rows = warehouse.rows(counted)
    old_sizes, new_sizes = Counter[str](), Counter[str]()
    for row in rows:
        old_sizes[row["before"]] += row["customers"]
        new_sizes[row["after"]] += row["customers"]
    names = sorted({*old_sizes, *new_sizes}, key=lambda name: (-strength(name), name))
    return RfmChange(
        customers=old_sizes.total(),
        other_score=sum(int(row["other_score"]) for row in rows),
        other_segment=sum(row["customers"] for row in rows if row["before"] != row["after"]),
        sizes=tuple(SegmentSize(name, old_sizes[name], new_sizes[name]) for name in names),
    )
