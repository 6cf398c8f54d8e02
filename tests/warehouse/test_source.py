"""Where data comes from and how fresh it is."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from loyalty_core.warehouse.customers import Transactions
from loyalty_core.warehouse.source import Source, describe_source
from tests.fixtures.statements import statements_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile

    OpenWarehouse = Callable[..., Warehouse]


def test_the_demo_says_what_it_is(demo_warehouse: Path, open_warehouse: OpenWarehouse):
    source = describe_source(open_warehouse(f"duckdb:///{demo_warehouse}"))
    assert source.is_demo
    assert source.newest == date(2026, 11, 1)
    assert source.newest_from == "snapshot date of the local warehouse"
    assert source.facts["customers"] == "2,000"


def test_a_loaded_file_is_no_demo(duckdb_file: DuckDBFile, open_warehouse: OpenWarehouse):
    duckdb_file.execute(
        "CREATE TABLE customer_features_view AS SELECT 1 AS customer_id; "
        "CREATE TABLE warehouse_info AS SELECT 'source' AS key, 'file' AS value"
    )
    source = describe_source(open_warehouse(duckdb_file.url))
    assert source == Source(is_demo=False, newest=None, newest_from="", facts={"source": "file"})


def test_an_update_column_dates_the_data(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES "
        "(1, TIMESTAMP '2024-05-06 23:30:00'), (2, TIMESTAMP '2024-05-05 00:00:00')) AS t(customer_id, updated_at)"
    )
    source = describe_source(open_warehouse(backend.url))
    assert (source.newest, source.newest_from) == (date(2024, 5, 6), "newest updated at in the features view")


def test_the_newest_purchase_dates_the_data_otherwise(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT 1 AS customer_id; "
        "CREATE TABLE transactions AS SELECT 1 AS customer_id, 2 AS amount, DATE '2024-02-29' AS order_date"
    )
    source = describe_source(open_warehouse(backend.url))
    assert (source.newest, source.newest_from) == (date(2024, 2, 29), "newest transaction")


def test_it_is_read_as_often_as_the_catalog(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT 1 AS customer_id; "
        "CREATE TABLE transactions AS SELECT 1 AS customer_id, 2 AS amount, DATE '2024-02-29' AS order_date"
    )
    warehouse = open_warehouse(backend.url)
    source = describe_source(warehouse)
    with statements_of(warehouse.engine) as sent:
        assert describe_source(warehouse) == source
        assert Transactions.find(warehouse) is not None
    assert sent == []
    warehouse.forget()
    with statements_of(warehouse.engine) as sent:
        assert describe_source(warehouse) == source
    assert any("max(" in statement for statement in sent)


def test_data_without_a_date(backend: Backend, open_warehouse: OpenWarehouse):
    backend.execute("CREATE TABLE customer_features_view AS SELECT 1 AS customer_id")
    source = describe_source(open_warehouse(backend.url))
    assert source == Source(is_demo=False, newest=None, newest_from="", facts={})
