"""`%` is C's fmod on a row, in SQL of every database and in `safe_json_logic`, of whole numbers and of any others."""

from __future__ import annotations

import math
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from loyalty_core.rules import compile_rule, safe_json_logic
from loyalty_core.rules.row_values import calculate_double, read_operand
from loyalty_core.rules.sql.dialect import NotWritable, dialect_named
from tests.rules.columns import PlainColumn
from tests.rules.dialects import Redshift

if TYPE_CHECKING:
    from collections.abc import Iterator

A, B = {"var": "a"}, {"var": "b"}
COLUMNS = [PlainColumn("a", "number", "A"), PlainColumn("b", "number", "B")]
ORDINARY = st.floats(1e-15, 1e15) | st.floats(-1e15, -1e-15) | st.integers(-(10**15), 10**15).map(float)


@settings(max_examples=500, deadline=None)
@given(ORDINARY, ORDINARY)
def test_both_evaluators_have_the_remainder_of_c(left: float, right: float) -> None:
    answer = calculate_double("%", left, right)
    if right == 0 or abs(left / right) >= 2**53:
        assert answer is None
    else:
        assert answer == math.fmod(left, right) == safe_json_logic({"%": [left, right]})


def numbers(rng: random.Random) -> tuple[float, float]:
    """A pair of any size; often the first is as close to a multiple of the second as doubles allow."""

    def one() -> float:
        kind = rng.random()
        if kind < 0.3:
            return rng.choice((-1, 1)) * rng.random() * 10 ** rng.uniform(-14, 15)
        if kind < 0.6:
            return rng.randint(-100_000, 100_000) / rng.choice((1, 10, 100, 3, 7))
        return math.ldexp(rng.getrandbits(53), rng.randint(-90, -4)) or 0.1

    left, right = one(), one()
    if rng.random() < 0.4:
        multiple = right * rng.randint(1, 10 ** rng.randint(1, 15))
        left = math.nextafter(multiple, rng.choice((0.0, math.inf, multiple)))
    return left, right


@pytest.fixture(params=["duckdb", "postgresql", "sqlite"])
def connection(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    url = {"duckdb": "duckdb:///:memory:", "sqlite": "sqlite://"}.get(request.param)
    engine = sa.create_engine(url or request.getfixturevalue("postgres_url"))
    with engine.connect() as connection:
        yield connection
        connection.rollback()
    engine.dispose()


def answers(connection: sa.Connection, kind: Any, pairs: list[tuple[Any, Any]]) -> list[tuple[bool, ...]]:
    """For each pair whether the remainder is below, equal and above what Python says, in SQL."""
    columns = [sa.Column(name, kind) for name in ("a", "b")]
    table = sa.Table("remainders", sa.MetaData(), sa.Column("id", sa.Integer), *columns, sa.Column("r", sa.Double()))
    table.drop(connection, checkfirst=True)
    table.create(connection)
    expected = [calculate_double("%", read_operand(left), read_operand(right)) for left, right in pairs]
    values = [{"id": n, "a": a, "b": b, "r": r} for n, ((a, b), r) in enumerate(zip(pairs, expected, strict=True))]
    connection.execute(sa.insert(table), values)
    known = [*COLUMNS, PlainColumn("r", "number", "R")]
    tests = [compile_rule({name: [{"%": [A, B]}, {"var": "r"}]}, known).to_sql(table) for name in ("<", "==", ">")]
    select = sa.select(*(sa.case((test, 1), else_=0) for test in tests)).order_by(table.c.id)
    return [tuple(map(bool, row)) for row in connection.execute(select)]


def test_doubles_have_the_same_remainder_in_sql(connection: sa.Connection) -> None:
    rng = random.Random(11)
    pairs = [numbers(rng) for _ in range(3_000)]
    pairs += [(5.5, 0.1), (-5.5, 0.1), (5.5, -0.1), (1e15, 0.1), (0.3, 0.1), (7.0, 0.0), (0.0, 3.0), (1e15, 1e-15)]
    assert set(answers(connection, sa.Double(), pairs)) == {(False, True, False)}


def test_decimals_and_whole_numbers_have_the_same_remainder_in_sql(connection: sa.Connection) -> None:
    rng = random.Random(12)
    cents = [(Decimal(rng.randint(-(10**7), 10**7)) / 100, Decimal(rng.randint(1, 999)) / 100) for _ in range(500)]
    assert set(answers(connection, sa.Numeric(12, 2), cents)) == {(False, True, False)}
    whole = [(rng.randint(-(10**15), 10**15), rng.randint(-1000, 1000)) for _ in range(500)]
    assert set(answers(connection, sa.BigInteger(), whole)) == {(False, True, False)}


def test_a_database_without_an_exact_remainder_refuses_what_is_not_whole() -> None:
    rule = compile_rule({"<": [{"%": [A, 10]}, 3]}, COLUMNS)
    doubles, whole = (sa.table("t", sa.column("a", kind), sa.column("b")) for kind in (sa.Double(), sa.Integer()))
    with pytest.raises(NotWritable, match="Redshift has no exact remainder"):
        rule.to_sql(doubles).compile(dialect=Redshift())
    written = str(rule.to_sql(whole).compile(dialect=Redshift(), compile_kwargs={"literal_binds": True}))
    assert "TRUNC(" in written


def test_sql_server_calculates_in_steps_without_functions_that_it_lacks() -> None:
    written = dialect_named("mssql").remainder("x", "y")
    assert "SIGN((o.a / o.b)) * FLOOR(ABS((o.a / o.b)))" in written
    assert "MOD(" not in written
