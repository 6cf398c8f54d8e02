"""What is found wrong with a history before training, and what of it forbids training."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from loyalty_core.ml.tasks import CHURN, NBO, Finding, Labels, ModelTask, TrainingRefused
from loyalty_core.ml.training.checks import check_history, refuse_if_stopped
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
    return list(check_history(task, one, read_labels(one, task), TODAY, SETTINGS))


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
    assert findings(history(EVEN, {"vip": [True, None] * (ROWS // 2)}))[0].sentence.startswith(
        "The feature 'vip' alone"
    )


@pytest.mark.parametrize(
    "leak",
    [np.array(EVEN) * -3.0, ["gone" if churned else "here" for churned in EVEN], [bool(one) for one in EVEN]],
    ids=["number", "text", "boolean"],
)
def test_a_feature_that_gives_the_label_away(leak: Any) -> None:
    assert sentence(history(EVEN, {"status": leak})) == (
        "The feature 'status' alone almost determines the label (AUC 1.000)."
    )


def test_a_feature_that_gives_one_offer_away() -> None:
    offers = [1, 2, 3] * (ROWS // 3)
    leak = [float(offer == 2) for offer in offers]
    assert "'shown' alone" in sentence(history(offers, {"shown": leak}), NBO)


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
    frozen = history(EVEN, {"noise": [float(row // 4) for row in range(ROWS)]}, days=days, customers=customers)
    moving = history(EVEN, days=days, customers=customers)
    assert sentence(frozen).startswith("Customers have the same features at all their dates")
    assert findings(moving) == []


def test_a_start_date_without_effect_is_reported() -> None:
    assert sentence(history(EVEN, since_ignored=True)).startswith("The start date has no effect")
