"""Predictions belong to the data they were made on: for other data they do not exist."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.warehouse.predictions import earlier_runs, last_run, stored_runs
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase
from tests.ml.bases import base, fill
from tests.warehouse.written_runs import write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.ml.bundles import Bundle
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]

pytestmark = pytest.mark.extended


@pytest.fixture
def filled(backend: Backend) -> Backend:
    fill(backend, base(20))
    return backend


def score(warehouse: Warehouse, bundle: Bundle, version: str) -> None:
    score_base(warehouse, replace(bundle, version=version))


def versions(warehouse: Warehouse) -> list[str]:
    """The versions of all runs that can be seen, newest first."""
    present = last_run(warehouse)
    runs = [run for run, _ in earlier_runs(warehouse)]
    return [run.model_version for run in ([present] if present else []) + runs]


def identified(file: DuckDBFile, identity: str) -> None:
    """What a loader leaves when it replaces the file's data."""
    file.execute(f"CREATE OR REPLACE TABLE warehouse_info AS SELECT 'identity' AS key, '{identity}' AS value")


def test_other_data_in_the_same_file_has_no_predictions(tmp_path: Path, open_warehouse: Open, bundle: Bundle) -> None:
    duckdb_file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(duckdb_file, base(20))
    identified(duckdb_file, "one company")
    warehouse = open_warehouse(duckdb_file.url)
    score(warehouse, bundle, "first")
    score(warehouse, bundle, "second")
    assert versions(warehouse) == ["second", "first"]
    identified(duckdb_file, "another company")
    assert versions(warehouse) == []
    assert warehouse.predictions is None
    score(warehouse, bundle, "third")
    assert versions(warehouse) == ["third"]
    identified(duckdb_file, "one company")
    assert versions(warehouse) == ["second", "first"], "they are there again with their data"


def test_newer_data_of_the_same_source_retains_its_predictions(
    filled: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    warehouse = open_warehouse(filled.url)
    score(warehouse, bundle, "first")
    fill(filled, base(30))
    assert versions(warehouse) == ["first"]


def test_a_run_knows_whether_its_data_has_changed_since(tmp_path: Path, open_warehouse: Open, bundle: Bundle) -> None:
    duckdb_file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(duckdb_file, base(20))
    warehouse = open_warehouse(duckdb_file.url)
    score(warehouse, bundle, "first")
    assert [run.is_of_earlier_data(warehouse.identity) for run, _ in stored_runs(warehouse)] == [False]
    fill(duckdb_file, base(30))
    assert [run.is_of_earlier_data(warehouse.identity) for run, _ in stored_runs(warehouse)] == [True]
    score(warehouse, bundle, "second")
    assert [run.is_of_earlier_data(warehouse.identity) for run, _ in stored_runs(warehouse)] == [False, True]


def test_on_servers_the_state_of_the_data_is_not_known(
    postgres_database: str, open_warehouse: Open, bundle: Bundle
) -> None:
    database = PostgresDatabase(postgres_database)
    fill(database, base(20))
    warehouse = open_warehouse(postgres_database)
    score(warehouse, bundle, "first")
    fill(database, base(30))
    run = last_run(warehouse)
    assert run is not None
    assert (run.data_state, run.is_of_earlier_data(warehouse.identity)) == ("", False)


def test_two_views_of_one_database_have_their_own_predictions(
    filled: Backend, open_warehouse: Open, bundle: Bundle
) -> None:
    filled.execute("CREATE VIEW other_view AS SELECT * FROM customer_features_view")
    one = open_warehouse(filled.url, predictions_runs_kept=2, predictions_months_kept=0)
    other = open_warehouse(
        filled.url, dwh_customer_features_table="other_view", predictions_runs_kept=2, predictions_months_kept=0
    )
    for number in range(3):
        score(one, bundle, f"one {number}")
        score(other, bundle, f"other {number}")
    assert versions(one) == ["one 2", "one 1"]
    assert versions(other) == ["other 2", "other 1"]


def test_two_files_in_one_folder_have_their_own_predictions(
    tmp_path: Path, open_warehouse: Open, bundle: Bundle
) -> None:
    files = DuckDBFile(tmp_path / "one.duckdb"), DuckDBFile(tmp_path / "other.duckdb")
    for file, customers in zip(files, (20, 30), strict=True):
        fill(file, base(customers))
    one, other = (open_warehouse(file.url) for file in files)
    score(one, bundle, "one")
    assert versions(other) == []
    score(other, bundle, "other")
    assert (versions(one), versions(other)) == (["one"], ["other"])
    predictions = one.predictions
    assert predictions is not None
    assert one.rows(sa.select(sa.func.count().label("n")).select_from(predictions)) == [{"n": 20}]


def test_runs_older_than_identities_are_of_a_warehouse_without_a_recorded_one(
    tmp_path: Path, open_warehouse: Open, bundle: Bundle
) -> None:
    duckdb_file = DuckDBFile(tmp_path / "warehouse.duckdb")
    fill(duckdb_file, base(20))
    warehouse = open_warehouse(duckdb_file.url)
    score(warehouse, bundle, "first")
    run = last_run(warehouse)
    assert run is not None
    write_run(
        duckdb_file,
        warehouse,
        run.scored_at.replace(year=2020),
        [("c1", 0.5, "old", 0.1)],
        present=True,
        with_identity=False,
    )
    assert versions(warehouse) == ["old", "first"]
    identified(duckdb_file, "loaded since")
    assert versions(warehouse) == []


def test_mock_predictions_leave_real_ones_alone(filled: Backend, open_warehouse: Open, bundle: Bundle) -> None:
    real, mock = open_warehouse(filled.url), open_warehouse(filled.url, ml_mock_mode=True)
    score(real, bundle, "real")
    assert versions(mock) == []
    models = MLInferenceService(warehouse=mock).models()
    score_base(mock, models)
    score_base(mock, models)
    assert versions(mock) == ["mock", "mock"]
    assert versions(real) == ["real"]
    score(real, bundle, "newer")
    assert versions(mock) == ["mock", "mock"]
    assert versions(real) == ["newer", "real"]
