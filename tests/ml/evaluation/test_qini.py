"""Qini curve, coefficient and uplift at k by the definitions of scikit-uplift, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from loyalty_core.ml.evaluation.qini import (
    QiniCurve,
    qini,
    qini_coefficient,
    qini_curve,
    rate_difference,
    share_of_effect,
    uplift_at,
)
from loyalty_core.ml.evaluation.uplift import evaluate_uplift, uplift_groups
from tests.ml.treatments import simulate

# Ranked by uplift: contacted and converted, contacted, not, not and converted, contacted and converted, not.
CONTACTED = np.array([True, True, False, False, True, False])
CONVERTED = np.array([True, False, False, True, True, False])
UPLIFT = np.array([0.6, 0.5, 0.4, 0.3, 0.2, 0.1])


def test_a_curve_by_hand() -> None:
    curve = qini_curve(CONVERTED, CONTACTED, UPLIFT)
    # After n customers: conversions of the contacted - conversions of the others × contacted / others.
    assert curve.customers.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert curve.gains == pytest.approx([0, 1, 1, 1, 1 - 1 * 2 / 2, 2 - 1 * 3 / 2, 2 - 1 * 3 / 3])
    assert curve.area == pytest.approx(0.5 + 1 + 1 + 0.5 + 0.25 + 0.75)
    assert curve.area_at_random == pytest.approx(6 * 1 / 2)
    assert qini(curve, CONTACTED) == pytest.approx((4 - 3) / (6 * 3))


def test_the_coefficient_is_the_share_of_a_perfect_order() -> None:
    curve = qini_curve(CONVERTED, CONTACTED, UPLIFT)
    # Perfect: the two contacted who converted, then those with no answer to it, last the other who converted.
    # Gains 2 after two customers, 2 after five (one value of 0 for three customers), 1 after six.
    perfect = 2 * 2 / 2 + 3 * 2 + 1.5 - 3
    assert qini_coefficient(curve, CONVERTED, CONTACTED) == pytest.approx((4 - 3) / perfect)


def test_equal_uplifts_are_one_point_of_the_curve() -> None:
    curve = qini_curve(CONVERTED, CONTACTED, np.zeros(6))
    assert curve.customers.tolist() == [0, 6]
    assert qini(curve, CONTACTED) == 0


def test_uplift_of_the_first_customers() -> None:
    # Of the first four, one of two contacted converted and one of two others; of the first three one of two, and none.
    assert uplift_at(CONVERTED, CONTACTED, UPLIFT, 4 / 6) == pytest.approx(0.0)
    assert uplift_at(CONVERTED, CONTACTED, UPLIFT, 0.5) == pytest.approx(0.5)
    assert uplift_at(CONVERTED, CONTACTED, UPLIFT, 0.2) == 0  # nobody to compare with
    assert rate_difference(CONVERTED, CONTACTED) == pytest.approx(2 / 3 - 1 / 3)


def test_the_share_of_the_effect_lies_on_the_curve() -> None:
    curve = QiniCurve(np.array([0.0, 5, 10]), np.array([0.0, 8, 10]))
    assert share_of_effect(curve, 0.5) == pytest.approx(0.8)
    assert share_of_effect(curve, 0.25) == pytest.approx(0.4)


def test_a_ranking_by_the_truth_is_beyond_chance_and_says_whom_to_leave_out() -> None:
    treatments = simulate(4_000)
    truth = np.stack([treatments.uplift, np.zeros(4_000)], axis=1)
    outcome = np.stack([np.random.default_rng(0).random(4_000), np.zeros(4_000)], axis=1)
    found = evaluate_uplift(treatments.classes, truth, {"random": outcome})
    # A quarter gains 40 points, a quarter loses 25, so contacting everybody gains (40 - 25) / 4 points.
    assert found["effect"] == pytest.approx(0.0375, abs=0.03)
    assert found["uplift_at_30"] == pytest.approx(0.4 * 0.25 / 0.3, abs=0.06)
    assert found["intervals"]["qini"][0] > 0.03
    assert (found["worse_than"], found["grade"]) == (None, "A")
    low, high = found["baselines"]["random"]["intervals"]["qini"]
    assert low < 0 < high
    dogs = found["sleeping_dogs"]
    assert dogs["share"] == pytest.approx(0.25, abs=0.03)
    assert dogs["high"] < 0
    assert found["qini_curve"][0] == [0, 0]
    assert found["sentence"].startswith(
        "Adds a lot: contacting everybody changes nothing that can be measured, but contacting the top 30% does; "
        f"contact adds {100 * found['uplift_at_30']:+.1f} points to their conversion rate, and "
    )
    groups = uplift_groups(treatments.classes, truth)
    assert [round(group["predicted"], 2) for group in groups][::4] == [0.4, -0.25]
    assert groups[0]["low"] < 0.4 < groups[0]["high"]


def test_a_ranking_that_may_be_reading_the_answer_has_no_good_grade() -> None:
    treatments = simulate(4_000)
    truth = np.stack([treatments.uplift, np.zeros(4_000)], axis=1)
    found = evaluate_uplift(treatments.classes, truth, {}, doubt="'status' seems to give away the label")
    assert found["grade"] == "D"
    assert found["sentence"].startswith("It may be reading the answer, because 'status' seems to give away the label: ")


def test_a_ranking_by_chance_says_so() -> None:
    treatments = simulate(2_000)
    chance = np.random.default_rng(3).random((2_000, 2))
    found = evaluate_uplift(treatments.classes, chance, {})
    assert (found["worse_than"], found["grade"]) == ("random order", "D")
    assert found["sentence"].startswith("This model does not tell whom the message changes: Qini ")
