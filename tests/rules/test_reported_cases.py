"""Rules that once had a wrong answer, each with the right one; tests/data/cases/rules.json describes them."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa

from loyalty_core.rules import RuleError, compile_rule, safe_json_logic
from loyalty_core.segments.figures import readable_sql
from loyalty_core.warehouse import FeatureStore
from tests.rules.columns import PlainColumn
from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse

CASES = json.loads((ROOT / "tests/data/cases/rules.json").read_text("utf-8"))
# Data that JSON cannot hold is described in words.
DESCRIBED: dict[str, Any] = {
    "Infinity (float; JSON 1e400)": float("inf"),
    "pandas.NA": pd.NA,
    "10**5000 (int)": 10**5000,
}
ON_DATA = [case for case in CASES if "data" in case]
MANY_DECIMALS = next(case["rule"] for case in CASES if len(json.dumps(case["rule"])) > 1_000)
X = {"var": "x"}
TODAY = date(2026, 3, 1)
COLUMNS = [
    PlainColumn("joined", "date", "Joined"),
    PlainColumn("city", "text", "City"),
    PlainColumn("region", "text", "Region"),
    PlainColumn("points", "number", "Points"),
    PlainColumn("flag", "boolean", "Verified"),
]


@pytest.mark.parametrize("case", ON_DATA, ids=lambda case: f"{json.dumps(case['rule'])[:60]} {case['data']}")
def test_a_rule_on_data(case: dict[str, Any]) -> None:
    data = {key: DESCRIBED.get(str(value), value) for key, value in case["data"].items()}
    try:
        answer = safe_json_logic(case["rule"], data)
    except RuleError:
        assert "RuleError" in str(case["want"])
        return
    if isinstance(case["want"], str) and "RuleError" in case["want"]:
        assert answer is None or isinstance(answer, list | str)
    else:
        assert answer == case["want"]
        assert type(answer) is type(case["want"])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"!": []}, True),
        ({"!!": []}, False),
        ({">": [3, 2, 1]}, True),
        ({"==": [3, 3, 3]}, True),
        ({"-": [5, 2, 1]}, 3),
        ({"%": [8, 6, 3]}, 2),
        ({"reduce": [[1, 2], {"+": [{"var": "current"}, 1]}]}, 3),
        ({"var": "a.length"}, 2),
        ({"cat": [1e21, " ", 1.5e-7, " ", 0.000001, " ", 1e20]}, "1e+21 1.5e-7 0.000001 100000000000000000000"),
        ({"in": [1.5, "a1.5b"]}, True),
    ],
)
def test_as_in_javascript(rule: Any, expected: Any) -> None:
    assert safe_json_logic(rule, {"a": ["x", "y"]}) == expected


def test_an_unknown_operator_that_is_reached_is_refused() -> None:
    with pytest.raises(RuleError, match="There is no operator"):
        safe_json_logic({"and": [True, {"throw": "x"}]}, {})


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"!": {"<=": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}},
            "Joined is not from 2026-01-01 to 2026-01-31",
        ),
        (
            {"or": [{"<=": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}, {"==": [{"var": "city"}, "Oslo"]}]},
            "Joined is from 2026-01-01 to 2026-01-31 or City is “Oslo”",
        ),
        (
            {"or": [{"<": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}, {"==": [{"var": "city"}, "Oslo"]}]},
            "(Joined is both after 2026-01-01 and before 2026-01-31) or City is “Oslo”",
        ),
        (
            {"!": {"<": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}},
            "Joined is not both after 2026-01-01 and before 2026-01-31",
        ),
        (
            {
                "and": [
                    {"!": {"or": [{">": [{"var": "points"}, 5]}, {"var": "flag"}]}},
                    {"==": [{"var": "city"}, "Oslo"]},
                ]
            },
            "(none of these holds: (Points is more than 5 or Verified is yes)) and City is “Oslo”",
        ),
        ({"<": [{"var": "joined"}, {"today": -30}]}, "Joined is before 30 days before today (2026-01-30)"),
        ({">=": [{"var": "joined"}, {"today": 0}]}, "Joined is on or after today (2026-03-01)"),
        ({"==": [{"var": "joined"}, {"today": 1}]}, "Joined is on 1 day after today (2026-03-02)"),
        (
            {"<=": [{"today": -30}, {"var": "joined"}, {"today": -7}]},
            "Joined is from 30 days before today (2026-01-30) to 7 days before today (2026-02-22)",
        ),
        (
            {"in": [{"var": "points"}, [10**18, 10**18 + 1]]},
            "Points is one of 1,000,000,000,000,000,000 or 1,000,000,000,000,000,001",
        ),
    ],
)
def test_a_sentence_that_says_what_the_rule_says(rule: Any, sentence: str) -> None:
    assert compile_rule(rule, COLUMNS, today=TODAY).describe() == f"Customers where {sentence}"


@pytest.mark.parametrize("moment", ["2026-05-26T00:00:00.000Z", "2026-05-26T00:00:00+02:00", "2026-05-26"])
def test_midnight_by_its_own_offset_is_a_day(moment: str) -> None:
    rule = compile_rule({"==": [{"var": "joined"}, moment]}, COLUMNS, zone=ZoneInfo("Europe/Oslo"))
    assert rule.matches({"joined": date(2026, 5, 26)})
    assert not rule.matches({"joined": date(2026, 5, 27)})
    assert rule.describe() == "Customers where Joined is on 2026-05-26"


@pytest.mark.parametrize(
    "rule",
    ["VIP", 11, [1], {"and": [11]}, {"if": [{"var": "flag"}, "on", "off"]}, {"or": [{"var": "flag"}, "no"]}],
)
def test_a_constant_that_is_no_condition_is_refused(rule: Any) -> None:
    with pytest.raises(RuleError, match="is no condition"):
        compile_rule(rule, COLUMNS)


@pytest.mark.parametrize(("rule", "holds"), [(True, True), (False, False), ({"==": [1, 2]}, False), ({"!!": 5}, True)])
def test_a_constant_that_is_true_or_false_is_a_rule(rule: Any, holds: bool) -> None:
    assert compile_rule(rule, COLUMNS).matches({}) == holds


def test_parts_of_parts_are_refused_before_their_sql_explodes() -> None:
    part: Any = X
    for _ in range(40):  # without the limit, this would not end
        part = {"substr": [part, -5, -1]}
    with pytest.raises(RuleError, match="too many parts"):
        compile_rule({"==": [part, "a"]}, [PlainColumn("x", "text", "X")])


def test_conditions_compared_with_conditions_stop_before_sqlite_does() -> None:
    rule: Any = {">": [X, 0]}
    for level in range(60):
        rule = {"!=": [{">": [X, level % 7]}, rule]}
        try:
            compiled = compile_rule(rule, [PlainColumn("x", "number", "X")])
        except RuleError as error:
            assert error.faults[0].code == "too_deep"
            break
        engine = sa.create_engine("sqlite://")
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
            table = sa.Table("t", sa.MetaData(), sa.Column("x", sa.Integer))
            connection.execute(sa.select(table).where(compiled.to_sql(table)))
        engine.dispose()
    else:
        pytest.fail("it is never too deep")


@pytest.mark.parametrize(
    ("columns", "value", "rule", "expected"),
    [
        ("x DATETIME", "2026-01-31 00:00:00", {">=": [X, "2026-01-31"]}, True),
        ("x DATETIME", "2026-01-31", {">=": [X, "2026-01-31"]}, True),
        ("x DATETIME", "2026-01-31 00:00", {">=": [X, "2026-01-31"]}, True),
        ("x DATETIME", "2026-01-31T08:30:00", {">=": [X, "2026-01-31"]}, True),
        ("x DATETIME", "2026-01-31 12:00:00", {"==": [X, "2026-01-31T12:00:00"]}, True),
        ("x DATETIME", "2026-01-31 12:00:00.250", {"==": [X, "2026-01-31T12:00:00.25"]}, True),
        ("x DATETIME", "2026-01-31 00:00:00", {"<": [X, "2026-01-31"]}, False),
        ("x TEXT COLLATE NOCASE", "OSLO", {"==": [X, "Oslo"]}, False),
        ("x TEXT COLLATE NOCASE", "OSLO", {"in": [X, ["Oslo", "oslo"]]}, False),
        ("x TEXT COLLATE NOCASE", "OSLO", {"!=": [X, "Oslo"]}, True),
        ("x TEXT COLLATE RTRIM", "a ", {"==": [X, "a"]}, False),
        ("x NUMERIC", 1.5, MANY_DECIMALS, True),
        ("x NUMERIC", 0.25, MANY_DECIMALS, False),
    ],
)
def test_row_and_sql_on_sqlite(
    tmp_path: Path,
    open_warehouse: Callable[..., Warehouse],
    columns: str,
    value: Any,
    rule: Any,
    expected: bool,
) -> None:
    file = tmp_path / "warehouse.db"
    connection = sqlite3.connect(file)
    connection.execute(f"CREATE TABLE customer_features_view (customer_id TEXT, {columns})")
    connection.execute("INSERT INTO customer_features_view VALUES ('C1', ?)", [value])
    connection.commit()
    connection.close()
    both_readings(open_warehouse(f"sqlite:///{file}"), rule, expected)


@pytest.mark.parametrize(
    ("columns", "value", "rule", "expected"),
    [
        ("x DECIMAL(12, 2)", "1.5", MANY_DECIMALS, True),
        ("x DECIMAL(12, 2)", "0.25", MANY_DECIMALS, False),
        ("x JSON", "'null'", {"==": [X, None]}, True),
        ("x JSON", "'1'", {"==": [X, None]}, False),
        ("x JSON", "NULL", {"!=": [X, None]}, False),
        ("x JSON", "'null'", {"!=": [X, None]}, False),
        ("x FLOAT", "0.3", {"<=": [X, 0.3]}, False),
    ],
)
def test_row_and_sql_on_duckdb(
    tmp_path: Path, open_warehouse: Callable[..., Warehouse], columns: str, value: str, rule: Any, expected: bool
) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"CREATE TABLE customer_features_view (customer_id VARCHAR, {columns})")
        connection.execute(f"INSERT INTO customer_features_view VALUES ('C1', {value})")
    warehouse = open_warehouse(f"duckdb:///{file}")
    both_readings(warehouse, rule, expected)
    written = written_sql(warehouse, rule)
    with warehouse.engine.connect() as connection:
        assert bool(connection.exec_driver_sql(written).fetchall()) == expected, "as it is written out"


@pytest.mark.parametrize(
    ("columns", "value", "rule", "expected"),
    [
        ("x REAL", "0.1", {"==": [X, 0.1]}, False),
        ("x REAL", "1.1", {"<=": [0.1, X, 1.1]}, False),
        ("x REAL", "0.1", {">": [{"*": [X, 10]}, 1]}, True),
        ("x REAL", "0.5", {"==": [X, 0.5]}, True),
        ("x DECIMAL(12, 2)", "1.5", MANY_DECIMALS, True),
        ("x JSON", "'null'", {"==": [X, None]}, True),
        ("x JSONB", "'null'", {"==": [X, None]}, True),
        ("x JSONB", "' null '", {"!=": [X, None]}, False),
        ("x JSONB", "'{}'", {"==": [X, None]}, False),
    ],
)
def test_row_and_sql_on_postgresql(
    postgres_database: str,
    open_warehouse: Callable[..., Warehouse],
    columns: str,
    value: str,
    rule: Any,
    expected: bool,
) -> None:
    engine = sa.create_engine(postgres_database.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TABLE customer_features_view (customer_id TEXT, {columns})")
        connection.exec_driver_sql(f"INSERT INTO customer_features_view VALUES ('C1', {value})")
    engine.dispose()
    both_readings(open_warehouse(postgres_database), rule, expected)


def written_sql(warehouse: Warehouse, rule: Any, database: str | None = None) -> str:
    """The statement with its values, as the SQL tab shows it."""
    return readable_sql(warehouse, warehouse.features, compile_rule(rule, warehouse.columns()), database)


def both_readings(warehouse: Warehouse, rule: Any, expected: bool) -> None:
    """The rule holds for the one customer as expected, on the row and in SQL."""
    view = warehouse.features
    compiled = compile_rule(rule, warehouse.columns())
    assert compiled.matches(FeatureStore(warehouse).get("C1")) == expected, "on the row"
    for where in (True, False):
        found = warehouse.rows(sa.select(view.c.customer_id).where(compiled.to_sql(view, where=where)))
        assert bool(found) == expected, "in SQL"


@pytest.mark.parametrize(
    ("database", "rule", "has", "has_not"),
    [
        ("redshift", {"==": [{"var": "city"}, {"var": "region"}]}, "ELSE 0", "IS NOT DISTINCT FROM"),
        ("redshift", {"==": [{"substr": [{"var": "city"}, 1, 2]}, "sl"]}, "ELSE 0", "IS NOT DISTINCT FROM"),
        ("postgresql", {"<": [{"var": "city"}, "M"]}, 'COLLATE "C"', "strpos"),
        ("sqlite", {"==": [{"substr": [{"var": "city"}, 1, 2]}, "sl"]}, "'sl'", ":"),
    ],
)
def test_sql_written_for_another_database(
    tmp_path: Path, open_warehouse: Callable[..., Warehouse], database: str, rule: Any, has: str, has_not: str
) -> None:
    file = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE customer_features_view (customer_id VARCHAR, city VARCHAR, region VARCHAR)")
    warehouse = open_warehouse(f"duckdb:///{file}")
    written = written_sql(warehouse, rule, database)
    assert has in written
    assert has_not not in written


def compiled_for(dialect: sa.Dialect, rule: Any) -> str:
    """The rule as the dialect writes it with its values."""
    table = sa.table("customers", sa.column("x", sa.UnicodeText()), sa.column("y", sa.UnicodeText()))
    predicate = compile_rule(rule, [PlainColumn("x", "text", "X"), PlainColumn("y", "text", "Y")]).to_sql(table)
    return str(predicate.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def test_sql_server() -> None:
    from sqlalchemy.dialects import mssql  # noqa: PLC0415

    written = compiled_for(mssql.dialect(), {"==": [{"substr": [X, 1, 2]}, "sl"]})
    assert "SUBSTRING(" in written
    assert "substr(" not in written
    assert "N'日本'" in compiled_for(mssql.dialect(), {"==": [X, "日本"]})


def test_mysql() -> None:
    from sqlalchemy.dialects import mysql  # noqa: PLC0415

    written = compiled_for(mysql.dialect(), {"==": [{"substr": [X, -2, 1]}, {"var": "y"}]})
    assert "CHAR_LENGTH(" in written
    assert " length(" not in written.lower().replace("char_length(", "")
    assert "%s" not in written


def test_members_of_a_list_are_decimals_where_the_column_is() -> None:
    table = sa.table("t", sa.column("x", sa.Numeric(12, 2)))
    predicate = compile_rule(MANY_DECIMALS, [PlainColumn("x", "number", "X")]).to_sql(table)
    values = next(value for value in predicate.compile().params.values() if isinstance(value, list))
    assert Decimal("0.5") in values
