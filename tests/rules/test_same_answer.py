"""The row answer is the SQL answer: random rules over random tables, on each database."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from loyalty_core.rules import Rule, RuleError, compile_rule
from loyalty_core.rules.evaluate import compile_conditions
from tests.rules.random_rules import TODAY, RuleMaker, columns_of, rows_of, table_of

if TYPE_CHECKING:
    from collections.abc import Iterator

OSLO = ZoneInfo("Europe/Oslo")
ROWS = 150
RULES = 150
RULES_SLOW = 2_500
DATABASES = ("duckdb", *(pytest.param(name, marks=pytest.mark.extended) for name in ("postgresql", "sqlite")))


@pytest.fixture(scope="module", params=DATABASES)
def connection(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    url = {"duckdb": "duckdb:///:memory:", "sqlite": "sqlite://"}.get(request.param)
    options = {"connect_args": {"options": "-c timezone=UTC"}} if url is None else {}
    engine = sa.create_engine(url or request.getfixturevalue("postgres_url"), **options)
    with engine.connect() as connection:
        if request.param == "duckdb":
            connection.exec_driver_sql("SET TimeZone = 'UTC'")
        yield connection
        connection.rollback()
    engine.dispose()


def different_answers(connection: sa.Connection, seed: int, rules: int, *, at_once: int = 1) -> list[tuple[Any, str]]:
    """Rules for which some row has another answer in SQL than in Python, or none in SQL.

    All rules compiled together have to answer as each does alone. `at_once` rules are asked in one statement, where
    each statement takes long.
    """
    rng, dialect = random.Random(seed), connection.dialect.name
    table, columns = table_of(dialect), columns_of(dialect)
    table.drop(connection, checkfirst=True)
    table.create(connection)
    connection.execute(sa.insert(table).values(rows_of(dialect, ROWS, rng)))
    rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
    maker, found, refused = RuleMaker(columns, rng), [], 0
    compiled: list[tuple[Any, Rule]] = []
    for _ in range(rules):
        json_logic = maker.rule()
        try:
            compiled.append((json_logic, compile_rule(json_logic, columns, today=TODAY, zone=OSLO)))
        except RuleError as error:
            assert {fault.code for fault in error.faults} <= {"wrong_type", "too_large"}, (json_logic, error)
            refused += 1
    for start in range(0, len(compiled), at_once):
        part = compiled[start : start + at_once]
        in_sql = answers_in_sql(connection, table, [rule for _, rule in part])
        for (json_logic, rule), answers in zip(part, in_sql, strict=True):
            wrong = [row for row in rows if answers[row["id"]] != (rule.matches(row), rule.matches(row), False)]
            if wrong:
                values = {name: wrong[0][name] for name in rule.columns}
                found.append((json_logic, f"{len(wrong)} rows, first {values}: SQL {answers[wrong[0]['id']]}"))
    assert refused < rules / 3
    together = compile_conditions(rule.condition for _, rule in compiled)
    for row in rows:
        assert together(row) == tuple(rule.matches(row) for _, rule in compiled)
    return found


def answers_in_sql(
    connection: sa.Connection, table: sa.Table, rules: list[Rule]
) -> list[dict[int, tuple[bool, bool, bool]]]:
    """For each rule and row whether it holds, whether it does in a WHERE, and whether the answer is NULL."""
    tests = [(sql := rule.to_sql(table), rule.to_sql(table, where=True), sql.is_(None)) for rule in rules]
    marks = [
        sa.case((test, 1), else_=0).label(f"mark_{index}_{place}")
        for index, forms in enumerate(tests)
        for place, test in enumerate(forms)
    ]
    rows = connection.execute(sa.select(table.c.id, *marks)).all()
    return [
        {number: (bool(marks[at]), bool(marks[at + 1]), bool(marks[at + 2])) for number, *marks in rows}
        for at in range(0, 3 * len(rules), 3)
    ]


def test_random_rules_answer_the_same_in_sql_and_on_a_row(connection: sa.Connection) -> None:
    assert different_answers(connection, 1, RULES) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_many_random_rules_answer_the_same(connection: sa.Connection, seed: int) -> None:
    assert different_answers(connection, seed, RULES_SLOW // 5) == []
