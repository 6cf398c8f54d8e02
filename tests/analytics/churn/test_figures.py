"""Churn over a scope: every figure is that of SQL written by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.analytics.churn import (
    ChurnCurve,
    Concentration,
    RiskByValue,
    Terms,
    find_concentration,
    loss_rule,
    plan,
    risk_rule,
    tenure_range,
    threshold_loss,
    threshold_rule,
)
from loyalty_core.analytics.churn.figures import read_curve, read_loss_bins
from loyalty_core.analytics.churn.groups import TENURE_STARTS, risk_by_category, risk_by_tenure, sample_ids
from loyalty_core.analytics.churn.selection import customers_by_loss
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.tasks import RISKS
from loyalty_core.segments import SegmentationEngine
from tests.segments.scored import keep
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

RICH = {">": [{"var": "total_revenue"}, 800]}
THRESHOLDS = (0.0, 0.25, 0.29, 0.4, 0.57, 0.7, 0.999, 1.0)


@pytest.fixture(params=["true", "total_revenue > 800"])
def scope(request: pytest.FixtureRequest, scored_demo: Warehouse, engine: SegmentationEngine) -> tuple[ScopedBase, str]:
    """Everybody, and a segment, each with its condition in SQL."""
    if request.param == "true":
        return ScopedBase(scored_demo, engine, Scope()), request.param
    keep(engine, "Rich", RICH)
    return ScopedBase(scored_demo, engine, Scope("rich")), request.param


@pytest.fixture
def everyone(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    return ScopedBase(scored_demo, engine, Scope())


def test_key_figures(scope: tuple[ScopedBase, str], sql: Query):
    base, where = scope
    curve = read_curve(base, "total_revenue")
    [expected] = sql(
        "SELECT count(*), sum(churn_probability), sum(total_revenue), sum(churn_probability * total_revenue) "
        f"FROM customers WHERE {where}"
    )
    group = curve.everyone
    assert (group.customers, group.churners, group.value, group.loss) == pytest.approx(expected)
    assert group.mean == pytest.approx(expected[1] / expected[0])
    assert curve.unscored == 0
    for risk in RISKS:
        [of_risk] = sql(
            "SELECT count(*), coalesce(sum(churn_probability), 0), coalesce(sum(churn_probability * total_revenue), 0) "
            f"FROM customers WHERE {where} AND churn_risk = ?",
            risk,
        )
        found = curve.at_risk(risk)
        assert (found.customers, found.churners, found.loss) == pytest.approx(of_risk)


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_a_threshold(scope: tuple[ScopedBase, str], sql: Query, threshold: float):
    base, where = scope
    [(customers, churners, loyal, share)] = sql(
        "SELECT count(*), coalesce(sum(churn_probability), 0), coalesce(sum(1 - churn_probability), 0), "
        f"coalesce(sum(churn_probability) / (SELECT sum(churn_probability) FROM customers WHERE {where}), 0) "
        f"FROM customers WHERE {where} AND churn_probability >= ?",
        threshold,
    )
    found = read_curve(base, None).targeting(threshold)
    assert found.customers == customers
    assert (found.churners, found.loyal, found.captured) == pytest.approx((churners, loyal, share))
    assert base.engine.count(threshold_rule(base, found.threshold)) == customers


def test_the_distribution(everyone: ScopedBase, sql: Query):
    curve = read_curve(everyone, None)
    counted = dict(sql("SELECT least(floor(churn_probability * 20), 19)::int, count(*) FROM customers GROUP BY 1"))
    assert curve.histogram() == [counted.get(bar, 0) for bar in range(20)]
    [(high,)] = sql("SELECT count(*) FROM customers WHERE churn_probability >= 0.4")
    assert sum(curve.histogram(20, threshold=0.4)) == high
    assert curve.histogram(20, threshold=0.4)[8:] == curve.histogram()[8:]


@pytest.mark.parametrize("column", ["total_revenue", "lifetime_value"])
@pytest.mark.parametrize("terms", [Terms(5, 0.2), Terms(40, 0.1), Terms(300, 0.5)])
def test_the_best_number_by_expected_loss(scope: tuple[ScopedBase, str], sql: Query, column: str, terms: Terms):
    base, where = scope
    bins = read_loss_bins(base, column)
    best = plan(bins, terms).best
    [(exact,)] = sql(
        f"SELECT sum(greatest({terms.save_rate} * churn_probability * {column} - {terms.cost}, 0)) "
        f"FROM customers WHERE {where}"
    )
    assert best.profit == pytest.approx(exact, rel=1e-3)
    lowest = threshold_loss(bins, best)
    [(customers, profit, kept, variance)] = sql(
        f"SELECT count(*), sum({terms.save_rate} * churn_probability * {column} - {terms.cost}), "
        f"{terms.save_rate} * sum(churn_probability), sum({terms.save_rate} * churn_probability * "
        f"(1 - {terms.save_rate} * churn_probability) * {column} ** 2) "
        f"FROM customers WHERE {where} AND churn_probability * {column} >= ?",
        lowest,
    )
    assert best.customers == customers == base.engine.count(loss_rule(base, column, lowest))
    assert (best.profit, best.retained) == pytest.approx((profit, kept))
    assert (best.high - best.low) / (2 * 1.6448536) == pytest.approx(variance**0.5)


def test_the_best_number_when_all_are_worth_the_same(everyone: ScopedBase, sql: Query):
    best = plan(read_curve(everyone, None).loss_bins(100), Terms(8, 0.2)).best
    assert 40 <= best.lowest_loss < 40.5  # p · 0.2 · 100 = 8 where p = 0.4, and few have just that
    [(customers, profit, variance)] = sql(
        "SELECT count(*), sum(20 * churn_probability - 8), "
        "sum(0.2 * churn_probability * (1 - 0.2 * churn_probability) * 10000) "
        "FROM customers WHERE churn_probability >= 0.4"
    )
    assert best.customers == customers
    assert best.profit == pytest.approx(profit)
    assert (best.high - best.low) / (2 * 1.6448536) == pytest.approx(variance**0.5)


@pytest.mark.parametrize("risk", [None, *RISKS])
def test_the_table(scope: tuple[ScopedBase, str], sql: Query, risk: Any):
    base, where = scope
    expected = sql(
        "SELECT customer_id, full_name, churn_probability, churn_risk, total_revenue, "
        "churn_probability * total_revenue AS loss, recency, frequency, monetary, rfm_segment FROM customers "
        f"WHERE {where} AND (? IS NULL OR churn_risk = ?) ORDER BY loss DESC NULLS LAST, customer_id LIMIT 7 OFFSET 5",
        risk,
        risk,
    )
    found = customers_by_loss(base, "total_revenue", ("customer_id", "full_name"), risk, 7, 5)
    names = ("customer_id", "full_name", "p", "risk", "value", "loss", *map("rfm_{}".format, ("recency", "frequency")))
    assert [tuple(row[name] for name in (*names, "rfm_monetary", "rfm_segment")) for row in found] == expected


def test_the_table_without_a_value_column(everyone: ScopedBase, sql: Query):
    expected = sql("SELECT customer_id FROM customers ORDER BY churn_probability DESC, customer_id LIMIT 5")
    found = customers_by_loss(everyone, None, ("customer_id",), None, 5, 0)
    assert [(row["customer_id"],) for row in found] == expected
    assert {row["loss"] for row in found} == {None}


def test_the_rule_of_a_risk(scope: tuple[ScopedBase, str]):
    base, _ = scope
    curve = read_curve(base, None)
    assert [base.engine.count(risk_rule(base, risk)) for risk in RISKS] == [
        curve.at_risk(risk).customers for risk in RISKS
    ]


@pytest.mark.parametrize("column", ["customer_tier", "region"])
def test_risk_by_category(scope: tuple[ScopedBase, str], sql: Query, column: str):
    base, where = scope
    expected = sql(
        f"SELECT {column}, count(*) AS n, avg(churn_probability), avg((churn_risk = 'high')::int) FROM customers "
        f"WHERE {where} GROUP BY 1 ORDER BY n DESC, 1 LIMIT 6"
    )
    found = risk_by_category(base, column, 6)
    assert {one.value: (one.customers, one.mean, one.high) for one in found} == {
        value: pytest.approx(figures) for value, *figures in expected
    }
    assert [one.mean for one in found] == sorted((one.mean for one in found), reverse=True)


@pytest.mark.parametrize("column", ["tenure_days", "signup_date"])
def test_risk_by_tenure(everyone: ScopedBase, sql: Query, column: str):
    [(today,)] = sql("SELECT max(signup_date + tenure_days::int) FROM customers")
    found = risk_by_tenure(everyone, column, today)
    assert [one.value for one in found] == sorted(one.value for one in found)
    assert sum(one.customers for one in found) == DEMO_CUSTOMERS
    for one in found:
        first, end = tenure_range(one.value)
        [expected] = sql(
            "SELECT count(*), avg(churn_probability), avg((churn_risk = 'high')::int) FROM customers "
            f"WHERE {days_in(column, today)} >= ? AND {days_in(column, today)} < ?",
            first,
            end or 10**6,
        )
        assert (one.customers, one.mean, one.high) == pytest.approx(expected)


def days_in(column: str, today: date) -> str:
    return f"date_diff('day', signup_date, DATE '{today}')" if column == "signup_date" else column


def test_tenure_ranges_leave_no_gap():
    ranges = [tenure_range(position) for position in range(len(TENURE_STARTS))]
    assert [end for _, end in ranges] == [*(first for first, _ in ranges[1:]), None]


def test_a_sample_is_of_the_scope_and_always_the_same(scope: tuple[ScopedBase, str], sql: Query):
    base, where = scope
    members = {customer for (customer,) in sql(f"SELECT customer_id FROM customers WHERE {where}")}
    found = sample_ids(base, len(members), 100)
    assert len(set(found)) == 100
    assert set(found) <= members
    assert found == sample_ids(base, len(members), 100)
    assert found == [
        customer
        for (customer,) in sql(f"SELECT customer_id FROM customers WHERE {where} ORDER BY md5(customer_id) LIMIT 100")
    ]


def test_a_sample_of_few_customers_is_all_of_them(everyone: ScopedBase):
    assert len(sample_ids(everyone, DEMO_CUSTOMERS, DEMO_CUSTOMERS + 5)) == DEMO_CUSTOMERS


FEW = """
CREATE TABLE customer_features_view (
    customer_id varchar, tier varchar, revenue numeric(12, 2), score double precision, joined date
);
INSERT INTO customer_features_view VALUES
    ('a', 'Gold', 100.50, 1, '2026-10-01'), ('b', 'Gold', 20, 'NaN', '2020-01-01'), ('c', NULL, NULL, 3, NULL),
    ('d', 'Silver', -50, 'Infinity', '2026-01-01'), ('e', 'Silver', 10, 5, '2024-06-01'),
    ('unscored', 'Gold', 1000, 6, '2024-06-01');
CREATE TABLE customer_predictions (
    customer_id varchar, churn_probability double precision, churn_risk varchar, recommended_offer integer,
    confidence double precision, recency smallint, frequency smallint, monetary smallint, rfm_segment varchar,
    model_version varchar, scored_at timestamp with time zone
);
INSERT INTO customer_predictions VALUES
    ('a', 0.57, 'medium', 1, 0.5, 5, 5, 5, 'Champions', 'mock', '2026-11-01 00:00:00+00'),
    ('b', 1, 'high', 1, 0.5, 1, 1, 1, 'Lost', 'mock', '2026-11-01 00:00:00+00'),
    ('c', 0, 'low', 1, 0.5, 1, 1, 1, 'Lost', 'mock', '2026-11-01 00:00:00+00'),
    ('d', 0.29, 'low', 1, 0.5, 1, 1, 1, 'Lost', 'mock', '2026-11-01 00:00:00+00'),
    ('e', 0.7, 'high', 1, 0.5, NULL, NULL, NULL, NULL, 'mock', '2026-11-01 00:00:00+00');
"""


@pytest.fixture
def few(backend: Backend, open_warehouse: Callable[..., Warehouse], tmp_path: Path) -> ScopedBase:
    """Six customers with everything unusual, one of them never scored, on each database."""
    backend.execute(FEW)
    file = tmp_path / "customer_predictions.parquet"
    if backend.name == "duckdb":
        backend.execute(f"COPY customer_predictions TO '{file}' (FORMAT parquet)")
    warehouse = open_warehouse(backend.url, predictions_file=file, models_dir=tmp_path)
    return ScopedBase(warehouse, SegmentationEngine(warehouse), Scope())


def test_decimals_blanks_and_the_unscored_on_both_databases(few: ScopedBase):
    curve = read_curve(few, "revenue")
    assert curve.unscored == 1
    assert [one.position for one in curve.bins] == [1000, 700, 570, 290, 0]
    assert vars(curve.everyone) == pytest.approx(
        {"customers": 5, "churners": 2.56, "value": 80.5, "loss": 57.285 + 20 - 14.5 + 7}
    )
    assert (curve.targeting(0.57).customers, curve.targeting(1).customers) == (3, 1)
    assert curve.histogram(10) == [1, 0, 1, 0, 0, 1, 0, 1, 0, 1]
    bins = read_loss_bins(few, "revenue")
    assert [(one.lowest, one.customers) for one in bins] == [
        (pytest.approx(lowest), customers) for lowest, customers in ((57.285, 1), (20, 1), (7, 1), (-14.5, 2))
    ]
    assert all(type(number) in {int, float} for one in bins for number in vars(one).values())


def test_values_that_are_no_numbers_count_as_nothing(few: ScopedBase):
    assert read_curve(few, "score").everyone.value == pytest.approx(9)


def test_the_table_on_both_databases(few: ScopedBase):
    found = customers_by_loss(few, "revenue", ("customer_id",), None, 10, 0)
    assert [(row["customer_id"], row["loss"] and round(row["loss"], 3)) for row in found] == [
        ("a", 57.285),
        ("b", 20.0),
        ("e", 7.0),
        ("d", -14.5),
        ("c", None),
    ]


def test_groups_and_sample_on_both_databases(few: ScopedBase):
    assert risk_by_category(few, "tier", 3) == [
        RiskByValue("Gold", 2, pytest.approx(0.785), 0.5),
        RiskByValue("Silver", 2, pytest.approx(0.495), 0.5),
        RiskByValue(None, 1, 0.0, 0.0),
    ]
    by_tenure = risk_by_tenure(few, "joined", date(2026, 11, 1))
    assert [(one.value, one.customers) for one in by_tenure] == [(0, 1), (2, 1), (4, 1), (6, 1), (None, 1)]
    assert sorted(sample_ids(few, 5, 10)) == ["a", "b", "c", "d", "e"]


def test_a_scope_without_customers(few: ScopedBase):
    nobody = ChurnCurve((), 0)
    assert (nobody.everyone.mean, nobody.targeting(0.5).share, nobody.targeting(0.5).captured) == (0.0, 0.0, 0.0)
    assert nobody.targeting(0.5).loyal_share == 0.0
    assert plan(nobody.loss_bins(100), Terms(1, 0.5)).best.customers == 0


@pytest.mark.parametrize(
    ("thousandths", "concentration"),
    [
        ({300: 96, 700: 4}, Concentration(0.96, 0.3)),
        ({300: 50, 301: 46, 700: 4}, Concentration(0.96, 0.3)),
        ({299: 48, 300: 48, 301: 4}, Concentration(0.96, 0.299)),
        ({300: 95, 700: 5}, None),
        ({300: 50, 302: 50}, None),
        ({300: 19}, None),
        ({}, None),
    ],
)
def test_nearly_the_same_probability_for_all(thousandths: dict[int, int], concentration: Concentration | None):
    assert find_concentration(thousandths) == concentration


def test_a_curve_shows_whether_all_probabilities_are_equal(everyone: ScopedBase):
    curve = read_curve(everyone, None)
    assert curve.concentration is None
    same = ChurnCurve(tuple(replace(one, position=250) for one in curve.bins), 0)
    assert same.concentration == Concentration(1.0, 0.25)
