"""One table with every type of each database, read once in every way there is; all ways must agree."""

from __future__ import annotations

import csv
import io
import math
import struct
import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import psycopg
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from loyalty_core.rules import compile_rule
from loyalty_core.segments import SegmentationEngine
from loyalty_core.settings import Settings
from loyalty_core.warehouse import FeatureStore, Warehouse
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, SQLiteFile
from tests.warehouse.type_cases import DUCKDB, POSTGRESQL, SQLITE, Case

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loyalty_core.segments.exports import Format
    from loyalty_core.warehouse import Column
    from tests.fixtures.warehouses import Backend
    from tests.servers import PostgresServer

_CASES = {"postgresql": POSTGRESQL, "duckdb": DUCKDB, "sqlite": SQLITE}
_EXTENSIONS = ("citext", "hstore", "ltree")


@dataclass(frozen=True)
class Answers:
    """What a rule says of both customers."""

    rule: Any
    in_sql: list[bool]
    in_written_sql: list[bool]
    on_rows: list[bool]


@dataclass(frozen=True)
class Readings:
    """What each way of reading gives for the customer who has the values; `blank` is the one who has none.

    `rules` has the answers to every rule about a column.
    """

    cases: dict[Case, str]
    texts: dict[str, str]
    single: dict[str, Any]
    blank: dict[str, Any]
    page: dict[str, Any]
    bulk: dict[str, Any]
    blank_in_bulk: dict[str, Any]
    csv: dict[str, str]
    parquet: dict[str, Any]
    catalog: dict[str, Column]
    rules: dict[str, list[Answers]]

    def name(self, case: Case) -> str:
        """The case's column; skips the test where the server has no such type."""
        if case not in self.cases:
            pytest.skip(f"{case.type} is not installed")
        return self.cases[case]


def fill(backend: Backend, cases: Sequence[Case]) -> dict[Case, str]:
    """A table with the values for one customer and none for another."""
    names = {case: f"c{number}" for number, case in enumerate(cases)}
    columns = ", ".join(f"{name} {case.type}" for case, name in names.items())
    values = ", ".join(
        case.literal if backend.name == "sqlite" else f"CAST({case.literal} AS {case.type})" for case in names
    )
    backend.execute(
        f"CREATE TABLE customer_features_view (customer_id varchar(10), {columns});"
        f"INSERT INTO customer_features_view SELECT 'C1', {values};"
        "INSERT INTO customer_features_view (customer_id) VALUES ('C2')"
    )
    return names


def exported(engine: SegmentationEngine, form: Format) -> dict[str, Any]:
    file = io.BytesIO()
    engine.select({"==": [{"var": "customer_id"}, "C1"]}).export(file, form)
    file.seek(0)
    if form == "parquet":
        return pq.read_table(file).to_pylist()[0]
    header, line = csv.reader(io.StringIO(file.read().decode()))
    return dict(zip(header, line, strict=True))


def rules_for(column: Column, value: Any) -> Iterator[Any]:
    """Rules that the builder offers for a column of its kind, about the value itself where it can be written."""
    field = {"var": column.name}
    yield {"!=": [field, None]}
    yield {"==": [field, None]}
    match column.kind, value:
        case "number", _:
            yield from ({operator: [field, number]} for operator in ("<", ">", "==") for number in (0.5, 1))
            yield {"in": [field, [1, 0.5]]}
            yield {">": [{"+": [field, 1]}, 0.5]}
            yield {">": [{"var": [column.name, 7]}, 0.5]}
            # A longer number cannot be written in JSON with all its digits.
            if value is not None and math.isfinite(value) and (isinstance(value, float) or abs(value) < 2**64):
                number = int(value) if value == int(value) else float(value)
                yield from ({operator: [field, number]} for operator in ("==", "!=", "<=", "<"))
                yield {"==": [{"var": [column.name, 7]}, number]}
                yield {"in": [field, [number, 1]]}
        case "text", str() as text:
            yield from ({operator: [field, text]} for operator in ("==", "!=", ">="))
            yield {"==": [field, text.lower()]}
            yield {"in": [text[:3].upper(), field]}
            yield {"in": [field, [text.lower(), text.upper()]]}
        case "boolean", _:
            yield from ({"==": [field, flag]} for flag in (True, False))
        case "date" | "datetime", _:
            day = value.isoformat()[:10] if value else "2026-01-01"
            yield from ({operator: [field, day]} for operator in ("==", "<=", "<", ">", ">="))
            yield {"!": {"<": [field, day]}}
        case _:
            return


def answers(
    warehouse: Warehouse, columns: dict[str, Column], rows: Sequence[dict[str, Any]]
) -> dict[str, list[Answers]]:
    """Every rule on both rows: in one statement with parameters, in one with its values written out, and in Python."""
    rules = [(name, rule) for name, column in columns.items() for rule in rules_for(column, rows[0][name])]
    view = warehouse.features
    compiled = [compile_rule(rule, columns.values()) for _, rule in rules]
    holds = [sa.case((rule.to_sql(view), 1), else_=0).label(f"r{i}") for i, rule in enumerate(compiled)]
    asked = sa.select(*holds).select_from(view).order_by(view.c.customer_id)
    in_sql = warehouse.rows(asked)
    with warehouse.engine.connect() as connection:
        written = str(asked.compile(connection, compile_kwargs={"literal_binds": True}))
        in_written_sql = connection.exec_driver_sql(written).mappings().all()
    found: dict[str, list[Answers]] = {name: [] for name in columns}
    for i, (name, rule) in enumerate(rules):
        by_sql, by_written = ([bool(row[f"r{i}"]) for row in read] for read in (in_sql, in_written_sql))
        found[name].append(Answers(rule, by_sql, by_written, [compiled[i].matches(row) for row in rows]))
    return found


def read(backend: Backend, cases: Sequence[Case]) -> Readings:
    names = fill(backend, cases)
    warehouse = Warehouse(Settings(dwh_url=backend.url))
    engine = SegmentationEngine(warehouse)
    view = warehouse.features
    texts = warehouse.rows(sa.select(*(sa.cast(view.c[name], sa.Text).label(name) for name in names.values())).limit(1))
    found = FeatureStore(warehouse).get_many(["C1", "C2"])
    first, second = warehouse.fetch_arrow(sa.select(view).order_by(view.c.customer_id)).to_pylist()
    columns = {column.name: column for column in warehouse.columns()}
    readings = Readings(
        cases=names,
        texts=texts[0],
        single=found["C1"],
        blank=found["C2"],
        page=engine.members({}, 1)[0],
        bulk=first,
        blank_in_bulk=second,
        csv=exported(engine, "csv"),
        parquet=exported(engine, "parquet"),
        catalog=columns,
        rules=answers(warehouse, columns, [found["C1"], found["C2"]]),
    )
    warehouse.close()
    return readings


@pytest.fixture(scope="module")
def readings_of_duckdb(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    return read(DuckDBFile(tmp_path_factory.mktemp("types") / "warehouse.duckdb"), DUCKDB)


@pytest.fixture(scope="module")
def readings_of_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Readings:
    return read(SQLiteFile(tmp_path_factory.mktemp("types") / "warehouse.sqlite"), SQLITE)


@pytest.fixture(scope="module")
def readings_of_postgresql(postgres_server: PostgresServer) -> Iterator[Readings]:
    with postgres_server.database() as url:
        database = PostgresDatabase(url)
        missing = {name for name in (*_EXTENSIONS, "xml") if not is_supported(database, name)}
        database.execute(
            "CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE TYPE address AS (city text, street text);"
            "CREATE DOMAIN amount AS numeric(20, 2); CREATE DOMAIN code AS varchar(5)"
        )
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Did not recognize type")
            readings = read(database, [case for case in POSTGRESQL if case.type not in missing])
        yield readings


def is_supported(database: PostgresDatabase, type_name: str) -> bool:
    """Whether the server has the type: by itself, by an extension, by a library that it was built with."""
    value = {"xml": "<a/>"}.get(type_name, "")
    try:
        if type_name in _EXTENSIONS:
            database.execute(f"CREATE EXTENSION {type_name}")
        database.execute(f"SELECT CAST('{value}' AS {type_name})")
    except psycopg.Error:
        return False
    return True


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "case" in metafunc.fixturenames:
        pairs = [(name, case) for name, cases in _CASES.items() for case in cases]
        metafunc.parametrize(("database", "case"), pairs, ids=[f"{name}-{case}" for name, case in pairs])


@pytest.fixture
def readings(database: str, request: pytest.FixtureRequest) -> Readings:
    return request.getfixturevalue(f"readings_of_{database}")


def single_precision(number: float) -> float:
    return struct.unpack("f", struct.pack("f", number))[0]


def moment(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


def expected_value(case: Case, text: str) -> Any:
    """The value that the database's text represents, comparable with what any way of reading gives."""
    match case.reading:
        case "blank":
            return None
        case "exact":
            return Decimal(text)
        case "double":
            return float(text)
        case "single":
            return single_precision(float(text))
        case "boolean":
            return text in {"true", "t"}
        case "date":
            return date.fromisoformat(text)
        case "time":
            return moment(text)
        case _:
            return text


def comparable(case: Case, value: Any) -> Any:
    """A value as it was read, or its text in a CSV file, in the form of `expected_value`."""
    if value is None or (case.reading != "text" and value == ""):
        return None
    match case.reading:
        case "exact":
            return Decimal(str(value))
        case "double":
            return float(value)
        case "single":
            return single_precision(float(value))
        case "boolean":
            return value if isinstance(value, bool) else value == "true"
        case "date":
            return value if isinstance(value, date) else date.fromisoformat(value)
        case "time":
            return moment(str(value))
        case _:
            return str(value)


def test_a_single_read_gives_the_value_in_the_database(readings: Readings, case: Case):
    name = readings.name(case)
    expected = expected_value(case, readings.texts[name])
    assert comparable(case, readings.single[name]) == expected
    assert readings.page[name] == readings.single[name]
    assert readings.blank[name] is None


def test_bulk_reading_gives_the_same_value(readings: Readings, case: Case):
    name = readings.name(case)
    found, single = readings.bulk[name], readings.single[name]
    if isinstance(found, float) and case.reading == "exact":
        assert found == float(single)
    else:
        assert comparable(case, found) == comparable(case, single)
    assert readings.blank_in_bulk[name] is None


def test_exports_have_the_same_value(readings: Readings, case: Case):
    name = readings.name(case)
    single = comparable(case, readings.single[name])
    in_csv, in_parquet = readings.csv[name], readings.parquet[name]
    if case.reading == "blank":
        assert in_csv == ""
    elif case.reading == "text":
        assert in_csv in {single, f"'{single}"}  # an apostrophe disarms formulas
    else:
        assert comparable(case, in_csv) == single
    if isinstance(in_parquet, float) and case.reading == "exact":
        assert in_parquet == float(single)
    else:
        assert comparable(case, in_parquet) == single


def test_the_rule_builder_offers_what_fits(readings: Readings, case: Case):
    column = readings.catalog[readings.name(case)]
    assert column.kind == case.kind
    assert column.blanks == (1 if case.reading == "blank" else 0.5)
    is_date = column.kind in {"date", "datetime"}
    assert column.out_of_range == (1 if case.reading == "blank" and is_date else 0)
    if column.kind == "number" or is_date:
        value = comparable(case, readings.single[column.name])
        assert comparable(case, column.minimum) == comparable(case, column.maximum) == value
    if column.kind == "text" and readings.single[column.name]:
        assert column.top_values == ((str(readings.single[column.name]), 1),)


def test_rules_give_the_same_answer_in_sql_and_on_the_row(readings: Readings, case: Case):
    for found in readings.rules[readings.name(case)]:
        assert found.in_sql == found.on_rows, found.rule
        assert found.in_written_sql == found.on_rows, found.rule
