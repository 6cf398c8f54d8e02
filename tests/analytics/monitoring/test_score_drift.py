"""What runs said and how far they moved: written by hand, counted on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.analytics.monitoring import ScoreChange, ScoredRun, changes, read_scores
from loyalty_core.analytics.monitoring.score_alarms import score_alarms
from loyalty_core.analytics.monitoring.score_drift import Scores
from loyalty_core.ml.features import psi
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.warehouse.predictions import ScoringRun, stored_runs
from tests.ml.bases import base, fill, predictions
from tests.ml.fixtures import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]


MODELS = MockModels(dict.fromkeys(CONTRACT.names, "number"))
RUN = ScoringRun(datetime(2026, 11, 1, tzinfo=UTC), ("a",))
SAID = (
    "customer_id varchar(40), churn_probability double precision, churn_risk varchar(10), recommended_offer integer, "
    "rfm_segment varchar(20), model_version varchar(20), scored_at timestamp"
)


def said(*customers: tuple[Any, ...]) -> str:
    """SQL of a table with these probabilities, risks, offers and versions."""
    values = ", ".join(
        f"('c{place}', {'NULL' if p is None else p}, {'NULL' if p is None else repr(risk)}, "
        f"{'NULL' if offer is None else offer}, 'Loyal', '{version}', '2026-11-01')"
        for place, (p, risk, offer, version) in enumerate(customers)
    )
    return f"CREATE TABLE said ({SAID}); INSERT INTO said VALUES {values};"


def scored(scores: Scores, version: str = "a") -> ScoredRun:
    return ScoredRun(replace(RUN, model_versions=(version,)), {version: scores})


def of_offers(**offers: int) -> Scores:
    by_id = {int(name.removeprefix("offer_")): customers for name, customers in offers.items()}
    return Scores(sum(by_id.values()), offers=by_id)


def of_probabilities(*customers: int) -> Scores:
    """Customers by twentieth of probability."""
    thousandths = {place * 50: number for place, number in enumerate(customers) if number}
    return Scores(sum(customers), thousandths)


def test_each_version_of_a_run_is_counted(backend: Backend, open_warehouse: Open):
    fill(backend, base(5))
    backend.execute(
        said(
            (0.1234, "low", 3, "a"), (0.1239, "low", 3, "a"), (0.5, "medium", 1, "a"), (None, "", None, "a"),
            (1.0, "high", 3, "b"), ("'NaN'", "low", 2, "b"),
        )
    )  # fmt: skip
    warehouse = open_warehouse(backend.url)
    found = read_scores(warehouse, RUN, warehouse.table("said"))
    assert found.versions == ("a", "b")
    assert found.by_version["a"] == Scores(
        4, {123: 2, 500: 1}, {"low": 2, "medium": 1}, {3: 2, 1: 1}, pytest.approx(0.7473)
    )
    assert found.by_version["b"] == Scores(2, {1000: 1}, {"high": 1}, {3: 1, 2: 1}, 1.0)
    everyone = found.scores
    assert (everyone.customers, everyone.with_churn, everyone.with_offer) == (6, 4, 5)
    assert everyone.mean == pytest.approx(1.7473 / 4)
    assert everyone.risk_share("low") == 0.5
    assert everyone.offer_share(3) == 0.6
    assert everyone.bars() == (0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, *[0] * 8, 1)


def test_runs_are_those_of_the_scoring(backend: Backend, open_warehouse: Open):
    fill(backend, base(200))
    warehouse = open_warehouse(backend.url)
    assert stored_runs(warehouse) == []
    first = score_base(warehouse, MODELS)
    fill(backend, [(name, 150 if days else days, *rest) for name, days, *rest in base(200)])
    warehouse.forget()
    second = score_base(warehouse, MODELS)
    runs = [read_scores(warehouse, run, relation) for run, relation in stored_runs(warehouse)]
    assert [one.run.scored_at for one in runs] == [second.scored_at, first.scored_at]
    now = list(predictions(warehouse).values())
    assert runs[0].scores.mean == pytest.approx(sum(row["churn_probability"] for row in now) / 200)
    assert runs[0].scores.risks["high"] == sum(row["churn_risk"] == "high" for row in now)
    assert sum(runs[0].scores.bars()) == sum(runs[0].scores.offers.values()) == 200
    (change,) = changes(runs)
    assert (change.before, change.after) == (runs[1], runs[0])
    assert change.cause == "customers"
    assert change.churn_psi == pytest.approx(psi(runs[1].scores.bars(), runs[0].scores.bars()))
    assert change.churn_state == "drifted"


def test_the_index_of_probabilities_and_of_offers():
    change = ScoreChange(
        scored(replace(of_probabilities(5_000, 5_000), offers={1: 5_000, 2: 5_000})),
        scored(replace(of_probabilities(2_500, 7_500), offers={1: 7_500, 2: 2_500})),
    )
    assert change.churn_psi == change.offers_psi == pytest.approx(0.2746531)
    assert (change.churn_state, change.offers_state) == ("drifted", "drifted")


def test_an_offer_that_is_new_or_gone_is_a_bin_of_its_own():
    change = ScoreChange(scored(of_offers(offer_1=100)), scored(of_offers(offer_2=100)))
    # Twice (0.9999) · ln(10,000)
    assert change.offers_psi == pytest.approx(2 * 0.9999 * 9.2103404)


def test_a_run_without_a_model_has_no_index():
    change = ScoreChange(scored(of_probabilities(10)), scored(of_offers(offer_1=10)))
    assert (change.churn_psi, change.churn_state, change.offers_psi, change.offers_state) == (None,) * 4
    assert change.after.scores.mean is None
    assert change.after.scores.risk_share("low") == change.before.scores.offer_share(1) == 0


@pytest.mark.parametrize(
    ("before", "after", "cause", "sentence"),
    [
        ("a", "a", "customers", "The customers: the model is the same."),
        ("ab", "ab", "customers", "The customers: the model is the same."),
        ("a", "b", "model", "Another model, and perhaps the customers."),
        ("a", "ab", "both", "One of two models, and perhaps the customers."),
    ],
)
def test_what_can_be_behind_a_difference(before: str, after: str, cause: str, sentence: str):
    runs = [ScoredRun(RUN, {version: Scores(1) for version in versions}) for versions in (before, after)]
    change = ScoreChange(*runs)
    assert (change.cause, change.sentence) == (cause, sentence)


def test_an_alarm_for_one_probability_and_one_offer():
    one = Scores(100, {333: 60, 334: 37, 900: 3}, offers={2: 81, 4: 19})
    alarms = score_alarms(scored(one), {2: "Free delivery"})
    assert [alarm.code for alarm in alarms] == ["same_score", "one_offer"]
    assert alarms[0].sentence == ("97.0% of the customers scored have nearly the same churn probability, about 33.3%.")
    assert alarms[1].sentence == "Free delivery is the best offer of 81.0% of the customers scored."
    assert all(alarm.remedy for alarm in alarms)


@pytest.mark.parametrize(
    "one",
    [
        Scores(100, {333: 60, 334: 35, 900: 5}, offers={2: 80, 4: 20}),  # just not above the limits
        Scores(100, {333: 60, 335: 40}, offers={2: 50, 4: 50}),  # not neighbours
        Scores(10, {333: 10}, offers={2: 1}),  # too few to tell
        Scores(),
    ],
)
def test_no_alarm(one: Scores):
    assert score_alarms(scored(one), {}) == []


def test_one_arm_of_two_may_be_degenerate():
    arms = ScoredRun(RUN, {"a": Scores(50, {100: 25, 700: 25}), "b": Scores(50, {500: 50}, offers={7: 50})})
    assert [alarm.sentence for alarm in score_alarms(arms, {})] == [
        "100.0% of the customers scored by b have nearly the same churn probability, about 50.0%.",
        "Offer 7 is the best offer of 100.0% of the customers scored by b.",
    ]


def test_a_run_of_one_answer_is_found_in_the_warehouse(backend: Backend, open_warehouse: Open):
    fill(backend, base(5))
    backend.execute(said(*[(0.3, "low", 1, "a")] * 39, (0.9, "high", 2, "a")))
    warehouse = open_warehouse(backend.url)
    found = read_scores(warehouse, RUN, sa.select(warehouse.table("said")).subquery())
    assert [alarm.code for alarm in score_alarms(found, {})] == ["same_score", "one_offer"]
