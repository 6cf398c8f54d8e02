"""All members as a file: complete, typed, and harmless to a spreadsheet."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from loyalty_core.rules import RuleError
from loyalty_core.segments import SegmentationEngine
from loyalty_core.segments.exports.rows import member_parts, write_members
from loyalty_core.warehouse.engine import is_idle

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from loyalty_core.segments.exports import Format
    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend, DuckDBFile
    from tests.workbench import Query

    Open = Callable[..., Warehouse]

MANY = 90_000  # several batches
NORWAY = {"==": [{"var": "country"}, "Norway"]}

ODD_VALUES = """
CREATE TABLE customer_features_view AS SELECT
    'a' AS customer_id, 10.10::DECIMAL(10, 2) AS price, 'NaN'::DOUBLE AS not_a_number, NULL::INTEGER AS nothing,
    9007199254740993 AS big, 170141183460469231731687303715884105727::HUGEINT AS huge,
    DATE '2020-02-29' AS day, TIMESTAMP '2020-02-29 01:02:03.5' AS moment,
    TIMESTAMPTZ '2020-02-29 01:02:03+02' AS zoned, TIME '12:30' AS clock,
    UUID '00000000-0000-0000-0000-00000000000a' AS ref, '\\xFF\\x00'::BLOB AS picture,
    [1.5::DOUBLE, NULL] AS list, {'a': DATE '2020-02-29'} AS record, true AS flag, '' AS empty,
    'gold'::ENUM('gold', 'silver') AS tier
"""


def exported(engine: SegmentationEngine, rule: Any, form: Format, columns: tuple[str, ...] = ()) -> tuple[int, bytes]:
    file = io.BytesIO()
    rows = engine.select(rule).export(file, form, columns)
    assert b"".join(engine.select(rule).export_parts(form, columns)) == file.getvalue()
    return rows, file.getvalue()


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode())))


def test_csv_has_every_member_and_column(engine: SegmentationEngine, sql: Query):
    rows, content = exported(engine, NORWAY, "csv")
    header, *lines = read_csv(content)
    names = [name for name, *_ in sql("DESCRIBE customer_features_view")]
    assert header == names
    assert len(lines) == rows == len({line[0] for line in lines})
    found = {line[0]: dict(zip(names, line, strict=True)) for line in lines}
    expected = sql(
        "SELECT customer_id, city, total_revenue, signup_date, email_verified, age FROM customers "
        "WHERE country = 'Norway'"
    )
    assert len(expected) == rows
    for customer, city, revenue, signup, verified, age in expected:
        line = found[customer]
        assert (line["city"], float(line["total_revenue"])) == (city or "", revenue)
        assert (line["signup_date"], line["email_verified"]) == (signup.isoformat(), str(verified).lower())
        assert line["age"] == ("" if age is None else str(age))


def test_parquet_has_the_types_of_the_columns(engine: SegmentationEngine, sql: Query):
    rows, content = exported(engine, NORWAY, "parquet")
    table = pq.read_table(io.BytesIO(content))
    assert table.num_rows == rows
    types = {field.name: field.type for field in table.schema}
    assert types["signup_date"] == pa.date32()
    assert types["total_revenue"] == pa.float64()
    assert types["points_balance"] == pa.int64()
    assert types["age"] == pa.int32()
    assert types["email_verified"] == pa.bool_()
    assert types["city"] == pa.string()
    expected = sql("SELECT customer_id, signup_date, age, email_verified FROM customers WHERE country = 'Norway'")
    found = table.select(["customer_id", "signup_date", "age", "email_verified"]).to_pylist()
    assert {tuple(row.values()) for row in found} == set(expected)


def test_columns_can_be_asked_for(engine: SegmentationEngine, sql: Query):
    wanted = ("churn_probability", "customer_id")
    table = pq.read_table(io.BytesIO(exported(engine, NORWAY, "parquet", wanted)[1]))
    assert table.column_names == list(wanted)
    expected = sql("SELECT churn_probability, customer_id FROM customers WHERE country = 'Norway'")
    assert {tuple(row.values()) for row in table.to_pylist()} == set(expected)


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_an_empty_segment_gives_a_header(engine: SegmentationEngine, sql: Query, form: Format):
    rows, content = exported(engine, {"<": [{"var": "age"}, 0]}, form)
    assert rows == 0
    names = [name for name, *_ in sql("DESCRIBE customer_features_view")]
    if form == "csv":
        assert read_csv(content) == [names]
    else:
        table = pq.read_table(io.BytesIO(content))
        assert (table.column_names, table.num_rows) == (names, 0)


def test_texts_that_a_spreadsheet_would_run_get_an_apostrophe(backend: Backend, open_warehouse: Open):
    texts = ["=1+1", "+47 123", "-5", "@SUM(A1)", "\tx", "\rx", "a=1", "'=1", "", "x\n=1", 'say "hi", you', "Ås 😀"]
    quoted = ", ".join("({}, '{}')".format(n, text.replace("'", "''")) for n, text in enumerate(texts))
    backend.execute(
        'CREATE TABLE customer_features_view (customer_id integer, text varchar, "=name" integer, "@x" varchar);'
        f"INSERT INTO customer_features_view (customer_id, text) VALUES {quoted};"
        'UPDATE customer_features_view SET "=name" = -customer_id, "@x" = \'-\' || customer_id'
    )
    engine = SegmentationEngine(open_warehouse(backend.url))
    header, *lines = read_csv(exported(engine, {}, "csv")[1])
    assert header == ["customer_id", "text", "'=name", "'@x"]
    found = {int(line[0]): line[1:] for line in lines}
    harmless = [f"'{text}" if n < 6 else text for n, text in enumerate(texts)]
    assert [found[n] for n in range(12)] == [[text, str(-n), f"'-{n}"] for n, text in enumerate(harmless)]

    table = pq.read_table(io.BytesIO(exported(engine, {}, "parquet")[1]))
    assert table.column_names == ["customer_id", "text", "=name", "@x"]
    assert {row["customer_id"]: row["text"] for row in table.to_pylist()} == dict(enumerate(texts))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "CREATE TABLE customer_features_view AS SELECT range AS customer_id, range % 7 AS points, "
            f"'name ' || range AS full_name, range / 8 AS score FROM range({MANY})"
        )
    return file


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_large_segment_is_complete(large: Path, open_warehouse: Open, tmp_path: Path, form: Format):
    engine = SegmentationEngine(open_warehouse(f"duckdb:///{large}"))
    file = tmp_path / f"members.{form}"
    with file.open("wb") as stream:
        rows = engine.select({"<": [{"var": "points"}, 6]}).export(stream, form)
    expected = MANY - MANY // 7
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT count(*), count(DISTINCT customer_id), sum(score) FROM '{file}'").fetchall()
    total = sum(n / 8 for n in range(MANY) if n % 7 < 6)
    assert (rows, found) == (expected, [(expected, expected, total)])


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_parts_come_while_the_warehouse_is_read(large: Path, open_warehouse: Open, form: Format):
    warehouse = open_warehouse(f"duckdb:///{large}")
    read: list[int] = []

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in SegmentationEngine(warehouse).select({}).stream():
            read.append(batch.num_rows)
            yield batch

    parts = member_parts(batches(), form)
    first = next(parts)
    assert len(first) > 100
    assert len(read) == 1
    rest = list(parts)
    assert len(read) == 3
    assert sum(read) == MANY
    assert all(rest)
    if form == "parquet":
        assert pq.ParquetFile(io.BytesIO(first + b"".join(rest))).num_row_groups == 3


def test_the_connection_is_released_when_reading_stops(large: Path, open_warehouse: Open):
    warehouse = open_warehouse(f"duckdb:///{large}")
    parts = SegmentationEngine(warehouse).select({}).export_parts("csv")
    next(parts)
    assert not is_idle(warehouse.engine)
    parts.close()
    assert is_idle(warehouse.engine)


def test_every_type_of_value_has_a_text(duckdb_file: DuckDBFile, open_warehouse: Open):
    duckdb_file.execute(ODD_VALUES)
    engine = SegmentationEngine(open_warehouse(duckdb_file.url))
    header, line = read_csv(exported(engine, {}, "csv")[1])
    assert dict(zip(header, line, strict=True)) == {
        "customer_id": "a",
        "price": "10.1",
        "not_a_number": "",
        "nothing": "",
        "big": "9007199254740993",
        "huge": "170141183460469231731687303715884105727",
        "day": "2020-02-29",
        "moment": "2020-02-29 01:02:03.500000",
        "zoned": "2020-02-28 23:02:03.000000Z",
        "clock": "12:30:00",
        "ref": "00000000-0000-0000-0000-00000000000a",
        "picture": r"\xFF\x00",
        "list": "[1.5, NULL]",
        "record": "{'a': 2020-02-29}",
        "flag": "true",
        "empty": "",
        "tier": "gold",
    }
    [row] = pq.read_table(io.BytesIO(exported(engine, {}, "parquet")[1])).to_pylist()
    assert (row["price"], row["day"].isoformat(), row["huge"], row["tier"]) == (10.1, "2020-02-29", 2.0**127, "gold")


def test_long_numbers_have_all_their_digits(backend: Backend, open_warehouse: Open):
    backend.execute(
        "CREATE TABLE customer_features_view AS SELECT CAST(12345678901234567890 AS numeric(20, 0)) AS customer_id, "
        "CAST(-1234567890123456.78 AS numeric(18, 2)) AS balance, CAST(0.5 AS numeric(4, 2)) AS share"
    )
    engine = SegmentationEngine(open_warehouse(backend.url))
    assert read_csv(exported(engine, {}, "csv")[1]) == [
        ["customer_id", "balance", "share"],
        ["12345678901234567890", "-1234567890123456.78", "0.5"],
    ]
    table = pq.read_table(io.BytesIO(exported(engine, {}, "parquet")[1]))
    assert table.to_pylist() == [
        {"customer_id": "12345678901234567890", "balance": Decimal("-1234567890123456.78"), "share": 0.5}
    ]


def test_a_failure_on_the_way_is_raised(engine: SegmentationEngine):
    with pytest.raises(RuleError):
        engine.select({">": [{"var": "nope"}, 1]}).export(io.BytesIO(), "csv")

    def broken() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"customer_id": ["a"]})
        raise OSError("the line went dead")

    with pytest.raises(OSError, match="the line went dead"):
        write_members(broken(), io.BytesIO(), "csv")
    parts = member_parts(broken(), "parquet")
    with pytest.raises(OSError, match="the line went dead"):
        list(parts)


def test_a_byte_order_mark_by_setting(duckdb_file: DuckDBFile, open_warehouse: Callable[..., Warehouse]):
    duckdb_file.execute("CREATE TABLE customer_features_view AS SELECT 'å' AS customer_id, 1 AS points")
    for bom, start in ((True, b'\xef\xbb\xbf"customer_id"'), (False, b'"customer_id"')):
        engine = SegmentationEngine(open_warehouse(duckdb_file.url, exports_csv_bom=bom))
        rows, content = exported(engine, {}, "csv")
        assert (rows, content.startswith(start)) == (1, True)
        assert content.decode("utf-8-sig").splitlines() == ['"customer_id","points"', '"å",1']
        assert exported(engine, {}, "parquet")[1][:4] == b"PAR1"
