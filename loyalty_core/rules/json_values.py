"""Values as JSONLogic sees them: truth, numbers, texts, equality, order, and the value at a path of the data."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

LARGEST_INTEGER = 2**63
LONGEST_TEXT = 1_000_000
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", re.ASCII)
_ORDERINGS: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_true(value: Any) -> bool:
    """JSONLogic's truth: blanks, false, 0, "" and [] are false, everything else is true."""
    if value is None or (isinstance(value, float) and value != value):
        return False
    return bool(value) if isinstance(value, bool | int | float | str | list) else True


def to_number(value: Any) -> int | float | None:
    """A number, or a text that spells one; None for anything else."""
    if isinstance(value, int | float):
        return +value
    if isinstance(value, str) and len(value) < 400 and _NUMBER.fullmatch(value):
        number = float(value)
        return int(value) if value.strip().lstrip("+-").isdigit() else number if math.isfinite(number) else None
    return None


def is_nan(value: Any) -> bool:
    """Whether a value is NaN, a Decimal's NaN or pandas' NaT."""
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float | date) and value != value


def loosely_equal(left: Any, right: Any) -> bool:
    """`==`: a number equals a text that spells it; a blank equals only a blank; lists and objects equal nothing."""
    if left is None or right is None:
        return left is None and right is None
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    numbers = to_number(left), to_number(right)
    return None not in numbers and numbers[0] == numbers[1]


def strictly_equal(left: Any, right: Any) -> bool:
    """`===`: the same value of the same kind."""
    if left is None or right is None:
        return left is None and right is None
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    texts = isinstance(left, str), isinstance(right, str)
    numbers = isinstance(left, int | float), isinstance(right, int | float)
    return (all(texts) or all(numbers)) and left == right


def in_order(name: str, left: Any, right: Any) -> bool:
    """`<`, `<=`, `>` or `>=`, by `name`: two texts by code point, anything else as numbers, false without a number."""
    if not (isinstance(left, str) and isinstance(right, str)):
        left, right = to_number(left), to_number(right)
    return left is not None and right is not None and _ORDERINGS[name](left, right)


def find(data: Any, path: Any) -> Any:
    """The value at a dotted path; a key that itself has dots comes first."""
    if path is None or (isinstance(path, str) and not path):
        return plain(data)
    name = as_text(path) if isinstance(path, str | int | float) and not isinstance(path, bool) else None
    if name is None:
        return None
    if isinstance(data, Mapping) and name in data:
        return plain(data[name])
    for part in name.split("."):
        if isinstance(data, Mapping):
            data = data.get(part)
        elif isinstance(data, list | tuple | str) and part.isascii() and part.isdigit() and int(part[:9]) < len(data):
            data = data[int(part[:9])]
        elif part == "length" and isinstance(data, list | tuple | str):
            data = len(data)
        else:
            return None
    return plain(data)


def plain(value: Any) -> Any:
    """A value of the data as JSON has it: NaN and NaT as null, dates as ISO text, Decimals as numbers."""
    match value:
        case None | bool() | str() | int() | list():
            return value
        case float() | Decimal() | date() if is_nan(value):
            return None
        case float():
            return float(value)
        case tuple():
            return list(value)
        case date():
            return value.isoformat()
        case UUID():
            return str(value)
        case Decimal() if value == value.to_integral_value():
            return int(value) if abs(value) < LARGEST_INTEGER else float(value)
        case Integral():
            return int(value)
        case Real() | Decimal():
            return float(value)
        case _:
            return value


def as_text(value: Any, *, inside: bool = False) -> str:
    """A value as JavaScript turns it to text, nothing for a blank; `inside` a list, for lists and objects as well."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() if abs(value) > LARGEST_INTEGER:
            return _number_text(float(value)) if abs(value) < 1e300 else ""
        case float():
            return _number_text(value)
        case str() | int():
            return str(value)
        case list() if not inside:
            return ",".join(as_text(plain(member), inside=True) for member in value)
        case _:
            return ""


def _number_text(number: float) -> str:
    """A number as JavaScript writes it: ECMA-262, Number::toString."""
    if not math.isfinite(number):
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
    shortest = Decimal(repr(number)).normalize().as_tuple()
    digits = "".join(map(str, shortest.digits))
    point = len(digits) + int(shortest.exponent)  # how many digits are before the decimal point
    sign = "-" if number < 0 else ""
    if not number:
        return "0"
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def substring(text: Any, start: Any, length: Any = None) -> str | None:
    if text is None:
        return None
    bounds = [_whole(to_number(bound)) for bound in (start, length)]
    return slice_text(as_text(text), bounds[0] or 0, bounds[1])


def _whole(number: float | None) -> int | None:
    """The number without its fraction, within what a text can be long."""
    if number is None or number != number:
        return None
    return int(max(-LONGEST_TEXT, min(number, LONGEST_TEXT)))


def slice_text(text: str, start: int, length: int | None) -> str:
    """Part of a text: a negative start counts from the end, a negative length leaves that many off the end."""
    rest = text[start:]
    return rest if length is None else rest[:length]
