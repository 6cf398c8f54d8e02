"""What the RFM screen reads, cached until the data, the predictions or a segment change."""

from typing import Any

import sqlalchemy as sa

from loyalty_core.analytics.rfm import Movement, RfmChange, RfmFigures, movement
from loyalty_core.analytics.rfm import figures as rfm
from loyalty_core.analytics.rfm import preview as rfm_preview
from loyalty_core.rfm import RfmCutPoints, RfmMap
from loyalty_core.services import get_services
from loyalty_core.settings import RfmMeasure
from loyalty_core.ui.cached_reads import RuleBasis, cached
from loyalty_core.ui.rfm.score_ranges import score_ranges
from loyalty_core.ui.scope_reader import ScopeReader, scoped_base
from loyalty_core.warehouse.connection import Row
from loyalty_core.warehouse.predictions import ScoringRun, earlier_runs


class RfmReader(ScopeReader):
    """Reads the figures of the RFM screen."""

    def figures(self) -> RfmFigures:
        """The scope by scores and segments."""
        return _figures(self.segment_id, self.basis)

    def ranges(self, cut_points: RfmCutPoints, measure: RfmMeasure) -> dict[int, str]:
        """Score → the values that have it."""
        column = self.base.warehouse.features.c[getattr(cut_points.columns, measure)]
        return score_ranges(cut_points, measure, whole=isinstance(column.type, sa.Integer))

    def earlier_runs(self) -> list[ScoringRun]:
        """The runs that the present one can be compared with, newest first."""
        return _earlier_runs(self.basis)

    def movement(self, since: ScoringRun) -> Movement | None:
        """Who moved since that run; None when its predictions are no longer stored."""
        return _movement(self.segment_id, since, self.basis)

    def top_customers(self, rule: Any, money: str, columns: tuple[str, ...], limit: int) -> list[Row]:
        """Those of the rule's customers with the most in the column `money`."""
        return _top_customers(rule, money, columns, limit, self.basis)

    def cut_points_without_map(self) -> RfmCutPoints:
        """Quintiles of the base, or what the settings give."""
        return _cut_points_without_map()

    def preview(self, before: RfmMap | None, after: RfmMap) -> RfmChange:
        """Who in the whole base would change with another map."""
        return _preview(before.to_json() if before else None, after.to_json())


@cached
def _figures(segment_id: str | None, basis: RuleBasis) -> RfmFigures:
    del basis  # only part of the cache key, as below
    return rfm.read_rfm(scoped_base(segment_id))


@cached
def _earlier_runs(basis: RuleBasis) -> list[ScoringRun]:
    del basis
    return [run for run, _ in earlier_runs(get_services().warehouse)]


@cached
def _movement(segment_id: str | None, since: ScoringRun, basis: RuleBasis) -> Movement | None:
    del basis
    return movement.read_movement(scoped_base(segment_id), since)


@cached
def _top_customers(rule: Any, money: str, columns: tuple[str, ...], limit: int, basis: RuleBasis) -> list[Row]:
    del basis
    return get_services().segmentation.members(rule, limit, sort=money, descending=True, columns=columns)


@cached
def _cut_points_without_map() -> RfmCutPoints:
    return rfm_preview.cut_points_without_map(get_services().warehouse)


@cached
def _preview(before: Any, after: Any) -> RfmChange:
    maps = [RfmMap.from_json(content) if content else None for content in (before, after)]
    return rfm_preview.preview_change(get_services().warehouse, *maps)
