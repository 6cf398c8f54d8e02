"""Metrics against scikit-learn and by hand, and the verdict that decides about promotion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from loyalty_core.ml.evaluation import Difference
from loyalty_core.ml.evaluation.baselines import (
    BASE_RATE,
    GRADIENT_BOOSTING,
    LOGISTIC_REGRESSION,
    SimpleRule,
    area_under_curve,
    find_simple_rule,
    fit_baselines,
)
from loyalty_core.ml.evaluation.grades import grade_of
from loyalty_core.ml.evaluation.metrics import (
    binary_metrics,
    calibration_error,
    captured,
    choice_metrics,
    confusion,
    deciles,
    evaluate_binary,
    evaluate_choice,
)

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(4_000, 3)).astype(np.float32)
TRUTH = expit(2 * INPUTS[:, 0] - 1)
CHURNED = (RNG.random(4_000) < TRUTH).astype(np.intp)
SEEN, ASKED = slice(0, 3_000), slice(3_000, None)
NAMES = ["days", "orders", "revenue"]


def churn_report(probability: npt.NDArray[np.float64]) -> dict:
    baselines = fit_baselines(INPUTS[SEEN], CHURNED[SEEN], INPUTS[ASKED], 2, seed=1)
    rule = find_simple_rule(INPUTS[SEEN], CHURNED[SEEN], NAMES)
    return evaluate_binary(CHURNED[ASKED], probability, baselines, rule, rule.scores(INPUTS[ASKED]))


def test_binary_metrics_are_scikit_learns() -> None:
    metrics = binary_metrics(CHURNED, TRUTH)
    assert metrics["auc"] == pytest.approx(roc_auc_score(CHURNED, TRUTH))
    assert metrics["log_loss"] == pytest.approx(log_loss(CHURNED, TRUTH))
    assert metrics["brier"] == pytest.approx(brier_score_loss(CHURNED, TRUTH))
    assert metrics["calibration_error"] < 0.03


def test_the_area_counts_ties_as_half() -> None:
    scores = np.array([1.0, 1.0, 2.0, 3.0, 3.0])
    churned = np.array([0, 1, 0, 1, 0])
    assert area_under_curve(scores, churned == 1) == pytest.approx(roc_auc_score(churned, scores))
    assert area_under_curve(scores, np.zeros(5, dtype=bool)) == 0.5


def test_captured_splits_a_tie_at_the_edge() -> None:
    churned = np.array([1, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    assert captured(churned, np.arange(10.0), 0.2) == 0.5
    assert captured(churned, np.zeros(10), 0.2) == pytest.approx(0.2)


def test_deciles_add_up() -> None:
    groups = deciles(CHURNED, TRUTH)
    assert [group["rows"] for group in groups] == [400] * 10
    assert groups[0]["lift"] == pytest.approx(groups[0]["actual"] / CHURNED.mean())
    assert groups[-1]["captured"] == 1
    assert groups[0]["predicted"] > groups[9]["predicted"]


def test_calibration_error_is_the_distance_of_the_rates() -> None:
    churned = np.array([1, 0] * 50)
    assert calibration_error(churned, np.full(100, 0.7)) == pytest.approx(0.2)


def test_choice_metrics_by_hand() -> None:
    scores = np.array([[0.5, 0.3, 0.1, 0.1], [0.1, 0.2, 0.3, 0.4], [0.4, 0.3, 0.2, 0.1]])
    metrics = choice_metrics(np.array([0, 0, 1]), scores)
    assert metrics["top_1"] == pytest.approx(1 / 3)
    assert metrics["top_3"] == pytest.approx(2 / 3)
    assert metrics["mean_reciprocal_rank"] == pytest.approx((1 + 1 / 4 + 1 / 2) / 3)
    assert metrics["log_loss"] == pytest.approx(-np.log([0.5, 0.1, 0.3]).mean())


def test_the_same_score_for_all_offers_is_no_first_choice() -> None:
    metrics = choice_metrics(np.array([0, 1]), np.full((2, 4), 0.25))
    assert (metrics["top_1"], metrics["mean_reciprocal_rank"]) == (0, 1 / 2.5)


def test_the_simple_rule_is_the_best_single_column() -> None:
    assert find_simple_rule(-INPUTS, CHURNED, NAMES)[:3] == ("days", 0, -1)
    assert SimpleRule("days", 0, -1).scores(INPUTS).tolist() == (-INPUTS[:, 0]).tolist()


def test_a_model_that_ranks_as_one_column_does_adds_nothing() -> None:
    """The truth depends on the first column alone, so even the true probabilities rank no better than it."""
    report = churn_report(TRUTH[ASKED])
    assert (report["grade"], report["worse_than"]) == ("D", None)
    assert report["added"]["value"] == pytest.approx(0, abs=1e-9)
    found = round(100 * report["captured_top_20"])
    assert report["sentence"] == (
        f"Adds nothing over ranking by days alone: it captures {found}% of churners in the top 20%, the ranking "
        f"{found}% (AUC {report['auc']:.3f} against {report['auc']:.3f})."
    )


def test_a_model_of_two_columns_is_graded_by_what_the_second_adds() -> None:
    truth = expit(2 * INPUTS[:, 0] - 2 * INPUTS[:, 1])
    churned = (np.random.default_rng(8).random(4_000) < truth).astype(np.intp)
    baselines = fit_baselines(INPUTS[SEEN], churned[SEEN], INPUTS[ASKED], 2, seed=1)
    rule = find_simple_rule(INPUTS[SEEN], churned[SEEN], NAMES)
    report = evaluate_binary(churned[ASKED], truth[ASKED], baselines, rule, rule.scores(INPUTS[ASKED]))
    simple = roc_auc_score(churned[ASKED], rule.scores(INPUTS[ASKED]))
    assert report["simple_rule"]["auc"] == pytest.approx(simple)
    assert report["added"]["value"] == pytest.approx(report["auc"] - simple)
    assert (report["auc"] - simple) / (1 - simple) > 0.3
    assert report["grade"] == "A"
    assert report["sentence"].startswith(f"Adds a lot over ranking by {rule.feature} alone: it captures ")


@pytest.mark.parametrize(
    ("value", "low", "behind", "grade"),
    [
        (0.06, 0.02, False, "A"), (0.06, 0.02, True, "B"), (0.03, 0.01, False, "B"), (0.01, 0.001, False, "C"),
        (0.009, 0.001, False, "D"), (0.06, -0.001, False, "D"), (0.01, 0.001, True, "D"),
    ],
)  # fmt: skip
def test_the_grade_is_the_share_gained_of_what_the_rule_leaves(value: float, low: float, behind: bool, grade: str):
    assert grade_of(Difference(value, low, value + 0.02), 0.8, behind=behind) == grade


def test_a_churn_model_is_compared_with_its_baselines() -> None:
    report = churn_report(TRUTH[ASKED])
    assert set(report["baselines"]) == {BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING}
    assert report["baselines"][BASE_RATE]["auc"] == 0.5


def test_a_model_that_learned_nothing_is_worse_than_the_base_rate() -> None:
    report = churn_report(RNG.random(1_000))
    assert (report["grade"], report["worse_than"]) == ("D", "base rate")
    assert report["sentence"].startswith("Worse than the simple baseline (base rate).")


def test_a_model_clearly_behind_logistic_regression_is_not_promoted() -> None:
    report = churn_report(np.clip(0.5 * TRUTH[ASKED] + 0.25 * CHURNED.mean() + 0.1, 0, 1))
    assert (report["grade"], report["worse_than"]) == ("D", "logistic regression")


def test_a_difference_by_chance_is_no_reason_against_a_model() -> None:
    noisy = expit(np.log(TRUTH[ASKED] / (1 - TRUTH[ASKED])) + RNG.normal(0, 0.05, 1_000))
    assert churn_report(noisy)["worse_than"] is None


def test_offers_are_reported_one_by_one() -> None:
    chosen = np.array([0] * 30 + [1] * 20 + [2] * 10)
    scores = np.full((60, 3), 0.05)
    scores[np.arange(60), chosen] = 0.9
    scores[0] = (0.05, 0.9, 0.05)
    even = np.tile(np.array([0.5, 0.33, 0.17]), (60, 1))
    report = evaluate_choice(
        chosen, scores, dict.fromkeys((BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING), even), [1, 4, 7]
    )
    assert [(one["offer"], one["rows"]) for one in report["offers"]] == [(1, 30), (4, 20), (7, 10)]
    assert report["offers"][0]["recall"] == pytest.approx(29 / 30)
    assert report["grade"] == "A"
    assert "ranked first for 98% of customers" in report["sentence"]
    assert "instead of 50% and 100%." in report["sentence"]


def test_metrics_come_with_intervals_and_curves_for_the_model_and_its_baselines() -> None:
    report = churn_report(TRUTH[ASKED])
    for metrics in (report, report["baselines"][LOGISTIC_REGRESSION]):
        low, high = metrics["intervals"]["auc"]
        assert low < metrics["auc"] < high < low + 0.1
        assert metrics["curves"]["roc"][-1] == [1.0, 1.0]
    assert report["intervals"]["captured_top_20"][0] < report["captured_top_20"]


def test_confusion_by_offer() -> None:
    chosen = np.array([0, 0, 1, 2])
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert confusion(chosen, scores) == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
