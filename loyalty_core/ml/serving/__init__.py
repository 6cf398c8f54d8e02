"""Answers for one customer: which models answer, what they say, and why."""

from loyalty_core.ml.serving.answers import (
    BatchScores,
    CustomerPredictions,
    Driver,
    Drivers,
    Models,
    RfmAnswer,
    rfm_answer,
)
from loyalty_core.ml.serving.drivers import customer_drivers, mean_drivers, mean_drivers_of_arms
from loyalty_core.ml.serving.live_bundle import LiveBundle
from loyalty_core.ml.serving.mock import MOCK_VERSION
from loyalty_core.ml.serving.no_models import RFM_ONLY_VERSION, NoModels
from loyalty_core.ml.serving.own_data import (
    ModelsOfOtherData,
    is_of_other_data,
    other_training_data,
    require_own_data,
    require_own_training,
)
from loyalty_core.ml.serving.rfm import RFM, RFM_ANSWERS, RfmCalculator
from loyalty_core.ml.serving.served_models import Challenger, ServedModels
from loyalty_core.ml.serving.source import ModelSource, model_source, scoring_models
from loyalty_core.ml.serving.status import ModelStatus

__all__ = [
    "MOCK_VERSION",
    "RFM",
    "RFM_ANSWERS",
    "RFM_ONLY_VERSION",
    "BatchScores",
    "Challenger",
    "CustomerPredictions",
    "Driver",
    "Drivers",
    "LiveBundle",
    "ModelSource",
    "ModelStatus",
    "Models",
    "ModelsOfOtherData",
    "NoModels",
    "RfmAnswer",
    "RfmCalculator",
    "ServedModels",
    "customer_drivers",
    "is_of_other_data",
    "mean_drivers",
    "mean_drivers_of_arms",
    "model_source",
    "other_training_data",
    "require_own_data",
    "require_own_training",
    "rfm_answer",
    "scoring_models",
]
