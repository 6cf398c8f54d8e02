"""Python values as Spark SQL: its Thrift server takes no parameters, so that every value is part of the statement."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.exc import DataError

_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'", "\0": "\\u0000", "\n": "\\n", "\r": "\\r", "\x1a": "\\u001a"})
_LARGEST_INT, _LARGEST_BIGINT = 2**31 - 1, 2**63 - 1
# Of a decimal in Spark.
_MOST_DIGITS = 38


def literal(value: Any) -> str:
    """The value as an expression of its own type; raises `DataError` for a type that Spark has no literal of."""
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case int():
            return _whole(value)
        case float():
            return _double(value)
        case Decimal():
            return _decimal(value)
        case str():
            return text(value)
        case datetime():
            return _moment(value)
        case date():
            return f"DATE '{value.isoformat()}'"
        case bytes():
            return f"X'{value.hex()}'"
        case _:
            return _of_other(value)


def text(value: str) -> str:
    """A text in quotes. `session_settings` of the dialect makes sure that backslashes are escapes."""
    return f"'{value.translate(_ESCAPES)}'"


def _of_other(value: Any) -> str:
    if hasattr(value, "item"):  # a number of numpy
        return literal(value.item())
    reason = f"Spark has no literal for a value of type {type(value).__name__}."
    raise DataError(None, None, TypeError(reason))


def _whole(value: int) -> str:
    if -_LARGEST_INT <= value <= _LARGEST_INT:
        return str(value)
    if -_LARGEST_BIGINT - 1 <= value <= _LARGEST_BIGINT:
        return f"{value}L"
    return _decimal(Decimal(value))


def _double(value: float) -> str:
    if math.isfinite(value):
        return f"{float.__repr__(value)}D"  # numpy's own has its type around it
    name = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return f"CAST('{name}' AS DOUBLE)"


def _decimal(value: Decimal) -> str:
    """A decimal of exactly its digits; as a double where Spark has not so many.

    Cast from a text: Spark 4.1 takes `NULL < 9223372036854775808BD` for true when the NULL is an integer column's.
    """
    if not value.is_finite():
        return _double(float(value))
    plain = format(value, "f")
    whole, _, fraction = plain.lstrip("-").partition(".")
    digits, scale = len(whole.lstrip("0")) + len(fraction), len(fraction)
    if max(digits, scale, 1) > _MOST_DIGITS:
        return _double(float(value))
    return f"CAST('{plain}' AS DECIMAL({max(digits, scale, 1)}, {scale}))"


def _moment(value: datetime) -> str:
    """A time without a zone is one of those that are read without one."""
    if value.tzinfo is None:
        return f"TIMESTAMP_NTZ '{value.isoformat(sep=' ')}'"
    return f"TIMESTAMP '{value.astimezone(UTC).replace(tzinfo=None).isoformat(sep=' ')}Z'"
