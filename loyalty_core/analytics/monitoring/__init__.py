"""Monitoring of the active models: drift, alarms, freshness, and when to retrain."""

from loyalty_core.analytics.monitoring.feature_drift import read_drift
from loyalty_core.analytics.monitoring.freshness import Freshness, check_freshness
from loyalty_core.analytics.monitoring.report import Monitoring, read_alarms, read_monitoring
from loyalty_core.analytics.monitoring.retraining import Degradation, Retraining, When
from loyalty_core.analytics.monitoring.score_drift import Cause, ScoreChange, ScoredRun, changes, read_scores

__all__ = [
    "Cause",
    "Degradation",
    "Freshness",
    "Monitoring",
    "Retraining",
    "ScoreChange",
    "ScoredRun",
    "When",
    "changes",
    "check_freshness",
    "read_alarms",
    "read_drift",
    "read_monitoring",
    "read_scores",
]
