"""Values of every type come as the database shows them: read for one customer, in bulk and in exports."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.errors import ViewUnusable
from loyalty_core.rules import compile_rule
from loyalty_core.segments.exports.rows import write_members
from loyalty_core.warehouse import FeatureStore
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.warehouse import Warehouse

# (type, literal); what the database casts it to as text is what must be read.
SHOWN_AS_TEXT = [
    ("citext", "'Anna@Example.org'"),
    ("money", "1234.5::numeric::money"),
    ("inet", "'192.168.0.1/24'"),
    ("cidr", "'10.0.0.0/8'"),
    ("macaddr", "'08:00:2b:01:02:03'"),
    ("bit(4)", "B'1010'"),
    ("bytea", "'\\x00ff'"),
    ("interval", "'1 year 2 days 03:04:05'"),
    ("time", "'24:00:00'"),
    ("timetz", "'12:00:00+02'"),
    ("int4range", "'[1,5)'"),
    ("tstzrange", "'[2026-01-01 00:00:00+00,)'"),
    ("int[]", "'{1,2,NULL}'"),
    ("text[]", "'{a,\"b c\"}'"),
    ("point", "'(1,2)'"),
    ("json", "'{\"a\": 1}'"),
    ("jsonb", "'[1, 2]'"),
    ("mood", "'happy'"),
    ("tsvector", "'a b'::tsvector"),
    ("pg_lsn", "'16/B374D848'"),
    ("uuid", "'00000000-0000-0000-0000-00000000000a'"),
]
BLANK = [
    ("numeric", "'NaN'"),
    ("double precision", "'NaN'"),
    ("date", "'infinity'"),
    ("date", "'0044-03-15 BC'"),
    ("timestamp", "'-infinity'"),
    ("timestamptz", "'20240-01-01'"),
    ("json", "'null'"),
    ("jsonb", "' null'"),
]


@pytest.fixture
def database(postgres_database: str) -> PostgresDatabase:
    found = PostgresDatabase(postgres_database)
    found.execute("CREATE EXTENSION IF NOT EXISTS citext; CREATE TYPE mood AS ENUM ('sad', 'happy');")
    return found


def fill(database: PostgresDatabase, columns: list[tuple[str, str]]) -> list[str | None]:
    """A view with one customer; returns each value as the database writes it."""
    listed = ", ".join(f"CAST({value} AS {kind}) AS c{i}" for i, (kind, value) in enumerate(columns))
    database.execute(f"CREATE VIEW customer_features_view AS SELECT 'C1' AS customer_id, {listed}")
    engine = sa.create_engine(database.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        texts = ", ".join(f"CAST(c{i} AS text)" for i in range(len(columns)))
        row = connection.exec_driver_sql(f"SELECT {texts} FROM customer_features_view").one()
    engine.dispose()
    return list(row)


def exported(warehouse: Warehouse, form: str) -> list[str | None]:
    view = warehouse.features
    file = io.BytesIO()
    write_members(warehouse.stream_arrow(sa.select(view)), file, form)  # pyright: ignore[reportArgumentType]
    file.seek(0)
    if form == "parquet":
        return [None if value is None else str(value) for value in pq.read_table(file).to_pylist()[0].values()][1:]
    return list(csv.reader(io.StringIO(file.read().decode())))[1][1:]


@pytest.mark.filterwarnings("ignore:Did not recognize type")
def test_the_same_text_everywhere(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    expected = fill(database, SHOWN_AS_TEXT)
    warehouse = open_warehouse(database.url)
    single = FeatureStore(warehouse).get("C1")
    assert [str(single[f"c{i}"]) for i in range(len(expected))] == expected
    bulk = warehouse.fetch_arrow(sa.select(warehouse.features)).to_pylist()[0]
    assert [bulk[f"c{i}"] for i in range(len(expected))] == expected
    assert exported(warehouse, "parquet") == expected
    in_csv = zip(exported(warehouse, "csv"), expected, strict=True)
    assert all(written in {text, f"'{text}"} for written, text in in_csv)  # an apostrophe disarms formulas
    assert len(warehouse.columns()) == len(expected) + 1


def test_what_python_cannot_hold_is_blank(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    fill(database, BLANK)
    warehouse = open_warehouse(database.url)
    single = FeatureStore(warehouse).get("C1")
    assert [single[f"c{i}"] for i in range(len(BLANK))] == [None] * len(BLANK)
    assert exported(warehouse, "parquet") == [None] * len(BLANK)
    assert exported(warehouse, "csv") == [""] * len(BLANK)
    columns = {column.name: column for column in warehouse.columns()}
    view = warehouse.features
    for name, column in columns.items():
        if name == "customer_id":
            continue
        rules = [{"==": [{"var": name}, None]}, {"!=": [{"var": name}, None]}]
        if column.kind in {"date", "datetime"}:
            rules += [{">": [{"var": name}, "2026-01-01"]}, {"!": {"<": [{"var": name}, "2026-01-01"]}}]
        for rule in rules:
            compiled = compile_rule(rule, columns.values())
            found = warehouse.rows(sa.select(view.c.customer_id).where(compiled.to_sql(view)))
            assert bool(found) == compiled.matches(single), (name, column.kind, rule)


def test_ids_that_ignore_case(database: PostgresDatabase, open_warehouse: Callable[..., Warehouse]):
    database.execute(
        "CREATE TABLE customer_features_view AS SELECT ('anna' || g || '@example.org')::citext AS customer_id, g AS n "
        "FROM generate_series(1, 3) AS g"
    )
    warehouse = open_warehouse(database.url)
    identifiers = warehouse.fetch_arrow(sa.select(warehouse.customer_id)).to_pylist()
    assert {row["customer_id"] for row in identifiers} == {f"anna{i}@example.org" for i in (1, 2, 3)}
    assert FeatureStore(warehouse).get("anna2@example.org")["n"] == 2


@pytest.mark.parametrize("value", ["DATE '10000-01-01'", "DATE '-infinity'", "DATE '0044-03-15 (BC)'"])
def test_dates_of_duckdb_that_python_cannot_hold(
    duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse], value: str
):
    duckdb_file.execute(f"CREATE TABLE customer_features_view AS SELECT 'C1' AS customer_id, {value} AS day")
    warehouse = open_warehouse(duckdb_file.url)
    single = FeatureStore(warehouse).get("C1")
    view = warehouse.features
    for rule in (
        {">": [{"var": "day"}, "2026-01-01"]},
        {"<": [{"var": "day"}, "2026-01-01"]},
        {">": [{"var": "day"}, "9999-12-31"]},
        {"==": [{"var": "day"}, None]},
    ):
        compiled = compile_rule(rule, warehouse.columns())
        found = warehouse.rows(sa.select(view.c.customer_id).where(compiled.to_sql(view)))
        assert bool(found) == compiled.matches(single), rule


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
