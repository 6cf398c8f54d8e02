"""Rows in bulk as Arrow; each dialect says how its database provides them.

Decimals arrive as float64, UUIDs and enums as text on every database, so that readers need not know which.
Exports read exactly: a number of which a float64 would lose digits arrives as text, and its field says so under DIGITS.
"""

from collections.abc import Callable, Container, Generator, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from duckdb_sqlalchemy.datatypes import HugeInteger, UHugeInteger

from loyalty_core.warehouse.time_limit import Interrupt, TimeLimit

Batches = Generator[pa.RecordBatch]
# The batches, and what stops the statement that they come from.
Source = tuple[Batches, Interrupt | None]
# In the metadata of a field: its texts are numbers, of "precision,scale" as declared, or blank where none is declared.
DIGITS = b"digits"
# What every decimal of this many digits survives as a double.
_DIGITS_OF_DOUBLE = 15

Open = Callable[[sa.Connection, sa.Select, int], AbstractContextManager[Source]]


def stream_batches(
    open_source: Open,
    connection: sa.Connection,
    select: sa.Select,
    batch_rows: int,
    wait_seconds: float,
    *,
    exact: bool = False,
) -> Batches:
    """Yield the result as record batches of at most `batch_rows` rows; at least one, so the schema is known.

    `open_source` is the database's way to read in bulk. With `exact`, long numbers arrive as text. Raises
    `QueryTimeout` when one wait for the warehouse takes longer than `wait_seconds`.
    """
    long = {column.name: _digits_of(column.type) for column in select.selected_columns if is_long_number(column.type)}
    digits = long if exact else {}
    with (
        open_source(connection, _plain_types(select, digits), batch_rows) as (batches, interrupt),
        closing(TimeLimit(wait_seconds, interrupt)) as limit,
    ):
        while True:
            with limit.waiting():
                batch = next(batches, None)
            if batch is None:
                return
            for start in range(0, batch.num_rows or 1, batch_rows):
                yield _plain_batch(batch.slice(start, batch_rows), digits)


def is_long_number(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a double would lose digits of a decimal, or of an integer beyond 64 bits, of this type."""
    if isinstance(kind, sa.Numeric):
        return kind.precision is None or kind.precision > _DIGITS_OF_DOUBLE
    return isinstance(kind, HugeInteger | UHugeInteger)


def _digits_of(kind: sa.types.TypeEngine[Any]) -> str:
    if isinstance(kind, sa.Numeric) and kind.precision is not None:
        return f"{kind.precision},{kind.scale or 0}"
    return ""


def _plain_types(select: sa.Select, texts: Container[str]) -> sa.Select:
    return select.with_only_columns(
        *(_plain_type(column, texts).label(column.name) for column in select.selected_columns),
        maintain_column_froms=True,
    )


def _plain_type(column: sa.ColumnElement[Any], texts: Container[str]) -> sa.ColumnElement[Any]:
    if column.name in texts or isinstance(column.type, sa.Uuid):
        return sa.cast(column, sa.Text)
    return sa.cast(column, sa.Double) if isinstance(column.type, sa.Numeric | HugeInteger | UHugeInteger) else column


def _plain_batch(batch: pa.RecordBatch, digits: Mapping[str, str]) -> pa.RecordBatch:
    arrays = [_plain_array(array) for array in batch.columns]
    described = {name: {DIGITS: declared.encode()} for name, declared in digits.items()}
    named = zip(batch.schema.names, arrays, strict=True)
    fields = [pa.field(name, array.type, metadata=described.get(name)) for name, array in named]
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _plain_array(array: pa.Array) -> pa.Array:
    """Types that a cast in SQL cannot foresee: sums that the database widens to decimals, enums, PostgreSQL's own."""
    if isinstance(array, pa.ExtensionArray):
        numeric = isinstance(array.type, pa.OpaqueType) and array.type.type_name == "numeric"
        return array.storage.cast(pa.float64()) if numeric else array.storage
    if pa.types.is_dictionary(array.type):
        return array.dictionary_decode()
    return array.cast(pa.float64()) if pa.types.is_decimal(array.type) else array


@contextmanager
def rows_as_batches(
    connection: sa.Connection, select: sa.Select, batch_rows: int, interrupt: Interrupt | None
) -> Iterator[Source]:
    """The driver's rows as record batches, for databases without Arrow of their own."""
    schema = pa.schema([pa.field(column.name, _arrow_type(column.type)) for column in select.selected_columns])

    def batches() -> Batches:
        options = {"stream_results": True, "max_row_buffer": batch_rows}
        result = connection.execute(select, execution_options=options)
        parts = (pa.record_batch(_arrays(rows, schema), schema) for rows in result.partitions(batch_rows))
        yield from at_least_one(parts, schema)

    with closing(batches()) as source:
        yield source, interrupt


def _arrays(rows: Iterable[Any], schema: pa.Schema) -> list[pa.Array]:
    columns = zip(zip(*rows, strict=True), schema, strict=True)
    return [
        pa.array(_doubles(values) if field.type == pa.float64() else values, field.type) for values, field in columns
    ]


def _doubles(numbers: Iterable[Any]) -> list[float | None]:
    """Arrow refuses integers that a double would round."""
    return [None if number is None else float(number) for number in numbers]


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


def at_least_one(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> Batches:
    """The batches, or an empty one of that schema."""
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        yield pa.record_batch([pa.array([], field.type) for field in schema], schema)
