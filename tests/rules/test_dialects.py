"""SQL for the databases that no test server is there for.

Redshift, MySQL and SQL Server are compiled by SQLAlchemy's own dialects (Redshift as a PostgreSQL of that name),
Snowflake, BigQuery and Databricks by SQLAlchemy's standard SQL under their name and quoting, since their dialects are
separate packages. sqlglot then reads each statement in that database's grammar, and what it read is translated to
DuckDB and run there: the count has to be the one that the rows give.
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
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import IdentifierPreparer

from loyalty_core.rules import RuleError, compile_rule
from tests.rules.columns import OSLO, TODAY
from tests.rules.random_rules import RuleMaker, columns_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Dialect


class Backticks(IdentifierPreparer):
    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")


class Redshift(PGDialect):
    name = "redshift"


class Snowflake(DefaultDialect):
    name = "snowflake"


class BigQuery(DefaultDialect):
    name = "bigquery"
    preparer = Backticks


class Databricks(DefaultDialect):
    name = "databricks"
    preparer = Backticks


DIALECTS: dict[str, Any] = {
    "snowflake": Snowflake,
    "bigquery": BigQuery,
    "databricks": Databricks,
    "redshift": Redshift,
    "tsql": MSDialect,
    "mysql": MySQLDialect,
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


@pytest.mark.parametrize("name", DIALECTS)
def test_each_database_can_read_the_rules_and_means_the_same(name: str, duckdb: sa.Connection) -> None:
    dialect = DIALECTS[name](paramstyle="named")
    for rule in random_rules(80):
        if name == "tsql" and '"cat"' in json.dumps(rule.to_json()):
            continue  # sqlglot takes the + between texts for addition
        query, values = written(sa.select(sa.func.count()).select_from(PLAIN).where(rule.to_sql(PLAIN)), dialect)
        parsed = sqlglot.parse_one(query, read=name, error_level=sqlglot.ErrorLevel.RAISE)
        assert not list(parsed.find_all(sqlglot.exp.Command))
        # DuckDB orders by code point and knows no other collation by these names.
        translated = sqlglot.transpile(re.sub(r" COLLATE \w+", "", query), read=name, write="duckdb")[0]
        cursor = duckdb.connection.cursor()
        cursor.execute(translated, values)
        found = cursor.fetchone()
        assert found == (sum(map(rule.matches, ROWS)),), (rule.to_json(), translated)
