"""Predictions of earlier runs beside what then happened, worked out by hand, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.outcomes import Share, read_outcomes
from loyalty_core.analytics.outcomes.matching import a_month_after
from loyalty_core.analytics.outcomes.months import format_day
from loyalty_core.errors import ViewUnusable
from loyalty_core.ml.tasks import CHURN, NBO, TrainingRefused
from loyalty_core.ml.tasks.labels import MAX_OFFERS

if TYPE_CHECKING:
    from tests.analytics.outcomes.past import Past

MARCH, APRIL = date(2026, 3, 1), date(2026, 4, 1)
FOUR = [("c0", 0.9, "a"), ("c1", 0.8, "a"), ("c2", 0.8, "a"), ("c3", 0.1, "a")]
WHAT_FOUR_DID = [("c0", "2026-03-05", 1), ("c1", "2026-03-05", 0), ("c2", "2026-03-05", 1), ("c3", "2026-03-05", 0)]


def test_churn_by_hand(past: Past):
    past.scored("2026-03-05", *FOUR)
    past.left(*WHAT_FOUR_DID)
    [month] = read_outcomes(past.warehouse, CHURN).months
    assert (month.month, month.version, month.role) == (MARCH, "a", None)
    assert month.figures.main is not None
    assert month.figures.main.value == 0.875
    assert month.figures.left == Share(2, 4)
    assert month.figures.predicted == pytest.approx(0.65)


def test_only_the_first_row_of_the_days_that_follow_counts(past: Past):
    past.scored("2026-03-05", *FOUR, ("early", 0.5, "a"), ("late", 0.5, "a"), ("silent", 0.5, "a"))
    past.left(
        ("c0", "2026-03-04", 0), ("c0", "2026-03-05", 1), ("c1", "2026-03-20", 0), ("c1", "2026-03-21", 1),
        ("c2", "2026-04-04", 1), ("c3", "2026-03-06", None), ("c3", "2026-03-07", 0),
        ("early", "2026-03-04", 1), ("late", "2026-04-05", 1), ("stranger", "2026-03-05", 1),
    )  # fmt: skip
    [month] = read_outcomes(past.warehouse, CHURN).months
    assert month.figures.left == Share(2, 4)
    assert month.figures.main is not None
    assert month.figures.main.value == 0.875


def test_the_versions_of_one_run_are_distinguished(past: Past):
    past.scored("2026-03-05", *FOUR, ("c4", 0.3, "b"), ("c5", None, "b"))
    past.left(*WHAT_FOUR_DID, ("c4", "2026-03-06", 1), ("c5", "2026-03-06", 1))
    first, second = read_outcomes(past.warehouse, CHURN).months
    assert (first.version, first.figures.rows) == ("a", 4)
    assert (second.version, second.figures.left, second.figures.main) == ("b", Share(1, 1), None)


def test_of_each_month_the_first_scoring_counts(past: Past):
    past.scored("2026-03-05", *FOUR)
    past.scored("2026-03-06", *((customer, 1 - score, "later") for customer, score, _ in FOUR))
    past.scored("2026-04-02", ("c0", 0.2, "a"), ("c1", 0.4, "a"), present=True)
    past.left(*WHAT_FOUR_DID, ("c0", "2026-04-02", 1), ("c1", "2026-04-10", 0), ("c2", "2026-03-07", 0))
    march, april = read_outcomes(past.warehouse, CHURN).months
    assert (march.month, march.version, march.figures.rows) == (MARCH, "a", 4)
    assert (april.month, april.figures.left) == (APRIL, Share(1, 2))


@pytest.mark.parametrize(
    ("day", "after"),
    [("2026-01-01", "2026-02-01"), ("2026-01-31", "2026-02-28"), ("2026-12-15", "2027-01-15")],
)
def test_a_month_after(day: str, after: str):
    assert a_month_after(date.fromisoformat(day)) == date.fromisoformat(after)


@pytest.mark.parametrize(
    ("kind", "stayed", "left"),
    [("boolean", False, True), ("text", "no", "Yes"), ("numeric(3,1)", 0, 1), ("double precision", 0.0, 1.0)],
)
def test_labels_are_read_as_a_training_reads_them(past: Past, kind: str, stayed: Any, left: Any):
    past.scored("2026-03-05", *FOUR)
    past.left(*((customer, day, left if label else stayed) for customer, day, label in WHAT_FOUR_DID), kind=kind)
    [month] = read_outcomes(past.warehouse, CHURN).months
    assert month.figures.left == Share(2, 4)


def test_labels_that_cannot_be_read_are_refused(past: Past):
    past.scored("2026-03-05", *FOUR)
    past.left(*((customer, day, label + 7) for customer, day, label in WHAT_FOUR_DID))
    with pytest.raises(TrainingRefused, match=r"must be 0 \(stayed\) or 1 \(churned\)"):
        read_outcomes(past.warehouse, CHURN)


def test_ids_of_other_types_meet(past: Past):
    past.scored("2026-03-05", ("7", 0.9, "a"), ("8", 0.2, "a"))
    past.left((7, "2026-03-06", 1), (8, "2026-03-06", 0))
    [month] = read_outcomes(past.warehouse, CHURN).months
    assert month.figures.left == Share(1, 2)


def test_offers_by_hand(past: Past):
    past.scored(
        "2026-03-05",
        ("c0", None, "a", 0.1, 0.6, 0.2, 0.1),  # took 2: first
        ("c1", None, "a", 0.4, 0.3, 0.2, 0.1),  # took 3: third
        ("c2", None, "a", 0.4, 0.3, 0.2, 0.1),  # took 4: fourth
        ("c3", None, "a", 0.4, 0.4, 0.1, 0.1),  # took 2: first and second are equal, so 1.5
        ("c4", None, "a", 0.4, 0.3, 0.2, 0.1),  # took 9, which the model does not know
        ("c5", None, "a", None, None, None, None),  # no answer
        ("c6", None, "b", 0.4, 0.3, 0.2, 0.1),  # took 1: first
    )
    taken = {"c0": 2, "c1": 3, "c2": 4, "c3": 2, "c4": 9, "c5": 1, "c6": 1}
    past.took(*((customer, "2026-03-31", offer) for customer, offer in taken.items()), ("c0", "2026-03-04", 1))
    first, second = read_outcomes(past.warehouse, NBO).months
    assert (first.month, first.version) == (MARCH, "a")
    assert (first.figures.top_1, first.figures.top_3, first.figures.popular) == (Share(1, 5), Share(3, 5), Share(2, 5))
    assert (second.version, second.figures.top_1) == ("b", Share(1, 1))


def test_offers_as_texts_are_read_too(past: Past):
    past.scored("2026-03-05", ("c0", None, "a", 0.1, 0.9), ("c1", None, "a", 0.2, 0.8))
    past.took(("c0", "2026-03-05", "2"), ("c1", "2026-03-05", "1"), kind="text")
    [month] = read_outcomes(past.warehouse, NBO).months
    assert (month.figures.top_1, month.figures.top_3) == (Share(1, 2), Share(2, 2))


def test_without_a_scoring_run_the_remedy_is_to_score(past: Past):
    past.left(*WHAT_FOUR_DID)
    outcomes = read_outcomes(past.warehouse, CHURN)
    assert outcomes.months == ()
    assert outcomes.why_none == "No predictions are stored yet: score all customers to see their outcomes here later."


def test_made_up_predictions_have_no_outcome(past: Past):
    past.scored("2026-03-05", *((customer, score, "mock") for customer, score, _ in FOUR))
    past.left(*WHAT_FOUR_DID)
    assert read_outcomes(past.warehouse, CHURN).why_none.startswith("No predictions are stored yet")


def test_before_the_first_outcome_its_date_is_reported(past: Past):
    scored = datetime.now(UTC).date() - timedelta(days=10)
    past.scored(scored.isoformat(), *FOUR, present=True)
    past.left(*WHAT_FOUR_DID)
    past.took(("c0", "2026-03-05", 2))
    churn = read_outcomes(past.warehouse, CHURN).why_none
    assert churn == (
        f"The first outcomes of stored predictions are expected from {format_day(scored + timedelta(days=90))} on: "
        f"the oldest is of {format_day(scored)}, and outcomes are known after 90 days."
    )
    assert read_outcomes(past.warehouse, NBO).why_none == (
        f"customer_offer_history has no row in the month after any stored scoring, of which the oldest is of "
        f"{format_day(scored)}; its newest row is of 5 Mar 2026. Outcomes are shown as soon as newer rows are loaded."
    )


def test_a_history_that_was_not_loaded_since_is_named(past: Past):
    past.scored("2026-03-05", *FOUR)
    past.left(("c0", "2026-03-01", 1))
    assert "customer_churn_history has no row in the month" in read_outcomes(past.warehouse, CHURN).why_none


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (
            "'c0' AS customer_id, 1 AS churned",
            "customer_churn_history has no column snapshot_date, so the months of its rows are not known.",
        ),
        (
            "DATE '2026-03-05' AS snapshot_date, 1 AS churned",
            "customer_churn_history has no column customer_id, so the customers of its rows are not known.",
        ),
    ],
)
def test_a_history_without_dates_or_customers_has_no_outcomes(past: Past, columns: str, sentence: str):
    past.scored("2026-03-05", *FOUR)
    past.backend.execute(f"CREATE TABLE customer_churn_history AS SELECT {columns}")
    assert read_outcomes(past.warehouse, CHURN).why_none == sentence


def test_without_a_history_the_table_is_named(past: Past):
    past.scored("2026-03-05", *FOUR)
    with pytest.raises(ViewUnusable, match="no table customer_churn_history"):
        read_outcomes(past.warehouse, CHURN)


def test_a_query_of_ones_own_is_asked_for_the_days_that_matter(past: Past):
    past.scored("2026-03-05", *FOUR)
    past.backend.execute(
        "CREATE TABLE visits AS SELECT 'c0' AS customer_id, DATE '2026-03-09' AS snapshot_date, 1 AS churned "
        "UNION ALL SELECT 'c1', DATE '2026-03-09', 0"
    )
    past.warehouse.close()  # DuckDB shows the replaced file only once nobody has the old one open
    query = "SELECT * FROM visits WHERE snapshot_date >= :start_date"
    warehouse = past.open_one(past.backend.url, dwh_churn_training_query=query)
    [month] = read_outcomes(warehouse, CHURN).months
    assert month.figures.left == Share(1, 2)


def test_as_many_offers_as_a_training_takes(past: Past):
    scores = [place / MAX_OFFERS for place in range(MAX_OFFERS)]
    past.scored("2026-03-05", ("c0", None, "a", *scores), ("c1", None, "a", *scores), ("c2", None, "a", *scores))
    past.took(("c0", "2026-03-05", MAX_OFFERS), ("c1", "2026-03-05", MAX_OFFERS - 2), ("c2", "2026-03-05", 1))
    [month] = read_outcomes(past.warehouse, NBO).months
    assert (month.figures.top_1, month.figures.top_3) == (Share(1, 3), Share(2, 3))
