"""Numbers of a rule as parameters that a column of a given type compares exactly."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import sqlalchemy as sa

from loyalty_core.rules.sql.elements import bound
from loyalty_core.rules.sql.types import WholeNumber, WrittenDouble, is_huge, is_unsigned, is_whole

_LARGEST_INT64 = 2**63 - 1
_MAX_DIGITS = 30


def number_parameter(value: int | float, kind: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    """A number as a column of that type compares it: decimals as decimals, integers of any size, doubles."""
    if isinstance(kind, sa.Float) or not (isinstance(value, int) or isinstance(kind, sa.Numeric)):
        return bound(float(value), WrittenDouble())
    if isinstance(value, int) and is_huge(kind):
        # A negative number cannot be compared with an unsigned column, except as a double.
        return bound(float(value), WrittenDouble()) if value < 0 and is_unsigned(kind) else bound(value, WholeNumber())
    if isinstance(value, int) and abs(value) <= _LARGEST_INT64:
        return bound(value, sa.BigInteger())
    number = Decimal(repr(value))
    digits, exponent = number.as_tuple().digits, number.as_tuple().exponent
    if len(digits) + abs(int(exponent)) > _MAX_DIGITS and not isinstance(value, int):
        return bound(float(value), WrittenDouble())
    return bound(number, sa.Numeric())


def neighbours(value: int | float, kind: sa.types.TypeEngine[Any]) -> tuple[int | float, int | float]:
    """The values next below and above that a column of the type can hold; both the value itself where it can."""
    if is_whole(kind) and isinstance(value, float):
        return (math.floor(value), math.ceil(value)) if abs(value) < _LARGEST_INT64 else (value, value)
    if isinstance(kind, sa.Numeric) and kind.precision is not None and isinstance(value, float):
        return _neighbours_in_scale(value, kind.scale or 0)
    if isinstance(kind, sa.Float) and isinstance(value, int) and float(value) != value:
        nearest = float(value)
        if nearest > value:
            return math.nextafter(nearest, -math.inf), nearest
        return nearest, math.nextafter(nearest, math.inf)
    return value, value


def _neighbours_in_scale(value: float, scale: int) -> tuple[int | float, int | float]:
    """The decimals of so many places around a number: more places would not fit beside the column's own digits."""
    number = Decimal(repr(value))
    if abs(value) >= _LARGEST_INT64 or -int(number.as_tuple().exponent) <= scale:
        return value, value
    step = Decimal(1).scaleb(-scale)
    below, above = (number.quantize(step, rounding) for rounding in (ROUND_FLOOR, ROUND_CEILING))
    return (float(below), float(above)) if scale else (int(below), int(above))
