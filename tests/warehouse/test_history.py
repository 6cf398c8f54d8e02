"""Training rows: from the history tables and from queries in the settings, on every database."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pytest

from loyalty_core.errors import DataError, SettingsError, ViewUnusable
from loyalty_core.ml.tasks import CHURN, CHURN_TIMING, NBO, UPTAKE
from loyalty_core.settings import DEFAULT_FEATURE_MAPPING
from loyalty_core.warehouse.history import read_history
from loyalty_core.warehouse.mapping import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

HISTORY = """
CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id;
CREATE TABLE customer_churn_history (
    customer_id varchar, total_revenue numeric(12, 2), transaction_count integer, days_since_last_transaction integer,
    avg_transaction_value double precision, lifetime_value numeric(12, 2), churned integer, snapshot_date date
);
INSERT INTO customer_churn_history VALUES
    ('C3', 30.25, 3, 30, 10.0, 33, 1, '2026-03-01'),
    ('C1', 10.25, 1, 10, 10.0, 11, 0, '2026-01-01'),
    ('C2', NULL, 2, 20, 10.0, 22, 1, '2026-02-01'),
    ('C4', 40.25, 4, 40, 10.0, 44, NULL, '2026-04-01');
CREATE TABLE customer_offer_history (
    customer_id varchar, total_revenue numeric(12, 2), transaction_count integer, days_since_last_transaction integer,
    avg_transaction_value double precision, lifetime_value numeric(12, 2), converted_offer_id integer,
    created_at timestamp
);
INSERT INTO customer_offer_history VALUES
    ('C1', 10.25, 1, 10, 10.0, 11, 8, '2026-01-01 23:59:59'),
    ('C2', 20.25, 2, 20, 10.0, 22, 1, '2026-02-01 00:00:00');
"""
# The documented example queries with your_schema replaced, letter for letter.
GUIDE_NBO_QUERY = """
    SELECT 
        customer_id,
        total_revenue,
        transaction_count,
        days_since_last_transaction,
        avg_transaction_value,
        lifetime_value,
        converted_offer_id
    FROM {schema}.customer_offer_history
    WHERE converted_offer_id IS NOT NULL
    AND created_at >= :start_date
    LIMIT 10000
"""  # noqa: W291
GUIDE_CHURN_QUERY = """
    SELECT 
        customer_id,
        total_revenue,
        transaction_count,
        days_since_last_transaction,
        avg_transaction_value,
        lifetime_value,
        churned
    FROM {schema}.customer_churn_history
    WHERE churned IS NOT NULL
    AND snapshot_date >= :start_date
    LIMIT 10000
"""  # noqa: W291
SCHEMA = {"duckdb": "main", "postgresql": "public"}

REVENUE_ALONE: dict[str, str | list[str]] = {"revenue": "total_revenue"}


@pytest.fixture
def histories(backend: Backend) -> Backend:
    backend.execute(HISTORY)
    return backend


def test_the_churn_table_by_the_mapping(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    seen: list[int] = []
    history = read_history(open_warehouse(histories.url), CHURN.history, DEFAULT_FEATURE_MAPPING, on_rows=seen.append)
    assert history.source == "customer_churn_history"
    assert history.features.to_pydict() == {
        "revenue": [10.25, None, 30.25],
        "transaction_count": [1, 2, 3],
        "days_since_last": [10, 20, 30],
        "avg_transaction_value": [10.0, 10.0, 10.0],
        "lifetime_value": [11.0, 22.0, 33.0],
    }
    assert history.labels.to_pylist() == [0, 1, 1]
    assert history.dates is not None
    assert history.dates.to_pylist() == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)]
    assert history.customers is not None
    assert history.customers.to_pylist() == ["C1", "C2", "C3"]
    assert seen[-1] == len(history) == 3


def test_the_month_in_which_a_customer_left(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    """By customer: when they left and until when they were followed, from 1 January on."""
    known = {
        "left on the first day": ("2026-01-01", "2026-06-01", 1),
        "left on day 30": ("2026-01-31", "2026-06-01", 1),
        "left on day 31": ("2026-02-01", "2026-06-01", 2),
        "left on day 90": ("2026-04-01", "2026-06-01", 3),
        "left on day 91": ("2026-04-02", "2026-06-01", 4),
        "stayed": (None, "2026-04-01", 4),
        "two months, left in the second": ("2026-02-10", "2026-03-31", 6),
        "two months, left in the third": ("2026-03-20", "2026-03-31", 7),
        "two months, stayed": (None, "2026-03-02", 7),
        "one month, left": ("2026-01-20", "2026-02-20", 8),
        "one month, left in the second": ("2026-02-10", "2026-02-20", 9),
        "less than a month": ("2026-01-20", "2026-01-30", None),
        "had left before": ("2025-12-31", "2026-06-01", None),
    }
    rows = ", ".join(
        f"('{name}', {f'{left!r}' if left else 'NULL'}, '{until}')" for name, (left, until, _) in known.items()
    )
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    backend.execute(
        "CREATE TABLE customer_churn_history AS SELECT customer_id, 10 AS total_revenue, "
        "CAST(left_at AS timestamp) AS left_at, CAST(until AS date) AS observed_until, "
        f"CAST('2026-01-01' AS date) AS snapshot_date FROM (VALUES {rows}) AS rows(customer_id, left_at, until)"
    )
    history = read_history(open_warehouse(backend.url), CHURN_TIMING.history, REVENUE_ALONE)
    assert history.customers is not None
    found = dict(zip(history.customers.to_pylist(), history.labels.to_pylist(), strict=True))
    assert found == {name: month for name, (_, _, month) in known.items() if month is not None}


def test_without_a_column_all_are_followed_until_the_last_date(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    rows = "('C1', '2026-01-10', '2026-01-01'), ('C2', NULL, '2026-01-01'), ('C3', NULL, '2026-02-20')"
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    backend.execute(
        "CREATE TABLE customer_churn_history AS SELECT customer_id, 10 AS total_revenue, "
        "CAST(left_at AS date) AS left_at, CAST(day AS date) AS snapshot_date "
        f"FROM (VALUES {rows}) AS rows(customer_id, left_at, day)"
    )
    history = read_history(open_warehouse(backend.url), CHURN_TIMING.history, REVENUE_ALONE)
    assert history.labels.to_pylist() == [8, 9]


def test_a_start_date_leaves_out_older_rows(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    warehouse = open_warehouse(histories.url)
    churn = read_history(warehouse, CHURN.history, DEFAULT_FEATURE_MAPPING, since=date(2026, 2, 1))
    offers = read_history(warehouse, NBO.history, DEFAULT_FEATURE_MAPPING, since=date(2026, 1, 2))
    assert churn.labels.to_pylist() == [1, 1]
    assert offers.labels.to_pylist() == [1]
    assert not churn.since_ignored


@pytest.mark.parametrize(("flag", "says_no"), [("", ""), (", true AS converted", ", false")])
def test_rows_in_which_no_offer_was_taken(
    backend: Backend, open_warehouse: Callable[..., Warehouse], flag: str, says_no: str
) -> None:
    """Blank, 0 or "converted: no" are rows without an offer; those after the last conversion are too recent to say."""
    rows = ("'C1', 8", "'C2', NULL", "'C3', 0", "'C4', 1", "'C5', NULL")
    yes = flag.replace(" AS converted", "")
    days = [f"CAST('2026-0{month}-01' AS date)" for month in range(1, 6)]
    values = [f"({row}, {day}{says_no if row.endswith('1') else yes})" for row, day in zip(rows, days, strict=True)]
    name = ", converted" if flag else ""
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    backend.execute(
        "CREATE TABLE customer_offer_history AS SELECT customer_id, offer AS converted_offer_id, 10 AS total_revenue, "
        f"day AS created_at{name} FROM (VALUES {', '.join(values)}) AS rows(customer_id, offer, day{name})"
    )
    warehouse = open_warehouse(backend.url)
    what = read_history(warehouse, NBO.history, REVENUE_ALONE)
    whether = read_history(warehouse, UPTAKE.history, REVENUE_ALONE)
    assert what.labels.to_pylist() == ([8] if flag else [8, 1])
    # The flag says that the last of the offers was not taken, so only the first row is of a day of conversions.
    assert whether.labels.to_pylist() == ([1] if flag else [1, 0, 0, 1])


def test_the_newest_rows_are_taken_when_there_are_too_many(
    histories: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    history = read_history(open_warehouse(histories.url), CHURN.history, DEFAULT_FEATURE_MAPPING, most_rows=2)
    assert history.customers is not None
    assert history.customers.to_pylist() == ["C2", "C3"]


def test_queries_as_documented(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    schema = SCHEMA[histories.name]
    warehouse = open_warehouse(
        histories.url,
        dwh_nbo_training_query=GUIDE_NBO_QUERY.format(schema=schema),
        dwh_churn_training_query=GUIDE_CHURN_QUERY.format(schema=schema),
    )
    churn = read_history(warehouse, CHURN.history, DEFAULT_FEATURE_MAPPING)
    assert churn.source == "DWH_CHURN_TRAINING_QUERY"
    assert churn.features["revenue"].to_pylist() == [10.25, None, 30.25]
    assert churn.dates is None
    assert read_history(warehouse, NBO.history, DEFAULT_FEATURE_MAPPING, since=date(2026, 2, 1)).labels.to_pylist() == [
        1
    ]
    assert not churn.since_ignored


def test_a_query_without_start_date(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    """Numerics stay numbers, the semicolon may stay, and the colons of a cast and in a text are no parameters."""
    query = """SELECT customer_id AS "Customer_ID", total_revenue, churned::text AS "Churned", '12\\:30' AS at
               FROM customer_churn_history WHERE churned IS NOT NULL;"""
    warehouse = open_warehouse(histories.url, dwh_churn_training_query=query)
    history = read_history(warehouse, CHURN.history, REVENUE_ALONE, since=date(2026, 2, 1))
    assert history.features["revenue"].to_pylist() == [10.25, None, 30.25]
    assert history.labels.to_pylist() == ["0", "1", "1"]
    assert history.since_ignored


def test_a_query_that_ends_in_a_comment(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    query = "SELECT total_revenue, churned FROM customer_churn_history WHERE churned IS NOT NULL -- the leavers"
    warehouse = open_warehouse(histories.url, dwh_churn_training_query=query)
    assert len(read_history(warehouse, CHURN.history, REVENUE_ALONE).labels) == 3


def test_a_date_in_the_query_is_used_for_the_start(
    histories: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    query = "SELECT total_revenue, churned, snapshot_date FROM customer_churn_history"
    history = read_history(
        open_warehouse(histories.url, dwh_churn_training_query=query),
        CHURN.history,
        REVENUE_ALONE,
        since=date(2026, 2, 1),
    )
    assert history.labels.to_pylist() == [1, 1]
    assert history.customers is None
    assert not history.since_ignored


def test_the_order_of_rows_in_the_warehouse_does_not_matter(
    histories: Backend, open_warehouse: Callable[..., Warehouse]
) -> None:
    query = "SELECT customer_id, total_revenue, churned FROM customer_churn_history ORDER BY total_revenue {}"
    up, down = (
        read_history(
            open_warehouse(histories.url, dwh_churn_training_query=query.format(way)), CHURN.history, REVENUE_ALONE
        )
        for way in ("ASC", "DESC")
    )
    assert up.features.equals(down.features)
    assert up.labels.equals(down.labels)


def test_a_history_beside_the_features_view(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    backend.execute(
        """CREATE SCHEMA marts;
        CREATE TABLE marts.customer_features_view AS SELECT 'C1' AS customer_id;
        CREATE TABLE marts.customer_churn_history AS SELECT 5 AS total_revenue, 1 AS churned;
        CREATE TABLE customer_churn_history AS SELECT 7 AS total_revenue, 0 AS churned;"""
    )
    warehouse = open_warehouse(backend.url, dwh_customer_features_table="marts.customer_features_view")
    assert read_history(warehouse, CHURN.history, REVENUE_ALONE).features["revenue"].to_pylist() == [5]


def test_no_table(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    backend.execute("CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id")
    with pytest.raises(ViewUnusable, match=r"no table customer_offer_history.*set DWH_NBO_TRAINING_QUERY"):
        read_history(open_warehouse(backend.url), NBO.history, DEFAULT_FEATURE_MAPPING)


def test_no_label(backend: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    backend.execute("CREATE TABLE customer_churn_history AS SELECT 5 AS total_revenue")
    with pytest.raises(DataError, match="customer_churn_history has no column 'churned'"):
        read_history(open_warehouse(backend.url), CHURN.history, REVENUE_ALONE)


def test_no_feature(histories: Backend, open_warehouse: Callable[..., Warehouse]) -> None:
    columns: dict[str, str | list[str]] = {"revenue": "total_revenu"}
    with pytest.raises(MappingError, match=r"customer_churn_history has no column.*nearest: total_revenue"):
        read_history(open_warehouse(histories.url), CHURN.history, columns)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELECT * FROM nowhere", "DWH_CHURN_TRAINING_QUERY cannot run: .*nowhere"),
        ("SELECT * FROM customer_churn_history WHERE snapshot_date < :end", "uses :end, but only :start_date is given"),
    ],
)
def test_a_query_that_cannot_run(
    histories: Backend, open_warehouse: Callable[..., Warehouse], query: str, message: str
) -> None:
    warehouse = open_warehouse(histories.url, dwh_churn_training_query=query)
    with pytest.raises(SettingsError, match=message):
        read_history(warehouse, CHURN.history, REVENUE_ALONE)
