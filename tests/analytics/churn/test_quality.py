"""What the test rows of the training say about a threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from loyalty_core.analytics.churn import ModelQuality, model_quality
from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.evaluation.metrics import count_thousandths, deciles
from loyalty_core.ml.serving.mock import MockModels
from tests.ml.fixtures import bundle_parts

if TYPE_CHECKING:
    from pathlib import Path

# 10 groups of 100 rows with 80, 40, 20, 10, 10, 10, 10, 10, 5, 5 who left: 200 of 1,000.
LEFT = [80, 40, 20, 10, 10, 10, 10, 10, 5, 5]


def known_quality(*, exact: bool = True) -> ModelQuality:
    churned = np.concatenate([np.arange(100) < left for left in LEFT]).astype(np.int8)
    probability = np.linspace(0.9, 0.1, len(churned))
    counted = tuple(count_thousandths(churned, probability)) if exact else ()
    return ModelQuality("v", False, "B", "A sentence.", 1_000, 0.5, tuple(deciles(churned, probability)), counted)


def test_a_threshold_within_a_decile_is_counted_not_interpolated():
    churned = np.concatenate([np.arange(100) < left for left in LEFT])
    probability = np.linspace(0.9, 0.1, len(churned))
    for threshold in (0.9, 0.873, 0.82, 0.5, 0.1, 0.0):
        above = probability >= threshold
        found = known_quality().at_threshold(threshold, share=0.999)
        assert found is not None
        assert (found.contacted.count, found.contacted.total) == (above.sum(), 1_000)
        assert (found.captured.count, found.captured.total) == (churned[above].sum(), 200)
        assert (found.stayed.count, found.stayed.total) == (above.sum() - churned[above].sum(), above.sum())
        assert not found.is_approximate
    low, high = known_quality().at_threshold(0.82, 0.1).captured.interval
    assert low < 80 / 200 < high


@pytest.mark.parametrize(
    ("share", "captured", "loyal"),
    [
        (0.1, 80 / 200, 0.2),
        (0.2, 120 / 200, 1 - 120 / 200),
        (0.15, 100 / 200, 1 - 100 / 150),
        (0.05, 40 / 200, 0.2),
        (1.0, 1.0, 0.8),
    ],
)
def test_between_the_deciles_of_an_older_version(share: float, captured: float, loyal: float):
    found = known_quality(exact=False).at_threshold(0.5, share)
    assert found is not None
    assert found.is_approximate
    assert (found.captured.value, found.stayed.value) == pytest.approx((captured, loyal))


def test_nobody_contacted_or_no_test():
    assert known_quality().at_threshold(0.95, 0.1) is None
    assert known_quality(exact=False).at_threshold(0.5, 0.0) is None
    assert ModelQuality("v", False).at_threshold(0.5, 0.5) is None


@pytest.mark.parametrize(("grade", "word"), [("A", "Adds a lot"), ("D", "Adds nothing"), ("", "Not known")])
def test_the_grade_as_a_word(grade: str, word: str):
    assert ModelQuality("v", False, grade).word == word


def test_a_doubt_takes_the_place_of_the_grade_s_word():
    assert (
        ModelQuality("v", False, "D", doubt="'status' seems to give away the label").word == "May be reading the answer"
    )


def test_the_active_model_s_own_record(tmp_path: Path):
    parts, quality = bundle_parts(), known_quality()
    metrics = {
        "grade": "B",
        "added": {"value": 0.02},
        "sentence": "A sentence.",
        "deciles": [dict(one) for one in quality.deciles],
        "thousandths": list(quality.thousandths),
        "mean_predicted": quality.expected,
    }
    churn = replace(parts.models["churn"], metrics=metrics)
    version = write_bundle(tmp_path, replace(parts, models={**parts.models, "churn": churn}))
    activate(tmp_path, version, by="test")
    assert model_quality(load_bundle(tmp_path)) == replace(quality, version=version)


def test_a_grade_that_was_not_about_a_simple_rule_is_not_shown(tmp_path: Path):
    parts = bundle_parts()
    churn = replace(parts.models["churn"], metrics={"grade": "A", "sentence": "Finds 48%."})
    activate(tmp_path, write_bundle(tmp_path, replace(parts, models={**parts.models, "churn": churn})), by="test")
    assert model_quality(load_bundle(tmp_path)).word == "Not known"


def test_mock_models_were_never_tested():
    quality = model_quality(MockModels({}))
    assert (quality.is_mock, quality.word, quality.version) == (True, "Made up", "mock")
    assert quality.at_threshold(0.3, 0.3) is None
