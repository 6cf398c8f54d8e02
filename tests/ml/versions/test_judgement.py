"""Which of two versions is better by a metric."""

import pytest

from loyalty_core.ml.evaluation.bootstrap import Difference
from loyalty_core.ml.tasks import CHURN
from loyalty_core.ml.versions.records import judge

METRICS = {metric.key: metric for metric in CHURN.metrics}


@pytest.mark.parametrize(
    ("key", "change", "word"),
    [("brier", 0.0003, "worse"), ("brier", -0.0003, "better"), ("auc", 0.0003, "better"), ("auc", -0.0003, "worse")],
)
def test_a_clear_difference_that_rounding_hides(key: str, change: float, word: str):
    difference = Difference(change, change - 0.0001, change + 0.0001)
    assert judge(METRICS[key], {key: 0.13 + change}, {key: 0.13}, difference) == word


def test_a_difference_within_chance():
    found = judge(METRICS["brier"], {"brier": 0.14}, {"brier": 0.13}, Difference(0.01, -0.01, 0.03))
    assert found == "no clear difference"
