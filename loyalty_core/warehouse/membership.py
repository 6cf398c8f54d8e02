"""`value is one of many` in SQL, the way that is fastest for each database."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

# One array parameter instead of a parameter per value: PostgreSQL stops at 65,535, DuckDB slows down long before.
_WITH_ARRAYS = frozenset({"duckdb", "postgresql"})


def is_one_of(column: sa.ColumnElement[Any], values: Collection[Any], dialect: str) -> sa.ColumnElement[bool]:
    """True where `column` equals one of `values`, which have the column's own type and hold no blanks."""
    if dialect in _WITH_ARRAYS:
        array = sa.bindparam(None, list(values), type_=sa.ARRAY(_wide(column.type)))
        return column == sa.any_(array)
    return column.in_(list(values))


def _wide(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """A value that the column's own type could not hold is no member, and no error either."""
    if isinstance(kind, sa.Integer):
        return sa.BigInteger()
    return sa.Numeric() if isinstance(kind, sa.Numeric) else kind
