"""Churn: the probability that a customer leaves, the risk band, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from typing_extensions import TypedDict

from loyalty_core.ml.tasks.base import DECIMALS, Categorical, rounded_scores
from loyalty_core.ml.tasks.binary import BinaryTask, binary_metrics
from loyalty_core.ml.tasks.mock_weights import mock_weight
from loyalty_core.ml.tasks.recommendations import recommend
from loyalty_core.ml.tasks.risk import RISKS, Risk, RiskThresholds
from loyalty_core.warehouse.history import CHURN_HISTORY

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    import sqlalchemy as sa

    from loyalty_core.ml.tasks.base import FloatRows, Tally
    from loyalty_core.rfm import RfmScore
    from loyalty_core.settings import Settings

# A long time since the last purchase raises the mock probability; frequency and money lower it, but so little that some
# of the best customers are at high risk too, as a presentation needs them.
_MOCK_WEIGHTS = {
    "days_since_last": 12.0,
    "transaction_count": -2.0,
    "revenue": -0.5,
    "lifetime_value": -0.25,
    "avg_transaction_value": -0.25,
}


class ChurnPrediction(TypedDict):
    """The public answer: how likely the customer is to leave, and what to do about it."""

    customer_id: str
    churn_probability: float
    churn_risk: Risk
    recommendations: list[str]


@dataclass(frozen=True, eq=False, kw_only=True)
class ChurnTask(BinaryTask):
    """Answers with a probability, its risk band by the thresholds in the settings, and recommendations."""

    group_column: str

    def label_delay(self, settings: Settings) -> int | None:
        return settings.active_within_days

    def empty_columns(self) -> dict[str, pa.DataType]:
        return {**super().empty_columns(), self.group_column: pa.dictionary(pa.int8(), pa.string())}

    def columns(
        self, scores: FloatRows, offers: Sequence[int], settings: Settings
    ) -> dict[str, npt.NDArray[Any] | Categorical]:
        del offers
        probabilities = rounded_scores(scores[:, 0])
        bands = RiskThresholds.from_settings(settings).indices(probabilities)
        return {self.score_column: probabilities, self.group_column: Categorical(bands, RISKS)}

    def sql_columns(
        self, outputs: Sequence[sa.ColumnElement[float]], offers: Sequence[int], settings: Settings
    ) -> dict[str, sa.ColumnElement[Any]]:
        columns = super().sql_columns(outputs, offers, settings)
        risk = RiskThresholds.from_settings(settings).in_sql(columns[self.score_column])
        return {**columns, self.group_column: risk}

    def answer(
        self,
        customer_id: str,
        scores: npt.NDArray[np.floating],
        offers: Sequence[int],
        settings: Settings,
        rfm: RfmScore | None,
    ) -> ChurnPrediction:
        del offers
        probability = float(scores[0])
        risk = RiskThresholds.from_settings(settings).of(probability)
        return {
            "customer_id": customer_id,
            "churn_probability": round(probability, DECIMALS),
            "churn_risk": risk,
            "recommendations": recommend(risk, rfm),
        }

    def statistics(self, tally: Tally) -> dict[str, Any]:
        return {**super().statistics(tally), "risk_distribution": {risk: tally.customers[risk] for risk in RISKS}}

    @property
    def mock_bias(self) -> float:
        return -1.0

    def mock_weights(self, feature: str) -> list[float]:
        return [_MOCK_WEIGHTS.get(feature, mock_weight(feature))]


CHURN = ChurnTask(
    name="churn",
    title="Churn",
    noun="churn model",
    history=CHURN_HISTORY,
    metrics=binary_metrics("left", "stayed", "do leave"),
    score_column="churn_probability",
    group_column="churn_risk",
    uses_rfm=True,
    yes="churned",
    no="stayed",
    positives="churners",
)
