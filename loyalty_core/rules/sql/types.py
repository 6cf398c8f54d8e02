"""Types of numbers in SQL: what a value is as a parameter and where it is written out."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeDecorator

from loyalty_core.rules.sql.dialect import dialect_named


class WrittenDouble(TypeDecorator[float]):
    """A double that stays one where values are written out: in some databases 0.3 is a decimal there."""

    impl = sa.Double
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        return dialect_named(dialect.name).double_literal


class NotFinite(TypeDecorator[float]):
    """A double that is infinity or NaN, which have no literal of their own where values are written out."""

    impl = sa.Double
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        double = dialect_named(dialect.name).double
        return lambda value: f"CAST('{'NaN' if value != value else 'Infinity'}' AS {double})"


class WholeNumber(TypeDecorator[int]):
    """A whole number of up to 128 bits, always written out: no driver passes one on as it is."""

    impl = sa.Numeric
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        del dialect
        return str


def is_whole(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column type holds whole numbers only."""
    return isinstance(kind, sa.Integer)


def is_huge(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether a column type holds whole numbers of 128 bits: DuckDB's HUGEINT and UHUGEINT."""
    return is_whole(kind) and type(kind).__name__ in {"HugeInteger", "UHugeInteger"}


def is_unsigned(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether such a type holds no negative numbers."""
    return type(kind).__name__ == "UHugeInteger"
