"""Curves against scikit-learn's areas, and where they must begin and end."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, roc_auc_score

from loyalty_core.ml.evaluation.curves import precision_points, roc_points

RNG = np.random.default_rng(4)
SCORES = RNG.normal(size=5_000)
CHURNED = (RNG.random(5_000) < expit(2 * SCORES - 1)).astype(np.intp)


def test_the_area_under_the_points_is_that_of_the_curve():
    named, found = np.array(roc_points(CHURNED, SCORES)).T
    assert np.trapezoid(found, named) == pytest.approx(roc_auc_score(CHURNED, SCORES), abs=0.003)
    assert (named[0], found[0], named[-1], found[-1]) == (0, 0, 1, 1)
    assert (np.diff(found) >= 0).all()


def test_the_mean_precision_of_the_points_is_average_precision():
    found, precise = np.array(precision_points(CHURNED, SCORES)).T
    assert precise.mean() == pytest.approx(average_precision_score(CHURNED, SCORES), abs=0.005)
    assert found.tolist() == pytest.approx([step / 100 for step in range(1, 101)])
    named = CHURNED[SCORES[CHURNED == 1].min() <= SCORES]
    assert precise[-1] == pytest.approx(named.mean(), abs=1e-4)


def test_precision_by_hand():
    """Ranked 1 0 1 0: half of those who leave are found by naming one, all by naming three."""
    points = dict(map(tuple, precision_points(np.array([1, 0, 1, 0]), np.array([0.9, 0.8, 0.7, 0.1]))))
    assert points[0.5] == 1.0
    assert points[0.51] == points[1.0] == pytest.approx(2 / 3, abs=1e-4)


def test_a_perfect_ranking():
    churned = np.array([0, 0, 0, 1, 1])
    assert roc_points(churned, churned.astype(float))[1] == [0.0, 1.0]
    assert {y for _, y in precision_points(churned, churned.astype(float))} == {1.0}
