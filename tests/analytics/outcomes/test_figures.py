"""AUC, calibration, lift and intervals from counts, against values worked out by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from loyalty_core.analytics.outcomes import ChurnFigures, Interval, OfferFigures, Share
from loyalty_core.analytics.outcomes.figures import churn_figures, count_scores
from loyalty_core.ml.evaluation.metrics import captured, deciles


def figures_of(scores: list[float], left: list[int]) -> ChurnFigures:
    counts = count_scores(np.array(scores), np.array(left) == 1, np.ones(len(scores), np.int64))
    return churn_figures(counts)


def random_rows(rows: int, decimals: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    scores = random.random(rows).round(decimals)
    return scores, (random.random(rows) < scores).astype(np.intp)


def test_four_customers_by_hand():
    # Of the four pairs of one who left and one who stayed three are right and one is a tie: 3.5 / 4. Both who left
    # are above 1 and 3/4 of the stayers, both who stayed below 3/4 and 1 of the leavers: each variance is 1/32.
    found = figures_of([0.9, 0.8, 0.8, 0.1], [1, 0, 1, 0])
    assert found.main is not None
    assert found.main.value == 0.875
    assert found.main.interval == Interval(pytest.approx(0.875 - 1.959964 * (1 / 32) ** 0.5), 1.0)
    assert (found.left, found.rows) == (Share(2, 4), 4)
    assert found.predicted == pytest.approx(0.65)


def test_groups_give_what_single_rows_give():
    counts = count_scores(np.array([0.8, 0.1, 0.8]), np.array([True, False, False]), np.array([3, 5, 2]))
    assert churn_figures(counts) == figures_of([0.8] * 5 + [0.1] * 5, [1, 1, 1, 0, 0] + [0] * 5)


@pytest.mark.parametrize("decimals", [1, 6])
def test_the_area_is_that_of_scikit_learn(decimals: int):
    scores, left = random_rows(3_000, decimals)
    found = figures_of(scores.tolist(), left.tolist()).main
    assert found is not None
    assert found.value == pytest.approx(roc_auc_score(left, scores), abs=1e-12)


def test_the_interval_covers_the_true_area_at_its_nominal_rate():
    # Scores are uniform and true probabilities, so the area is 5/6.
    held = 0
    for seed in range(400):
        scores, left = random_rows(200, 6, seed)
        found = figures_of(scores.tolist(), left.tolist()).main
        assert found is not None
        held += found.interval.low <= 5 / 6 <= found.interval.high
    assert 0.92 <= held / 400 <= 0.98


def test_tenths_and_captured_are_those_of_training():
    scores, left = random_rows(2_000, 6)
    found, expected = figures_of(scores.tolist(), left.tolist()), deciles(left, scores)
    assert [decile.predicted for decile in found.deciles] == pytest.approx([decile["predicted"] for decile in expected])
    assert [decile.actual for decile in found.deciles] == pytest.approx([decile["actual"] for decile in expected])
    assert found.captured == pytest.approx(captured(left, scores, 0.2))
    assert found.lift == pytest.approx(found.captured / 0.2)


def test_equal_scores_are_divided_in_proportion():
    found = figures_of([0.5] * 10, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    assert [decile.actual for decile in found.deciles] == pytest.approx([0.4] * 10)
    assert (found.captured, found.lift) == (pytest.approx(0.2), pytest.approx(1.0))
    assert found.main is not None
    assert found.main.value == 0.5


@pytest.mark.parametrize("left", [[1, 1, 1], [0, 0, 0], [1, 0, 0]])
def test_too_few_of_a_class_have_no_area(left: list[int]):
    assert figures_of([0.1, 0.2, 0.3], left).main is None


def test_wilson_intervals():
    # Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    for count, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605),
                                    (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)):  # fmt: skip
        assert Share(count, total).interval == pytest.approx((low, high), abs=5e-5)
    assert Share(0, 0).interval == (0.0, 1.0)


def test_too_few_rows_are_distinguished_from_enough():
    assert not figures_of([0.1, 0.9] * 19, [0, 1] * 19).is_enough
    assert figures_of([0.1, 0.9] * 20, [0, 1] * 20).is_enough
    assert not OfferFigures(Share(100, 199), Share(150, 199), Share(40, 199)).is_enough
    assert OfferFigures(Share(100, 200), Share(150, 200), Share(40, 200)).is_enough
