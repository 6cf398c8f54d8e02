"""What differs from one database to another: one object for each, and nowhere else.

To add a database: a module with its `Dialect`, and its line in `DIALECTS`.
"""

from loyalty_core.rules.sql.dialect import register_dialects
from loyalty_core.warehouse.dialects.base import Dialect, Vectors
from loyalty_core.warehouse.dialects.clickhouse import ClickHouse
from loyalty_core.warehouse.dialects.duckdb import DuckDB
from loyalty_core.warehouse.dialects.other import (
    BigQuery,
    MariaDB,
    MySQL,
    Oracle,
    Redshift,
    Snowflake,
    SqlServer,
)
from loyalty_core.warehouse.dialects.postgresql import PostgreSQL
from loyalty_core.warehouse.dialects.spark import Databricks, Spark
from loyalty_core.warehouse.dialects.sqlite import SQLite

__all__ = ["DIALECTS", "Dialect", "Vectors", "dialect_of"]

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        DuckDB(),
        PostgreSQL(),
        SQLite(),
        Snowflake(),
        BigQuery(),
        Databricks(),
        Redshift(),
        Spark(),
        ClickHouse(),
        SqlServer(),
        MySQL(),
        MariaDB(),
        Oracle(),
    )
}
register_dialects(DIALECTS.values())


def dialect_of(name: str) -> Dialect:
    """The database with that SQLAlchemy name; an unknown one has the defaults of a server."""
    known = DIALECTS.get(name)
    if known is not None:
        return known
    unknown = Dialect()
    unknown.name = unknown.title = name
    return unknown
