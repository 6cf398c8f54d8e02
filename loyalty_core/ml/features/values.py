"""Values of features: their kinds, and columns and Python values as numbers and texts."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loyalty_core.errors import DataError
from loyalty_core.warehouse.mapping import MappingError

FeatureKind = Literal["number", "boolean", "text"]
Values = pa.Array | pa.ChunkedArray | npt.NDArray[Any]

# A number that float32 cannot hold counts as blank. Comparisons with NaN are false, so NaN does too.
FLOAT32_MAX = float(np.finfo(np.float32).max)
# A larger number is not a measurement, and would overflow the network's float32 arithmetic.
LARGEST = 1e30


def as_arrow(values: Values) -> pa.Array:
    """Convert to one Arrow array, decoding dictionaries."""
    array = pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else values
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array


def as_numbers(name: str, column: pa.Array) -> npt.NDArray[np.float64]:
    """The column as float64 with blanks as NaN; raises `DataError` when it has anything but numbers."""
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.int8())
    if pa.types.is_null(column.type) or _is_text(column.type) or _is_numeric(column.type):
        try:
            return column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            pass
    raise _not_a_number(name, f"a column of type {column.type}")


def as_number(name: str, value: Any) -> float:
    """A Python value as a float, NaN for None; raises `DataError` for what is no number."""
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError):
        raise _not_a_number(name, repr(value)[:60]) from None


def filled_text(column: pa.Array) -> pa.Array:
    """The column as texts, with "" for blanks."""
    return pc.fill_null(column.cast(pa.string()), "")


def kind_of(name: str, column_type: pa.DataType) -> FeatureKind:
    """The feature kind of an Arrow type; raises `MappingError` for dates and nested types."""
    if pa.types.is_boolean(column_type):
        return "boolean"
    if _is_numeric(column_type) or pa.types.is_null(column_type):
        return "number"
    if _is_text(column_type) or pa.types.is_dictionary(column_type):
        return "text"
    raise MappingError(
        f"The feature {name!r} is a column of type {column_type}, which models cannot read.",
        remedy="Map a number, boolean or text column; for a date, add the days since it to the view.",
    )


def _not_a_number(name: str, found: str) -> DataError:
    return DataError(
        f"The feature {name!r} should be a number, but is {found}.",
        remedy="Correct the column in the warehouse, or train again if its type was changed intentionally.",
    )


def _is_text(column_type: pa.DataType) -> bool:
    return (
        pa.types.is_string(column_type) or pa.types.is_large_string(column_type) or pa.types.is_string_view(column_type)
    )


def _is_numeric(column_type: pa.DataType) -> bool:
    return pa.types.is_integer(column_type) or pa.types.is_floating(column_type) or pa.types.is_decimal(column_type)
