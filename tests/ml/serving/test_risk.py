import numpy as np
import pytest

from loyalty_core.errors import SettingsError
from loyalty_core.ml.tasks import RISKS, RiskThresholds
from loyalty_core.settings import Settings


@pytest.mark.parametrize(
    ("probability", "risk"),
    [(0.0, "low"), (0.399999, "low"), (0.4, "medium"), (0.699999, "medium"), (0.7, "high"), (1.0, "high")],
)
def test_default_thresholds(probability, risk):
    thresholds = RiskThresholds.from_settings(Settings())

    assert thresholds.of(probability) == risk
    assert RISKS[thresholds.indices(np.array([probability]))[0]] == risk


def test_single_precision_counts_as_it_is_shown():
    almost = np.float32(0.7)  # 0.699999988…, shown as 0.7
    thresholds = RiskThresholds(0.4, 0.7)

    assert thresholds.of(float(almost)) == "high"
    assert RISKS[thresholds.indices(np.array([almost]))[0]] == "high"


def test_one_and_many_agree():
    thresholds = RiskThresholds(0.25, 0.5)
    probabilities = np.random.default_rng(0).random(2_000).astype(np.float32)

    assert [RISKS[index] for index in thresholds.indices(probabilities)] == [
        thresholds.of(float(p)) for p in probabilities
    ]


def test_thresholds_come_from_the_settings(monkeypatch):
    monkeypatch.setenv("ML_CHURN_MEDIUM_THRESHOLD", "0.1")
    monkeypatch.setenv("ML_CHURN_HIGH_THRESHOLD", "0.2")

    assert RiskThresholds.from_settings(Settings()).of(0.15) == "medium"


@pytest.mark.parametrize("values", [{"ml_churn_medium_threshold": 0.8}, {"ml_churn_high_threshold": 0.3}])
def test_high_must_be_above_medium(values):
    with pytest.raises(SettingsError, match="ML_CHURN_HIGH_THRESHOLD"):
        Settings(**values)
