"""Predictions in Parquet tables of Spark, with a view of their plain name on those of the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa

from loyalty_core.warehouse.predictions import PublishedRunTables
from loyalty_core.warehouse.spark.literals import text

if TYPE_CHECKING:
    import sqlalchemy as sa

# The server remembers the text of its last 200 statements: larger ones would fill its memory.
_ROWS_PER_STATEMENT = 10_000


class SparkTables(PublishedRunTables):
    """Written in columns as JSON, which Spark parses many times faster than a list of VALUES."""

    def append(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        """One statement for each 10,000 rows."""
        types = {column.name: column.type.compile(connection.dialect) for column in table.columns}
        quote = connection.dialect.identifier_preparer
        names = [quote.quote_identifier(name) for name in types]
        shape = ", ".join(f"{name}: ARRAY<{kind}>" for name, kind in zip(names, types.values(), strict=True))
        columns, zipped = ", ".join(names), ", ".join(f"r.{name}" for name in names)
        for start in range(0, batch.num_rows, _ROWS_PER_STATEMENT):
            values = text(_as_json(batch.slice(start, _ROWS_PER_STATEMENT)))
            read = f"SELECT from_json(j, {text(f'STRUCT<{shape}>')}) AS r FROM VALUES ({values}) AS given(j)"  # noqa: S608
            insert = f"INSERT INTO {quote.format_table(table)} ({columns}) SELECT inline(arrays_zip({zipped}))"
            _run(connection, f"{insert} FROM ({read})")

    def options(self) -> dict[str, Any]:
        """Spark's own default may be another format."""
        return {"spark_using": "PARQUET"}


def _as_json(batch: pa.RecordBatch) -> str:
    """Each column as one list; single precision is written with the digits that it has."""
    columns = {name: _values(column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}
    return orjson.dumps(columns, option=orjson.OPT_SERIALIZE_NUMPY).decode()


def _values(column: pa.Array) -> Any:
    if pa.types.is_float32(column.type) and not column.null_count:
        return np.ascontiguousarray(column.to_numpy())
    return column.to_pylist()


def _run(connection: sa.Connection, statement: str) -> None:
    connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
