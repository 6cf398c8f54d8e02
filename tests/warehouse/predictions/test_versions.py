"""A finished version of the predictions is read once, and another file in its place as another version."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.predictions import last_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import DuckDBFile

    Open = Callable[..., Warehouse]


def write(path: Path, version: str) -> None:
    """Predictions by that model version, put in place at once, as a run does."""
    row = {
        "customer_id": "a",
        "churn_probability": 0.5,
        "recommended_offer": 1,
        "rfm_segment": "Loyal",
        "model_version": version,
        "scored_at": datetime(2026, 11, 1, tzinfo=UTC),
    }
    other = path.with_suffix(".new")
    pq.write_table(pa.Table.from_pylist([row]), other)
    other.replace(path)


def test_another_file_in_its_place_is_another_version(duckdb_file: DuckDBFile, open_warehouse: Open) -> None:
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id")
    warehouse = open_warehouse(duckdb_file.url)
    path = predictions_file(warehouse.settings, duckdb_file.file)
    assert last_run(warehouse) is None
    write(path, "first")
    assert (run := last_run(warehouse)) is not None
    assert run.model_version == "first"
    assert last_run(warehouse) is run
    write(path, "second")
    assert (run := last_run(warehouse)) is not None
    assert run.model_version == "second"
    path.unlink()
    assert last_run(warehouse) is None


def test_a_file_that_could_not_be_read_once_is_read_the_next_time(
    duckdb_file: DuckDBFile, open_warehouse: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id")
    warehouse = open_warehouse(duckdb_file.url)
    write(predictions_file(warehouse.settings, duckdb_file.file), "first")

    def fail(_: object) -> None:
        raise OSError("Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(pq, "read_schema", fail)
        assert last_run(warehouse) is None
    assert last_run(warehouse) is not None
