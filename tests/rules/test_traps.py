"""Each known trap between a rule on a row and the rule in SQL, by name, on each database.

Every test says what the answer is; `agree` holds the row and the database to it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from loyalty_core.rules import RuleError, compile_rule
from tests.rules.columns import OSLO, TODAY, PlainColumn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.rules import Kind


@pytest.fixture(scope="module", params=["duckdb", "postgresql", "sqlite"])
def connection(request: pytest.FixtureRequest) -> Iterator[sa.Connection]:
    url = {"duckdb": "duckdb:///:memory:", "sqlite": "sqlite://"}.get(request.param)
    engine = sa.create_engine(url or request.getfixturevalue("postgres_url"))
    with engine.connect() as connection:
        zone = {"duckdb": "SET TimeZone = 'UTC'", "postgresql": "SET TIME ZONE 'UTC'"}.get(request.param)
        if zone:
            connection.exec_driver_sql(zone)
        yield connection
        connection.rollback()
    engine.dispose()


@dataclass
class Table:
    """Makes a table of one or two columns, and compares a rule's answers on it with those expected."""

    connection: sa.Connection

    def agree(self, rule: Any, kind: Kind, column_type: Any, expected: list[tuple[Any, bool]], name: str = "x") -> None:
        """`expected` has (value of x, answer), or ((x, y), answer) for rules over two columns."""
        rows = [value if isinstance(value, tuple) else (value, None) for value, _ in expected]
        table = sa.Table(
            "trap",
            sa.MetaData(),
            sa.Column("id", sa.Integer()),
            sa.Column(name, column_type),
            sa.Column("y", column_type),
        )
        table.drop(self.connection, checkfirst=True)
        table.create(self.connection)
        values = [{"id": index, name: x, "y": y} for index, (x, y) in enumerate(rows)]
        self.connection.execute(sa.insert(table), values)
        columns = [PlainColumn(name, kind, name), PlainColumn("y", kind, "y")]
        compiled = compile_rule(rule, columns, today=TODAY, zone=OSLO)
        answers = [answer for _, answer in expected]
        assert [compiled.matches({name: x, "y": y}) for x, y in rows] == answers, "on the row as it was written"
        read = self.connection.execute(sa.select(table).order_by(table.c.id)).mappings().all()
        assert [compiled.matches(dict(row)) for row in read] == answers, "on the row as it was read"
        predicate = compiled.to_sql(table)
        found = self.connection.execute(sa.select(predicate).select_from(table).order_by(table.c.id)).scalars().all()
        assert [type(answer) if answer is None else bool(answer) for answer in found] == answers, "in SQL"

    @property
    def has_nan(self) -> bool:
        return self.connection.dialect.name != "sqlite"


@pytest.fixture
def table(connection: sa.Connection) -> Iterator[Table]:
    # A statement that fails would take the rest of PostgreSQL's transaction with it; DuckDB has no savepoints.
    attempt = connection.begin_nested() if connection.dialect.name == "postgresql" else None
    yield Table(connection)
    if attempt is not None:
        attempt.rollback()


X, Y = {"var": "x"}, {"var": "y"}
NAN = math.nan


def test_not_greater_is_true_for_blank(table: Table) -> None:
    table.agree({"!": {">": [X, 5]}}, "number", sa.Integer(), [(None, True), (5, True), (6, False)])


def test_not_equal_is_true_for_blank(table: Table) -> None:
    table.agree({"!=": [X, "a"]}, "text", sa.Text(), [(None, True), ("a", False), ("b", True)])


def test_two_blank_columns_are_equal(table: Table) -> None:
    expected = [((None, None), True), (("a", None), False), (("a", "a"), True), (("a", "b"), False)]
    table.agree({"==": [X, Y]}, "text", sa.Text(), expected)
    table.agree({"!=": [X, Y]}, "text", sa.Text(), [(pair, not answer) for pair, answer in expected])


def test_in_a_list_with_null_finds_blanks(table: Table) -> None:
    rule = {"in": [X, ["a", None]]}
    table.agree(rule, "text", sa.Text(), [(None, True), ("a", True), ("b", False)])
    table.agree({"!": rule}, "text", sa.Text(), [(None, False), ("a", False), ("b", True)])
    table.agree({"in": [X, [None]]}, "number", sa.Integer(), [(None, True), (0, False)])


def test_not_in_a_list_is_true_for_blank(table: Table) -> None:
    table.agree({"!": {"in": [X, ["Oslo"]]}}, "text", sa.Text(), [(None, True), ("Oslo", False), ("Rome", True)])


def test_in_an_empty_list_is_false_for_everyone(table: Table) -> None:
    table.agree({"in": [X, []]}, "text", sa.Text(), [(None, False), ("a", False)])
    table.agree({"!": {"in": [X, []]}}, "text", sa.Text(), [(None, True), ("a", True)])


@pytest.mark.parametrize("column_type", [sa.Double(), sa.REAL()], ids=str)
def test_nan_is_blank(table: Table, column_type: Any) -> None:
    if not table.has_nan:
        pytest.skip("SQLite stores NaN as NULL")
    for name, answer in (("<", False), ("<=", False), (">", False), (">=", False), ("==", False), ("!=", True)):
        table.agree({name: [X, 0]}, "number", column_type, [(NAN, answer), (None, answer)])
        table.agree({"!": {name: [X, 0]}}, "number", column_type, [(NAN, not answer), (None, not answer)])
    table.agree({"==": [X, None]}, "number", column_type, [(NAN, True), (math.inf, False), (1.0, False)])
    table.agree({"==": [X, Y]}, "number", column_type, [((NAN, None), True), ((NAN, 1.0), False)])
    table.agree({"<": [X, Y]}, "number", column_type, [((1.0, NAN), False), ((1.0, 2.0), True)])
    table.agree(X, "number", column_type, [(NAN, False), (0.0, False), (2.0, True)])
    table.agree({">": [{"+": [X, 1]}, 0]}, "number", column_type, [(NAN, False), (1.0, True)])


def test_nan_in_a_decimal_column_is_blank(table: Table) -> None:
    if table.connection.dialect.name != "postgresql":
        pytest.skip("Only PostgreSQL has a NaN among decimals")
    table.agree({">": [X, 5]}, "number", sa.Numeric(), [(Decimal("NaN"), False), (Decimal(6), True)])
    table.agree({"==": [X, None]}, "number", sa.Numeric(), [(Decimal("NaN"), True), (Decimal(6), False)])


def test_a_text_column_against_a_number_is_refused() -> None:
    with pytest.raises(RuleError, match="5 cannot be compared with texts"):
        compile_rule({">": [X, 5]}, [PlainColumn("x", "text", "X")])


def test_a_text_column_full_of_junk_never_meets_a_cast(table: Table) -> None:
    table.agree({"==": [X, "5"]}, "text", sa.Text(), [("", False), ("abc", False), ("5", True)])


def test_a_number_column_against_a_text_that_spells_one(table: Table) -> None:
    table.agree({">": [X, "9"]}, "number", sa.Integer(), [(10, True), (9, False), (None, False)])


def test_a_boolean_column_against_one_and_letters(table: Table) -> None:
    for yes, no in ((1, 0), ("true", "false"), (True, False)):
        table.agree({"==": [X, yes]}, "boolean", sa.Boolean(), [(True, True), (False, False), (None, False)])
        table.agree({"==": [X, no]}, "boolean", sa.Boolean(), [(True, False), (False, True), (None, False)])
    table.agree({"!": X}, "boolean", sa.Boolean(), [(True, False), (False, True), (None, True)])


def test_a_date_column_against_iso_text(table: Table) -> None:
    expected = [(date(2026, 1, 30), True), (date(2026, 1, 31), False), (None, False)]
    table.agree({"<": [X, "2026-01-31"]}, "date", sa.Date(), expected)


def test_a_junk_date_is_refused() -> None:
    for junk in ("2026-02-30", "soon", "", 5, True):
        with pytest.raises(RuleError, match="is not a date"):
            compile_rule({"==": [X, junk]}, [PlainColumn("x", "date", "X")])


def test_a_day_against_a_time_is_all_of_that_day_in_the_zone(table: Table) -> None:
    # 31 January in Oslo lasts from 23:00 to 23:00 UTC.
    moments = [
        (datetime(2026, 1, 30, 22, 59, 59), False),
        (datetime(2026, 1, 30, 23, 0), True),
        (datetime(2026, 1, 31, 22, 59, 59, 999999), True),
        (datetime(2026, 1, 31, 23, 0), False),
        (None, False),
    ]
    table.agree({"==": [X, "2026-01-31"]}, "datetime", sa.DateTime(), moments)
    after = [(moment, moment is not None and moment >= datetime(2026, 1, 31, 23)) for moment, _ in moments]
    table.agree({">": [X, "2026-01-31"]}, "datetime", sa.DateTime(), after)
    table.agree({"!": {">": [X, "2026-01-31"]}}, "datetime", sa.DateTime(), [(x, not answer) for x, answer in after])


def test_times_with_a_zone(table: Table) -> None:
    if not table.has_nan:
        pytest.skip("SQLite has no times with a zone")
    moments = [(datetime(2026, 1, 30, 22, 59, tzinfo=UTC), False), (datetime(2026, 1, 30, 23, 0, tzinfo=UTC), True)]
    table.agree({">=": [X, "2026-01-31"]}, "datetime", sa.DateTime(timezone=True), moments)
    table.agree({">=": [X, "2026-01-31T00:00:00+01:00"]}, "datetime", sa.DateTime(timezone=True), moments)


def test_a_time_against_a_date_column(table: Table) -> None:
    days = [(date(2026, 1, 30), False), (date(2026, 1, 31), False), (date(2026, 2, 1), True)]
    table.agree({">": [X, "2026-01-31T12:00:00"]}, "date", sa.Date(), days)


def test_days_from_today_in_the_zone(table: Table) -> None:
    # Today is 1 March in Oslo.
    days = [(date(2026, 1, 29), False), (date(2026, 1, 30), True), (date(2026, 3, 1), True), (date(2026, 3, 2), False)]
    table.agree({"<=": [{"today": -30}, X, {"today": 0}]}, "date", sa.Date(), days)


@pytest.mark.parametrize("scale", [1, 2, 10])
def test_decimal_equals_the_number_as_written(table: Table, scale: int) -> None:
    kind = sa.Numeric(12, scale)
    table.agree({"==": [X, 0.1]}, "number", kind, [(Decimal("0.1"), True), (Decimal("0.2"), False)])
    table.agree({">=": [X, 0.3]}, "number", kind, [(Decimal("0.3"), True), (Decimal("0.2"), False)])
    table.agree({"in": [X, [0.1, 0.7]]}, "number", kind, [(Decimal("0.7"), True), (Decimal("0.2"), False)])


def test_a_double_is_not_cut_to_32_bits(table: Table) -> None:
    table.agree({"==": [X, 0.1]}, "number", sa.Double(), [(0.1, True), (0.30000000000000004, False)])
    table.agree({"in": [X, [0.1, 0.2]]}, "number", sa.Double(), [(0.1, True), (0.3, False)])


def test_integers_above_2_to_the_53_are_exact(table: Table) -> None:
    big = 2**53
    table.agree({"==": [X, big + 1]}, "number", sa.BigInteger(), [(big + 1, True), (big, False), (big + 2, False)])
    table.agree({">": [X, big]}, "number", sa.BigInteger(), [(big + 1, True), (big, False)])
    table.agree({"==": [X, Y]}, "number", sa.BigInteger(), [((big, big + 1), False), ((big, big), True)])
    table.agree({"==": [X, big + 1]}, "number", sa.Double(), [(float(big), False)])


def test_integers_above_int4_and_int8(table: Table) -> None:
    table.agree({"<": [X, 2**40]}, "number", sa.Integer(), [(2**31 - 1, True), (None, False)])
    table.agree({"<": [X, 2**70]}, "number", sa.BigInteger(), [(2**63 - 1, True), (None, False)])
    table.agree({"in": [X, [5, 2**40, 2**70]]}, "number", sa.SmallInteger(), [(5, True), (6, False)])
    table.agree({">": [X, 0.5]}, "number", sa.Integer(), [(1, True), (0, False)])
    table.agree({"==": [X, 0.5]}, "number", sa.Integer(), [(1, False), (0, False)])


def test_truth_of_a_text(table: Table) -> None:
    texts = [("", False), ("0", True), ("abc", True), (None, False)]
    table.agree(X, "text", sa.Text(), texts)
    table.agree({"!": X}, "text", sa.Text(), [(text, not answer) for text, answer in texts])


def test_truth_of_a_number(table: Table) -> None:
    numbers = [(0, False), (2, True), (-1, True), (None, False)]
    table.agree({"!!": X}, "number", sa.Integer(), numbers)
    table.agree({"!": [X]}, "number", sa.Integer(), [(number, not answer) for number, answer in numbers])


def test_texts_are_ordered_by_code_point(table: Table) -> None:
    texts = [("a", False), ("B", True), ("Å", False), ("😀", False), ("", True), (None, False)]
    table.agree({"<": [X, "a"]}, "text", sa.Text(), texts)
    pairs = [(("B", "a"), True), (("a", "B"), False), (("z", "å"), True), (("\uffff", "😀"), True)]
    table.agree({"<": [X, Y]}, "text", sa.Text(), pairs)


def test_contains_is_literal_and_minds_case(table: Table) -> None:
    table.agree({"in": ["1%", X]}, "text", sa.Text(), [("1%", True), ("10", False), (None, False)])
    table.agree({"in": ["a_b", X]}, "text", sa.Text(), [("xa_bx", True), ("acb", False)])
    table.agree({"in": ["os", X]}, "text", sa.Text(), [("Oslo", False), ("los os", True)])
    table.agree({"!": {"in": ["os", X]}}, "text", sa.Text(), [("Oslo", True), ("os", False), (None, True)])
    table.agree({"in": ["\\", X]}, "text", sa.Text(), [("a\\b", True), ("ab", False)])
    table.agree({"in": ["", X]}, "text", sa.Text(), [("", True), ("a", True), (None, False)])
    table.agree({"in": [Y, X]}, "text", sa.Text(), [(("100%", "%"), True), (("abc", "%"), False), (("a", None), False)])


def test_starts_and_ends_are_literal(table: Table) -> None:
    starts, ends = {"==": [{"substr": [X, 0, 2]}, "a%"]}, {"==": [{"substr": [X, -2]}, "%a"]}
    table.agree(starts, "text", sa.Text(), [("a%b", True), ("abc", False), ("A%b", False), ("a", False), (None, False)])
    table.agree(ends, "text", sa.Text(), [("b%a", True), ("cba", False), ("a", False), (None, False)])
    table.agree({"!": starts}, "text", sa.Text(), [("a%b", False), ("abc", True), (None, True)])


def test_members_that_cannot_match_are_dropped(table: Table) -> None:
    table.agree({"in": [X, [10, "a"]]}, "number", sa.Integer(), [(10, True), (1, False)])
    table.agree({"in": [X, [10, "a"]]}, "text", sa.Text(), [("a", True), ("10", False)])
    with pytest.raises(RuleError, match="No member of the list can match"):
        compile_rule({"in": [X, ["a"]]}, [PlainColumn("x", "number", "X")])


def test_division_is_of_doubles_and_by_zero_blank(table: Table) -> None:
    pairs = [((1, 2), True), ((1, 1), False), ((1, 0), False), ((1, None), False)]
    table.agree({"==": [{"/": [X, Y]}, 0.5]}, "number", sa.Integer(), pairs)
    table.agree({"==": [{"/": [X, 0]}, None]}, "number", sa.Integer(), [(1, True), (0, True)])
    table.agree(
        {"==": [{"%": [X, Y]}, -1]}, "number", sa.Integer(), [((-3, 2), True), ((3, 2), False), ((3, 0), False)]
    )


def test_arithmetic_never_overflows(table: Table) -> None:
    product = {"*": [X] * 8}
    table.agree({">": [product, 0]}, "number", sa.BigInteger(), [(10**15, True), (2**63 - 1, False), (1, True)])
    table.agree({"==": [product, 0]}, "number", sa.Double(), [(1e-300, True), (1e300, False), (1.0, False)])


def test_a_constant_is_never_cast_in_a_branch_that_does_not_run(table: Table) -> None:
    rule = {"if": [{"==": [X, "no such"]}, {">": [Y, "9999"]}, {"==": [X, "a"]}]}
    table.agree(rule, "text", sa.Text(), [(("a", "junk"), True), (("b", ""), False)])


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(RuleError, match="Nearest: total_revenue") as caught:
        compile_rule({">": [{"var": "total_revenu"}, 5]}, [PlainColumn("total_revenue", "number", "Total revenue")])
    assert caught.value.faults[0].path == "$.>[0].var"


ODD_NAMES = [
    "with space",
    'quo"te',
    "it's",
    "100%",
    "a:b",
    ":x",
    "%s",
    "%(x)s",
    "Ünïcödé 💥",
    "select",
    "a.b",
    "line\nbreak",
    "x" * 63,
    "back\\slash",
    "{brace}",
    "?",
    "`",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_column_names(table: Table, name: str) -> None:
    if name == "%(x)s" and table.connection.dialect.name == "postgresql":
        pytest.skip("psycopg cannot create such a column; reading one is tested with %s")
    rule = {"or": [{"in": [{"var": name}, ["a", "b"]]}, {">": [{"var": name}, "x"]}, {"in": ["q", {"var": name}]}]}
    table.agree(rule, "text", sa.Text(), [("a", True), ("y", True), ("cqc", True), ("c", False)], name=name)


def test_a_name_of_200_characters_on_a_row_and_in_duckdb(table: Table) -> None:
    if table.connection.dialect.name == "postgresql":
        pytest.skip("PostgreSQL's names have at most 63 bytes")
    table.agree({"in": [{"var": "n" * 200}, [1, 2]]}, "number", sa.Integer(), [(1, True), (3, False)], name="n" * 200)


def nested(levels: int) -> Any:
    rule: Any = {">": [X, 0]}
    for level in range(levels):
        rule = {"or" if level % 2 else "and": [{"!=": [X, level]}, rule]}
    return rule


def test_the_deepest_rule_runs_everywhere(table: Table) -> None:
    table.agree(nested(47), "number", sa.Integer(), [(100, True), (-100, True), (None, True), (0, True)])
    wrapped: Any = {">": [X, 0]}
    for level in range(47):
        wrapped = {("!", "!!")[level % 2]: [wrapped]}
    table.agree(wrapped, "number", sa.Integer(), [(1, True), (0, False)])


def test_the_deepest_branches_run_everywhere(table: Table) -> None:
    rule: Any = {">": [X, 0]}
    for level in range(46):
        rule = {"if": [{"==": [X, level]}, False, rule]}
    table.agree(rule, "number", sa.Integer(), [(100, True), (45, False), (-1, False)])


def test_branches_that_sqlite_could_not_read_are_refused() -> None:
    rule: Any = {">": [X, 0]}
    for level in range(10):
        rule = {"if": [{"==": [X, level]}, rule, False]}
    with pytest.raises(RuleError, match="nested too deeply"):
        compile_rule(rule, [PlainColumn("x", "number", "X")])


def test_nine_branches_within_one_another_run_everywhere(table: Table) -> None:
    rule: Any = {">": [Y, 0]}
    for _ in range(9):
        rule = {"if": [{"==": [X, 1]}, rule, False]}
    table.agree(rule, "number", sa.Integer(), [((1, 1), True), ((1, 0), False), ((2, 1), False)])


@pytest.mark.extended
@pytest.mark.parametrize("conditions", [1_500, pytest.param(5_000, marks=pytest.mark.slow)])
def test_chains_of_one_operator_are_flat(table: Table, conditions: int) -> None:
    chain: Any = {"==": [X, 0]}
    for level in range(1, 45):
        chain = {"or": [chain, {"==": [X, level]}]}
    table.agree(chain, "number", sa.Integer(), [(44, True), (45, False)])
    last = conditions - 1
    wide = {"or": [{"==": [X, n]} for n in range(conditions)]}
    table.agree(wide, "number", sa.Integer(), [(last, True), (conditions, False)])
    narrow = {"and": [{"!=": [X, n]} for n in range(conditions)]}
    table.agree(narrow, "number", sa.Integer(), [(last, False), (conditions, True), (None, True)])


@pytest.mark.parametrize("members", [10_000, pytest.param(100_000, marks=pytest.mark.extended)])
def test_long_lists(table: Table, members: int) -> None:
    texts = [f"customer-{n}" for n in range(members)]
    expected = [("customer-9999", True), ("customer", False), (None, False)]
    table.agree({"in": [X, texts]}, "text", sa.Text(), expected)
    table.agree({"!": {"in": [X, texts]}}, "text", sa.Text(), [(text, not answer) for text, answer in expected])
    numbers = list(range(members))
    table.agree({"in": [X, numbers]}, "number", sa.Integer(), [(9_999, True), (-1, False), (None, False)])


def test_rows_of_a_data_frame_with_nan_and_nat() -> None:
    class NotATime(datetime):
        def __ne__(self, other: object) -> bool:
            return True

    rule = compile_rule({"missing": ["x"]}, [PlainColumn("x", "datetime", "X")])
    assert rule.matches({"x": NotATime(2026, 1, 1)})
    assert compile_rule({"!=": [X, 5]}, [PlainColumn("x", "number", "X")]).matches({"x": NAN})
