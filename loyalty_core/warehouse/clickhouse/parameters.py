"""Python values as parameters of a statement, in Arrow."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGEST_SHORT = 2**31 - 1
# Of a decimal as a parameter.
_MOST_DIGITS = 38


def bound(parameters: Sequence[Any]) -> pa.RecordBatch:
    """Values with types that ClickHouse can combine with those of any column."""
    arrays = [pa.array([value], _type_of(value)) for value in parameters]
    return pa.RecordBatch.from_arrays(arrays, names=[str(place) for place in range(len(arrays))])


def _type_of(value: Any) -> pa.DataType | None:
    """The Arrow type of a parameter, where ClickHouse could not combine the one that Arrow would choose.

    ClickHouse has no common type for doubles and 64-bit integers, nor for counts, which are unsigned, and signed
    integers. It compares two decimals with the digits of the wider one, and raises where these are too few.
    """
    match value:
        case bool():
            return None
        case int() if 0 <= value <= _LARGEST_SHORT:
            return pa.uint32()
        case int() if -_LARGEST_SHORT <= value < 0:
            return pa.int32()
        case Decimal() if value.is_finite():
            return pa.decimal128(_MOST_DIGITS, max(0, -int(value.as_tuple().exponent)))
        case _:
            return None
