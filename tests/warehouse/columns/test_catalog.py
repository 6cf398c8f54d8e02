"""What the catalog says of columns, on every database."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.warehouse.dialects.duckdb import DuckDB
from tests.fixtures.warehouses import address, in_time
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Column, Warehouse
    from tests.fixtures.warehouses import Backend


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def by_name(warehouse: Warehouse) -> dict[str, Column]:
    return {column.name: column for column in warehouse.columns()}


def count_statements(warehouse: Warehouse) -> list[str]:
    """A list that grows with every statement that SQLAlchemy sends, but for those that begin a transaction."""
    statements: list[str] = []

    def remember(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if not statement.endswith("BEGIN"):
            statements.append(statement)

    sa.event.listen(warehouse.engine, "before_cursor_execute", remember)
    return statements


def test_every_column_is_described(warehouse: Warehouse):
    columns = by_name(warehouse)
    assert {name: column.kind for name, column in columns.items()} == {
        "customer_id": "text",
        "full_name": "text",
        "email": "text",
        "city": "text",
        "ref": "text",
        "total_revenue": "number",
        "score": "number",
        "transaction_count": "number",
        "points": "number",
        "joined": "date",
        "last_seen": "datetime",
        "active": "boolean",
    }
    assert columns["total_revenue"].group == "Financial"
    assert columns["total_revenue"].label == "Total revenue"
    assert columns["score"].group == "DWH Columns"


def test_columns_whose_names_are_written_alike_can_be_told_apart(
    backend: Backend, open_warehouse: Callable[..., Warehouse]
):
    backend.execute(
        'CREATE TABLE customer_features_view (customer_id integer, points_balance integer, "points balance" integer)'
    )
    columns = by_name(open_warehouse(backend.url))
    assert columns["points_balance"].label == "Points balance (points_balance)"
    assert columns["points balance"].label == "Points balance (points balance)"
    assert columns["customer_id"].label == "Customer ID"


def test_blanks_count_null_and_nan(warehouse: Warehouse):
    columns = by_name(warehouse)
    assert columns["customer_id"].blanks == 0
    assert columns["city"].blanks == 0.25
    assert columns["score"].blanks == 0.5
    assert columns["ref"].blanks == 0.75


def test_numbers_and_dates_have_ranges_without_nan(warehouse: Warehouse):
    columns = by_name(warehouse)
    ranges = {name: (column.minimum, column.maximum) for name, column in columns.items() if column.minimum is not None}
    assert ranges == {
        "total_revenue": (Decimal(-5), Decimal("20.25")),
        "score": (-1.5, 0.5),
        "transaction_count": (1, 7),
        "points": (-1, 9_007_199_254_740_993),
        "joined": (date(1999, 12, 31), date(2021, 1, 1)),
        "last_seen": (datetime(1999, 12, 31, 23, 59, 59), datetime(2024, 5, 6, 7, 8, 9, 123456)),
    }


def test_categories_have_their_most_frequent_values(warehouse: Warehouse):
    columns = by_name(warehouse)
    assert columns["city"].top_values == (("Oslo", 2), ("Bergen", 1))
    assert columns["active"].top_values == ((True, 2), (False, 1))
    assert columns["total_revenue"].top_values == ()
    assert warehouse.catalog().customers == 4


def test_only_the_twelve_most_frequent_values_are_listed(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute(
        "CREATE VIEW customer_features_view AS SELECT x AS customer_id, 'v' || (x % 20) AS v, 'id' || x AS own "
        "FROM generate_series(1, 2005) AS s(x)"
    )
    columns = by_name(open_warehouse(backend.url))
    assert len(columns["v"].top_values) == 12
    assert columns["v"].top_values[:6] == (("v1", 101), ("v2", 101), ("v3", 101), ("v4", 101), ("v5", 101), ("v0", 100))
    assert columns["own"].top_values == ()  # names and ids are no categories


def test_a_few_queries_whatever_the_number_of_columns(warehouse: Warehouse):
    _ = warehouse.features
    statements = count_statements(warehouse)
    warehouse.columns()
    assert len(statements) == 3


def test_a_database_with_sketches_needs_no_sample(
    duckdb_file: Backend, open_warehouse: Callable[..., Warehouse], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(DuckDB, "different_values", lambda _, column: sa.func.approx_count_distinct(column))
    duckdb_file.execute(
        "CREATE VIEW customer_features_view AS SELECT x AS customer_id, 'v' || (x % 20) AS v, 'id' || x AS own, "
        "x > 9 AS late FROM range(20000) AS r(x)"
    )
    warehouse = open_warehouse(duckdb_file.url)
    _ = warehouse.features
    statements = count_statements(warehouse)
    columns = by_name(warehouse)
    assert len(statements) == 2
    assert columns["v"].different == pytest.approx(20, rel=0.3)
    assert columns["own"].different == pytest.approx(20_000, rel=0.3)
    assert {name for name, column in columns.items() if column.top_values} == {"v", "late"}
    assert columns["late"].different is None


def test_the_catalog_is_cached_for_its_time_to_live(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url)
    first = warehouse.catalog()
    statements = count_statements(warehouse)
    assert warehouse.catalog() is first
    assert statements == []


def test_an_expired_catalog_is_read_again_with_its_shape(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    warehouse = open_warehouse(customers.url, dwh_catalog_ttl_seconds=0)
    warehouse.columns()
    revision = warehouse.revision
    customers.execute("CREATE OR REPLACE VIEW customer_features_view AS SELECT *, 1 AS more FROM customers")
    assert by_name(warehouse)["more"].maximum == 1
    assert warehouse.revision > revision


ODD_NAMES = [
    *("a b", 'a"b', "a'b", "a%b", "a%(x)s", "a:b", "a(b)", "a,b", "a;b", "a.b", "a$1"),
    *("ø", "数", "select", "a\nb", "A", " ", "l" * 63),
]


def test_odd_names_work_throughout(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    texts = ", ".join(f"'x' AS {quoted('t' + name)}" for name in ODD_NAMES[:-1])
    numbers = ", ".join(f"1.5 AS {quoted(name)}" for name in ODD_NAMES)
    backend.execute(f"CREATE VIEW customer_features_view AS SELECT 'C1' AS customer_id, {texts}, {numbers}")
    warehouse = open_warehouse(backend.url)
    columns = by_name(warehouse)
    for name in ODD_NAMES:
        assert columns[name].maximum == Decimal("1.5"), name
    for name in ODD_NAMES[:-1]:
        assert columns["t" + name].top_values == (("x", 1),), name
    assert list(warehouse.rows(sa.select(warehouse.features))[0]) == list(columns)


def test_names_longer_than_postgresql_allows(duckdb_file: Backend, open_warehouse: Callable[..., Warehouse]):
    name = "l" * 300
    duckdb_file.execute(f"CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 1.5 AS {name}, 2.5 AS {name}2")
    warehouse = open_warehouse(duckdb_file.url)
    assert by_name(warehouse)[name].maximum == Decimal("1.5")
    assert warehouse.fetch_arrow(sa.select(warehouse.features)).to_pylist() == [
        {"customer_id": 1, name: 1.5, f"{name}2": 2.5}
    ]


@pytest.mark.parametrize("odd", ["my id", 'my"id', "my%id", "my:id", "my(id)", "select", "ny\nid", "ID"])
def test_the_id_column_may_have_an_odd_name(backend: Backend, open_warehouse: Callable[..., Warehouse], odd: str):
    from loyalty_core.warehouse import FeatureStore  # noqa: PLC0415

    backend.execute(f"CREATE VIEW customer_features_view AS SELECT 'C1' AS {quoted(odd)}, 1 AS x")
    store = FeatureStore(open_warehouse(backend.url, dwh_customer_id_column=odd))
    assert store.get("C1") == {odd: "C1", "x": 1}
    assert store.search("c1") == [{odd: "C1", "x": 1}]


def test_300_columns(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    columns = ", ".join(f"x + {i} AS n{i}" if i % 3 else f"'v' || {i} AS t{i}" for i in range(300))
    backend.execute(
        f"CREATE VIEW customer_features_view AS SELECT x AS customer_id, {columns} FROM generate_series(1, 50) AS s(x)"
    )
    warehouse = open_warehouse(backend.url)
    columns_by_name = by_name(warehouse)
    assert len(columns_by_name) == 301
    assert (columns_by_name["n299"].minimum, columns_by_name["n299"].maximum) == (300, 349)
    assert columns_by_name["t297"].top_values == (("v297", 50),)


def test_1600_columns_fit_in_several_queries(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    numbers = ", ".join(f"{i} AS n{i}" for i in range(1_599))
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute(f"CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, {numbers}".encode())
    warehouse = open_warehouse(postgres_database)
    assert by_name(warehouse)["n1598"].minimum == 1598


SHARED_ODD_TYPES = {
    "an_array": "ARRAY[1, 2]",
    "a_json": """CAST('{"a": 1}' AS json)""",
    "an_interval": "INTERVAL '1 day'",
    "a_blob": "CAST('abc' AS bytea)",
    "a_time": "TIME '10:00'",
}


def make_odd_types(backend: Backend, expressions: dict[str, str]) -> None:
    columns = ", ".join(f"{expression} AS {name}" for name, expression in expressions.items())
    backend.execute(
        "CREATE TYPE tier AS ENUM ('gold', 'silver');"
        f"CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, CAST('gold' AS tier) AS an_enum, "
        f"TIMESTAMPTZ '2024-01-01 12:00:00+00' AS a_moment, CAST(1.5 AS real) AS a_real, "
        f"CAST(3 AS smallint) AS a_small, {columns}"
    )


def test_types_beyond_the_usual(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    make_odd_types(backend, SHARED_ODD_TYPES)
    columns = by_name(open_warehouse(backend.url))
    for name in SHARED_ODD_TYPES:
        assert (columns[name].kind, columns[name].blanks, columns[name].minimum) == ("other", 0.0, None), name
    assert (columns["an_enum"].kind, columns["an_enum"].top_values) == ("text", (("gold", 1),))
    assert columns["a_moment"].kind == "datetime"
    assert columns["a_moment"].maximum.isoformat() == "2024-01-01T12:00:00+00:00"
    assert (columns["a_real"].kind, columns["a_real"].maximum) == ("number", 1.5)
    assert columns["a_small"].maximum == 3


def test_types_of_duckdb(duckdb_file: Backend, open_warehouse: Callable[..., Warehouse]):
    odd = {
        "a_struct": "{'a': 1}",
        "a_map": "MAP {1: 2}",
        "a_bit": "BIT '101'",
        "huge": "170141183460469231731687303715884105727::hugeint",
        "unsigned_big": "18446744073709551615::ubigint",
        "nanos": "TIMESTAMP_NS '2024-01-01 00:00:00.5'",
    }
    make_odd_types(duckdb_file, odd)
    columns = by_name(open_warehouse(duckdb_file.url))
    assert {name: columns[name].kind for name in odd} == {
        "a_struct": "other",
        "a_map": "other",
        "a_bit": "other",
        "huge": "number",
        "unsigned_big": "number",
        "nanos": "datetime",
    }
    assert columns["huge"].maximum == 2**127 - 1
    assert columns["unsigned_big"].minimum == 2**64 - 1


@pytest.mark.filterwarnings("ignore:Did not recognize type:sqlalchemy.exc.SAWarning")
def test_types_of_postgresql(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute(
            b"""
            CREATE DOMAIN points AS integer;
            CREATE TYPE pair AS (a int, b int);
            CREATE VIEW customer_features_view AS SELECT 1 AS customer_id,
                5::points AS a_domain, ROW(1, 2)::pair AS a_composite, '10.0.0.1'::inet AS an_address,
                'x'::char(3) AS a_char, '{"a": 1}'::jsonb AS a_jsonb, '(1,2)'::point AS a_point,
                int4range(1, 2) AS a_range, 'a'::tsvector AS words, 1.5::money AS cash, 'abc'::name AS a_name,
                5::oid AS an_oid, 'NaN'::numeric AS a_nan
            """
        )
    columns: dict[str, Any] = by_name(open_warehouse(postgres_database))
    assert len(columns) == 13
    assert all(column.blanks == (column.name == "a_nan") for column in columns.values())
    assert columns["a_domain"].kind == "number"
    assert columns["a_domain"].maximum == 5
    assert columns["a_char"].kind == "text"
    for name in ("a_composite", "an_address", "a_jsonb", "a_point", "a_range", "words"):
        assert columns[name].kind == "other", name
    assert columns["a_nan"].maximum is None


def test_columns_without_any_value(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute(
        "CREATE VIEW customer_features_view AS SELECT x AS customer_id, CAST(NULL AS varchar) AS t, "
        "CAST(NULL AS double precision) AS n, CAST('NaN' AS double precision) AS nan, CAST(NULL AS boolean) AS b, "
        "CAST(NULL AS date) AS d FROM generate_series(1, 3) AS s(x)"
    )
    columns = by_name(open_warehouse(backend.url))
    for name in ("t", "n", "nan", "b", "d"):
        column = columns[name]
        assert (column.blanks, column.minimum, column.maximum, column.top_values) == (1.0, None, None, ()), name


def test_a_view_without_rows(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE VIEW customer_features_view AS SELECT 'a' AS customer_id, 1 AS x WHERE 1 = 0")
    catalog = open_warehouse(backend.url).catalog()
    assert catalog.customers == 0
    assert [(column.blanks, column.maximum) for column in catalog.columns] == [(0.0, None), (0.0, None)]


def test_a_text_that_is_empty_is_a_value(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute("CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, '' AS t")
    column = by_name(open_warehouse(backend.url))["t"]
    assert (column.blanks, column.top_values) == (0.0, (("", 1),))


def test_names_that_differ_only_in_case_are_refused(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    with psycopg.connect(**address(postgres_database), autocommit=True) as owner:
        owner.execute(b'CREATE VIEW customer_features_view AS SELECT 1 AS customer_id, 1 AS city, 2 AS "CITY"')
    with pytest.raises(ViewUnusable) as refusal:
        open_warehouse(postgres_database).columns()
    assert "'city' and 'CITY', which differ only in case" in refusal.value.what
    assert refusal.value.remedy == "Give one of them another name in the view."


def test_a_view_in_another_schema(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    backend.execute('CREATE SCHEMA "Marts 1"; CREATE VIEW "Marts 1"."Customer View" AS SELECT 1 AS customer_id')
    warehouse = open_warehouse(backend.url, dwh_customer_features_table='"Marts 1"."Customer View"')
    assert by_name(warehouse)["customer_id"].maximum == 1


def test_comments_become_descriptions(customers: Backend, open_warehouse: Callable[..., Warehouse]):
    customers.execute("COMMENT ON COLUMN customer_features_view.city IS 'Where they live'")
    assert by_name(open_warehouse(customers.url))["city"].description == "Where they live"


def test_statistics_that_take_too_long_are_left_out(backend: Backend, open_warehouse: Callable[..., Warehouse]):
    slow = {
        "duckdb": "FROM range(3000000) a, range(3000000) b",
        "postgresql": "FROM pg_sleep(3600), generate_series(1, 3) AS b",
    }
    backend.execute(f"CREATE VIEW customer_features_view AS SELECT 1.5 AS customer_id, 'x' AS t {slow[backend.name]}")
    warehouse = open_warehouse(backend.url, dwh_statement_timeout_seconds=0.5)
    catalog = wait_until(lambda: in_time(warehouse.catalog))
    assert catalog.customers is None
    assert [(column.name, column.blanks) for column in catalog.columns] == [("customer_id", None), ("t", None)]
