"""Columns of results: what Spark declares of them, and their values as Arrow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_INTEGERS = frozenset({"TINYINT", "SMALLINT", "INT", "BIGINT"})


@dataclass(frozen=True)
class DeclaredColumn:
    """A column as the server describes it."""

    name: str
    type_name: str
    precision: int | None = None
    scale: int | None = None

    @property
    def described(self) -> tuple[Any, ...]:
        """The seven items that PEP 249 asks for."""
        return self.name, self.type_name, None, None, self.precision, self.scale, None

    @property
    def field(self) -> pa.Field:
        """The column in Arrow; types without a counterpart are text."""
        return pa.field(self.name, _arrow_type(self))


def _arrow_type(column: DeclaredColumn) -> pa.DataType:
    match column.type_name:
        case "BOOLEAN":
            return pa.bool_()
        case name if name in _INTEGERS:
            return pa.int64()
        case "FLOAT" | "DOUBLE":
            return pa.float64()
        case "DATE":
            return pa.date32()
        case "TIMESTAMP":
            return pa.timestamp("us")
        case "DECIMAL":
            return pa.decimal128(column.precision or 38, column.scale or 0)
        case "BINARY":
            return pa.binary()
        case _:
            return pa.string()


def array_of(column: Any, declared: DeclaredColumn) -> pa.Array:
    """Values as the protocol has them, an array and a bit for each NULL; dates, times and decimals are texts there."""
    values, kind = column.values, _arrow_type(declared)
    if declared.type_name == "FLOAT":
        # Its shortest text as a double; what is stored, and compared in SQL, is single precision.
        values = np.asarray(values, np.float32).astype(np.float64)
    is_text = not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or pa.types.is_floating(kind))
    array = pa.array(values, pa.binary() if is_text else kind)
    blank = np.unpackbits(np.frombuffer(column.nulls.tobytes(), np.uint8), bitorder="little")[: len(array)]
    if blank.any():
        array = pc.if_else(pa.array(blank == 1), None, array)  # pyright: ignore[reportAttributeAccessIssue]
    if not is_text or kind == pa.binary():
        return array
    text = array.cast(pa.string())
    return text if kind == pa.string() else text.cast(kind)
