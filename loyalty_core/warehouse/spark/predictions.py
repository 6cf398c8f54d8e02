"""Predictions in Parquet tables of Spark, with a view of their plain name on those of the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.errors import SettingsError
from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.predictions import RunTables
from loyalty_core.warehouse.predictions.relation import MARKS, predictions_table
from loyalty_core.warehouse.spark.literals import text

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

# The server remembers the text of its last 200 statements: larger ones would fill its memory.
_ROWS_PER_STATEMENT = 10_000


class SparkTables(RunTables):
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

    def refuse_other_content(self, connection: sa.Connection, warehouse: Warehouse) -> None:
        """Only a view of predictions is replaced."""
        name = predictions_table(warehouse.settings)
        schema, plain = split_table_name(name)
        inspector = sa.inspect(connection)
        if not inspector.has_table(plain, schema):
            return
        columns = {column["name"] for column in inspector.get_columns(plain, schema)}
        if plain.lower() not in inspector.get_view_names(schema) or not columns >= MARKS:
            raise SettingsError(
                f"{name} is not a view of predictions and is left as it is.",
                remedy="Rename it, or set DWH_PREDICTIONS_TABLE to another name.",
            )

    def publish(self, connection: sa.Connection, warehouse: Warehouse, table: sa.Table) -> None:
        """A view of the plain name, which takes the place of the one before in one step."""
        schema, plain = split_table_name(predictions_table(warehouse.settings))
        quote = connection.dialect.identifier_preparer.format_table
        view = quote(sa.Table(plain, sa.MetaData(), schema=schema))
        _run(connection, f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {quote(table)}")  # noqa: S608

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
