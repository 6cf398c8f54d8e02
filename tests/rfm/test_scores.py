"""RFM scores: one customer, arrays and SQL agree, whatever the values are."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from loyalty_core.rfm import (
    SEGMENT_NAMES,
    RfmColumns,
    RfmCutPoints,
    RfmScore,
    Rule,
    compute_cut_points,
    score_arrays,
    score_columns,
    score_one,
)
from tests.ml.bases import buyers, fill

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

DAYS, PURCHASES, MONEY = "days_since_last_transaction", "transaction_count", "total_revenue"


def cut_points(rule: Rule = "default") -> RfmCutPoints:
    return RfmCutPoints(
        recency=(30.0, 60.0, 90.0, 180.0),
        frequency=(1.0, 2.0, 5.0, 10.0),
        monetary=(50.0, 100.0, 250.5, 1000.0),
        columns=RfmColumns(DAYS, PURCHASES, MONEY),
        rule=rule,
        customers=100,
        never_bought=0,
        as_of=datetime(2026, 11, 22, tzinfo=UTC),
    )


def one(days: Any, purchases: Any, money: Any, rule: Rule = "default") -> RfmScore:
    return score_one({DAYS: days, PURCHASES: purchases, MONEY: money}, cut_points(rule))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0, 40, 5000.0), (5, 5, 5, "Champions")),
        ((1, 1, 20.0), (5, 1, 1, "New")),
        ((400, 1, 20.0), (1, 1, 1, "Lost")),
        ((400, 40, 5000.0), (1, 5, 5, "Can't Lose Them")),
        ((30, 2, Decimal("100.00")), (5, 2, 2, "Potential Loyalists")),  # a cut point belongs to the group before it
        ((31, 3, Decimal("100.01")), (4, 3, 3, "Potential Loyalists")),
    ],
)
def test_scores_count_the_cut_points_passed(values: tuple[Any, Any, Any], expected: tuple[Any, ...]) -> None:
    assert one(*values) == expected


def test_the_rule_of_r_passes_a_cut_point_by_reaching_it() -> None:
    assert one(30, 2, 100.0, "r")[:3] == (4, 3, 3)
    assert one(29.9, 1.9, 99.9, "r")[:3] == (5, 2, 2)


@pytest.mark.parametrize("blank", [None, math.nan, math.inf, -math.inf, "many"])
def test_a_blank_scores_one(blank: Any) -> None:
    assert one(blank, 40, 5000.0)[:3] == (1, 5, 5)
    assert one(0, blank, 5000.0)[:3] == (5, 1, 5)
    assert one(0, 40, blank)[:3] == (5, 5, 1)


@pytest.mark.parametrize("purchases", [None, 0, -1])
def test_who_never_bought_is_neither_lost_nor_new(purchases: int | None) -> None:
    assert one(None, purchases, None) == (1, 1, 1, "No Purchases")


def test_a_forgotten_date_does_not_undo_purchases() -> None:
    assert one(None, 40, 5000.0).segment == "Can't Lose Them"


MEASURE = st.one_of(
    st.none(),
    st.sampled_from([0, 1, 2, 5, 10, 30, 31, 60, 90, 180, 50.0, 100.0, 250.5, 1000.0, math.nan, math.inf, -1]),
    st.floats(-10, 2000),
)


@given(st.lists(st.tuples(MEASURE, MEASURE, MEASURE), min_size=1, max_size=30), st.sampled_from(["default", "r"]))
def test_arrays_score_as_single_customers_do(values: list[tuple[Any, Any, Any]], rule: Rule) -> None:
    columns = (np.array([math.nan if v is None else v for v in column], dtype=np.float64) for column in zip(*values))  # noqa: B905
    scored = score_arrays(*columns, cut_points(rule))
    expected = [one(*value, rule) for value in values]
    assert [tuple(scores) for scores in scored.scores.tolist()] == [score[:3] for score in expected]
    assert [SEGMENT_NAMES[position] for position in scored.segments] == [score.segment for score in expected]


def in_sql(warehouse: Warehouse, points: RfmCutPoints) -> dict[str, RfmScore]:
    view = warehouse.features
    columns = (column.label(f"rfm_{name}") for name, column in score_columns(view, points).items())
    rows = warehouse.rows(sa.select(view.c.customer_id, *columns))
    return {row["customer_id"]: RfmScore(*list(row.values())[1:]) for row in rows}


def in_python(warehouse: Warehouse, points: RfmCutPoints) -> dict[str, RfmScore]:
    rows = warehouse.rows(sa.select(warehouse.features))
    return {row["customer_id"]: score_one(row, points) for row in rows}


AWKWARD = [
    *((day, 1, 10.0) for day in (0, 0, 0, 1, 1, 400)),
    *((30, count, 99.99) for count in (1, 2, 2, 3, 3, 3, 50)),
    (None, None, None),
    (None, 0, 0.0),
    (None, 3, 12.5),
    (7, None, 12.5),
    (7, 3, None),
    (7, 3, math.nan),
    (7, 3, math.inf),
    (7, 3, -math.inf),
    (7, 3, -25.0),
    (7, 3, 0.1 + 0.2),
    (2**31 - 1, 2**53, 1e300),
]


@pytest.mark.parametrize("rule", ["default", "r"])
@pytest.mark.parametrize(
    "measures",
    [
        pytest.param(AWKWARD, id="ties and blanks"),
        pytest.param([(5, 1, 10.0)] * 40, id="constant"),
        pytest.param([(place % 3, place % 2, place % 4 / 10) for place in range(50)], id="few distinct"),
        pytest.param([(3, 1, 20.0)], id="one customer"),
        pytest.param([(3, 1, 20.0), (9, 2, 30.0)], id="two customers"),
        pytest.param([(place * 7 % 365, place * 13 % 29, place * 17 % 97 / 7) for place in range(400)], id="spread"),
    ],
)
def test_sql_scores_every_customer_as_python_does(
    measures: list[tuple[Any, Any, Any]],
    rule: Rule,
    backend: Backend,
    open_warehouse: Callable[..., Warehouse],
) -> None:
    fill(backend, buyers(measures))
    warehouse = open_warehouse(backend.url, rfm_rule=rule)
    points = compute_cut_points(warehouse)
    scored = in_sql(warehouse, points)
    assert len(scored) == len(measures)
    assert scored == in_python(warehouse, points)


def test_equal_values_have_equal_scores_in_every_measure(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    fill(backend, buyers([(place % 4, place % 3, place % 5 * 1.5) for place in range(300)]))
    warehouse = open_warehouse(backend.url)
    scored = in_sql(warehouse, compute_cut_points(warehouse))
    for measure, distinct in enumerate((4, 3, 5)):
        found = {(place % distinct, scored[f"c{place}"][measure]) for place in range(300)}
        assert len(found) == distinct


def test_constant_columns_put_everyone_in_the_same_cell(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    fill(backend, buyers([(5, 1, 10.0)] * 40))
    warehouse = open_warehouse(backend.url)
    assert set(in_sql(warehouse, compute_cut_points(warehouse)).values()) == {(5, 1, 1, "New")}
