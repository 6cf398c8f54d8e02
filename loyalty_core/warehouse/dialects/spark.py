"""Spark by its Thrift server, and Databricks, which has the same SQL."""

from __future__ import annotations

from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from loyalty_core.rules.sql.dialect import STANDARD_FUNCTIONS
from loyalty_core.warehouse.arrow import at_least_one
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import Dialect, is_read_alike, within_python
from loyalty_core.warehouse.engine import engine_options, interrupt_of
from loyalty_core.warehouse.spark.predictions import SparkTables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.arrow import Batches, Source
    from loyalty_core.warehouse.time_limit import Interrupt

# A statement is stopped at its limit; the server gets this long to say so.
_GRACE_SECONDS = 15.0
# Results are computed part by part as they are fetched, so that the server never holds them whole.
_INCREMENTAL = "SET spark.sql.thriftServer.incrementalCollect={}"


class SparkSql(Dialect):
    """What Spark and Databricks have in common: the SQL."""

    casts_nan = True
    uses_sketches = True
    # With thirty columns a statement takes several times as long for each of them: Java does not compile code so long.
    columns_per_statement = 8
    double = "DOUBLE"
    functions = STANDARD_FUNCTIONS - {"TRUNC"} | {"INSTR", "LENGTH", "LOCATE", "MOD", "SUBSTR"}

    def double_literal(self, number: float) -> str:
        """With a D: without one it is a decimal."""
        return f"{number!r}D"

    def version(self) -> sa.ColumnElement[str]:
        """`version()`."""
        return sa.func.concat("Spark ", sa.func.version())

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Numbers, dates and texts as they are, bytes in hexadecimal, every other type as the text that Spark shows.

        NaN and dates that Python cannot represent are blank.
        """
        kind = column.type
        if isinstance(kind, sa.LargeBinary):
            return sa.func.hex(column, type_=sa.Text())
        if isinstance(kind, sa.Date | sa.DateTime):
            return within_python(column)
        if isinstance(kind, sa.Numeric | sa.Float):
            return filled(column)
        return column if is_read_alike(column) else sa.cast(column, sa.Text)

    def quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """`approx_percentile`: a value that some customer has, at a rank that is off by 0.01 % at most."""
        return sa.func.approx_percentile(value, share, type_=value.type)

    def interpolated_quantile(self, value: sa.ColumnElement[Any], share: float) -> sa.ColumnElement[Any]:
        """At a rank that is off by 0.1 % at most, in half the time: it is where an axis ends."""
        return sa.func.approx_percentile(value, share, 1_000, type_=value.type)

    def each_of(self, values: Sequence[sa.ColumnElement[Any]]) -> sa.FromClause:
        """`posexplode`: for each branch of a UNION, Spark would plan, compile and run stages of their own."""
        columns = sa.column("position", sa.Integer()), sa.column("value", values[0].type)
        each = sa.func.posexplode(sa.func.array(*values)).table_valued(*columns, name="each", joins_implicitly=True)
        return each.render_derived().lateral()

    def different_values(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """HyperLogLog++, with a standard deviation of 2 %."""
        return sa.func.approx_count_distinct(column, 0.02, type_=sa.BigInteger())


class Spark(SparkSql):
    """A Thrift server; its account has to be limited, since a session cannot be made read-only."""

    name = "spark"
    title = "Spark"
    grammar = "spark"
    types_by_code = MappingProxyType({"DECIMAL": sa.Numeric(38, 18)})
    predictions = SparkTables()
    abilities = Abilities(
        tested="every function, on the Thrift server of Spark 4.1, at every change",
        limits_time="statements are stopped",
        bulk="Arrow, computed part by part as it is read",
        quantiles="`approx_percentile`, a rank off by 0.01 % at most; RFM cut points are exact",
        predictions="a Parquet table for each run, and a view on the last",
    )

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """In UTC, with every statement stopped at its limit."""
        arguments = {
            "connect_seconds": settings.dwh_connect_timeout_seconds,
            "answer_seconds": settings.dwh_statement_timeout_seconds + _GRACE_SECONDS,
        }
        options = {"connect_args": arguments, "pool_pre_ping": True, "pool_recycle": 1800}
        return sa.create_engine(url, **options, **engine_options(settings))

    def interrupt(self, connection: sa.Connection) -> Interrupt | None:
        """The driver's own."""
        return interrupt_of(connection)

    @contextmanager
    def batches(self, connection: sa.Connection, select: sa.Select, batch_rows: int) -> Iterator[Source]:
        """The driver's record batches, which the server computes as they are fetched."""
        types = {column.name: column.type for column in select.selected_columns}

        def batches() -> Batches:
            _run(connection, _INCREMENTAL.format("true"))
            try:
                result = connection.execute(select)
                cursor: Any = result.cursor
                with closing(cursor):
                    schema = pa.schema([_in_utc(field, types.get(field.name)) for field in cursor.schema])
                    read = (_cast(batch, schema) for batch in cursor.batches(batch_rows))
                    yield from at_least_one(read, schema)
            finally:
                if not connection.invalidated:
                    _run(connection, _INCREMENTAL.format("false"))

        with closing(batches()) as source:
            yield source, interrupt_of(connection)


class Databricks(SparkSql):
    """Spark's SQL, by the driver of Databricks."""

    name = "databricks"
    title = "Databricks"
    grammar = "databricks"
    abilities = Abilities(
        tested="not on a server: it has the SQL that is tested on Spark",
        quantiles="`approx_percentile`, a rank off by 0.01 % at most; RFM cut points are exact",
    )


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True}).close()


def _in_utc(field: pa.Field, kind: sa.types.TypeEngine[Any] | None) -> pa.Field:
    """Sessions are in UTC; the protocol does not say which times have a zone."""
    aware = isinstance(kind, sa.DateTime) and kind.timezone and pa.types.is_timestamp(field.type)
    return field.with_type(pa.timestamp("us", "UTC")) if aware else field


def _cast(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        array if array.type == field.type else pc.assume_timezone(array, "UTC")  # pyright: ignore[reportAttributeAccessIssue]
        for array, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
