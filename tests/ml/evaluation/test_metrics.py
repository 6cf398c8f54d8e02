"""Metrics against scikit-learn and by hand, and the verdict that decides about promotion."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import expit
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from loyalty_core.ml.evaluation import Column, Difference, SimpleRule, area_under_curve, best_choice, best_ranking
from loyalty_core.ml.evaluation.baselines import (
    BASE_RATE,
    GRADIENT_BOOSTING,
    LIGHTGBM,
    LOGISTIC_REGRESSION,
    fit_baselines,
)
from loyalty_core.ml.evaluation.grades import Evidence, grade_in_words, grade_of
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
from loyalty_core.ml.evaluation.ranking import average_precision

RNG = np.random.default_rng(3)
INPUTS = RNG.normal(size=(4_000, 3)).astype(np.float32)
TRUTH = expit(2 * INPUTS[:, 0] - 1)
CHURNED = (RNG.random(4_000) < TRUTH).astype(np.intp)
SEEN, ASKED = slice(0, 3_000), slice(3_000, None)
NAMES = ["days", "orders", "revenue"]


def columns(inputs: npt.NDArray[np.floating]) -> list[Column]:
    return [Column(name, inputs[:, place].astype(np.float64)) for place, name in enumerate(NAMES)]


def ranking(churned: npt.NDArray[np.intp] = CHURNED) -> SimpleRule:
    return best_ranking(columns(INPUTS[SEEN]), churned[SEEN], columns(INPUTS[ASKED]), churned[ASKED])


@cache
def fitted_baselines() -> dict[str, npt.NDArray[np.float64]]:
    return fit_baselines(INPUTS[SEEN], CHURNED[SEEN], INPUTS[ASKED], 2, seed=1)


def churn_report(probability: npt.NDArray[np.float64]) -> dict:
    return evaluate_binary(CHURNED[ASKED], probability, fitted_baselines(), ranking())


@cache
def report_on_the_truth() -> dict:
    """The report on a model that knows each probability; no test may change it."""
    return churn_report(TRUTH[ASKED])


def test_binary_metrics_are_scikit_learns() -> None:
    metrics = binary_metrics(CHURNED, TRUTH)
    assert metrics["auc"] == pytest.approx(roc_auc_score(CHURNED, TRUTH))
    assert metrics["log_loss"] == pytest.approx(log_loss(CHURNED, TRUTH))
    assert metrics["brier"] == pytest.approx(brier_score_loss(CHURNED, TRUTH))
    assert metrics["calibration_error"] < 0.03
    apart = [
        group["rows"] * abs(group["predicted"] - group["actual"]) for group in deciles(CHURNED, TRUTH.astype(float))
    ]
    assert metrics["calibration_error"] == pytest.approx(sum(apart) / len(CHURNED))


@pytest.mark.parametrize("decimals", [1, 2, 6])
@pytest.mark.parametrize("rows", [7, 4_000])
def test_average_precision_is_scikit_learns_with_ties(rows: int, decimals: int) -> None:
    scores, churned = np.round(TRUTH[:rows], decimals), CHURNED[:rows]
    expected = average_precision_score(churned, scores)
    assert average_precision(scores, churned == 1) == pytest.approx(expected, abs=1e-12)
    assert average_precision(scores, np.zeros(rows, dtype=bool)) == 0


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
    rule = best_ranking(columns(-INPUTS[SEEN]), CHURNED[SEEN], columns(-INPUTS[ASKED]), CHURNED[ASKED])
    assert (rule.feature, rule.scores.tolist()) == ("days", INPUTS[ASKED, 0].tolist())


def two_halves(values: npt.NDArray[np.floating], *, is_text: bool = False) -> tuple[list[Column], list[Column]]:
    column = Column("x", values.astype(np.float64), is_text)
    return [column.take(np.arange(2_000))], [column.take(np.arange(2_000, 4_000))]


HALVES = RNG.random(4_000) < 0.3
MIDDLE = np.where(HALVES, RNG.uniform(4, 6, 4_000), RNG.choice([1.0, 9.0], 4_000) + RNG.random(4_000))


@pytest.mark.parametrize(
    ("values", "is_text"),
    [
        (MIDDLE, False),
        (np.where(HALVES, np.nan, RNG.normal(size=4_000)), False),
        (np.where(HALVES, RNG.choice([1, 4], 4_000), RNG.choice([0, 2, 3], 4_000)), True),
    ],
    ids=["values in the middle", "blanks", "categories"],
)
def test_a_rule_of_one_column_needs_no_order(values: npt.NDArray[np.floating], is_text: bool) -> None:
    fit, test = two_halves(values, is_text=is_text)
    rule = best_ranking(fit, HALVES[:2_000].astype(np.intp), test, HALVES[2_000:].astype(np.intp))
    assert area_under_curve(rule.scores, HALVES[2_000:]) > 0.99


def test_the_simple_rule_of_offers_is_what_is_popular_with_everybody_or_by_one_column() -> None:
    fit, test = two_halves(MIDDLE)
    taken = np.where(HALVES, 2, 0)
    by_column = best_choice(fit, taken[:2_000], test, taken[2_000:], 3)
    assert by_column.feature == "x"
    assert (by_column.scores.argmax(axis=1) == taken[2_000:]).mean() > 0.95
    unrelated = (RNG.random(4_000) < 0.2).astype(np.intp)
    popular = best_choice(fit, unrelated[:2_000], test, unrelated[2_000:], 3)
    assert popular.feature == ""
    assert set(popular.scores.argmax(axis=1)) == {0}


def test_a_model_that_ranks_as_one_column_does_adds_nothing() -> None:
    """The truth depends on the first column alone, so even the true probabilities rank no better than it."""
    report = report_on_the_truth()
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
    rule = ranking(churned)
    report = evaluate_binary(churned[ASKED], truth[ASKED], baselines, rule)
    simple = roc_auc_score(churned[ASKED], rule.scores)
    assert report["simple_rule"]["auc"] == pytest.approx(simple)
    assert report["added"]["value"] == pytest.approx(report["auc"] - simple)
    assert (report["auc"] - simple) / (1 - simple) > 0.3
    assert report["grade"] == "A"
    assert report["sentence"].startswith(f"Adds a lot over ranking by {rule.feature} alone: it captures ")


@pytest.mark.parametrize(
    ("value", "low", "behind", "grade"),
    [
        (0.08, 0.06, False, "A"), (0.08, 0.06, True, "B"), (0.08, 0.03, False, "B"), (0.08, 0.001, False, "C"),
        (0.009, 0.001, False, "D"), (0.08, -0.001, False, "D"), (0.01, 0.001, True, "D"),
    ],
)  # fmt: skip
def test_the_grade_is_what_is_surely_gained_of_what_the_rule_leaves(value: float, low: float, behind: bool, grade: str):
    tested = Evidence(1_000, 200, "churners")
    assert grade_of(Difference(value, low, value + 0.02), 0.8, tested, behind=behind) == (grade, "")


@pytest.mark.parametrize(
    ("rows", "churners", "grade", "why"),
    [
        (1_000, 5, "D", "only 5 churners could be tested"), (1_000, 12, "C", "only 12 churners could be tested"),
        (45, 20, "C", "only 20 churners could be tested"), (60, 30, "C", "only 60 rows could be tested"),
        (1_000, 40, "B", "only 40 churners could be tested"), (1_000, 50, "A", ""),
    ],
)  # fmt: skip
def test_a_handful_of_test_rows_proves_little(rows: int, churners: int, grade: str, why: str):
    """Resamples of so few rows are alike, so that their interval is too narrow."""
    assert grade_of(Difference(0.19, 0.18, 0.2), 0.8, Evidence(rows, churners, "churners"), behind=False) == (
        grade,
        why,
    )


def test_five_churners_are_too_few_for_a_grade() -> None:
    churners, others = np.flatnonzero(CHURNED[ASKED])[:5], np.flatnonzero(CHURNED[ASKED] == 0)
    rows = np.concatenate([churners, others])
    churned, scores = CHURNED[ASKED][rows], np.where(CHURNED[ASKED][rows] == 1, 0.9, 0.001)
    base = np.tile([0.99, 0.01], (len(rows), 1))
    baselines = dict.fromkeys((BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING), base)
    report = evaluate_binary(churned, scores, baselines, SimpleRule("days", RNG.random(len(rows))))
    assert (report["auc"], report["grade"], report["worse_than"]) == (1.0, "D", None)
    assert report["sentence"].startswith(
        "Too little to tell what it adds over ranking by days alone, because only 5 churners could be tested: "
    )


def test_a_churn_model_is_compared_with_its_baselines() -> None:
    report = report_on_the_truth()
    assert set(report["baselines"]) == {BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING, LIGHTGBM}
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


def test_a_standard_model_that_is_clearly_better_is_named() -> None:
    truth, base = TRUTH[ASKED], np.full(1_000, CHURNED.mean())
    blurred = expit(np.log(truth / (1 - truth)) + RNG.normal(0, 1, 1_000))
    baselines = {name: np.stack([1 - one, one], axis=1) for name, one in ((BASE_RATE, base), (LIGHTGBM, truth))}
    baselines[LOGISTIC_REGRESSION] = baselines[BASE_RATE]
    report = evaluate_binary(CHURNED[ASKED], blurred, baselines, ranking())
    better = report["baselines"][LIGHTGBM]["auc"]
    assert better - report["auc"] > 0.01
    assert (report["behind"], report["worse_than"]) == (LIGHTGBM, None)
    assert report["sentence"].endswith(
        f" LightGBM ranks better than this model: AUC {better:.3f} against {report['auc']:.3f}."
    )
    assert report_on_the_truth()["behind"] is None


def test_a_model_that_may_be_reading_the_answer_has_no_good_grade() -> None:
    """However much better than the rule it is: what it reads is not known when it is asked."""
    doubt = "'status' seems to give away the label"
    rule = SimpleRule("days", RNG.random(len(CHURNED[ASKED])))
    honest = evaluate_binary(CHURNED[ASKED], TRUTH[ASKED], fitted_baselines(), rule)
    assert (honest["grade"], honest["doubt"]) == ("A", "")
    report = evaluate_binary(CHURNED[ASKED], TRUTH[ASKED], fitted_baselines(), rule, doubt=doubt)
    assert (report["grade"], report["doubt"], report["worse_than"]) == ("D", doubt, None)
    assert report["sentence"].startswith(
        f"It may be reading the answer, because {doubt}, so what it adds over ranking by days alone is not known: "
    )
    assert grade_in_words(report) == f"Grade D: it may be reading the answer, because {doubt}"


def test_predictions_that_are_almost_perfect_have_no_good_grade() -> None:
    """A single feature does not have to explain it: several together may give away the label."""
    too_good = np.where(CHURNED[ASKED] == 1, 0.99, 0.01)
    report = evaluate_binary(CHURNED[ASKED], too_good, fitted_baselines(), ranking())
    chosen = np.array([0, 1, 2] * 100)
    even = np.full((300, 3), 1 / 3)
    baselines = dict.fromkeys((BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING), even)
    offers = evaluate_choice(chosen, np.eye(3)[chosen] * 0.9 + 0.03, baselines, [1, 2, 3], SimpleRule("", even))
    for one in (report, offers):
        assert (one["grade"], one["doubt"]) == ("D", "the test rows are predicted almost perfectly")
        assert one["sentence"].startswith("It may be reading the answer, because the test rows are predicted almost ")


def test_a_standard_model_that_chooses_offers_clearly_better_is_named() -> None:
    chosen = np.array([0, 1] * 100)
    sure, doubtful = np.eye(2)[chosen] * 0.8 + 0.1, np.eye(2)[chosen] * 0.4 + 0.3
    baselines = {BASE_RATE: np.full((200, 2), 0.5), LOGISTIC_REGRESSION: doubtful, LIGHTGBM: sure}
    report = evaluate_choice(chosen, doubtful, baselines, [1, 2], SimpleRule("", np.full((200, 2), 0.5)))
    assert report["behind"] == LIGHTGBM
    assert report["sentence"].endswith(" LightGBM predicts better than this model: log loss 0.105 against 0.357.")


def test_offers_are_reported_one_by_one() -> None:
    chosen = np.array([0] * 150 + [1] * 100 + [2] * 50)
    scores = np.full((300, 3), 0.05)
    scores[np.arange(300), chosen] = 0.9
    scores[:15] = (0.05, 0.9, 0.05)
    even = np.tile(np.array([0.5, 0.33, 0.17]), (300, 1))
    baselines = dict.fromkeys((BASE_RATE, LOGISTIC_REGRESSION, GRADIENT_BOOSTING), even)
    report = evaluate_choice(chosen, scores, baselines, [1, 4, 7], SimpleRule("", even))
    assert [(one["offer"], one["rows"]) for one in report["offers"]] == [(1, 150), (4, 100), (7, 50)]
    assert report["offers"][0]["recall"] == pytest.approx(135 / 150)
    assert report["grade"] == "A"
    assert report["sentence"].startswith("Adds a lot over always recommending the most popular offers: ")
    assert "ranked first for 95% of customers" in report["sentence"]
    assert report["simple_rule"] == {"feature": "", "top_1": 0.5, "top_3": 1}
    by_column = evaluate_choice(chosen, scores, baselines, [1, 4, 7], SimpleRule("days_since_last", even))
    assert (
        " over recommending what is most popular among customers of similar days since last: " in by_column["sentence"]
    )
    assert "instead of 50% and 100%." in report["sentence"]


def test_metrics_come_with_intervals_and_curves_for_the_model_and_its_baselines() -> None:
    report = report_on_the_truth()
    for metrics in (report, report["baselines"][LOGISTIC_REGRESSION]):
        low, high = metrics["intervals"]["auc"]
        assert low < metrics["auc"] < high < low + 0.1
        assert metrics["curves"]["roc"][-1] == [1.0, 1.0]
    assert report["intervals"]["captured_top_20"][0] < report["captured_top_20"]


def test_confusion_by_offer() -> None:
    chosen = np.array([0, 0, 1, 2])
    scores = np.array([[0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.2, 0.5, 0.3], [0.4, 0.4, 0.2]])
    assert confusion(chosen, scores) == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
