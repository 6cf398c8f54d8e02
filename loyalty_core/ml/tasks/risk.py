"""Churn risk bands; the only module that compares probabilities with the thresholds."""

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from loyalty_core.ml.tasks.base import DECIMALS
from loyalty_core.settings import Settings

Risk = Literal["low", "medium", "high"]
RISKS: tuple[Risk, ...] = ("low", "medium", "high")


class RiskThresholds(NamedTuple):
    """The lowest probabilities of medium and high risk."""

    medium: float
    high: float

    @classmethod
    def from_settings(cls, settings: Settings) -> "RiskThresholds":
        return cls(settings.ml_churn_medium_threshold, settings.ml_churn_high_threshold)

    def of(self, probability: float) -> Risk:
        """The risk of one probability, rounded to six decimals first, as it is shown."""
        shown = round(probability, DECIMALS)
        return "high" if shown >= self.high else "medium" if shown >= self.medium else "low"

    def indices(self, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
        """The index in RISKS of each probability, shape (n,)."""
        shown = np.round(probabilities.astype(np.float64), DECIMALS)
        return (shown >= self.medium).astype(np.int8) + (shown >= self.high)

    def in_sql(self, shown: sa.ColumnElement[float]) -> sa.ColumnElement[str]:
        """The risk of a probability that is rounded to six decimals."""
        low, medium, high = RISKS
        return sa.case((shown >= self.high, high), (shown >= self.medium, medium), else_=low)
