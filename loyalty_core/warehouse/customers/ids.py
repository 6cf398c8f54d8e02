"""Customer ids as people and programs give them, turned into values of the id column's type."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from duckdb_sqlalchemy.datatypes import HugeInteger, UBigInteger, UHugeInteger

from loyalty_core.warehouse.arrow import is_long_number

_LONGEST = 255
_BIGINT, _HUGEINT = 2**63, 2**127


def read_id(customer_id: object, kind: sa.types.TypeEngine[Any]) -> Any:
    """The id as the column holds it, so that `7`, `"007"` and `" 7 "` are one number; None when no row can have it."""
    text = str(customer_id)
    if len(text) > _LONGEST or "\0" in text or not _is_unicode(text):
        return None
    try:
        match kind:
            case HugeInteger() | UHugeInteger() | UBigInteger():
                return _integer(text, _HUGEINT)
            case sa.Integer():
                return _integer(text, _BIGINT)
            case sa.Numeric():
                return _decimal(text)
            case sa.Uuid(as_uuid=True):
                return uuid.UUID(text.strip())
            case sa.CHAR():
                return text.rstrip(" ") or None  # the database pads it
            case _:
                return text or None
    except (ValueError, InvalidOperation):
        return None


def id_as_text(value: Any, kind: sa.types.TypeEngine[Any]) -> str:
    """An id that was read from the column as text, the same as the database's own cast gives."""
    return str(value).rstrip(" ") if isinstance(kind, sa.CHAR) else str(value)


def unrounded(identifier: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The id column as it is to be read in bulk: as text where it is a number that a double would round."""
    if not is_long_number(identifier.type):
        return identifier
    return sa.cast(identifier, sa.Text).label(identifier.name)


def same_id(one: sa.ColumnElement[Any], other: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether two ids are equal, compared as text if their types differ."""
    for kind in (sa.String, sa.Integer, sa.Uuid):
        if isinstance(one.type, kind) and isinstance(other.type, kind):
            return one == other
    return sa.cast(one, sa.Text) == sa.cast(other, sa.Text)


def _integer(text: str, limit: int) -> int | None:
    if "_" in text:  # Python's own notation for thousands
        return None
    number = int(text)
    return number if -limit <= number < limit else None


def _decimal(text: str) -> Decimal | None:
    number = Decimal(text.strip())
    if "_" in text or not number.is_finite() or abs(number.adjusted()) > _LONGEST:
        return None
    return Decimal(f"{number.normalize():f}")


def _is_unicode(text: str) -> bool:
    """Half a surrogate pair cannot be sent to any database."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
