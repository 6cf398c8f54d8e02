"""RFM of the customers in scope: every figure is that of SQL written by hand."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from loyalty_core.analytics.rfm import (
    CurvePoint,
    RfmFigures,
    RfmSegment,
    Spending,
    cell_conditions,
    segment_condition,
    spending_curve,
    strength,
)
from loyalty_core.analytics.rfm.figures import RfmGroup, read_rfm
from loyalty_core.analytics.scope import Scope, ScopedBase
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.rfm import SEGMENT_NAMES
from loyalty_core.rfm.cells import segment_details
from loyalty_core.segments import SegmentationEngine
from loyalty_core.segments.errors import PredictionsMissing
from tests.fixtures.warehouses import PostgresDatabase
from tests.ml.bases import base as varied_customers
from tests.ml.bases import fill
from tests.ml.fixtures import CONTRACT
from tests.segments.scored import keep
from tests.workbench import DEMO_CUSTOMERS, Query

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse


RICH = {">": [{"var": "total_revenue"}, 800]}
FIGURES = "count(*), count(total_revenue), coalesce(sum(total_revenue), 0), coalesce(sum(transaction_count), 0)"


@pytest.fixture
def everyone(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    return ScopedBase(scored_demo, engine, Scope())


@pytest.fixture
def rich(scored_demo: Warehouse, engine: SegmentationEngine) -> ScopedBase:
    return ScopedBase(scored_demo, engine, Scope(keep(engine, "Rich", RICH).id))


def same(found: Spending, row: tuple[float, ...]) -> bool:
    facts = (found.customers, found.known, found.money, found.purchases)
    return facts == pytest.approx(tuple(map(float, row)), rel=1e-9)


def test_every_cell_is_that_of_sql(everyone: ScopedBase, sql: Query):
    figures = read_rfm(everyone)
    for monetary in (None, 1, 2, 3, 4, 5):
        layer = "true" if monetary is None else f"monetary = {monetary}"
        grid = figures.grid(monetary)
        assert len(grid) == 25
        for (recency, frequency), found in grid.items():
            where = f"recency = {recency} AND frequency = {frequency} AND {layer} AND rfm_segment <> 'No Purchases'"
            [row] = sql(f"SELECT {FIGURES} FROM customers WHERE {where}")
            assert same(found, row), (recency, frequency, monetary)
    assert figures.unscored == 0
    assert figures.total.customers == DEMO_CUSTOMERS


def test_the_rule_of_a_cell_counts_the_customers_of_the_cell(everyone: ScopedBase, rich: ScopedBase):
    for base in (everyone, rich):
        figures = read_rfm(base)
        for monetary in (None, 1, 5):
            for recency, frequency in ((1, 1), (5, 5), (3, 2), (1, 4)):
                rule = base.scope.rule_with(*cell_conditions(base, recency, frequency, monetary))
                expected = figures.grid(monetary)[recency, frequency].customers
                assert base.engine.count(rule) == expected, (recency, frequency, monetary)


def test_customers_who_never_bought_are_outside_the_grid(everyone: ScopedBase, sql: Query):
    [(never,)] = sql("SELECT count(*) FROM customers WHERE rfm_segment = 'No Purchases'")
    figures = read_rfm(everyone)
    assert never > 0
    assert sum(cell.customers for cell in figures.grid().values()) == DEMO_CUSTOMERS - never
    assert sum(score.customers for score in figures.by_score("recency").values()) == DEMO_CUSTOMERS - never


@pytest.mark.parametrize("score", ["recency", "frequency", "monetary"])
def test_customers_by_score_are_those_of_sql(everyone: ScopedBase, sql: Query, score: str):
    found = read_rfm(everyone).by_score(score)
    assert list(found) == [5, 4, 3, 2, 1]
    expected = sql(f"SELECT {score}, {FIGURES} FROM customers WHERE rfm_segment <> 'No Purchases' GROUP BY 1")
    assert {value for value, *_ in expected} == {value for value, spending in found.items() if spending.customers}
    assert all(same(found[value], row) for value, *row in expected)


def test_every_segment_is_that_of_sql(rich: ScopedBase, sql: Query):
    segments = read_rfm(rich).segments()
    expected = sql(
        f"SELECT rfm_segment, {FIGURES}, count(*) / sum(count(*)) OVER (), sum(total_revenue) / "
        "sum(sum(total_revenue)) OVER (), sum(total_revenue) / sum(transaction_count), avg(total_revenue) "
        "FROM customers WHERE total_revenue > 800 GROUP BY 1"
    )
    assert len(segments) == len(expected) >= 5
    by_name = {segment.name: segment for segment in segments}
    for name, *facts, customer_share, money_share, order, mean in expected:
        found = by_name[name]
        assert same(found.spending, tuple(facts))
        assert found.customer_share == pytest.approx(customer_share)
        assert found.money_share == pytest.approx(float(money_share))
        assert found.spending.average_order == pytest.approx(float(order))
        assert found.spending.mean_money == pytest.approx(float(mean))
        assert found.advice == segment_details(name).advice


def test_segments_come_strongest_first(everyone: ScopedBase):
    names = [segment.name for segment in read_rfm(everyone).segments()]
    assert names[0] == "Champions"
    assert names[-2:] == ["Lost", "No Purchases"]
    assert [strength(name) for name in names] == sorted(map(strength, names), reverse=True)
    assert sorted(map(strength, SEGMENT_NAMES)) == list(range(12))
    assert strength("Cherished") == -1


def test_a_segment_of_ones_own_has_no_advice_and_comes_last():
    groups = (RfmGroup(5, 5, 5, "Cherished", Spending(1, 1, 9.0, 3.0)), RfmGroup(1, 1, 1, "Lost", Spending(3, 0, 0, 0)))
    figures = RfmFigures(groups, 0, None)  # pyright: ignore[reportArgumentType]
    lost, cherished = figures.segments()
    assert lost == RfmSegment("Lost", Spending(3, 0, 0, 0), 0.75, 0.0, segment_details("Lost").advice)
    assert cherished == RfmSegment("Cherished", Spending(1, 1, 9.0, 3.0), 0.25, 1.0, "")
    assert lost.spending.mean_money is lost.spending.average_order is None
    assert spending_curve([lost, cherished]) == [CurvePoint("Cherished", 0.25, 1.0), CurvePoint("Lost", 1.0, 1.0)]


def test_the_curve_rises_fastest_first_and_ends_with_everyone(everyone: ScopedBase, sql: Query):
    curve = spending_curve(read_rfm(everyone).segments())
    [(best, share, money)] = sql(
        "SELECT rfm_segment, count(*) / (SELECT count(*) FROM customers), "
        "sum(total_revenue) / (SELECT sum(total_revenue) FROM customers) FROM customers "
        "GROUP BY 1 ORDER BY avg(total_revenue) DESC LIMIT 1"
    )
    assert curve[0] == CurvePoint(best, pytest.approx(share), pytest.approx(float(money)))
    assert (curve[-1].customer_share, curve[-1].money_share) == pytest.approx((1.0, 1.0))
    steps = [(0.0, 0.0), *((point.customer_share, point.money_share) for point in curve)]
    slopes = [(y - b) / (x - a) for (a, b), (x, y) in pairwise(steps)]
    assert slopes == sorted(slopes, reverse=True)


def test_the_rule_of_a_segment_counts_its_customers(everyone: ScopedBase):
    for segment in read_rfm(everyone).segments():
        rule = everyone.scope.rule_with(segment_condition(everyone, segment.name))
        assert everyone.engine.count(rule) == segment.spending.customers


def test_before_the_first_run_there_is_nothing(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
) -> None:
    fill(PostgresDatabase(postgres_database), varied_customers(20))
    warehouse = open_warehouse(postgres_database)
    with pytest.raises(PredictionsMissing):
        read_rfm(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()))


def test_on_postgresql_sums_are_numbers_and_newcomers_are_unscored(
    postgres_database: str, open_warehouse: Callable[..., Warehouse]
) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, varied_customers())
    warehouse = open_warehouse(database.url, rfm_columns={"monetary": "avg_transaction_value"})
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    database.execute("INSERT INTO customer_features_view VALUES ('late', 1, 1, 5, 5, 5)")
    figures = read_rfm(ScopedBase(warehouse, SegmentationEngine(warehouse), Scope()))
    assert figures.unscored == 1
    assert figures.total.customers == 500
    assert figures.total.known == 449
    assert isinstance(figures.total.money, float)
    # The averages are 20 + i % 50 without every tenth customer and the first.
    assert figures.total.money == pytest.approx(sum(20 + i % 50 for i in range(1, 500) if i % 10 != 9))
    assert figures.total.purchases == sum(1 + i * 7 % 40 for i in range(500) if i % 10 != 9)
    nobody = next(segment for segment in figures.segments() if segment.name == "No Purchases")
    assert (nobody.spending.customers, nobody.spending.known, nobody.spending.average_order) == (50, 0, None)
