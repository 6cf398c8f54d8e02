"""Outcomes: the accuracy of stored predictions, and of the active model replayed on past months."""

from loyalty_core.analytics.outcomes.by_arm import (
    ArmOutcomes,
    ArmScores,
    mean_churn,
    read_arm_outcomes,
    read_arm_scores,
)
from loyalty_core.analytics.outcomes.figures import ChurnFigures, Figures, Interval, Measure, OfferFigures, Share
from loyalty_core.analytics.outcomes.months import Month, MonthlyFigures, Role, one_per_month
from loyalty_core.analytics.outcomes.past_predictions import read_outcomes
from loyalty_core.analytics.outcomes.replay import replay_history
from loyalty_core.analytics.outcomes.verdict import Verdict, performance_verdict
from loyalty_core.analytics.outcomes.verdicts import read_verdicts

__all__ = [
    "ArmOutcomes",
    "ArmScores",
    "ChurnFigures",
    "Figures",
    "Interval",
    "Measure",
    "Month",
    "MonthlyFigures",
    "OfferFigures",
    "Role",
    "Share",
    "Verdict",
    "mean_churn",
    "one_per_month",
    "performance_verdict",
    "read_arm_outcomes",
    "read_arm_scores",
    "read_outcomes",
    "read_verdicts",
    "replay_history",
]
