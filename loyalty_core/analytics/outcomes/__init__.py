"""How right predictions were: kept ones beside what then happened, and the active model asked about past months."""

from loyalty_core.analytics.outcomes.by_arm import (
    ArmOutcomes,
    ArmScores,
    mean_churn,
    read_arm_outcomes,
    read_arm_scores,
)
from loyalty_core.analytics.outcomes.figures import ChurnFigures, Figures, Interval, Measure, OfferFigures, Share
from loyalty_core.analytics.outcomes.months import Month, Role, Told, one_per_month
from loyalty_core.analytics.outcomes.past_predictions import read_churn_outcomes, read_offer_outcomes
from loyalty_core.analytics.outcomes.replay import replay_churn, replay_offers
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
    "OfferFigures",
    "Role",
    "Share",
    "Told",
    "Verdict",
    "mean_churn",
    "one_per_month",
    "performance_verdict",
    "read_arm_outcomes",
    "read_arm_scores",
    "read_churn_outcomes",
    "read_offer_outcomes",
    "read_verdicts",
    "replay_churn",
    "replay_offers",
]
