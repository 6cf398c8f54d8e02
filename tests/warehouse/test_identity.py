"""Which data a warehouse holds: what identifies it, and what was derived from it."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from loyalty_core.warehouse.identity import NO_DATA, DataIdentity
from tests.fixtures.warehouses import CUSTOMERS, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile

    Open = Callable[..., Warehouse]

RECORDED = "CREATE TABLE warehouse_info AS SELECT 'identity' AS key, '{}' AS value"


def test_more_rows_are_the_same_warehouse_in_another_state(customers: Backend, open_warehouse: Open) -> None:
    warehouse = open_warehouse(customers.url)
    before = warehouse.identity
    customers.execute("INSERT INTO customers (customer_id) VALUES ('C5')")
    assert warehouse.identity.warehouse == before.warehouse
    assert (warehouse.identity.state == before.state) == (customers.name == "postgresql")


def test_another_view_or_id_column_is_other_data(customers: Backend, open_warehouse: Open) -> None:
    customers.execute("CREATE VIEW other_view AS SELECT * FROM customers")
    keys = {
        open_warehouse(customers.url).identity.key,
        open_warehouse(customers.url, dwh_customer_features_table="other_view").identity.key,
        open_warehouse(customers.url, dwh_customer_id_column="email").identity.key,
    }
    assert len(keys) == 3


def test_a_recorded_identity_is_found_wherever_the_file_is(duckdb_file: DuckDBFile, open_warehouse: Open) -> None:
    duckdb_file.execute(f"CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id; {RECORDED.format('one')}")
    moved = duckdb_file.file.with_name("moved.duckdb")
    shutil.copy(duckdb_file.file, moved)
    warehouse = open_warehouse(duckdb_file.url)
    first = warehouse.identity
    assert first.is_recorded
    assert open_warehouse(f"duckdb:///{moved}").identity.key == first.key
    duckdb_file.execute("UPDATE warehouse_info SET value = 'two'")
    assert warehouse.identity.key != first.key


def test_a_file_without_one_is_known_by_its_place_and_columns(duckdb_file: DuckDBFile, open_warehouse: Open) -> None:
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id, 1 AS revenue")
    moved = duckdb_file.file.with_name("moved.duckdb")
    shutil.copy(duckdb_file.file, moved)
    warehouse = open_warehouse(duckdb_file.url)
    first = warehouse.identity
    assert open_warehouse(f"duckdb:///{moved}").identity.key != first.key
    duckdb_file.execute("ALTER TABLE customer_features_view RENAME revenue TO turnover")
    assert warehouse.identity.key != first.key


def test_a_server_is_known_by_its_database_whoever_asks(postgres_database: str, open_warehouse: Open) -> None:
    PostgresDatabase(postgres_database).execute(CUSTOMERS)
    separator = "&" if "?" in postgres_database else "?"
    first, same = open_warehouse(postgres_database), open_warehouse(f"{postgres_database}{separator}application_name=x")
    assert first.identity == same.identity
    assert first.identity.state == ""


def test_a_copy_with_its_time_is_the_same_state(duckdb_file: DuckDBFile, open_warehouse: Open) -> None:
    duckdb_file.execute(f"CREATE TABLE customer_features_view AS SELECT 'a' AS customer_id; {RECORDED.format('one')}")
    restored = duckdb_file.file.with_name("restored.duckdb")
    shutil.copy2(duckdb_file.file, restored)
    assert open_warehouse(duckdb_file.url).identity == open_warehouse(f"duckdb:///{restored}").identity


@pytest.mark.parametrize(("now", "before", "changed"), [("b", "a", True), ("a", "a", False), ("", "a", False)])
def test_data_has_changed_where_both_states_are_known(now: str, before: str, *, changed: bool) -> None:
    assert DataIdentity("one", now).has_changed_since(before) is changed
    assert not DataIdentity("one", now).has_changed_since(None)
    assert not DataIdentity("one", now).has_changed_since("")


def test_mock_predictions_are_of_data_of_their_own(customers: Backend, open_warehouse: Open) -> None:
    real, mock = open_warehouse(customers.url), open_warehouse(customers.url, ml_mock_mode=True)
    assert real.identity.warehouse == mock.identity.warehouse
    assert real.identity.key != mock.identity.key


@pytest.mark.parametrize(
    ("identity", "own", "unknown"),
    [
        (DataIdentity("a"), True, True),
        (DataIdentity("a", is_recorded=True), True, False),
        (DataIdentity("a", is_mock=True), False, False),
        (DataIdentity("b"), False, True),
        (NO_DATA, False, False),
    ],
)
def test_what_was_derived_belongs_to_its_data(identity: DataIdentity, *, own: bool, unknown: bool) -> None:
    assert identity.owns("a") is own
    assert identity.owns(None) is unknown
