"""Values of a customer's features, read as the kind of their column; what cannot be read as that is a blank."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any
from uuid import UUID

from loyalty_core.rules.json_values import is_nan, slice_text, to_number

if TYPE_CHECKING:
    from collections.abc import Callable

    from loyalty_core.rules.tree import Kind

# Within these bounds no sixteen operands can overflow or underflow a double, which PostgreSQL answers with an error.
LARGEST_OPERAND = 1e15
SMALLEST_OPERAND = 1e-15
# Below it every whole number is a double, so that SQL can calculate a remainder exactly.
LARGEST_QUOTIENT = 2.0**53


def read_number(value: Any) -> int | float | Decimal | None:
    """A number as exactly as it was given; None for a blank."""
    match value:
        case None:
            return None
        case bool():
            return int(value)
        case int() | float() | Decimal():
            return None if is_nan(value) else value
        case str():
            return to_number(value)
        case Integral():
            return int(value)
        case Real():
            return read_number(float(value))
        case _:
            return None


def read_text(value: Any) -> str | None:
    """A text; ids that are numbers or UUIDs count as such."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, UUID) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**300):
        return str(value)
    return None


def read_boolean(value: Any) -> bool | None:
    """True or false, also as 1 and 0 or in letters."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.lower())
    number = read_number(value)
    return None if number is None or number not in (0, 1) else number == 1


def read_date(value: Any) -> date | None:
    """A date; of a time its day."""
    if isinstance(value, str):
        value = _from_iso(value)
    if not isinstance(value, date) or is_nan(value):
        return None
    return value.date() if isinstance(value, datetime) else value


def read_time(value: Any) -> datetime | None:
    """A time in UTC without a zone; of a date its midnight."""
    if isinstance(value, str):
        value = _from_iso(value)
    if not isinstance(value, date) or is_nan(value):
        return None
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - times are UTC without a zone
    try:
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    except OverflowError:
        return None


def read_anything(value: Any) -> Any:
    """The value of a column that cannot be compared, only be blank or not."""
    return None if is_nan(value) else value


READERS: dict[Kind, Callable[[Any], Any]] = {
    "number": read_number,
    "text": read_text,
    "boolean": read_boolean,
    "date": read_date,
    "datetime": read_time,
    "other": read_anything,
}


def read_stored(value: Any) -> int | float | None:
    """A number for comparison with another column's: integers stay exact, everything else is a double."""
    number = read_number(value)
    return float(number) if isinstance(number, Decimal) else number


def read_double(value: Any) -> float | None:
    """A number as a double."""
    number = read_number(value)
    return None if number is None else to_double(number)


def read_operand(value: Any) -> float | None:
    """A number for arithmetic: blank beyond 10^15, 0 when nearer to zero than 10^-15, so that nothing overflows."""
    number = read_number(value)
    if number is None or not -LARGEST_OPERAND <= number <= LARGEST_OPERAND:
        return None
    return float(number) if abs(number) >= SMALLEST_OPERAND else 0.0


def same(left: Any, right: Any) -> bool:
    """`==` between two values: two blanks are equal."""
    if left is None or right is None:
        return left is right
    left, right = _comparable(left, right)
    return left == right


def less(left: Any, right: Any) -> bool:
    """`<` between two values, false when one is blank."""
    if left is None or right is None:
        return False
    left, right = _comparable(left, right)
    return left < right


def less_or_same(left: Any, right: Any) -> bool:
    """`<=` between two values, false when one is blank."""
    if left is None or right is None:
        return False
    left, right = _comparable(left, right)
    return left <= right


def _comparable(left: Any, right: Any) -> tuple[Any, Any]:
    """An integer beside a double becomes one, as in SQL."""
    if isinstance(left, float) and isinstance(right, int):
        return left, to_double(right)
    return (to_double(left), right) if isinstance(left, int) and isinstance(right, float) else (left, right)


def to_double(number: float | Decimal) -> float:
    """The number as a double, infinite where it is too large for one."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def calculate_double(operator: str, *numbers: float | None) -> float | None:
    """Arithmetic in doubles step by step as SQL does it; blank when an operand is, or on division by zero."""
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers):
        return None
    result, rest = known[0], known[1:]
    if operator in {"min", "max"}:
        return min(known) if operator == "min" else max(known)
    if operator == "-" and not rest:
        return -result
    for number in rest:
        match operator:
            case "+":
                result += number
            case "-":
                result -= number
            case "*":
                result *= number
            case _ if number == 0:
                return None
            case "/":
                result /= number
            case _ if abs(result / number) >= LARGEST_QUOTIENT:
                return None
            case _:
                result = math.fmod(result, number)
    return result


def join(*parts: str | None) -> str:
    """Texts one after another, nothing for a blank."""
    return "".join(part for part in parts if part is not None)


def part(text: str | None, start: int, length: int | None) -> str | None:
    """Part of a text, blank of a blank."""
    return None if text is None else slice_text(text, start, length)


def matches_text(how: str, text: str | None, part: str | None) -> bool:
    """Whether one text contains, starts with or ends with another; false when one is blank."""
    if text is None or part is None:
        return False
    return part in text if how == "contains" else text.startswith(part) if how == "starts" else text.endswith(part)


def _from_iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else datetime.fromisoformat(text)
    except ValueError:
        return None
