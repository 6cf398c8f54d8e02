"""Types of Spark in SQLAlchemy: how they are declared, written, and given back."""

# SQLAlchemy declares the methods of types more narrowly than it calls them.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import GenericTypeCompiler

from loyalty_core.warehouse.spark.literals import literal

if TYPE_CHECKING:
    from collections.abc import Callable

_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_TEXT_OF_LENGTH = re.compile(r"(varchar|char)\((\d+)\)")

_SIMPLE_TYPES: dict[str, Callable[[], sa.types.TypeEngine[Any]]] = {
    "boolean": sa.Boolean,
    "tinyint": sa.SmallInteger,
    "smallint": sa.SmallInteger,
    "int": sa.Integer,
    "bigint": sa.BigInteger,
    "float": sa.REAL,
    "double": sa.Double,
    "string": sa.Text,
    "date": sa.Date,
    "timestamp": lambda: sa.DateTime(timezone=True),
    "timestamp_ntz": sa.DateTime,
    "binary": sa.LargeBinary,
}


class SparkTypes(GenericTypeCompiler):
    """Types as Spark writes them."""

    def visit_text(self, *_: Any, **__: Any) -> str:
        return "STRING"

    visit_TEXT = visit_string = visit_VARCHAR = visit_NVARCHAR = visit_CLOB = visit_unicode = visit_text  # noqa: N815
    visit_unicode_text = visit_CHAR = visit_uuid = visit_enum = visit_text  # noqa: N815

    def visit_double(self, *_: Any, **__: Any) -> str:
        return "DOUBLE"

    visit_DOUBLE = visit_DOUBLE_PRECISION = visit_double  # noqa: N815

    def visit_float(self, *_: Any, **__: Any) -> str:
        """SQLAlchemy's Float is Python's."""
        return "DOUBLE"

    visit_FLOAT = visit_float  # noqa: N815

    def visit_REAL(self, *_: Any, **__: Any) -> str:  # noqa: N802 - by SQLAlchemy
        return "FLOAT"

    def visit_integer(self, *_: Any, **__: Any) -> str:
        return "INT"

    visit_INTEGER = visit_integer  # noqa: N815

    def visit_numeric(self, type_: Any, **_: Any) -> str:
        """Without a precision, the widest with room on both sides; Spark's own default has no decimals."""
        return f"DECIMAL({type_.precision or 38}, {18 if type_.scale is None else type_.scale})"

    visit_NUMERIC = visit_DECIMAL = visit_numeric  # noqa: N815

    def visit_datetime(self, type_: Any, **_: Any) -> str:
        return "TIMESTAMP" if type_.timezone else "TIMESTAMP_NTZ"

    visit_DATETIME = visit_TIMESTAMP = visit_datetime  # noqa: N815

    def visit_large_binary(self, *_: Any, **__: Any) -> str:
        return "BINARY"


class _Written:
    """A type whose values become SQL: in `SparkDialect.do_execute`, or here where a statement has them in it."""

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        del dialect
        return literal

    def bind_processor(self, dialect: Any) -> Any:
        """No value has to be changed before."""


class _Text(_Written, sa.String):
    pass


class _Date(_Written, sa.Date):
    pass


class _DateTime(_Written, sa.DateTime):
    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any] | None:
        del dialect, coltype
        return _in_utc if self.timezone else None


class _Numeric(_Written, sa.Numeric):
    pass


class _Float(_Written, sa.Float):
    def bind_processor(self, dialect: Any) -> Any:
        """An integer that is compared with a double is one."""
        del dialect
        return lambda value: value if value is None else float(value)


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def type_of(declared: str) -> sa.types.TypeEngine[Any]:
    """SQLAlchemy's type of a type that Spark declares.

    NullType for types of its own, and for texts with a collation, whose comparisons differ from those of a row.
    """
    declared = declared.strip().lower()
    if simple := _SIMPLE_TYPES.get(declared):
        return simple()
    if found := _DECIMAL.fullmatch(declared):
        return sa.Numeric(int(found[1]), int(found[2]))
    if found := _TEXT_OF_LENGTH.fullmatch(declared):
        length = int(found[2])
        return sa.String(length) if found[1] == "varchar" else sa.CHAR(length)
    return sa.types.NullType()


# The types that SQLAlchemy uses in place of its own.
COLSPECS: dict[Any, Any] = {
    sa.String: _Text,
    sa.Date: _Date,
    sa.DateTime: _DateTime,
    sa.Numeric: _Numeric,
    sa.Float: _Float,
}
