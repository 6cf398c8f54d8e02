"""Customer bases on each database, made from a few rows, for the tests of RFM and of scoring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

CUSTOMERS = 500

# customer, days since the last purchase, purchases, revenue, average, lifetime
Row = tuple[Any, ...]

COLUMNS = (
    "customer_id varchar(40), days_since_last_transaction integer, transaction_count bigint, "
    "total_revenue double precision, avg_transaction_value numeric(12, 2), lifetime_value double precision"
)


def buyers(measures: Iterable[tuple[Any, Any, Any]]) -> list[Row]:
    """Customers with the given recency, frequency and monetary values."""
    return [(f"c{place}", *values, 10, 100.0) for place, values in enumerate(measures)]


def fill(backend: Backend, rows: Iterable[Row], columns: str = COLUMNS) -> None:
    """Make the features view hold these rows and no others."""
    values = ",\n".join(f"({', '.join(map(_literal, row))})" for row in rows)
    backend.execute(
        "DROP TABLE IF EXISTS customer_features_view;"
        f"CREATE TABLE customer_features_view ({columns});"
        + (f"INSERT INTO customer_features_view VALUES {values};" if values else "")
    )


def base(customers: int = CUSTOMERS) -> list[tuple[Any, ...]]:
    """Varied customers; every tenth has never bought, and the first has no average."""
    rows = [
        (f"c{i}", i * 13 % 200, 1 + i * 7 % 40, round(100 + 7.31 * i, 2), round(20 + i % 50, 2), 200.0 + 11 * i)
        for i in range(customers)
    ]
    rows[0] = (*rows[0][:4], None, rows[0][5])
    return [(row[0], None, 0, 0.0, None, 0.0) if i % 10 == 9 else row for i, row in enumerate(rows)]


def predictions(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    relation = warehouse.predictions
    assert relation is not None
    return {row["customer_id"]: row for row in warehouse.rows(sa.select(relation))}


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float) and (value != value or abs(value) == float("inf")):
        return f"'{value}'"
    return f"'{value}'" if isinstance(value, str) else repr(value)
