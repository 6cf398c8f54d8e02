"""Customer ids as people and programs give them, turned into values of the id column's type."""

import uuid
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

_LONGEST = 255
_BIGINT = 2**63


def read_id(customer_id: object, kind: sa.types.TypeEngine[Any]) -> Any:
    """The id as the column holds it, so that `7`, `"007"` and `" 7 "` are one number; None when no row can have it."""
    text = str(customer_id)
    if len(text) > _LONGEST or "\0" in text or not _is_unicode(text):
        return None
    try:
        match kind:
            case sa.Integer():
                return _integer(text)
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


def _integer(text: str) -> int | None:
    if "_" in text:  # Python's own notation for thousands
        return None
    number = int(text)
    return number if -_BIGINT <= number < _BIGINT else None


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
