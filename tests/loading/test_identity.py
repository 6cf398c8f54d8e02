"""The identity of a loaded warehouse: newer data of the same customers keeps it, other data gets its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.loading import describe_warehouse
from loyalty_core.loading.warehouse_file import read_source, record_source, write_warehouse

if TYPE_CHECKING:
    from pathlib import Path

_CUSTOMERS = """
    SELECT 'c' || i AS customer_id, (i * 37 % 1000)::DOUBLE AS revenue, i % 50 AS purchases,
           CASE i % 3 WHEN 0 THEN 'Oslo' WHEN 1 THEN 'Bergen' ELSE 'Tromsø' END AS city
    FROM range(500) AS numbers(i)
"""
_OTHERS = """
    SELECT 'c' || i AS customer_id, (i * 91 % 777)::DOUBLE AS revenue, i * 7 % 31 AS purchases,
           CASE i % 2 WHEN 0 THEN 'Lyon' ELSE 'Nice' END AS city
    FROM range(500) AS numbers(i)
"""


def load(file: Path, customers: str) -> str:
    """Load customers over whatever is there; the identity that the file then has."""
    with write_warehouse(file, overwrite=True) as connection:
        connection.execute(f"CREATE TABLE customer_features AS {customers}")
        connection.execute("CREATE VIEW customer_features_view AS SELECT * FROM customer_features")
        record_source(connection, "features file", file_name="customers.csv")
    with duckdb.connect(file, read_only=True) as connection:
        return read_source(connection)["identity"]


def said(file: Path) -> str:
    """What the warehouse says of its identity; the command prints the same."""
    with duckdb.connect(file, read_only=True) as connection:
        said = read_source(connection).get("data", "")
    assert not said or said in describe_warehouse(file)
    return said


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "warehouse.duckdb"


def test_the_same_data_has_the_same_identity_wherever_it_is_loaded(file: Path, tmp_path: Path) -> None:
    assert load(file, _CUSTOMERS) == load(file, _CUSTOMERS) == load(tmp_path / "elsewhere.duckdb", _CUSTOMERS)


@pytest.mark.parametrize(
    "newer",
    [
        f"SELECT * REPLACE (revenue + (hash(customer_id) % 5 = 0)::INT AS revenue) FROM ({_CUSTOMERS})",
        f"{_CUSTOMERS} UNION ALL SELECT 'new' || i, i, i, 'Molde' FROM range(200) AS numbers(i)",
        f"SELECT * FROM ({_CUSTOMERS}) WHERE hash(customer_id) % 5 > 0",
        f"SELECT *, 1 AS visits FROM ({_CUSTOMERS})",
        f"SELECT * REPLACE (revenue + hash(customer_id) % 90 AS revenue, purchases + 1 AS purchases) FROM "
        f"({_CUSTOMERS})",
    ],
    ids=["some have bought", "some have joined", "some have left", "a column more", "everybody has bought"],
)
def test_newer_data_of_the_same_customers_has_the_same_identity(file: Path, tmp_path: Path, newer: str) -> None:
    first = load(file, _CUSTOMERS)
    assert load(tmp_path / "elsewhere.duckdb", newer) != first, "where nothing was before, it has its own"
    assert load(file, newer) == first


def test_other_data_has_another_identity_even_with_the_same_ids_and_columns(file: Path) -> None:
    assert load(file, _CUSTOMERS) != load(file, _OTHERS)


def test_the_warehouse_says_whether_its_identity_was_kept(file: Path) -> None:
    load(file, _CUSTOMERS)
    assert said(file) == ""
    load(file, _CUSTOMERS)
    assert "counts as newer data of the same warehouse: its predictions" in said(file)
    load(file, _OTHERS)
    assert "not the data that was here before" in said(file)


def test_other_customers_have_another_identity(file: Path) -> None:
    assert load(file, _CUSTOMERS) != load(
        file, f"SELECT * REPLACE ('x' || customer_id AS customer_id) FROM ({_CUSTOMERS})"
    )


def test_a_file_that_is_not_ours_is_replaced_by_a_new_identity(file: Path) -> None:
    with duckdb.connect(file) as connection:
        connection.execute(f"CREATE TABLE customers AS {_CUSTOMERS}")
    assert load(file, _CUSTOMERS) == load(file, _CUSTOMERS)
