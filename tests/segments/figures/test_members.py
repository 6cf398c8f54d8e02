"""The list of members, in any order and page by page; and the statement that finds them, run as it is written."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb
import psycopg
import pytest
import sqlglot

from loyalty_core.rules import RuleError
from loyalty_core.segments import SegmentationEngine, UnknownColumn
from loyalty_core.segments.figures import DATABASES
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.dialects import dialect_of
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase, address
from tests.segments.rules_in_sql import RULES
from tests.segments.scored import keep, segment
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.fixtures.warehouses import Backend

NORWAY = {"==": [{"var": "country"}, "Norway"]}

ODD = """
CREATE TABLE customer_features_view (
    customer_id varchar, full_name varchar, city varchar, score double precision, price numeric(10, 2),
    joined date, seen timestamp, active boolean, "odd % ""name: x" integer
);
INSERT INTO customer_features_view VALUES
    ('a%', 'Ann 100%', 'O''Hare', 'NaN', 0.10, '2026-01-31', '2026-01-31 23:59:59', true, 1),
    ('b_', 'Bo "B" Lund', 'a:b', 2.5, 10.00, '2026-02-01', '2026-02-01 00:00:00', false, 2),
    ('c\\', 'Cy\\Dot', '%s %% %(x)s', -1, NULL, NULL, NULL, NULL, NULL),
    ('d', NULL, NULL, NULL, -5, '1999-12-31', '1999-12-31 12:00', true, 4),
    ('e', 'Eva', '😀', 'Infinity', NULL, '2026-01-31', '2026-01-31 00:00:00', false, 5);
"""


def pages(engine: SegmentationEngine, rule: Any, size: int, **order: Any) -> list[dict[str, Any]]:
    """All members, page after page."""
    rows: list[dict[str, Any]] = []
    while page := engine.members(rule, size, len(rows), **order):
        rows += page
    return rows


def test_a_row_has_the_columns_of_the_view(engine: SegmentationEngine, query_demo: Query):
    names = [name for name, *_ in query_demo("DESCRIBE customer_features_view")]
    [values] = query_demo("FROM customer_features_view WHERE customer_id = ?", GUIDE_CUSTOMER)
    [row] = engine.members({"==": [{"var": "customer_id"}, GUIDE_CUSTOMER]})
    assert list(row.items()) == list(zip(names, values, strict=True))


def test_columns_can_be_asked_for(engine: SegmentationEngine, sql: Query):
    keep(engine, "Norwegians", NORWAY)
    wanted = ("churn_risk", "customer_id", "segment:norwegians")
    rows = engine.members({"<": [{"var": "age"}, 25]}, 1000, columns=wanted)
    assert [tuple(row.values()) for row in rows] == sql(
        "SELECT churn_risk, customer_id, coalesce(country = 'Norway', false) FROM customers WHERE age < 25 ORDER BY 2"
    )
    assert list(rows[0]) == list(wanted)


@pytest.mark.parametrize(
    ("sort", "descending"),
    [
        ("age", False),
        ("age", True),
        ("last_login_days_ago", True),
        ("customer_tier", False),
        ("signup_date", True),
        ("email_verified", True),
        ("churn_probability", True),
        ("recency", False),
    ],
)
def test_sorted_with_blanks_last_and_ties_by_id(engine: SegmentationEngine, sql: Query, sort: str, descending: bool):
    order = "DESC" if descending else "ASC"
    expected = sql(f"SELECT customer_id FROM customers WHERE country = 'Norway' ORDER BY {sort} {order} NULLS LAST, 1")
    rows = pages(engine, NORWAY, 97, sort=sort, descending=descending)
    assert [(row["customer_id"],) for row in rows] == expected


def test_pages_have_every_customer_once(engine: SegmentationEngine):
    rows = pages(engine, {}, 333, sort="customer_status")
    assert len(rows) == len({row["customer_id"] for row in rows}) == DEMO_CUSTOMERS


def test_nan_sorts_as_a_blank(odd: SegmentationEngine):
    for sort, descending, expected in (
        ("score", False, ["c\\", "b_", "e", "a%", "d"]),
        ("score", True, ["e", "b_", "c\\", "a%", "d"]),
        ("price", True, ["b_", "a%", "d", "c\\", "e"]),
    ):
        assert [row["customer_id"] for row in odd.members({}, sort=sort, descending=descending)] == expected


@pytest.mark.parametrize(
    ("limit", "offset", "found"), [(0, 0, 0), (-5, 0, 0), (10**9, 0, 1000), (5, -3, 5), (5, 1998, 2)]
)
def test_a_page_stays_within_limits(engine: SegmentationEngine, limit: int, offset: int, found: int):
    assert len(engine.members({}, limit, offset)) == found


@pytest.mark.parametrize(
    ("search", "where"),
    [
        ("123E4567", "starts_with(customer_id, '123e4567')"),
        ("hansen", "contains(lower(full_name), 'hansen') OR contains(lower(email), 'hansen')"),
        (" Hansen ", "contains(lower(full_name), 'hansen') OR contains(lower(email), 'hansen')"),
        ("@example.org", "contains(email, '@example.org')"),
        ("nobody is called so", "false"),
        ("%", "false"),
        ("   ", "true"),
    ],
)
def test_a_search_returns_the_customers_it_finds(engine: SegmentationEngine, sql: Query, search: str, where: str):
    expected = sql(f"SELECT customer_id FROM customers WHERE country = 'Norway' AND ({where}) ORDER BY 1")
    rows = engine.members(NORWAY, 1000, search=search)
    assert [(row["customer_id"],) for row in rows] == expected


def test_a_search_takes_signs_as_they_are(odd: SegmentationEngine):
    for search, expected in {"a%": ["a%"], "b_": ["b_"], "100%": ["a%"], '"b"': ["b_"], "\\": ["c\\"], "_": []}.items():
        assert [row["customer_id"] for row in odd.members({}, search=search)] == expected


@pytest.mark.parametrize("name", ["nope", "segment:nope", "", "customer_id; --", "a" * 500, "\0"])
def test_a_column_that_is_not_there(engine: SegmentationEngine, name: str):
    if name:
        with pytest.raises(UnknownColumn, match="There is no column"):
            engine.members({}, sort=name)
    with pytest.raises(UnknownColumn, match="There is no column"):
        engine.members({}, columns=(name,))
    with pytest.raises(UnknownColumn, match="There is no column"):
        list(engine.select({}).stream(columns=(name,)))


def test_a_stream_has_every_member_with_its_columns(engine: SegmentationEngine, sql: Query):
    batches = list(engine.select(NORWAY).stream(columns=("customer_id", "rfm_segment")))
    found = {(row["customer_id"], row["rfm_segment"]) for batch in batches for row in batch.to_pylist()}
    assert found == set(sql("SELECT customer_id, rfm_segment FROM customers WHERE country = 'Norway'"))


ODD_RULES: dict[str, tuple[Any, list[str]]] = {
    "quotes": ({"==": [{"var": "city"}, "O'Hare"]}, ["a%"]),
    "percent signs": ({"in": [{"var": "city"}, ["%s %% %(x)s", "100%"]]}, ["c\\"]),
    "part of a text with percent": ({"in": ["0%", {"var": "full_name"}]}, ["a%"]),
    "part of a text with quotes": ({"in": ['"B', {"var": "full_name"}]}, ["b_"]),
    "backslash": ({"in": ["\\", {"var": "full_name"}]}, ["c\\"]),
    "colon": ({"==": [{"var": "city"}, "a:b"]}, ["b_"]),
    "emoji": ({"!": {"==": [{"var": "city"}, "😀"]}}, ["a%", "b_", "c\\", "d"]),
    "ends": ({"==": [{"substr": [{"var": "full_name"}, -4]}, "Lund"]}, ["b_"]),
    "starts": ({"==": [{"substr": [{"var": "full_name"}, 0, 4]}, "Ann "]}, ["a%"]),
    "day": ({"==": [{"var": "joined"}, "2026-01-31"]}, ["a%", "e"]),
    "day of a time": ({"==": [{"var": "seen"}, "2026-01-31"]}, ["a%", "e"]),
    "days": ({"in": [{"var": "joined"}, ["2026-02-01", "1999-12-31"]]}, ["b_", "d"]),
    "not below, NaN included": ({"!": {"<": [{"var": "score"}, 2]}}, ["a%", "b_", "d", "e"]),
    "above, NaN excluded": ({">": [{"var": "score"}, 2]}, ["b_", "e"]),
    "decimals": ({"==": [{"var": "price"}, 0.1]}, ["a%"]),
    "decimals not above": ({"!": {">": [{"var": "price"}, 0]}}, ["c\\", "d", "e"]),
    "arithmetic": ({">": [{"/": [{"var": "price"}, {"var": "score"}]}, 3]}, ["b_"]),
    "flag": ({"!=": [{"var": "active"}, True]}, ["b_", "c\\", "e"]),
    "odd name": ({">=": [{"var": 'odd % "name: x'}, 4]}, ["d", "e"]),
    "blank": ({"==": [{"var": 'odd % "name: x'}, None]}, ["c\\"]),
    "300 texts": ({"in": [{"var": "city"}, [*(f"city {n} %'" for n in range(300)), "O'Hare"]]}, ["a%"]),
    "not in 300 texts": ({"!": {"in": [{"var": "city"}, [*map(str, range(300)), "O'Hare"]]}}, ["b_", "c\\", "d", "e"]),
    "300 numbers": ({"in": [{"var": "price"}, [*range(10, 310), 0.1, -5]]}, ["a%", "b_", "d"]),
    "300 doubles": ({"in": [{"var": "score"}, [*(n + 0.5 for n in range(300))]]}, ["b_"]),
    "300 days": (
        {
            "in": [
                {"var": "joined"},
                [date.fromordinal(date(2026, 2, 1).toordinal() + n).isoformat() for n in range(300)],
            ]
        },
        ["b_"],
    ),
    "everyone": ({}, ["a%", "b_", "c\\", "d", "e"]),
}


@pytest.fixture(params=["duckdb", "postgresql"], scope="module")
def odd_customers(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DuckDBFile | PostgresDatabase]:
    """Five customers with signs that have a meaning in SQL, for tests that only read."""
    if request.param == "duckdb":
        file = DuckDBFile(tmp_path_factory.mktemp("odd") / "warehouse.duckdb")
        file.execute(ODD)
        yield file
    else:
        with request.getfixturevalue("postgres_server").database() as url:
            database = PostgresDatabase(url)
            database.execute(ODD)
            yield database


@pytest.fixture(scope="module")
def odd(odd_customers: Backend) -> Iterator[SegmentationEngine]:
    """An engine on the odd customers."""
    warehouse = Warehouse(Settings(dwh_url=odd_customers.url))
    yield SegmentationEngine(warehouse)
    warehouse.close()


def run(backend: Backend, statement: str) -> list[Any]:
    """The ids that a statement finds where it is pasted as it is."""
    if isinstance(backend, PostgresDatabase):
        with psycopg.connect(**address(backend.url)) as connection:
            return [customer for (customer,) in connection.execute(statement.encode())]
    with duckdb.connect() as connection:
        connection.execute(ODD)
        return [customer for (customer,) in connection.execute(statement).fetchall()]


@pytest.mark.parametrize(("rule", "expected"), ODD_RULES.values(), ids=ODD_RULES)
def test_the_statement_finds_the_members_and_no_one_else(
    odd: SegmentationEngine, odd_customers: Backend, rule: Any, expected: list[str]
):
    assert [row["customer_id"] for row in odd.members(rule)] == expected
    assert run(odd_customers, odd.select(rule).sql()) == expected
    assert {row["customer_id"] for row in odd.members({}) if odd.matches(rule, row["customer_id"])} == set(expected)


def test_pages_after_the_last_id(odd: SegmentationEngine):
    selection = odd.select({})
    first = [row["customer_id"] for row in selection.members(2, columns=["customer_id"])]
    second = [row["customer_id"] for row in selection.members(2, columns=["customer_id"], after=first[-1])]
    third = [row["customer_id"] for row in selection.members(2, columns=["customer_id"], after=second[-1])]
    assert first + second + third == ["a%", "b_", "c\\", "d", "e"]
    assert selection.members(2, after="e") == []


def test_some_customers_are_asked_in_one_statement(odd: SegmentationEngine):
    selection = odd.select({"==": [{"var": "active"}, True]})
    belongs, unknown = selection.belonging(["d", "b_", "nobody", "a%", "\0", "c\\", "d"])
    assert belongs == {"a%": True, "b_": False, "c\\": False, "d": True}
    assert unknown == ("nobody", "\0")
    assert selection.belonging([]) == ({}, ())


@pytest.mark.parametrize(("rule", "where"), RULES.values(), ids=RULES)
def test_the_statement_runs_on_the_demo(engine: SegmentationEngine, sql: Query, rule: Any, where: str):
    assert sql(engine.select(rule).sql()) == sql(f"SELECT customer_id FROM customers WHERE {where} ORDER BY 1")


def test_the_statement_of_a_rule_over_segments_runs(engine: SegmentationEngine, sql: Query):
    keep(engine, "Norwegians", NORWAY)
    keep(engine, "Risky", {"and": [segment("norwegians"), {"==": [{"var": "churn_risk"}, "high"]}]})
    assert sql(engine.select(segment("risky")).sql()) == sql(
        "SELECT customer_id FROM customers WHERE country = 'Norway' AND churn_risk = 'high' ORDER BY 1"
    )


@pytest.mark.parametrize("database", DATABASES)
def test_the_statement_can_be_read_by_each_database(odd: SegmentationEngine, database: str):
    """And it means the same: translated back from that database's grammar, DuckDB finds the same customers."""
    with duckdb.connect() as connection:
        connection.execute(ODD)
        for name, (rule, expected) in ODD_RULES.items():
            statement = re.sub(r" COLLATE \S+", "", odd.select(rule).sql(database))
            parsed = sqlglot.parse_one(
                statement, read=dialect_of(database).grammar, error_level=sqlglot.ErrorLevel.RAISE
            )
            assert not list(parsed.find_all(sqlglot.exp.Command))
            translated = parsed.sql("duckdb")
            found = [customer for (customer,) in connection.execute(translated).fetchall()]
            assert found == expected, (name, statement, translated)


def test_a_statement_of_duckdb_runs_on_postgresql(
    duckdb_file: DuckDBFile, postgres_database: str, open_warehouse: Callable[..., Warehouse]
):
    other = PostgresDatabase(postgres_database)
    for backend in (duckdb_file, other):
        backend.execute(ODD)
    engine = SegmentationEngine(open_warehouse(duckdb_file.url))
    for name, (rule, expected) in ODD_RULES.items():
        assert run(other, engine.select(rule).sql("postgres")) == expected, name


def test_decimals_that_are_no_numbers(postgres_database: str, open_warehouse: Callable[..., Warehouse]):
    backend = PostgresDatabase(postgres_database)
    backend.execute(
        "CREATE TABLE customer_features_view (customer_id text, price numeric);"
        "INSERT INTO customer_features_view VALUES ('a', 'NaN'), ('b', 5), ('c', -5), ('d', NULL)"
    )
    engine = SegmentationEngine(open_warehouse(backend.url))
    for rule, expected in (
        ({">": [{"var": "price"}, 0]}, ["b"]),
        ({"!": {">": [{"var": "price"}, 0]}}, ["a", "c", "d"]),
        ({"==": [{"var": "price"}, None]}, ["a", "d"]),
    ):
        assert run(backend, engine.select(rule).sql()) == expected
        assert [row["customer_id"] for row in engine.members(rule)] == expected
        assert engine.count(rule) == len(expected)


def test_a_statement_is_one_and_ends_there(odd: SegmentationEngine, odd_customers: Backend):
    statement = odd.select({"==": [{"var": "city"}, "x'; DROP TABLE customer_features_view; --"]}).sql()
    assert statement.endswith(";")
    assert [type(one) for one in sqlglot.parse(statement, read="duckdb") if one] == [sqlglot.exp.Select]
    assert run(odd_customers, statement) == []


def test_faulty_rules_have_no_statement(odd: SegmentationEngine):
    with pytest.raises(RuleError):
        odd.select({"==": [{"var": "city"}, "\0"]}).sql()
