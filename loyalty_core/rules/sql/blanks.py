"""Whether a column holds a value: no NULL, no NaN, no JSON null, no date that Python does not have."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from loyalty_core.rules.sql.elements import JsonNull, bound, not_nan

Predicate = sa.ColumnElement[bool]


def is_blank(column: sa.ColumnElement[Any]) -> Predicate:
    """Whether the column holds no value; never NULL."""
    if isinstance(column.type, sa.JSON):
        return sa.or_(column.is_(None), JsonNull(column))
    guard = _holds_a_value(column)
    return column.is_(None) if guard is None else sa.or_(column.is_(None), sa.not_(guard))


def is_filled(column: sa.ColumnElement[Any]) -> Predicate:
    """Whether the column holds a value; never NULL."""
    if isinstance(column.type, sa.JSON):
        return sa.and_(column.is_not(None), sa.not_(JsonNull(column)))
    guard = _holds_a_value(column)
    return column.is_not(None) if guard is None else sa.and_(column.is_not(None), guard)


def _holds_a_value(column: sa.ColumnElement[Any]) -> Predicate | None:
    """Whether what is stored is a value for Python: no NaN, no date outside the years 1 to 9999; None if always."""
    if isinstance(column.type, sa.Date | sa.DateTime):
        kind = "datetime" if isinstance(column.type, sa.DateTime) else "date"
        first, last = temporal(first_moment(kind), column), temporal(last_moment(kind), column)
        return sa.and_(column >= first, column <= last)
    return not_nan(column)


def first_moment(kind: str) -> date:
    """The earliest date or time that Python has."""
    return date.min if kind == "date" else datetime.min  # noqa: DTZ901 - times are UTC without a zone


def last_moment(kind: str) -> date:
    """The latest date or time that Python has."""
    return date.max if kind == "date" else datetime.max  # noqa: DTZ901


def temporal(limit: date, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A date or time as a parameter of the column's kind."""
    if not isinstance(limit, datetime):
        return bound(limit, sa.Date())
    aware = getattr(column.type, "timezone", False)
    return bound(limit.replace(tzinfo=UTC) if aware else limit, sa.DateTime(timezone=bool(aware)))
