"""Churn analytics over the customers in scope."""

from loyalty_core.analytics.churn.advice import OPT_OUTS_UNKNOWN, AdviceReason, ContactAdvice, advise
from loyalty_core.analytics.churn.budget import Choice, LossBin, Plan, Terms, plan, threshold_loss
from loyalty_core.analytics.churn.contact_gain import ContactGains, gain_rule, gain_terms, has_uplift, read_gains
from loyalty_core.analytics.churn.contact_plan import (
    ContactPlan,
    Worth,
    contact_rule,
    contact_threshold,
    plan_contacts,
)
from loyalty_core.analytics.churn.figures import (
    BINS,
    ChurnCurve,
    Concentration,
    Targeting,
    find_concentration,
    probability_position,
    read_curve,
)
from loyalty_core.analytics.churn.gone import gone_conditions, signs_of_leaving, still_here
from loyalty_core.analytics.churn.groups import YEAR, RiskByValue, tenure_range
from loyalty_core.analytics.churn.quality import ModelQuality, model_quality
from loyalty_core.analytics.churn.selection import loss_rule, risk_rule, threshold_rule
from loyalty_core.analytics.churn.shift import BaseShift, find_shift

__all__ = [
    "BINS",
    "OPT_OUTS_UNKNOWN",
    "YEAR",
    "AdviceReason",
    "BaseShift",
    "Choice",
    "ChurnCurve",
    "Concentration",
    "ContactAdvice",
    "ContactGains",
    "ContactPlan",
    "LossBin",
    "ModelQuality",
    "Plan",
    "RiskByValue",
    "Targeting",
    "Terms",
    "Worth",
    "advise",
    "contact_rule",
    "contact_threshold",
    "find_concentration",
    "find_shift",
    "gain_rule",
    "gain_terms",
    "gone_conditions",
    "has_uplift",
    "loss_rule",
    "model_quality",
    "plan",
    "plan_contacts",
    "probability_position",
    "read_curve",
    "read_gains",
    "risk_rule",
    "signs_of_leaving",
    "still_here",
    "tenure_range",
    "threshold_loss",
    "threshold_rule",
]
