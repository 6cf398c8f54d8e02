"""The five standard features, worked out by hand for a few purchases."""

from datetime import date, datetime
from typing import Any

import duckdb
import pytest

from loyalty_core.loading import behaviour_features

PURCHASES = [
    ("early", "2024-01-10 12:00:00", "100.00"),
    ("early", "2025-10-31 23:59:59", "20.00"),
    ("early", "2025-11-01 00:00:00", "30.55"),
    ("early", "2026-10-30 18:00:00", "9.99"),
    ("early", "2026-11-01 00:00:00", "1000.00"),
    ("late", "2026-10-31 08:00:00", "5.00"),
    ("future", "2026-12-24 08:00:00", "5.00"),
]


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        'CREATE TABLE "my ""sales" (customer_id VARCHAR, transaction_at TIMESTAMP, amount DECIMAL(10, 2))'
    )
    connection.executemany('INSERT INTO "my ""sales" VALUES (?, ?, ?)', PURCHASES)
    return connection


def features(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, Any]]:
    relation = connection.sql(behaviour_features(date(2026, 11, 1), 'my "sales'))
    rows = [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]
    return {row.pop("customer_id"): row for row in rows}


def test_features_at_a_date(connection: duckdb.DuckDBPyConnection) -> None:
    assert features(connection)["early"] == {
        "total_revenue": 160.54,
        "transaction_count": 4,
        "days_since_last_transaction": 2,
        "avg_transaction_value": 40.14,
        "lifetime_value": 201.08,
        "first_transaction_at": datetime(2024, 1, 10, 12),
        "last_transaction_at": datetime(2026, 10, 30, 18),
    }


def test_only_customers_who_had_bought(connection: duckdb.DuckDBPyConnection) -> None:
    assert set(features(connection)) == {"early", "late"}
    assert features(connection)["late"]["days_since_last_transaction"] == 1
    assert features(connection)["late"]["lifetime_value"] == 10.0


def test_without_a_purchase_in_the_last_year_the_value_is_the_revenue(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute('DELETE FROM "my ""sales" WHERE transaction_at >= \'2025-01-01\'')
    assert features(connection)["early"]["lifetime_value"] == 100.0
