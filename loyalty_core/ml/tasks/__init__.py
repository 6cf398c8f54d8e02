"""Model tasks: one object per model, from its training history to its answers (docs/adding-a-model.md)."""

from loyalty_core.ml.tasks.base import DECIMALS, Categorical, EvaluationRows, ModelTask, Tally
from loyalty_core.ml.tasks.binary import BinaryTask, binary_metrics
from loyalty_core.ml.tasks.choice import ChoiceTask, NboPrediction
from loyalty_core.ml.tasks.churn import CHURN, ChurnPrediction
from loyalty_core.ml.tasks.churn_timing import CHURN_TIMING, ChurnTimingTask, column_of
from loyalty_core.ml.tasks.labels import Finding, HistoryTooSmall, Labels, TrainingRefused
from loyalty_core.ml.tasks.metric import DIGITS, Metric
from loyalty_core.ml.tasks.nbo import NBO
from loyalty_core.ml.tasks.recommendations import recommend, score_for_advice
from loyalty_core.ml.tasks.registry import TASKS, UnknownModel, task_named, title_of
from loyalty_core.ml.tasks.risk import RISKS, Risk, RiskThresholds
from loyalty_core.ml.tasks.uplift import UPLIFT, UpliftPrediction, UpliftTask
from loyalty_core.ml.tasks.uptake import UPTAKE

__all__ = [
    "CHURN",
    "CHURN_TIMING",
    "DECIMALS",
    "DIGITS",
    "NBO",
    "RISKS",
    "TASKS",
    "UPLIFT",
    "UPTAKE",
    "BinaryTask",
    "Categorical",
    "ChoiceTask",
    "ChurnPrediction",
    "ChurnTimingTask",
    "EvaluationRows",
    "Finding",
    "HistoryTooSmall",
    "Labels",
    "Metric",
    "ModelTask",
    "NboPrediction",
    "Risk",
    "RiskThresholds",
    "Tally",
    "TrainingRefused",
    "UnknownModel",
    "UpliftPrediction",
    "UpliftTask",
    "binary_metrics",
    "column_of",
    "recommend",
    "score_for_advice",
    "task_named",
    "title_of",
]
