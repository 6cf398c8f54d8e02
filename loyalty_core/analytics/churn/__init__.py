"""Churn over the customers in scope."""

from loyalty_core.analytics.churn.budget import Choice, LossBin, Plan, Terms, plan, splitting_loss
from loyalty_core.analytics.churn.figures import (
    BINS,
    Alike,
    ChurnCurve,
    Targeting,
    find_alike,
    loss_rule,
    probability_position,
    risk_rule,
    threshold_rule,
)
from loyalty_core.analytics.churn.groups import YEAR, RiskByValue, tenure_range
from loyalty_core.analytics.churn.quality import ModelQuality, model_quality

__all__ = [
    "BINS",
    "YEAR",
    "Alike",
    "Choice",
    "ChurnCurve",
    "LossBin",
    "ModelQuality",
    "Plan",
    "RiskByValue",
    "Targeting",
    "Terms",
    "find_alike",
    "loss_rule",
    "model_quality",
    "plan",
    "probability_position",
    "risk_rule",
    "splitting_loss",
    "tenure_range",
    "threshold_rule",
]
