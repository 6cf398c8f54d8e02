"""Churn analytics over the customers in scope."""

from loyalty_core.analytics.churn.budget import Choice, LossBin, Plan, Terms, plan, threshold_loss
from loyalty_core.analytics.churn.contact_gain import ContactGains, gain_rule, gain_terms, has_uplift, read_gains
from loyalty_core.analytics.churn.figures import (
    BINS,
    ChurnCurve,
    Concentration,
    Targeting,
    find_concentration,
    loss_rule,
    probability_position,
    read_curve,
    risk_rule,
    threshold_rule,
)
from loyalty_core.analytics.churn.groups import YEAR, RiskByValue, tenure_range
from loyalty_core.analytics.churn.quality import ModelQuality, model_quality

__all__ = [
    "BINS",
    "YEAR",
    "Choice",
    "ChurnCurve",
    "Concentration",
    "ContactGains",
    "LossBin",
    "ModelQuality",
    "Plan",
    "RiskByValue",
    "Targeting",
    "Terms",
    "find_concentration",
    "gain_rule",
    "gain_terms",
    "has_uplift",
    "loss_rule",
    "model_quality",
    "plan",
    "probability_position",
    "read_curve",
    "read_gains",
    "risk_rule",
    "tenure_range",
    "threshold_loss",
    "threshold_rule",
]
