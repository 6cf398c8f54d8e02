"""Rows in bulk as Arrow: DuckDB's own, ADBC on PostgreSQL, batches of driver rows elsewhere.

Decimals arrive as float64, UUIDs and enums as text on every database, so that what reads them need not ask which.
"""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from psycopg import ClientCursor
from psycopg.conninfo import make_conninfo
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from loyalty_core.warehouse.time_limit import Interrupt, TimeLimit, interrupt_of

_Batches = Generator[pa.RecordBatch]
_Source = Iterator[tuple[_Batches, Interrupt | None]]


def stream_batches(connection: sa.Connection, select: sa.Select, batch_rows: int, wait_seconds: float) -> _Batches:
    """Yield the result as record batches of at most `batch_rows` rows; at least one, so the schema is known.

    Raises `QueryTimeout` when one wait for the warehouse takes longer than `wait_seconds`.
    """
    source = {"duckdb": _from_duckdb, "postgresql": _from_postgresql}.get(connection.dialect.name, _from_rows)
    with (
        source(connection, _plain_types(select), batch_rows) as (batches, interrupt),
        closing(TimeLimit(wait_seconds, interrupt)) as limit,
    ):
        while True:
            with limit.waiting():
                batch = next(batches, None)
            if batch is None:
                return
            for start in range(0, batch.num_rows or 1, batch_rows):
                yield _plain_batch(batch.slice(start, batch_rows))


def _plain_types(select: sa.Select) -> sa.Select:
    return select.with_only_columns(
        *(_plain_type(column).label(column.name) for column in select.selected_columns),
        maintain_column_froms=True,
    )


def _plain_type(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.Numeric):
        return sa.cast(column, sa.Double)
    if isinstance(column.type, sa.Uuid):
        return sa.cast(column, sa.Text)
    return column


def _plain_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([_plain_array(array) for array in batch.columns], batch.schema.names)


def _plain_array(array: pa.Array) -> pa.Array:
    """What no cast in SQL could foresee: sums that the database widens to decimals, enums, PostgreSQL's own types."""
    if isinstance(array, pa.ExtensionArray):
        numeric = isinstance(array.type, pa.OpaqueType) and array.type.type_name == "numeric"
        return array.storage.cast(pa.float64()) if numeric else array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return array.cast(pa.float64()) if pa.types.is_decimal(array.type) else array


@contextmanager
def _from_duckdb(connection: sa.Connection, select: sa.Select, batch_rows: int) -> _Source:
    def batches() -> _Batches:
        result: Any = connection.execute(select, execution_options={"duckdb_arrow": True})
        with result.batches(batch_rows) as reader:
            yield from _at_least_one(reader, reader.schema)

    with closing(batches()) as source:
        yield source, interrupt_of(connection)


@contextmanager
def _from_postgresql(connection: sa.Connection, select: sa.Select, batch_rows: int) -> _Source:
    # Imported when used: it brings pandas along.
    from adbc_driver_postgresql import dbapi as adbc  # noqa: PLC0415

    del batch_rows  # ADBC cuts by size in bytes
    with closing(adbc.connect(_same_session(connection))) as bulk, closing(bulk.cursor()) as cursor:

        def batches() -> _Batches:
            cursor.execute(_with_values(connection, select))
            reader = cursor.fetch_record_batch()
            yield from _at_least_one(reader, reader.schema)

        with closing(batches()) as source:
            yield source, cursor.adbc_cancel


def _same_session(connection: sa.Connection) -> str:
    """How to connect as the pool did; the time limit is kept here, as a stream may rightly take longer than it."""
    info = connection.connection.driver_connection.info  # pyright: ignore[reportOptionalMemberAccess]
    parameters = info.get_parameters()
    parameters["options"] = f"{parameters.get('options', '')} -c statement_timeout=0"
    return make_conninfo(**parameters, password=info.password)


def _with_values(connection: sa.Connection, select: sa.Select) -> str:
    """The statement with its values quoted by the driver: ADBC streams only statements without parameters."""
    dialect = psycopg_dialect.dialect(paramstyle="format")
    compiled = select.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup or ()]  # pyright: ignore[reportAttributeAccessIssue]
    driver_connection: Any = connection.connection.driver_connection
    return ClientCursor(driver_connection).mogrify(str(compiled).encode(), values)


@contextmanager
def _from_rows(connection: sa.Connection, select: sa.Select, batch_rows: int) -> _Source:
    schema = pa.schema([pa.field(column.name, _arrow_type(column.type)) for column in select.selected_columns])

    def batches() -> _Batches:
        options = {"stream_results": True, "max_row_buffer": batch_rows}
        result = connection.execute(select, execution_options=options)
        parts = (pa.record_batch(_arrays(rows, schema), schema) for rows in result.partitions(batch_rows))
        yield from _at_least_one(parts, schema)

    with closing(batches()) as source:
        yield source, interrupt_of(connection)


def _arrays(rows: Iterable[Any], schema: pa.Schema) -> list[pa.Array]:
    return [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), schema, strict=True)]


def _arrow_type(column_type: sa.types.TypeEngine[Any]) -> pa.DataType:
    match column_type:
        case sa.Boolean():
            return pa.bool_()
        case sa.Integer():
            return pa.int64()
        case sa.Float() | sa.Numeric():
            return pa.float64()
        case sa.DateTime(timezone=aware):
            return pa.timestamp("us", "UTC" if aware else None)
        case sa.Date():
            return pa.date32()
        case _:
            return pa.string()


def _at_least_one(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> _Batches:
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        yield pa.record_batch([pa.array([], field.type) for field in schema], schema)
