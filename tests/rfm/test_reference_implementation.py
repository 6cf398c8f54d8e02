"""The R package rfm as reference: with its rule, our scores are the ones that it published."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlalchemy as sa

from loyalty_core.rfm import compute_cut_points, score_columns
from tests.datasets import RFM_SCORES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse

COLUMNS = {"recency": "recency_days", "frequency": "transaction_count", "monetary": "amount"}


def published(table: str, tmp_path: Path) -> str:
    """URL of a warehouse with the published table."""
    file = tmp_path / f"{table}.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            f"CREATE TABLE customer_features_view AS SELECT row_number() OVER () AS customer_id, * EXCLUDE customer_id "
            f"FROM (SELECT * RENAME ({'customer' if table == 'orders' else 'customer_id'} AS customer_id) "
            f"FROM read_parquet('{RFM_SCORES[table]}'))"
        )
    return f"duckdb:///{file}"


def disagreements(warehouse: Warehouse) -> tuple[int, int]:
    """Customers, and those whose published scores are others."""
    view = warehouse.features
    ours = score_columns(view, compute_cut_points(warehouse))
    differs = sa.or_(*(ours[name] != view.c[f"{name}_score"] for name in COLUMNS))
    counts = sa.select(sa.func.count().label("customers"), sa.func.count().filter(differs).label("differ"))
    found = warehouse.rows(counts.select_from(view))[0]
    return found["customers"], found["differ"]


@pytest.mark.parametrize(
    ("table", "rule", "expected"),
    [
        ("orders", "r", (995, 0)),
        ("customer", "r", (39_999, 0)),
        # The default rule has no unit in it, so it differs where a quantile falls between two values.
        ("orders", "default", (995, 3)),
        ("customer", "default", (39_999, 0)),
    ],
)
def test_published_scores(
    table: str, rule: str, expected: tuple[int, int], tmp_path: Path, open_warehouse: Callable[..., Warehouse]
) -> None:
    warehouse = open_warehouse(published(table, tmp_path), rfm_rule=rule, rfm_columns=COLUMNS)
    assert disagreements(warehouse) == expected
