"""What is found wrong with a history before training, and what of it forbids training."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.tasks import CHURN, NBO, Finding, Labels, ModelTask, TrainingRefused
from loyalty_core.ml.training.checks import check_history, check_outcome, refuse_if_stopped
from loyalty_core.ml.training.reading import read_columns
from loyalty_core.settings import Settings
from loyalty_core.warehouse.history import History

RNG = np.random.default_rng(5)
ROWS = 1_200
TODAY = date(2026, 11, 1)
SETTINGS = Settings(active_within_days=90)


def history(
    labels: Any,
    features: dict[str, Any] | None = None,
    days: list[date] | None = None,
    customers: list[str] | None = None,
    since_ignored: bool = False,
) -> History:
    rows = len(labels)
    table = pa.table({"noise": RNG.normal(size=rows), **(features or {})})
    return History(
        "the table",
        table,
        pa.array(labels),
        pa.array(days) if days else None,
        pa.array(customers) if customers else None,
        since_ignored,
    )


def read_labels(one: History, task: ModelTask = CHURN) -> Labels:
    return task.read_labels(one.labels, one.source)


def findings(one: History, task: ModelTask = CHURN) -> list[Finding]:
    return list(check_history(task, one, read_columns(one.features), read_labels(one, task), TODAY, SETTINGS))


def sentence(one: History, task: ModelTask = CHURN) -> str:
    (finding,) = findings(one, task)
    return finding.sentence


EVEN = [0, 1] * (ROWS // 2)


def test_a_good_history_has_no_findings() -> None:
    assert findings(history(EVEN)) == []


@pytest.mark.parametrize(
    "labels",
    [[0, 1, 1], [0.0, 1.0, 1.0], [False, True, True], ["0", "1", "1"], ["No", "Yes", "yes"], ["f", "t", "TRUE"]],
)
def test_churn_labels_in_all_their_forms(labels: list[Any]) -> None:
    assert read_labels(history(labels)).classes.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("labels", "shown"),
    [([0, 1, 2], "'2'"), ([0.0, 0.5], "0.5"), (["stayed", "gone"], "'stayed', 'gone'"), ([-1], "-1")],
)
def test_other_churn_labels_are_refused(labels: list[Any], shown: str) -> None:
    with pytest.raises(TrainingRefused, match=r"the table: The label must be 0 \(stayed\) or 1 \(churned\)") as caught:
        read_labels(history(labels))
    assert shown in str(caught.value)


def test_offers_are_classes_in_the_order_of_their_ids() -> None:
    labels = read_labels(history([8, 3, 3, 1]), NBO)
    assert labels.offers == (1, 3, 8)
    assert labels.classes.tolist() == [2, 1, 1, 0]
    assert read_labels(history(["8", "1"]), NBO).offers == (1, 8)
    assert read_labels(history([8.0, 1.0]), NBO).offers == (1, 8)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([0, 1, 2], "whole numbers of 1 or more"),
        ([1.5, 2.0], "whole numbers of 1 or more"),
        (["a", "b"], "whole numbers of 1 or more, but some are 'a', 'b'"),
        (list(range(1, 400)), "399 different offers"),
    ],
)
def test_other_offers_are_refused(labels: list[Any], message: str) -> None:
    with pytest.raises(TrainingRefused, match=message):
        read_labels(history(labels), NBO)


def test_an_empty_history_is_refused() -> None:
    with pytest.raises(TrainingRefused, match="There are no rows with a label"):
        read_labels(history([]))


def test_few_rows_warn_and_very_few_stop() -> None:
    few, too_few = history(EVEN[:998]), history(EVEN[:198])
    assert [(f.severity, f.sentence) for f in findings(few)] == [
        ("warning", "There are 998 rows; 1,000 or more are recommended.")
    ]
    refuse_if_stopped(few, tuple(findings(few)))
    with pytest.raises(TrainingRefused, match="There are 198 rows, but training requires at least 200") as caught:
        refuse_if_stopped(too_few, tuple(findings(too_few)))
    assert len(caught.value.findings) == 1


def test_a_rare_class_stops() -> None:
    assert sentence(history([0] * 1_190 + [1] * 10)) == "Only 10 rows say “churned”; 20 are needed."
    offers = [1] * 600 + [2] * 590 + [7] * 10
    assert sentence(history(offers), NBO) == "Only 10 rows say “offer 7 was taken”; 20 are needed."


def test_one_offer_is_no_choice() -> None:
    assert sentence(history([4] * ROWS), NBO) == "All rows say “offer 4 was taken”."


def test_blank_and_constant_features_are_named() -> None:
    blank = history(EVEN, {"age": pa.nulls(ROWS, pa.float64())})
    constant = history(EVEN, {"country": ["NO"] * ROWS})
    assert sentence(blank) == "The feature 'age' is blank in every row."
    assert sentence(constant) == "The feature 'country' has the same value in every row."


EIGHTH = np.arange(ROWS) % 8 == 0
NOISE = np.random.default_rng(6).random(ROWS)


@pytest.mark.parametrize(
    ("leak", "said"),
    [
        (np.array(EVEN) * -3.0 + NOISE, "The feature 'x' alone almost determines the label (AUC 1.000)."),
        (np.array(EVEN) + 1.3 * NOISE, "The feature 'x' alone almost determines the label (AUC 0.96"),
        (np.where(EVEN, NOISE / 4 + 1, 3 * NOISE), "The feature 'x' alone almost determines the label (AUC"),
        (
            ["gone" if churned else "here" for churned in EVEN],
            "600 of the 600 rows where the feature 'x' is 'here' say “stayed”: it gives away the label.",
        ),
        (
            [bool(one) for one in EVEN],
            "600 of the 600 rows where the feature 'x' is 0 say “stayed”: it gives away",
        ),
    ],
    ids=["exact", "nearly", "in the middle", "text", "boolean"],
)
def test_a_feature_that_gives_the_label_away(leak: Any, said: str) -> None:
    (finding,) = findings(history(EVEN, {"x": leak}))
    assert (finding.severity, finding.feature) == ("confirm", "x")
    assert finding.sentence.startswith(said)


def test_an_honest_feature_is_no_leak() -> None:
    """Better than any honest feature on five real sets, where the best had an AUC of 0.80."""
    assert findings(history(EVEN, {"x": np.array(EVEN) + 2.3 * NOISE})) == []


@pytest.mark.parametrize(
    ("values", "where"),
    [
        (np.where(EIGHTH, NOISE, np.nan), "is filled"), (np.where(EIGHTH, np.nan, NOISE), "is blank"),
        (np.where(EIGHTH & (NOISE < 0.5), NOISE, np.nan), "is filled"),
        (["closed" if one else ["web", "shop"][row % 2] for row, one in enumerate(EIGHTH)], "is 'closed'"),
        (np.where(EIGHTH, 9.0, np.arange(ROWS) % 3), "is 9"),
    ],
    ids=["filled", "blank", "filled for some", "text", "code"],
)  # fmt: skip
def test_blanks_and_values_that_only_leavers_have(values: Any, where: str) -> None:
    labels = EIGHTH.astype(int)
    (finding,) = findings(history(labels, {"x": values}))
    assert (finding.severity, finding.feature) == ("confirm", "x")
    assert f"rows where the feature 'x' {where} say “churned”: it gives away the label." in finding.sentence


def test_blanks_that_both_have_are_no_leak() -> None:
    some = np.where(EIGHTH, NOISE < 0.9, NOISE < 0.4)
    assert findings(history(EIGHTH.astype(int), {"x": np.where(some, np.nan, NOISE)})) == []


def test_a_feature_that_gives_one_offer_away() -> None:
    offers = [1, 2, 3] * (ROWS // 3)
    for leak in ([float(offer == 2) for offer in offers], [f"sent {offer}" for offer in offers]):
        (finding,) = findings(history(offers, {"shown": leak}), NBO)
        assert (finding.severity, finding.feature) == ("confirm", "shown")


def test_numbers_of_rows_are_ids() -> None:
    """In the order of the label, as rows of leavers appended to those of others."""
    (plain,) = findings(history(EVEN, {"row": np.random.default_rng(1).permutation(ROWS)}))
    assert plain.severity == "warning"
    assert plain.sentence == "The feature 'row' looks like an id: it is a number of its own for each customer."
    drifting = np.argsort(np.array(EVEN) + 1.5 * NOISE).argsort()
    (leak,) = findings(history(EVEN, {"row": drifting}))
    assert (leak.severity, leak.feature) == ("confirm", "row")


def test_ids_are_not_taken_for_a_leak() -> None:
    assert findings(history(EVEN, {"name": [f"N{row}" for row in range(ROWS)]})) == []


def test_copies_are_counted() -> None:
    one = history(EVEN, customers=[f"C{row}" for row in range(ROWS)])
    everything = pa.concat_tables([one.features, one.features.slice(0, 100)])
    labels = [*EVEN, *EVEN[:100]]
    customers = [f"C{row}" for row in [*range(ROWS), *range(100)]]
    copied = history(labels, {"noise": everything["noise"]}, customers=customers)
    assert sentence(copied) == "100 of 1,300 rows are exact copies of another row."


def test_rows_younger_than_the_label() -> None:
    days = [TODAY - timedelta(days=30 + row % 200) for row in range(ROWS)]
    assert sentence(history(EVEN, days=days)) == (
        "The newest rows are 30 days old, but their label is known only after 90 days."
    )
    assert findings(history([1, 2] * (ROWS // 2), days=days), NBO) == []


def test_features_that_never_change_were_not_read_at_their_dates() -> None:
    customers = [f"C{row // 4}" for row in range(ROWS)]
    days = [date(2026, 1 + row % 4, 1) for row in range(ROWS)]
    labels = [row // 4 % 2 for row in range(ROWS)]
    frozen = history(labels, {"noise": [row // 4 / 3 for row in range(ROWS)]}, days=days, customers=customers)
    moving = history(labels, days=days, customers=customers)
    assert sentence(frozen).startswith("Customers have the same features at all their dates")
    assert findings(moving) == []


MONTHS = [date(2026, 1 + row % 8, 1) for row in range(2_400)]


def by_month(shares: list[float]) -> list[int]:
    """Labels of 300 rows in each of eight months."""
    return [int(row // 8 < 300 * shares[row % 8]) for row in range(2_400)]


def trend(shares: list[float]) -> list[tuple[str, str]]:
    found = check_history(
        CHURN, one := history(by_month(shares), days=MONTHS), read_columns(one.features), read_labels(one),
        date(2027, 6, 1), SETTINGS,
    )  # fmt: skip
    return [(finding.severity, finding.sentence) for finding in found]


def test_labels_that_drift_over_the_months() -> None:
    assert trend([0.08, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40]) == [
        (
            "warning",
            "The share of rows that say “churned” rises from 9% (2026-01 to 2026-02) to 38% (2026-07 to 2026-08).",
        )
    ]
    assert trend([0.2, 0.21, 0.19, 0.2, 0.22, 0.2, 0.18, 0.21]) == []


@pytest.mark.parametrize(("newest", "share"), [([0.02], "2.0%"), ([0.1, 0.04], "7.0%"), ([0.1, 0.06, 0.0], "5.3%")])
def test_newest_labels_that_are_not_final(newest: list[float], share: str) -> None:
    shares = [0.2] * (8 - len(newest)) + newest
    ((severity, sentence),) = trend(shares)
    assert severity == "hold"
    first = 9 - len(newest)
    months = "2026-08" if len(newest) == 1 else f"2026-0{first} to 2026-08"
    assert sentence == (
        f"The newest labels are probably not final: {share} of the rows of {months} say “churned”, "
        "20.0% of those before."
    )


def outcome(**metrics: Any) -> list[Finding]:
    rates = {"mean_predicted": 0.2, "actual_rate": 0.2, "intervals": {"actual_rate": [0.18, 0.22]}}
    return list(check_outcome({"auc": 0.8, **rates, **metrics}, []))


def test_figures_that_are_too_good_or_do_not_fit() -> None:
    assert outcome() == []
    (too_good,) = outcome(auc=0.985)
    assert (too_good.severity, "predicted almost perfectly (AUC 0.985)" in too_good.sentence) == ("hold", True)
    (off,) = outcome(actual_rate=0.4, intervals={"actual_rate": [0.37, 0.43]})
    assert off.sentence == "The probabilities do not fit the test rows: 20% are expected, but it was 40%."
    assert [one.severity for one in check_outcome({"top_1": 0.99}, [])] == ["hold"]


def test_a_start_date_without_effect_is_reported() -> None:
    assert sentence(history(EVEN, since_ignored=True)).startswith("The start date has no effect")
