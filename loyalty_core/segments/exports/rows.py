"""All members of a segment as CSV or Parquet, streamed from the warehouse to a file: complete, whatever the size."""

from __future__ import annotations

import io
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from loyalty_core.warehouse.arrow import DIGITS

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import IO

    _File = IO[bytes] | io.RawIOBase

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "parquet")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Of decimals in Parquet that Spark, DuckDB and pandas all read as such.
_MAX_DIGITS = 38
# What a spreadsheet would run as a formula; an apostrophe in front makes it text.
_FORMULA = r"^[=+\-@\t\r]"


def write_members(batches: Iterable[pa.RecordBatch], file: IO[bytes], form: Format, *, bom: bool = False) -> int:
    """Write every batch and return the number of rows; memory stays that of one batch.

    With `bom` a CSV file begins with a byte-order mark, without which Excel takes UTF-8 for something else.
    """
    return sum(_written(batches, file, form, bom=bom))


def member_parts(batches: Iterable[pa.RecordBatch], form: Format, *, bom: bool = False) -> Generator[bytes]:
    """The bytes of the same file as they are written, in parts that are never empty."""
    sink = _Sink()
    for _ in _written(batches, sink, form, bom=bom):
        yield from sink.taken()
    yield from sink.taken()


def _written(batches: Iterable[pa.RecordBatch], file: _File, form: Format, *, bom: bool) -> Iterator[int]:
    """Write batch after batch, and yield the number of rows of each.

    The stream always has a first batch, empty or not, which brings the columns.
    """
    stream = iter(batches)
    first = next(stream)
    if bom and form == "csv":
        file.write(_BYTE_ORDER_MARK)
    with _WRITERS[form](file, first.schema) as writer:
        for batch in chain((first,), stream):
            writer.write_batch(_harmless(batch) if form == "csv" else _with_numbers(batch))
            yield batch.num_rows


class _Sink(io.RawIOBase):
    """A file that hands over what was written to it and stores nothing."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._position = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        self._position += len(part)
        return len(part)

    def taken(self) -> Iterator[bytes]:
        """Everything written since the last call, in one piece, if there is any."""
        if data := b"".join(self._parts):
            self._parts.clear()
            yield data


def _csv(file: _File, schema: pa.Schema) -> pyarrow.csv.CSVWriter:
    columns = [pa.field(_as_text(field.name), _csv_type(field.type)) for field in schema]
    return pyarrow.csv.CSVWriter(file, pa.schema(columns))


def _parquet(file: _File, schema: pa.Schema) -> pyarrow.parquet.ParquetWriter:
    return pyarrow.parquet.ParquetWriter(file, _parquet_schema(schema), compression="zstd")


_WRITERS: dict[Format, Callable[[_File, pa.Schema], pyarrow.csv.CSVWriter | pyarrow.parquet.ParquetWriter]] = {
    "csv": _csv,
    "parquet": _parquet,
}


def _with_numbers(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with numbers in place of their texts."""
    schema = _parquet_schema(batch.schema)
    columns = [column.cast(field.type) for column, field in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _parquet_schema(schema: pa.Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _parquet_type(field)) for field in schema])


def _parquet_type(field: pa.Field) -> pa.DataType:
    """A decimal as it was declared, where most readers of Parquet can hold it, else a double."""
    declared = (field.metadata or {}).get(DIGITS)
    if declared is None:
        return field.type
    precision, scale = map(int, declared.split(b",")) if declared else (0, 0)
    return pa.decimal128(precision, scale) if 0 <= scale <= precision <= _MAX_DIGITS and precision else pa.float64()


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with texts and column names that no spreadsheet reads as a formula."""
    fields = zip(batch.columns, batch.schema, strict=True)
    columns = [column if DIGITS in (field.metadata or {}) else _harmless_column(column) for column, field in fields]
    return pa.RecordBatch.from_arrays(columns, [_as_text(name) for name in batch.schema.names])


def _harmless_column(column: pa.Array) -> pa.Array:
    wanted = _csv_type(column.type)
    column = column if column.type == wanted else column.cast(wanted)
    if not pa.types.is_string(column.type):
        return column
    escaped = pc.binary_join_element_wise("'", column, "")  # pyright: ignore[reportAttributeAccessIssue]
    formula = pc.match_substring_regex(column, _FORMULA)  # pyright: ignore[reportAttributeAccessIssue]
    return pc.if_else(formula, escaped, column)  # pyright: ignore[reportAttributeAccessIssue]


def _csv_type(kind: pa.DataType) -> pa.DataType:
    """What CSV cannot hold as it is becomes text."""
    plain = pa.types.is_primitive(kind) and not pa.types.is_interval(kind)
    return kind if plain else pa.string()


def _as_text(name: str) -> str:
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
