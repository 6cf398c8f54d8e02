"""Answers for one customer: which models answer, what they say, and why."""

from loyalty_core.ml.serving.answers import (
    BatchScores,
    ChurnPrediction,
    CustomerPredictions,
    Driver,
    Drivers,
    Models,
    NboPrediction,
    RfmAnswer,
    churn_answer,
    nbo_answer,
    rfm_answer,
)
from loyalty_core.ml.serving.drivers import Kind, customer_drivers, mean_drivers, mean_drivers_of_arms
from loyalty_core.ml.serving.live_bundle import LiveBundle
from loyalty_core.ml.serving.mock import MOCK_VERSION
from loyalty_core.ml.serving.recommendations import recommend
from loyalty_core.ml.serving.risk import DECIMALS, RISKS, Risk, RiskThresholds
from loyalty_core.ml.serving.served_models import Challenger, ServedModels
from loyalty_core.ml.serving.source import model_source
from loyalty_core.ml.serving.status import ModelStatus

__all__ = [
    "DECIMALS",
    "MOCK_VERSION",
    "RISKS",
    "BatchScores",
    "Challenger",
    "ChurnPrediction",
    "CustomerPredictions",
    "Driver",
    "Drivers",
    "Kind",
    "LiveBundle",
    "ModelStatus",
    "Models",
    "NboPrediction",
    "RfmAnswer",
    "Risk",
    "RiskThresholds",
    "ServedModels",
    "churn_answer",
    "customer_drivers",
    "mean_drivers",
    "mean_drivers_of_arms",
    "model_source",
    "nbo_answer",
    "recommend",
    "rfm_answer",
]
