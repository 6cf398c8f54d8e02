"""A segment against the base: each figure is that of SQL written by hand."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import pytest

from loyalty_core.demo.signals import COLUMNS
from loyalty_core.segments import SegmentationEngine
from loyalty_core.warehouse.dialects import Dialect
from tests.segments.rules_in_sql import RULES
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.segments.figures import Profile
    from loyalty_core.segments.figures.profile import ValueComparison
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

NUMBERS = [
    *("tenure_days", "total_revenue", "lifetime_value", "avg_transaction_value", "points_balance"),
    *("transaction_count", "days_since_last_transaction", "last_purchase_days_ago", "last_login_days_ago"),
    *("active_products_count", "age", "campaign_engagement_rate", "churn_score", "churn_probability", "confidence"),
    "offer_uptake",
    *COLUMNS,
    *(f"offer_{offer}" for offer in range(1, 9)),
]


@pytest.mark.parametrize("name", ["all of three", "none of two", "predictions and features"])
def test_means_and_totals_are_those_of_sql(engine: SegmentationEngine, sql: Query, name: str):
    rule, where = RULES[name]
    profile = engine.profile(rule)
    [(customers,)] = sql(f"SELECT count(*) FROM customers WHERE {where}")
    assert (profile.customers, profile.base) == (customers, DEMO_CUSTOMERS)
    assert {number.column.name for number in profile.numbers} == set(NUMBERS)
    for column in NUMBERS:
        [expected] = sql(
            f"SELECT avg({column}) FILTER ({where}), avg({column}), sum({column}) FILTER ({where}), sum({column}), "
            f"stddev_pop({column}) FROM customers"
        )
        mean, base_mean, total, base_total, spread = map(float, expected)
        found = profile.number(column)
        assert found is not None
        assert found.segment_mean == pytest.approx(mean)
        assert found.base_mean == pytest.approx(base_mean)
        assert found.segment_total == pytest.approx(total)
        assert found.base_total == pytest.approx(base_total)
        assert found.difference == pytest.approx((mean - base_mean) / spread, abs=1e-6)


def values_of(profile: Profile, name: str) -> list[ValueComparison]:
    """The values of that column, most frequent in the base first."""
    return sorted((one for one in profile.values if one.column.name == name), key=lambda one: -one.base_share)


@pytest.mark.parametrize("column", ["customer_tier", "city", "gender", "email_verified", "churn_risk", "recency"])
def test_shares_are_those_of_sql(engine: SegmentationEngine, sql: Query, column: str):
    rule, where = RULES["nested"]
    found = values_of(engine.profile(rule), column)
    expected = sql(
        f"SELECT {column}, count(*) FILTER ({where}), "
        f"count(*) FILTER ({where}) / (SELECT count(*) FROM customers WHERE {where}), count(*) / 2000 "
        f"FROM customers WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, {column}::text LIMIT 12"
    )
    assert {(one.value, one.customers, one.segment_share, one.base_share) for one in found} == set(expected)
    assert [one.base_share for one in found] == [share for *_, share in expected]
    assert all(one.index == one.segment_share / one.base_share for one in found)


def test_what_sets_the_segment_apart_comes_first(engine: SegmentationEngine):
    profile = engine.profile({"==": [{"var": "customer_tier"}, "Platinum"]})
    differences = [abs(number.difference or 0) for number in profile.numbers]
    assert differences == sorted(differences, reverse=True)
    first = profile.values[0]
    assert (first.column.name, first.value, first.segment_share) == ("customer_tier", "Platinum", 1)
    assert first.index == pytest.approx(1 / first.base_share)
    rare = [value.segment_share < 0.02 for value in profile.values]
    assert rare == sorted(rare)


@pytest.mark.parametrize("name", ["all of three", "predictions and features"])
def test_the_columns_of_several_statements_make_one_profile(
    engine: SegmentationEngine, monkeypatch: pytest.MonkeyPatch, name: str
):
    rule, _ = RULES[name]
    whole = engine.profile(rule)
    monkeypatch.setattr(Dialect, "columns_per_statement", 7)
    profile = engine.profile(rule)
    assert (profile.customers, profile.base, profile.values) == (whole.customers, whole.base, whole.values)
    assert len(profile.numbers) == len(whole.numbers)
    for number in whole.numbers:
        found = profile.number(number.column.name)
        assert found is not None
        assert dataclasses.astuple(found)[1:] == pytest.approx(dataclasses.astuple(number)[1:])


def test_more_columns_than_one_statement_can_have(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    points = [f"points_{place}" for place in range(350)]  # five figures of each: PostgreSQL allows 1,664
    backend.execute(
        f"CREATE TABLE customer_features_view (customer_id integer, {', '.join(f'{one} integer' for one in points)})"
    )
    backend.execute(f"INSERT INTO customer_features_view SELECT {', '.join(['1', *('2' for _ in points)])}")
    backend.execute(f"INSERT INTO customer_features_view SELECT {', '.join(['2', *('4' for _ in points)])}")
    profile = SegmentationEngine(open_warehouse(backend.url)).profile({"==": [{"var": "customer_id"}, 1]})
    assert {(one.segment_mean, one.base_mean) for one in profile.numbers} == {(2.0, 3.0)}
    assert {one.column.name for one in profile.numbers} == {*points}


def test_everyone_is_like_everyone(engine: SegmentationEngine):
    profile = engine.profile({})
    assert {number.difference for number in profile.numbers} == {0.0}
    assert all(number.segment_mean == number.base_mean for number in profile.numbers)
    assert {value.index for value in profile.values} == {1.0}


def test_nobody_has_no_means_and_no_shares(engine: SegmentationEngine):
    profile = engine.profile({"<": [{"var": "age"}, 0]})
    assert (profile.customers, profile.base) == (0, DEMO_CUSTOMERS)
    for number in profile.numbers:
        assert (number.segment_mean, number.segment_total, number.difference) == (None, None, None)
        assert number.base_mean is not None
    assert {(value.customers, value.segment_share, value.index) for value in profile.values} == {(0, 0.0, 0.0)}


def test_ids_and_segments_are_not_compared(engine: SegmentationEngine, sql: Query):
    keep(engine, "Rich", {">": [{"var": "total_revenue"}, 800]})
    profile = engine.profile(segment("rich"))
    compared = {one.column.name for one in (*profile.numbers, *profile.values)}
    assert compared.isdisjoint({"segment:rich", "customer_id"})
    revenue = profile.number("total_revenue")
    assert revenue is not None
    [(total,)] = sql("SELECT sum(total_revenue) FROM customers WHERE total_revenue > 800")
    assert revenue.segment_total == pytest.approx(total)
    assert profile.number("segment:rich") is None


@pytest.fixture
def small(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> SegmentationEngine:
    """Numbers of each type, with NaN and blanks, before any scoring."""
    backend.execute(
        "CREATE TABLE customer_features_view (customer_id integer, price numeric(12, 2), score double precision, "
        "points bigint, always integer, tier varchar, active boolean, never numeric(4, 1));"
        "INSERT INTO customer_features_view VALUES "
        "(1, 0.10, 'NaN', 9007199254740993, 7, 'a', true, NULL), (2, 0.20, 2, 1, 7, 'a', false, NULL), "
        "(3, 0.30, 4, 2, 7, 'b', NULL, NULL), (4, NULL, NULL, NULL, 7, NULL, true, NULL)"
    )
    return SegmentationEngine(open_warehouse(backend.url))


def test_decimals_nan_and_blanks(small: SegmentationEngine):
    profile = small.profile({"<=": [{"var": "customer_id"}, 2]})
    price, score, points, always, never = map(profile.number, ("price", "score", "points", "always", "never"))
    assert price and score and points and always and never
    assert (price.segment_mean, price.base_mean) == (pytest.approx(0.15), pytest.approx(0.2))
    assert (price.segment_total, price.base_total) == (pytest.approx(0.3), pytest.approx(0.6))
    assert price.difference == pytest.approx(-0.05 / math.sqrt(0.02 / 3))
    assert (score.segment_mean, score.base_mean, score.segment_total) == (2, 3, 2)
    assert points.base_total == pytest.approx(9007199254740996)
    assert (always.segment_mean, always.difference) == (7, 0)
    assert (never.segment_mean, never.base_mean, never.base_total, never.difference) == (None, None, None, None)
    figures = (price.segment_mean, price.base_total, score.base_mean, points.segment_total, always.base_mean)
    assert {type(figure) for figure in figures} == {float}
    assert [(one.value, one.customers, one.segment_share, one.base_share) for one in values_of(profile, "tier")] == [
        ("a", 2, 1, 0.5),
        ("b", 0, 0, 0.25),
    ]
    assert [(one.value, one.customers, one.base_share) for one in values_of(profile, "active")] == [
        (True, 1, 0.5),
        (False, 1, 0.25),
    ]


def test_an_empty_base(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE TABLE customer_features_view (customer_id varchar, points integer, tier varchar)")
    profile = SegmentationEngine(open_warehouse(backend.url)).profile({})
    assert (profile.customers, profile.base, profile.values) == (0, 0, ())
    points = profile.number("points")
    assert points is not None
    assert (points.base_mean, points.segment_total, points.difference) == (None, None, None)


def test_a_view_with_nothing_to_compare(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute(
        "CREATE TABLE customer_features_view (customer_id varchar); INSERT INTO customer_features_view VALUES ('a')"
    )
    profile = SegmentationEngine(open_warehouse(backend.url)).profile({})
    assert (profile.customers, profile.base, profile.numbers, profile.values) == (1, 1, (), ())
