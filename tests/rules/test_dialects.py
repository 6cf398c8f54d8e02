"""SQL for the databases that no test server is there for.

sqlglot reads each statement in that database's grammar, and what it read is translated to DuckDB and run there: the
count has to be the one that the rows give. As sqlglot reads functions that the database does not have, the names of all
functions are held against the table that each dialect has.
"""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import sqlglot

from loyalty_core.rules import RuleError, compile_rule
from loyalty_core.rules.operators import OPERATORS
from loyalty_core.rules.sql.dialect import NotWritable, SqlDialect
from loyalty_core.segments.figures import DATABASES, readable_sql
from loyalty_core.warehouse.dialects import DIALECTS
from tests.rules.columns import OSLO, TODAY, PlainColumn
from tests.rules.dialects import SQLALCHEMY_DIALECTS, functions_in, placeholders_in
from tests.rules.random_rules import RuleMaker, columns_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy.engine import Dialect

    from loyalty_core.rules import Kind
    from loyalty_core.warehouse import Warehouse


# sqlglot's grammar of the databases that do not run here.
GRAMMARS = {
    "snowflake": "snowflake",
    "bigquery": "bigquery",
    "databricks": "databricks",
    "redshift": "redshift",
    "mssql": "tsql",
    "mysql": "mysql",
}
# Without NaN and under plain names: the translation has other ideas of both.
COLUMNS = [replace(column, name=f"c{index}") for index, column in enumerate(columns_of("sqlite"))]
PLAIN = sa.Table("customers", sa.MetaData(), *(sa.Column(column.name, column.type) for column in COLUMNS))
NAMES = {column.name: f"c{index}" for index, column in enumerate(columns_of("sqlite"))}
ROWS = [
    {NAMES[name]: value for name, value in row.items() if name in NAMES}
    for row in rows_of("sqlite", 60, random.Random(1))
]


@pytest.fixture(scope="module")
def duckdb() -> Iterator[sa.Connection]:
    with sa.create_engine("duckdb:///:memory:").connect() as connection:
        PLAIN.create(connection)
        connection.execute(sa.insert(PLAIN), ROWS)
        connection.commit()
        yield connection


def written(statement: sa.Select, dialect: Dialect) -> tuple[str, dict[str, Any]]:
    """The statement with named parameters, one for each member of a list, and their values."""
    compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    return str(compiled), {name: compiled.params[name] for name in re.findall(r"(?<!:):(\w+)", str(compiled))}


def random_rules(number: int) -> list[Any]:
    maker = RuleMaker(tuple(COLUMNS), random.Random(7))
    rules = []
    while len(rules) < number:
        try:
            rules.append(compile_rule(maker.rule(2), COLUMNS, today=TODAY, zone=OSLO))
        except RuleError:
            continue
    return rules


@pytest.mark.parametrize("name", GRAMMARS)
def test_each_database_can_read_the_rules_and_means_the_same(name: str, duckdb: sa.Connection) -> None:
    dialect, grammar = SQLALCHEMY_DIALECTS[name](paramstyle="named"), GRAMMARS[name]
    for rule in random_rules(80):
        if name == "mssql" and '"cat"' in json.dumps(rule.to_json()):
            continue  # sqlglot takes the + between texts for addition
        try:
            query, values = written(sa.select(sa.func.count()).select_from(PLAIN).where(rule.to_sql(PLAIN)), dialect)
        except NotWritable:
            assert name == "redshift"
            continue
        parsed = sqlglot.parse_one(query, read=grammar, error_level=sqlglot.ErrorLevel.RAISE)
        assert not list(parsed.find_all(sqlglot.exp.Command))
        # DuckDB orders by code point and knows no other collation by these names.
        translated = sqlglot.transpile(re.sub(r" COLLATE \w+", "", query), read=grammar, write="duckdb")[0]
        cursor = duckdb.connection.cursor()
        cursor.execute(translated, values)
        found = cursor.fetchone()
        assert found == (sum(map(rule.matches, ROWS)),), (rule.to_json(), translated)


X, Y, TEXT, OTHER_TEXT = ({"var": name} for name in ("number", "other_number", "text", "other_text"))
EVERY_FORM = (
    *({name: [X, 5]} for name in ("==", "!=", "===", "!==", "<", "<=", ">", ">=")),
    *({name: [X, Y]} for name in ("==", "!=", "<", "<=")),
    *({name: [TEXT, OTHER_TEXT]} for name in ("==", "!=", "<", "in")),
    *({"<": [{name: [X, Y]}, 5]} for name in ("+", "-", "*", "/", "%", "min", "max")),
    *({"==": [{"%": [{"var": "whole"}, 3]}, 1]},),
    {"<": [{"-": [X]}, 5]},
    {"in": [X, [1, 2, None]]},
    {"in": [X, list(range(300))]},
    {"in": [TEXT, [f"text {number}" for number in range(300)]]},
    {"in": ["part", TEXT]},
    {"==": [{"substr": [TEXT, 0, 2]}, "Os"]},
    {"==": [{"substr": [TEXT, -2]}, "lo"]},
    *({"==": [{"substr": [TEXT, *bounds]}, "sl"]} for bounds in ((1, 2), (1,), (-3, 2), (-3, -1), (1, -1))),
    {"==": [{"cat": [TEXT, "-", OTHER_TEXT]}, "a-b"]},
    {"<": [TEXT, "M"]},
    {"==": [{"var": ["number", 5]}, 5]},
    {"==": [{"if": [{"var": "flag"}, X, Y]}, 5]},
    {"if": [{"var": "flag"}, {">": [X, 5]}, {">": [Y, 5]}]},
    {"==": [{"var": "flag"}, {">": [X, 5]}]},
    {"!": {"var": "flag"}},
    {"!!": TEXT},
    {"missing": ["number", "text"]},
    {"missing_some": [1, ["number", "text"]]},
    {"<=": ["2026-01-01", {"var": "day"}, {"today": 0}]},
    {"<=": ["2026-01-01", {"var": "moment"}, {"today": 0}]},
    {"==": [{"var": "moment"}, {"var": "other_moment"}]},
    {"==": [{"var": "json"}, None]},
    {"some": [[X, Y], {">": [{"var": ""}, 5]}]},
    {"none": [[X, Y], {">": [{"var": ""}, 5]}]},
    {"all": [[X, Y], {">": [{"var": ""}, 5]}]},
)
FORM_KINDS: dict[str, tuple[Kind, Any]] = {
    "number": ("number", sa.Double()),
    "other_number": ("number", sa.Numeric(12, 2)),
    "whole": ("number", sa.Integer()),
    "text": ("text", sa.Text()),
    "other_text": ("text", sa.String(40)),
    "flag": ("boolean", sa.Boolean()),
    "day": ("date", sa.Date()),
    "moment": ("datetime", sa.DateTime()),
    "other_moment": ("datetime", sa.DateTime()),
    "json": ("other", sa.JSON()),
}
FORM_COLUMNS = [PlainColumn(name, kind, name) for name, (kind, _) in FORM_KINDS.items()]
FORM_TABLE = sa.table("customers", *(sa.column(name, kind) for name, (_, kind) in FORM_KINDS.items()))


def test_every_operator_for_columns_is_among_the_forms() -> None:
    used = set(re.findall(r'{"([^"]+)":', json.dumps(EVERY_FORM)))
    without_sql = {"and", "or", "?:", "filter", "map", "reduce", "merge"}  # logic, and what columns cannot hold
    assert set(OPERATORS) - without_sql <= used


@pytest.mark.parametrize("written_out", [False, True], ids=["with parameters", "written out"])
@pytest.mark.parametrize("name", DIALECTS)
def test_a_rule_calls_only_functions_that_the_database_has(name: str, written_out: bool) -> None:
    dialect = SQLALCHEMY_DIALECTS[name]()
    written_forms = 0
    for form in EVERY_FORM:
        predicate = compile_rule(form, FORM_COLUMNS, today=TODAY).to_sql(FORM_TABLE)
        options = {"literal_binds": True} if written_out else {"render_postcompile": True}
        try:
            statement = str(predicate.compile(dialect=dialect, compile_kwargs=options))
        except NotWritable:
            continue
        assert functions_in(statement) <= DIALECTS[name].functions, statement
        assert not written_out or placeholders_in(statement) == []
        written_forms += 1
    assert written_forms >= len(EVERY_FORM) - 1


@pytest.fixture
def forms_warehouse(tmp_path: Path, open_warehouse: Callable[..., Warehouse]) -> Warehouse:
    """An empty features view in DuckDB with the columns of the forms."""
    url = f"duckdb:///{tmp_path}/forms.duckdb"
    columns = [sa.Column(name, kind) for name, (_, kind) in FORM_KINDS.items()]
    view = sa.Table("customer_features_view", sa.MetaData(), sa.Column("customer_id", sa.Text()), *columns)
    engine = sa.create_engine(url)
    view.create(engine)
    engine.dispose()
    return open_warehouse(url)


def test_the_sql_to_copy_calls_only_functions_that_its_database_has(forms_warehouse: Warehouse) -> None:
    known, lacking = forms_warehouse.columns(), {}
    for form in EVERY_FORM:
        rule = compile_rule(form, known, today=TODAY)
        for name in DATABASES:
            try:
                statement = readable_sql(forms_warehouse, forms_warehouse.features, rule, name)
            except NotWritable:
                assert (name, "%" in str(form)) == ("redshift", True)
                continue
            assert placeholders_in(statement) == []
            for function in functions_in(statement) - DIALECTS[name].functions:
                lacking[name, function] = statement
    assert lacking == {}


def test_a_function_that_is_not_there_is_noticed() -> None:
    statement = "SELECT GREATEST(a, 'least(b)'), \"left(c)\" FROM t WHERE x IN (1) AND (POSITION('a' IN b) > 0)"
    assert functions_in(statement) == {"GREATEST", "POSITION"}
    assert not functions_in(statement) <= DIALECTS["mssql"].functions


def test_a_database_with_none_of_the_functions_says_so() -> None:
    class Bare(SqlDialect):
        name = "bare"
        functions = frozenset()

    with pytest.raises(NotWritable, match="bare has none of the functions STRPOS, POSITION"):
        Bare().contains("x", "'a'", written_out=True)
