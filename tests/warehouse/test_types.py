"""Values of types that databases compare, pad or store in ways of their own; `test_type_matrix` has every type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.rules import compile_rule
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.customers import unrounded
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend


@pytest.fixture
def database(postgres_database: str) -> PostgresDatabase:
    found = PostgresDatabase(postgres_database)
    found.execute("CREATE EXTENSION IF NOT EXISTS citext")
    return found


def answers(warehouse: Warehouse, rule: Any) -> tuple[list[Any], list[Any]]:
    """The customers that a rule holds for, in SQL and on their rows."""
    view = warehouse.features
    compiled = compile_rule(rule, warehouse.columns())
    chosen = sa.select(view.c.customer_id).where(compiled.to_sql(view)).order_by(view.c.customer_id)
    everybody = warehouse.rows(sa.select(view).order_by(view.c.customer_id))
    in_sql = [row["customer_id"] for row in warehouse.rows(chosen)]
    return in_sql, [row["customer_id"] for row in everybody if compiled.matches(row)]


def test_ids_that_ignore_case(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    database.execute(
        "CREATE TABLE customer_features_view AS SELECT ('anna' || g || '@example.org')::citext AS customer_id, g AS n "
        "FROM generate_series(1, 3) AS g"
    )
    warehouse = open_warehouse(database.url)
    identifiers = warehouse.fetch_arrow(sa.select(warehouse.customer_id)).to_pylist()
    assert {row["customer_id"] for row in identifiers} == {f"anna{i}@example.org" for i in (1, 2, 3)}
    assert FeatureStore(warehouse).get("anna2@example.org")["n"] == 2


@pytest.mark.parametrize(
    ("rule", "customers"),
    [
        ({"==": [{"var": "city"}, "Oslo"]}, [1]),
        ({"!=": [{"var": "city"}, "Oslo"]}, [2, 3]),
        ({"in": [{"var": "city"}, ["OSLO", "are"]]}, [3]),
        ({"in": ["o", {"var": "city"}]}, [1, 2]),
        ({"<": [{"var": "city"}, "a"]}, [1]),
        ({"==": [{"var": "plain"}, "oslo"]}, [2]),
    ],
)
def test_duckdb_columns_that_ignore_case(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], rule: Any, customers: list[int]
):
    duckdb_file.execute(
        "CREATE TABLE cities (customer_id INTEGER, city VARCHAR COLLATE NOCASE, plain VARCHAR);"
        "INSERT INTO cities VALUES (1, 'Oslo', 'Oslo'), (2, 'oslo', 'oslo'), (3, 'are', 'are');"
        "CREATE VIEW customer_features_view AS SELECT * FROM cities"
    )
    warehouse = open_warehouse(duckdb_file.url)
    assert answers(warehouse, rule) == (customers, customers)
    city = next(column for column in warehouse.columns() if column.name == "city")
    assert set(city.top_values) == {("Oslo", 1), ("oslo", 1), ("are", 1)}


@pytest.mark.parametrize(
    ("rule", "customers"),
    [
        ({">": [{"var": "points"}, 2**53]}, [1]),
        ({">": [{"var": ["points", 0]}, 2**53]}, [1]),
        ({"==": [{"var": ["points", 0]}, 2**53]}, [2]),
        ({"in": [{"var": ["points", 0]}, [2**53 + 1]]}, [1, 2]),
        ({"==": [{"var": ["points", 0]}, {"var": "points"}]}, [1, 2]),
    ],
)
def test_long_integers_with_a_default(
    any_backend: Backend, open_warehouse: Callable[..., Warehouse], rule: Any, customers: list[int]
):
    any_backend.execute(
        "CREATE TABLE customer_features_view (customer_id integer, points bigint);"
        "INSERT INTO customer_features_view VALUES (1, 9007199254740993), (2, 9007199254740992), (3, NULL)"
    )
    assert answers(open_warehouse(any_backend.url), rule) == (customers, customers)


def test_a_fraction_beside_the_longest_decimals(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute(
        "CREATE TABLE customer_features_view AS SELECT * FROM (VALUES (1, 99999999999999999999999999999999999999), "
        "(2, 1), (3, 0)) AS t(customer_id, points)"
    )
    warehouse = open_warehouse(duckdb_file.url)
    assert answers(warehouse, {">": [{"var": "points"}, 0.5]}) == ([1, 2], [1, 2])
    assert answers(warehouse, {"<=": [{"var": "points"}, 1.5]}) == ([2, 3], [2, 3])


def test_bytes_of_sqlite_are_shown_in_hexadecimal(tmp_path: Path, open_warehouse: Callable[..., Warehouse]):
    file = SQLiteFile(tmp_path / "warehouse.sqlite")
    file.execute("CREATE TABLE customer_features_view (customer_id integer, picture blob);")
    file.execute("INSERT INTO customer_features_view VALUES (1, x'00ff')")
    warehouse = open_warehouse(file.url)
    assert FeatureStore(warehouse).get(1)["picture"] == "00FF"
    assert warehouse.fetch_arrow(sa.select(warehouse.features)).to_pylist() == [{"customer_id": 1, "picture": "00FF"}]


def test_long_ids_are_scored_and_found_by_all_their_digits(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]
):
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT 12345678901234567890123::HUGEINT AS customer_id")
    warehouse = open_warehouse(duckdb_file.url)
    read = warehouse.fetch_arrow(sa.select(unrounded(warehouse.customer_id))).to_pylist()
    assert read == [{"customer_id": "12345678901234567890123"}]
    assert FeatureStore(warehouse).get("12345678901234567890123") == {"customer_id": 12345678901234567890123}


def test_a_view_that_divides_by_zero_says_so(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    database.execute("CREATE TABLE visits AS SELECT 'C1' AS customer_id, 10 AS revenue, 0 AS visits")
    database.execute("CREATE VIEW customer_features_view AS SELECT customer_id, revenue / visits AS each FROM visits")
    with pytest.raises(ViewUnusable, match=r"divides by zero.*NULLIF"):
        FeatureStore(open_warehouse(database.url)).get("C1")


NO_IDS = [
    ("ARRAY[1, 2]", "ARRAY"),
    ("'{}'::json", "JSON"),
    ("'\\x00'::bytea", "BYTEA"),
    ("1.5::real", "REAL"),
    ("interval '1 day'", "INTERVAL"),
    ("date '2026-01-01'", "DATE"),
    ("true", "BOOLEAN"),
    ("'12.50'::money", "MONEY"),
    ("'(1,2)'::point", "an unknown type"),
]


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_an_id_that_is_no_id_is_refused(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    listed = ", ".join(f"{value} AS c{i}" for i, (value, _) in enumerate(NO_IDS))
    database.execute(f"CREATE VIEW customer_features_view AS SELECT {listed}")
    for i, (_, name) in enumerate(NO_IDS):
        with pytest.raises(ViewUnusable, match=rf"id column 'c{i}' .*{name}.*must be text, an exact number or a UUID"):
            _ = open_warehouse(database.url, dwh_customer_id_column=f"c{i}").features


@pytest.mark.parametrize("value", ["1.5::double", "[1]", "INTERVAL 1 DAY", "{'a': 1}", "DATE '2026-01-01'"])
def test_an_id_that_is_no_id_is_refused_by_duckdb(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], value: str
):
    duckdb_file.execute(f"CREATE VIEW customer_features_view AS SELECT {value} AS customer_id")
    with pytest.raises(ViewUnusable, match=r"id column 'customer_id' .*must be text, an exact number or a UUID"):
        _ = open_warehouse(duckdb_file.url).features
