"""Histograms and ranks, against numpy's counting of the same values."""

from __future__ import annotations

import math
import sqlite3
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from loyalty_core.warehouse.columns import Histogram, customers_by_month, histogram, histograms, percentile_ranks
from loyalty_core.warehouse.dialects.duckdb import DuckDB

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile

    OpenWarehouse = Callable[..., Warehouse]


def column_of(values: Sequence[float | None], sql_type: str = "double precision") -> str:
    """SQL for a features view with these values in its column x."""
    rows = ", ".join(f"({i}, {_literal(value)})" for i, value in enumerate(values))
    return (
        f"DROP TABLE IF EXISTS customer_features_view; "
        f"CREATE TABLE customer_features_view (customer_id integer, x {sql_type}); "
        f"INSERT INTO customer_features_view VALUES {rows};"
    )


def _literal(value: float | None) -> str:
    if value is None:
        return "NULL"
    return f"'{value}'" if not math.isfinite(value) else repr(value)


def counted_by_numpy(values: Sequence[float], spread: Histogram) -> tuple[int, ...]:
    """The bars that those edges call for: numpy, too, takes the upper edge into its last bin."""
    clipped = np.clip(values, spread.edges[0], spread.edges[-1])
    return tuple(int(n) for n in np.histogram(clipped, spread.edges)[0])


@pytest.fixture
def spread_of(backend: Backend, open_warehouse: OpenWarehouse) -> Callable[..., Histogram | None]:
    """The histogram of a column with these values, on each database."""

    def read(values: Sequence[float | None], sql_type: str = "double precision") -> Histogram | None:
        backend.execute(column_of(values, sql_type))
        warehouse = open_warehouse(backend.url)
        try:
            return histogram(warehouse, "x")
        finally:
            warehouse.close()

    return read


def test_edges_are_round_and_every_value_is_counted(spread_of: Callable[..., Histogram]):
    values = [number * 0.97 for number in range(101)]
    spread = spread_of(values)
    assert spread.edges == tuple(float(edge) for edge in range(0, 101, 5))
    assert not spread.open_ended
    assert spread.counts == counted_by_numpy(values, spread)
    assert sum(spread.counts) == 101


def test_a_long_tail_shares_the_last_bar(spread_of: Callable[..., Histogram]):
    values = [*range(1000), 1_000_000]
    spread = spread_of([float(value) for value in values])
    assert spread.open_ended
    assert spread.edges[-1] == 1000
    assert spread.counts[-1] == 51
    assert sum(spread.counts) == 1001


def test_values_on_an_edge_belong_to_the_bar_above(spread_of: Callable[..., Histogram]):
    """0.15 / 0.05 is below 3 in binary arithmetic."""
    spread = spread_of([round(step * 0.05, 2) for step in range(21)])
    assert spread.edges[:4] == (0.0, 0.05, 0.1, 0.15)
    assert spread.counts == (1,) * 19 + (2,)


def test_whole_numbers_get_no_empty_bars_in_between(spread_of: Callable[..., Histogram]):
    spread = spread_of([0, 1, 2, 3, 4, 5], "integer")
    assert spread == Histogram((0.0, 1.0, 2.0, 3.0, 4.0, 5.0), (1, 1, 1, 1, 2), open_ended=False)


def test_a_constant_column_is_one_bar(spread_of: Callable[..., Histogram]):
    assert spread_of([7.5, 7.5, None]) == Histogram((7.0, 8.0), (2,), open_ended=False)


@pytest.mark.parametrize("values", [[None, None], [math.nan, None], [math.inf, -math.inf, math.nan]])
def test_nothing_but_blanks_is_no_histogram(spread_of: Callable[..., Histogram | None], values: list[float | None]):
    assert spread_of(values) is None


def test_blanks_and_infinities_are_left_out(spread_of: Callable[..., Histogram]):
    spread = spread_of([1.0, 2.0, None, math.nan, math.inf, -math.inf])
    assert sum(spread.counts) == 2


@pytest.mark.parametrize(
    "values",
    [
        [-1e300, 0.0, 1e300],
        [1e-300, 2e-300],
        [9_007_199_254_740_992.0, 9_007_199_254_740_994.0],
        [-1000.0, -0.5, 0.0, 12.5],
    ],
)
def test_extremes_are_counted(spread_of: Callable[..., Histogram], values: list[float]):
    spread = spread_of(values)
    assert sum(spread.counts) == len(values)
    assert all(low < high for low, high in zip(spread.edges, spread.edges[1:], strict=False))
    assert spread.edges[0] <= min(values)


@pytest.mark.parametrize(
    ("values", "sql_type"), [([0.1, 0.2, 99.9], "numeric(12, 2)"), ([2**62, 0, -(2**62)], "bigint")]
)
def test_decimals_and_big_integers_have_histograms(
    spread_of: Callable[..., Histogram], values: list[float], sql_type: str
):
    spread = spread_of(values, sql_type)
    assert spread.counts == counted_by_numpy(values, spread)


def test_a_database_without_quantiles_has_no_open_bar(tmp_path: Path, open_warehouse: OpenWarehouse):
    file = tmp_path / "warehouse.db"
    connection = sqlite3.connect(file)
    connection.executescript(column_of([float(value) for value in [*range(1000), 19_999]]))
    connection.close()
    spread = histogram(open_warehouse(f"sqlite:///{file}"), "x")
    assert spread == Histogram(tuple(float(i) for i in range(0, 20_001, 1000)), (1000, *[0] * 18, 1), open_ended=False)


two_decimals = st.integers(-(10**6), 10**6).map(lambda cents: cents / 100)
ordinary = st.floats(-1e12, 1e12, allow_subnormal=False)


@example([0.15, 0.3, 1.0, 0.0])
@given(st.lists(st.none() | st.just(math.nan) | two_decimals, min_size=1) | st.lists(ordinary, min_size=1))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bars_are_what_numpy_counts(duckdb_file: DuckDBFile, open_warehouse: OpenWarehouse, values: list[float | None]):
    duckdb_file.execute(column_of(values))
    warehouse = open_warehouse(duckdb_file.url)
    spread = histogram(warehouse, "x")
    warehouse.close()
    filled = np.array([value for value in values if value is not None and not math.isnan(value)])
    if not len(filled):
        assert spread is None
        return
    # A value within a hair's breadth of an edge may stand on either side of it.
    hair = 1e-8 * (spread.edges[1] - spread.edges[0])
    below, above = (np.cumsum(counted_by_numpy(filled + shift, spread)) for shift in (-hair, hair))
    counted = np.cumsum(spread.counts)
    assert (above <= counted).all()
    assert (counted <= below).all()
    assert counted[-1] == len(filled)
    assert len(spread.counts) <= 21


def test_customers_by_month(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES "
        "(1, DATE '2024-02-29', TIMESTAMP '2023-12-31 23:59:59'), (2, DATE '2024-02-01', NULL), "
        "(3, DATE '2023-12-31', TIMESTAMP '2024-01-01 00:00:00'), (4, NULL, NULL)) AS t(customer_id, day, moment)"
    )
    warehouse = open_warehouse(backend.url)
    assert customers_by_month(warehouse, "day") == [(date(2023, 12, 1), 1), (date(2024, 2, 1), 2)]
    assert customers_by_month(warehouse, "moment") == [(date(2023, 12, 1), 1), (date(2024, 1, 1), 1)]


def test_a_rank_counts_half_of_the_ties_and_no_blanks(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(column_of([1, 2, 2, 3, None, math.nan]))
    warehouse = open_warehouse(backend.url)
    assert percentile_ranks(warehouse, {"customer_id": 1, "x": 2.0})["x"] == 0.5
    assert percentile_ranks(warehouse, {"customer_id": 0, "x": 1.0})["x"] == 0.125
    assert percentile_ranks(warehouse, {"x": 9.0}) == {"x": 1.0}


def test_a_value_that_everybody_has_is_in_the_middle(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(column_of([4, 4, 4], "numeric(6, 2)"))
    assert percentile_ranks(open_warehouse(backend.url), {"x": 4}) == {"x": 0.5}


def test_blank_and_other_features_have_no_rank(warehouse: Warehouse):
    ranks = percentile_ranks(warehouse, {"full_name": "Bo", "score": None, "active": True, "points": 0, "gone": 1})
    assert ranks == {"points": 0.5}


def test_big_integers_are_distinguished(warehouse: Warehouse):
    """9,007,199,254,740,992 and …993 are one number as doubles."""
    assert percentile_ranks(warehouse, {"points": 9_007_199_254_740_992})["points"] == pytest.approx(2 / 3)


def test_several_columns_at_once_have_the_histograms_that_each_has_alone(
    duckdb_file: DuckDBFile, open_warehouse: OpenWarehouse, monkeypatch: pytest.MonkeyPatch
):
    duckdb_file.execute(
        "CREATE VIEW customer_features_view AS SELECT x AS customer_id, x % 7 AS low, x * 0.5 AS high, "
        "NULL::integer AS nothing FROM range(100) AS r(x)"
    )
    warehouse = open_warehouse(duckdb_file.url)
    names = ("low", "nothing", "high")
    alone = [histogram(warehouse, name) for name in names]
    columns = [warehouse.features.c[name] for name in names]
    assert histograms(warehouse, columns) == alone
    monkeypatch.setattr(DuckDB, "uses_sketches", True)
    assert histograms(warehouse, columns) == alone
    assert alone[1] is None
