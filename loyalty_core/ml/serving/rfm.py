"""RFM of single customers against the cut points of the whole base: as answers, and for the advice of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loyalty_core.errors import LoyaltyError
from loyalty_core.ml.serving.answers import RfmAnswer, rfm_answer
from loyalty_core.ml.tasks import ModelTask, score_for_advice
from loyalty_core.rfm import CutPointsCache, RfmCutPoints, RfmScore, score_one
from loyalty_core.telemetry import PREDICTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse import Warehouse

RFM = "rfm"
# Scores come from cut points of the base, not from a version of a model.
RFM_ANSWERS = PREDICTIONS.labels(RFM, "")


class RfmCalculator:
    """RFM of rows of the features view. Raises what reading the cut points raises."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self._cut_points = CutPointsCache(warehouse)
        self._settings = settings

    def cut_points(self) -> RfmCutPoints:
        """The cut points of the whole base, from memory while its data is the same."""
        return self._cut_points.get()

    def cut_points_for(self, task: ModelTask) -> RfmCutPoints | None:
        """Cut points for the advice in a model's answers; None where it gives none, or they cannot be read."""
        if not task.uses_rfm:
            return None
        try:
            return self._cut_points.get()
        except LoyaltyError:
            return None

    def score_for_advice(self, row: Mapping[str, Any], cut_points: RfmCutPoints | None) -> RfmScore | None:
        """The score that advice about a customer takes into account; None without cut points."""
        if cut_points is None:
            return None
        days = row[cut_points.columns.recency]
        return score_for_advice(score_one(row, cut_points), days, self._settings.active_within_days)

    def answer(self, customer_id: str, row: Mapping[str, Any], cut_points: RfmCutPoints) -> RfmAnswer:
        """The public answer for one customer."""
        RFM_ANSWERS.inc()
        return rfm_answer(customer_id, score_one(row, cut_points))

    def answers(self, rows: Mapping[str, Mapping[str, Any]], cut_points: RfmCutPoints) -> dict[str, RfmAnswer]:
        """The public answers by customer id."""
        RFM_ANSWERS.inc(len(rows))
        return {customer_id: rfm_answer(customer_id, score_one(row, cut_points)) for customer_id, row in rows.items()}
