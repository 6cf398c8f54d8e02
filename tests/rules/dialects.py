"""Dialects of databases that no test server is there for, and the functions in a statement.

SQLAlchemy has MySQL, MariaDB, SQL Server and Oracle; Redshift is a PostgreSQL of that name. Snowflake, BigQuery and
Databricks, whose dialects are separate packages, are SQLAlchemy's standard SQL under their name and quoting.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import duckdb_sqlalchemy
from sqlalchemy.dialects.mssql.base import MSDialect
from sqlalchemy.dialects.mysql.base import MySQLDialect
from sqlalchemy.dialects.oracle.base import OracleDialect
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.dialects.sqlite.base import SQLiteDialect
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.sql.compiler import IdentifierPreparer

from loyalty_core.warehouse.clickhouse.sqlalchemy_dialect import ChdbDialect
from loyalty_core.warehouse.spark.sqlalchemy_dialect import SparkDialect

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

# Words that a bracket may follow although they are no functions: grammar, and types with a length.
_GRAMMAR = frozenset(
    {"ALL", "AND", "ANY", "AS", "BETWEEN", "BY", "CASE", "CAST", "ELSE", "FROM", "IN", "IS", "NOT", "ON", "OR"}
    | {"SELECT", "THEN", "VALUES", "WHEN", "WHERE"}
    | {"CHAR", "DATETIME64", "DECIMAL", "DOUBLE", "FLOAT", "NULLABLE", "NUMERIC", "NVARCHAR", "VARCHAR"}
)


class Backticks(IdentifierPreparer):
    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect, initial_quote="`", escape_quote="`")


class MariaDB(MySQLDialect):
    name = "mariadb"


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


SQLALCHEMY_DIALECTS: dict[str, Any] = {
    "duckdb": duckdb_sqlalchemy.Dialect,
    "postgresql": PGDialect,
    "sqlite": SQLiteDialect,
    "snowflake": Snowflake,
    "bigquery": BigQuery,
    "databricks": Databricks,
    "redshift": Redshift,
    "spark": SparkDialect,
    "clickhouse": ChdbDialect,
    "mssql": MSDialect,
    "mysql": MySQLDialect,
    "mariadb": MariaDB,
    "oracle": OracleDialect,
}


def functions_in(statement: str) -> set[str]:
    """The functions that a statement calls, in capitals."""
    without_aliases = re.sub(r"\bAS \w+\s*\(", "AS (", _without_texts(statement))
    called = re.findall(r"\b([A-Za-z_]\w*)\s*\(", without_aliases)
    return {name.upper() for name in called} - _GRAMMAR


def placeholders_in(statement: str) -> list[str]:
    """The placeholder of a parameter in a statement."""
    return re.findall(r"\?|:\w+|%\(?\w+|\$\d+|@\w+", _without_texts(statement))


def _without_texts(statement: str) -> str:
    return re.sub(r"'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`", "''", statement)
