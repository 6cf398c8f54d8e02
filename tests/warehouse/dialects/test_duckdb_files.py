"""An embedded warehouse reads its own file, the predictions and the folders that settings name, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError, WarehouseUnavailable
from loyalty_core.segments import SegmentationEngine
from tests.fixtures.warehouses import CUSTOMERS, DuckDBFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse

SECRET = "/etc/passwd"
READERS = [
    f"SELECT content AS customer_id FROM read_text('{SECRET}')",
    f"SELECT content::VARCHAR AS customer_id FROM read_blob('{SECRET}')",
    f"SELECT column0 AS customer_id FROM read_csv('{SECRET}', header = false, columns = {{'column0': 'VARCHAR'}})",
    "SELECT file AS customer_id FROM glob('/etc/*')",
]


@pytest.mark.parametrize("reader", READERS)
def test_a_view_that_reads_another_file_is_refused(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], reader: str
):
    with duckdb.connect(str(duckdb_file.file)) as owner:
        owner.execute(f"CREATE VIEW customer_features_view AS {reader}")
    warehouse = open_warehouse(duckdb_file.url)
    for read in (warehouse.columns, lambda: warehouse.fetch_arrow(sa.select(warehouse.features))):
        with pytest.raises(WarehouseUnavailable, match="DWH_READABLE_FOLDERS"):
            read()


@pytest.mark.parametrize(
    "statement",
    [
        *READERS,
        "SET enable_external_access = true",
        "SET allowed_directories = ['/etc']",
        "SET lock_configuration = false",
        "ATTACH '/tmp/other.duckdb'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
    ],
)
def test_no_statement_gets_out(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], statement: str):
    duckdb_file.execute(CUSTOMERS)
    with pytest.raises(LoyaltyError):
        open_warehouse(duckdb_file.url).rows(sa.text(statement))


def test_names_of_files_are_no_tables_and_no_columns(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], tmp_path: Path
):
    duckdb_file.execute(CUSTOMERS)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.csv").write_text("customer_id\nsecret\n")
    for name in (f'"{outside}/secret.csv"', f"'{SECRET}'", f"read_text('{SECRET}')"):
        with pytest.raises(LoyaltyError):
            open_warehouse(duckdb_file.url, dwh_customer_features_table=name).columns()
        with pytest.raises(LoyaltyError):
            SegmentationEngine(open_warehouse(duckdb_file.url)).count({"==": [{"var": name}, "secret"]})


def test_a_view_reads_files_in_a_folder_that_the_settings_name(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], tmp_path: Path
):
    folder = tmp_path / "it's shared"
    folder.mkdir()
    file = str(folder / "customers.parquet").replace("'", "''")
    with duckdb.connect(str(duckdb_file.file)) as owner:
        owner.execute(f"COPY (SELECT 'C1' AS customer_id) TO '{file}'")
        owner.execute(f"CREATE VIEW customer_features_view AS FROM read_parquet('{file}')")
    elsewhere = {"predictions_file": tmp_path / "predictions" / "customer_predictions.parquet"}
    warehouse = open_warehouse(duckdb_file.url, **elsewhere)
    with pytest.raises(WarehouseUnavailable, match="DWH_READABLE_FOLDERS"):
        warehouse.columns()
    warehouse.close()
    allowed = open_warehouse(duckdb_file.url, **elsewhere, dwh_readable_folders=[folder])
    assert allowed.rows(allowed.features.select()) == [{"customer_id": "C1"}]


def test_every_connection_is_in_utc_and_confined(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(CUSTOMERS)
    warehouse = open_warehouse(duckdb_file.url)
    settings = [sa.func.current_setting(name) for name in ("TimeZone", "enable_external_access")]
    with warehouse.reading() as first, warehouse.reading() as second:
        assert [tuple(one.execute(sa.select(*settings)).one()) for one in (first, second)] == [("UTC", False)] * 2
