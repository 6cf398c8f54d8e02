"""Rules that once had a wrong answer: every case of tests/data/cases/rules.json, held to the answer it wants.

A case on data is evaluated with `safe_json_logic`. Any other has `checks`: tables of one row on which the rule must
hold or not hold, on the row and in SQL, as it runs and as it is written out; its sentence; the code of its fault; and,
for databases that do not run here, what the written SQL has, which also calls no function that the database lacks.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import duckdb
import pandas as pd
import pytest
import sqlalchemy as sa

from loyalty_core.rules import RuleError, compile_rule, safe_json_logic
from loyalty_core.segments.figures import DATABASES, readable_sql
from loyalty_core.warehouse import FeatureStore
from loyalty_core.warehouse.dialects import DIALECTS
from tests.rules.columns import PlainColumn
from tests.rules.dialects import SQLALCHEMY_DIALECTS, functions_in
from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from loyalty_core.warehouse import Warehouse

CASES = json.loads((ROOT / "tests/data/cases/rules.json").read_text("utf-8"))
# Data that JSON cannot hold is described in words.
DESCRIBED: dict[str, Any] = {
    "Infinity (float; JSON 1e400)": float("inf"),
    "pandas.NA": pd.NA,
    "10**5000 (int)": 10**5000,
}
TODAY = date(2026, 3, 1)
COLUMNS = [
    PlainColumn("joined", "date", "Joined"),
    PlainColumn("city", "text", "City"),
    PlainColumn("region", "text", "Region"),
    PlainColumn("points", "number", "Points"),
    PlainColumn("flag", "boolean", "Verified"),
]


def tables_of(cases: list[Any]) -> dict[tuple[str, str, str], str]:
    """The tables that the checks need, by engine, columns and values, with their names."""
    checks = [case["checks"] for case in cases if "checks" in case]
    rows = [row for check in checks for row in check.get("rows", [])]
    needed = [(engine, row["columns"], row["values"]) for row in rows for engine in row["engines"]]
    needed += [("duckdb", written["columns"], "") for check in checks for written in check.get("written", [])]
    return {table: f"case_{number}" for number, table in enumerate(dict.fromkeys(needed))}


TABLES = tables_of(CASES)


@pytest.fixture(scope="module")
def urls(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A database of each kind with its tables."""
    folder = tmp_path_factory.mktemp("cases")
    with request.getfixturevalue("postgres_server").database() as postgresql:
        urls = {
            "duckdb": f"duckdb:///{folder}/cases.duckdb",
            "sqlite": f"sqlite:///{folder}/cases.sqlite",
            "postgresql": postgresql,
        }
        for engine, url in urls.items():
            statements = ["CREATE EXTENSION IF NOT EXISTS citext"] if engine == "postgresql" else []
            for (made_for, columns, values), name in TABLES.items():
                if made_for == engine:
                    statements.append(f"CREATE TABLE {name} (customer_id VARCHAR(9), {columns})")
                    statements += [f"INSERT INTO {name} VALUES ('C1', {values})"] if values else []
            run(engine, url, statements)
        yield urls


@pytest.fixture
def table(urls: dict[str, str], open_warehouse: Callable[..., Warehouse]) -> Callable[..., Warehouse]:
    """A warehouse whose view has these columns and, where there are any, one customer with these values."""

    def open_one(engine: str, columns: str, values: str = "") -> Warehouse:
        return open_warehouse(urls[engine], dwh_customer_features_table=TABLES[engine, columns, values])

    return open_one


def run(engine: str, url: str, statements: list[str]) -> None:
    file = url.partition(":///")[2]
    match engine:
        case "duckdb":
            with duckdb.connect(file) as connection:
                for statement in statements:
                    connection.execute(statement)
        case "sqlite":
            with sqlite3.connect(file) as connection:
                for statement in statements:
                    connection.execute(statement)
            connection.close()
        case _:
            server = sa.create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
            with server.begin() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
            server.dispose()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{json.dumps(case['rule'])[:60]}")
def test_a_reported_case(case: dict[str, Any], table: Callable[..., Warehouse]) -> None:
    if "data" in case:
        check_on_data(case)
        return
    checks = case["checks"]
    assert set(checks) & {"rows", "sentence", "fault", "written"}, "every case is checked"
    zone = ZoneInfo(checks.get("zone", "UTC"))
    if "fault" in checks:
        columns = [PlainColumn(name, kind, name) for name, kind in checks.get("kinds", {}).items()] or COLUMNS
        for rule in (case["rule"], *checks.get("also", [])):
            with pytest.raises(RuleError) as caught:
                compile_rule(rule, columns)
            assert caught.value.faults[0].code == checks["fault"]
    if "sentence" in checks:
        sentence = compile_rule(case["rule"], COLUMNS, today=TODAY, zone=zone).describe()
        assert sentence == f"Customers where {checks['sentence']}"
    for row in checks.get("rows", []):
        for engine in row["engines"]:
            check_on_row({"rule": case["rule"]} | checks | row, table(engine, row["columns"], row["values"]), zone)
    for written in checks.get("written", []):
        check_written({"rule": case["rule"]} | written, table)


def check_on_data(case: dict[str, Any]) -> None:
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


def check_on_row(check: dict[str, Any], warehouse: Warehouse, zone: ZoneInfo) -> None:
    """The rule holds for the one customer or not: on the row, in SQL, and in the SQL that people copy."""
    try:
        rule = compile_rule(check["rule"], warehouse.columns(), today=TODAY, zone=zone)
    except RuleError as error:
        assert error.faults[0].code == check.get("or_fault"), str(error)
        return
    view, engine = warehouse.features, warehouse.dialect.name
    on_the_row = rule.matches(FeatureStore(warehouse).get("C1"))
    assert check["holds"] in {on_the_row, None}, f"on the row, {engine}: {check}"
    for where in (True, False):
        found = warehouse.rows(sa.select(view.c.customer_id).where(rule.to_sql(view, where=where)))
        assert bool(found) == on_the_row, f"in SQL, {engine}: {check}"
    if check.get("written", True):
        statement = readable_sql(warehouse, view, rule, None)
        with warehouse.engine.connect() as connection:
            written = connection.exec_driver_sql(statement.replace("%", "%%")).fetchall()
        assert bool(written) == on_the_row, f"as it is written out, {engine}: {statement}"


def check_written(check: dict[str, Any], table: Callable[..., Warehouse]) -> None:
    name = check["database"]
    warehouse = table("duckdb", check["columns"])
    rule = compile_rule(check["rule"], warehouse.columns(), today=TODAY)
    if name in DATABASES:
        statement = readable_sql(warehouse, warehouse.features, rule, name)
    else:
        options = {"literal_binds": True}
        statement = str(
            rule.to_sql(warehouse.features).compile(dialect=SQLALCHEMY_DIALECTS[name](), compile_kwargs=options)
        )
    assert all(part in statement for part in check["has"]), statement
    assert not any(part in statement for part in check["has_not"]), statement
    assert functions_in(statement) <= DIALECTS[name].functions, statement


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            {"or": [{"<": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}, {"==": [{"var": "city"}, "Oslo"]}]},
            "(Joined is both after 2026-01-01 and before 2026-01-31) or City is “Oslo”",
        ),
        (
            {"!": {"<": ["2026-01-01", {"var": "joined"}, "2026-01-31"]}},
            "Joined is not both after 2026-01-01 and before 2026-01-31",
        ),
        (
            {"<": [{"today": -30}, {"var": "joined"}, {"today": 0}]},
            "Joined is both after 30 days before today (2026-01-30) and before today (2026-03-01)",
        ),
        (
            {"<": [{"var": "joined"}, {"today": "-30"}]},
            "Joined is before 30 days before today (2026-01-30)",
        ),
        (
            {"<=": [{"today": {"-": [29]}}, {"var": "joined"}, {"today": []}]},
            "Joined is in the last 30 days (2026-01-31 to 2026-03-01)",
        ),
        (
            {"<=": [{"today": -30}, {"var": "joined"}, "2026-02-01"]},
            "Joined is from 30 days before today (2026-01-30) to 2026-02-01",
        ),
        ({">=": [{"var": "joined"}, {"today": 0}]}, "Joined is on or after today (2026-03-01)"),
        ({"==": [{"var": "joined"}, {"today": 1}]}, "Joined is 1 day after today (2026-03-02)"),
        ({"!=": [{"var": "joined"}, {"today": 0}]}, "Joined is not today (2026-03-01)"),
        (
            {"in": [{"var": "joined"}, [{"today": 0}, "2026-01-31", {"today": -7}, None]]},
            "Joined is today (2026-03-01) or Joined is on 2026-01-31 or Joined is 7 days before today (2026-02-22) "
            "or Joined is blank",
        ),
        (
            {"<=": [{"today": -30}, {"var": "joined"}, {"today": -7}]},
            "Joined is from 30 days before today (2026-01-30) to 7 days before today (2026-02-22)",
        ),
        (
            {"==": [{">": [{"var": "points"}, 5]}, {"!": {"var": "flag"}}]},
            "(Points is more than 5 exactly when Verified is not yes)",
        ),
        (
            {"!=": [{">": [{"var": "points"}, 5]}, {"<": [{"var": "points"}, 9]}]},
            "(either Points is more than 5 or Points is less than 9, but not both)",
        ),
    ],
)
def test_a_sentence_says_what_the_rule_says(rule: Any, sentence: str) -> None:
    assert compile_rule(rule, COLUMNS, today=TODAY).describe() == f"Customers where {sentence}"


@pytest.mark.parametrize("moment", ["2026-05-26T00:00:00.000Z", "2026-05-26T00:00:00+02:00", "2026-05-26"])
def test_midnight_by_its_own_offset_is_a_day(moment: str) -> None:
    rule = compile_rule({"==": [{"var": "joined"}, moment]}, COLUMNS, zone=ZoneInfo("Europe/Oslo"))
    assert rule.matches({"joined": date(2026, 5, 26)})
    assert not rule.matches({"joined": date(2026, 5, 27)})
    assert rule.describe() == "Customers where Joined is on 2026-05-26"


@pytest.mark.parametrize(
    "rule",
    [
        {"if": [{"var": "flag"}, "on", "off"]},
        {"or": [{"var": "flag"}, "no"]},
        {"!": "VIP"},
        {"!!": "VIP"},
        {"!!": 5},
        {"!": [["VIP"]]},
        {"and": [True, "VIP"]},
        {"if": ["VIP", True, False]},
        {"!": {"!!": ["VIP"]}},
        {"and": [{"var": "flag"}, {"!": "VIP"}]},
    ],
    ids=json.dumps,
)
def test_a_constant_is_not_a_condition(rule: Any) -> None:
    with pytest.raises(RuleError, match="is not a condition") as caught:
        compile_rule(rule, COLUMNS)
    assert {fault.code for fault in caught.value.faults} == {"not_a_condition"}


@pytest.mark.parametrize(
    ("rule", "holds"),
    [
        (True, True),
        (False, False),
        ({"==": [1, 2]}, False),
        ({"!": False}, True),
        ({"and": [True, {"<": [1, 2]}]}, True),
    ],
)
def test_a_constant_that_is_true_or_false_is_a_rule(rule: Any, holds: bool) -> None:
    compiled = compile_rule(rule, COLUMNS)
    assert compiled.matches({}) == holds
    assert compiled.describe() == ("All customers" if holds else "No customers")


def test_parts_of_parts_are_refused_before_their_sql_explodes() -> None:
    part: Any = {"var": "x"}
    for _ in range(40):  # without the limit, this would not end
        part = {"substr": [part, -5, -1]}
    with pytest.raises(RuleError, match="too many parts"):
        compile_rule({"==": [part, "a"]}, [PlainColumn("x", "text", "X")])


def test_conditions_compared_with_conditions_stop_before_sqlite_does() -> None:
    x = {"var": "x"}
    rule: Any = {">": [x, 0]}
    for level in range(60):
        rule = {"!=": [{">": [x, level % 7]}, rule]}
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
