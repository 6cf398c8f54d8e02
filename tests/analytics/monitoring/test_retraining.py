"""When to retrain: each reason by itself, and which of several decides."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from loyalty_core.analytics.monitoring import Degradation
from loyalty_core.analytics.monitoring.retraining import Facts, ModelAge, recommend

FRESH = (ModelAge("Churn", 3, 0), ModelAge("Next best offer", 5, 120))
WORSE = Degradation("churn has got worse: AUC 0.71 in October, 0.80 at the training")


def facts(*ages: ModelAge, **others: Any) -> Facts:
    return Facts(ages or FRESH, **others)


def test_nothing_speaks_for_it():
    found = recommend(facts())
    assert found.when == "not yet"
    assert found.sentence == (
        "No need to retrain yet: no feature has moved since the training; the churn model is 3 days old and the next "
        "best offer model is 5 days old, with 120 new labelled rows since."
    )
    assert (found.others, found.remedy) == ((), "")


@pytest.mark.parametrize(
    ("age", "when", "clause"),
    [
        (ModelAge("Churn", 0, 0), "not yet", "the churn model was trained today"),
        (ModelAge("Churn", 1, None), "not yet", "the churn model is 1 day old"),
        (ModelAge("Churn", 31, 9), "not yet", "the churn model is 31 days old, with 9 new labelled rows since"),
        (ModelAge("Churn", 32, 1), "soon", "the churn model is 32 days old, with 1 new labelled row since"),
        (ModelAge("Churn", 62, None), "soon", "the churn model is 62 days old"),
        (ModelAge("Churn", 63, 5000), "now", "the churn model is 63 days old, with 5,000 new labelled rows since"),
        (
            ModelAge("Churn", 400, 0), "not yet",
            "the churn model is 400 days old, but there are no newer rows to train on: load them first",
        ),
    ],
)  # fmt: skip
def test_monthly_where_there_are_new_rows(age: ModelAge, when: str, clause: str):
    found = recommend(facts(age))
    assert found.when == when
    assert [reason.clause for reason in found.reasons if reason.kind == "age"] == [clause]
    assert clause in found.sentence


def test_models_of_the_same_age_are_reported_together():
    found = recommend(facts(ModelAge("Churn", 40, None), ModelAge("Next best offer", 40, None)))
    assert found.sentence == "Retrain soon: the models are 40 days old."


@pytest.mark.parametrize(
    ("others", "when", "sentence"),
    [
        ({"drifted": ("Age",)}, "now", "Retrain now: Age has drifted since the training."),
        ({"drifted": ("Age", "City")}, "now", "Retrain now: Age and City have drifted since the training."),
        ({"moved": ("Age",)}, "soon", "Retrain soon: Age has moved since the training."),
        ({"changes": ("the features view has lost age",)}, "now", "Retrain now: the features view has lost age."),
        (
            {"broken": ("Age",)},
            "fix first",
            "Fix the features view first: Age has become blank or the same for every customer.",
        ),
        ({"trained_on": "demo"}, "now", "Retrain now: the models were trained on other data (demo)."),
    ],
)
def test_drift_and_changes(others: dict[str, Any], when: str, sentence: str):
    found = recommend(facts(**others))
    assert (found.when, found.sentence) == (when, sentence)
    assert found.remedy.startswith("Check how the warehouse" if when == "fix first" else "Train on the Training screen")


def test_performance_that_degrades():
    found = recommend(facts(), WORSE)
    assert found.when == "now"
    assert found.sentence == f"Retrain now: {WORSE.clause}."


def test_what_was_not_compared_is_reported():
    found = recommend(facts(drift_known=False))
    assert found.when == "not yet"
    assert found.reasons[0].clause == "whether features have drifted is not known"


def test_the_weightiest_reason_comes_first_and_all_are_reported():
    everything = facts(
        ModelAge("Churn", 90, 10), ModelAge("Next best offer", 40, 7),
        changes=("ML_FEATURE_MAPPING has lost 'age'",), drifted=("City",), moved=("Tier",), trained_on="demo",
        broken=("Points",),
    )  # fmt: skip
    found = recommend(everything, WORSE)
    assert [(reason.when, reason.kind) for reason in found.reasons] == [
        ("fix first", "broken input"), ("now", "other data"), ("now", "change"), ("now", "degradation"),
        ("now", "drift"), ("now", "age"),
        ("soon", "drift"), ("soon", "age"),
    ]  # fmt: skip
    assert found.sentence.startswith("Fix the features view first: Points has become blank")
    retraining = recommend(replace(everything, broken=()), WORSE)
    assert retraining.sentence.startswith(
        "Retrain now: the models were trained on other data (demo); ML_FEATURE_MAPPING"
    )
    assert [reason.clause for reason in retraining.others] == [
        "Tier has moved since the training",
        "the next best offer model is 40 days old, with 7 new labelled rows since",
    ]
