"""All members of a segment as CSV or Parquet, streamed from the warehouse to a file: complete, whatever the size."""

from __future__ import annotations

import base64
import io
import json
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from typing import IO

    _File = IO[bytes] | io.RawIOBase

Format = Literal["csv", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "parquet")

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
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
            writer.write_batch(_harmless(batch) if form == "csv" else batch)
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
    return pyarrow.parquet.ParquetWriter(file, schema, compression="zstd")


_WRITERS: dict[Format, Callable[[_File, pa.Schema], pyarrow.csv.CSVWriter | pyarrow.parquet.ParquetWriter]] = {
    "csv": _csv,
    "parquet": _parquet,
}


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with texts and column names that no spreadsheet reads as a formula."""
    columns = [_harmless_column(column) for column in batch.columns]
    return pa.RecordBatch.from_arrays(columns, [_as_text(name) for name in batch.schema.names])


def _harmless_column(column: pa.Array) -> pa.Array:
    wanted = _csv_type(column.type)
    column = column if column.type == wanted else _cast(column, wanted)
    if not pa.types.is_string(column.type):
        return column
    escaped = pc.binary_join_element_wise("'", column, "")  # pyright: ignore[reportAttributeAccessIssue]
    formula = pc.match_substring_regex(column, _FORMULA)  # pyright: ignore[reportAttributeAccessIssue]
    return pc.if_else(formula, escaped, column)  # pyright: ignore[reportAttributeAccessIssue]


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        if not pa.types.is_binary(column.type):
            return column.cast(kind)
    except pa.ArrowNotImplementedError:  # lists and structures
        pass
    return pa.array([None if value is None else _written_out(value) for value in column.to_pylist()], kind)


def _written_out(value: Any) -> str:
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case list() | dict():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)


def _csv_type(kind: pa.DataType) -> pa.DataType:
    """What CSV cannot hold as it is becomes text."""
    plain = pa.types.is_primitive(kind) and not pa.types.is_interval(kind)
    return kind if plain else pa.string()


def _as_text(name: str) -> str:
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
