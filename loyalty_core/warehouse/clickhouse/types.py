"""Types of ClickHouse in SQLAlchemy: how they are declared, bound, and given back."""

# SQLAlchemy declares the methods of types more narrowly than it calls them.
# pyright: reportIncompatibleMethodOverride=false

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.sql.compiler import GenericTypeCompiler

if TYPE_CHECKING:
    from collections.abc import Callable

# What a column may be wrapped in without being of another type for us.
_WRAPPED = re.compile(r"(?:Nullable|LowCardinality)\((?P<inner>.*)\)")
_DECIMAL = re.compile(r"Decimal\((?P<precision>\d+), (?P<scale>\d+)\)")
_MOMENT = re.compile(r"DateTime(?:64)?(?:\((?:\d+)?(?:, )?(?P<zone>'[^']*')?\))?")

_SIMPLE_TYPES: dict[str, Callable[[], sa.types.TypeEngine[Any]]] = {
    "Bool": sa.Boolean,
    "Int8": sa.SmallInteger,
    "UInt8": sa.SmallInteger,
    "Int16": sa.SmallInteger,
    "UInt16": sa.Integer,
    "Int32": sa.Integer,
    "UInt32": sa.BigInteger,
    "Int64": sa.BigInteger,
    "UInt64": lambda: sa.Numeric(20, 0),
    "Float32": sa.REAL,
    "Float64": sa.Double,
    "String": sa.Text,
    "Date": sa.Date,
    "Date32": sa.Date,
    "UUID": sa.Uuid,
}


class ClickHouseTypes(GenericTypeCompiler):
    """Types as ClickHouse writes them: each may hold NULL."""

    def process(self, type_: Any, **options: Any) -> str:
        return f"Nullable({super().process(type_, **options)})"

    def visit_text(self, *_: Any, **__: Any) -> str:
        return "String"

    visit_TEXT = visit_string = visit_VARCHAR = visit_NVARCHAR = visit_CLOB = visit_unicode = visit_text  # noqa: N815
    visit_unicode_text = visit_CHAR = visit_enum = visit_large_binary = visit_text  # noqa: N815

    def visit_uuid(self, *_: Any, **__: Any) -> str:
        return "UUID"

    visit_UUID = visit_uuid  # noqa: N815

    def visit_boolean(self, *_: Any, **__: Any) -> str:
        return "Bool"

    visit_BOOLEAN = visit_boolean  # noqa: N815

    def visit_double(self, *_: Any, **__: Any) -> str:
        return "Float64"

    visit_DOUBLE = visit_DOUBLE_PRECISION = visit_double  # noqa: N815

    def visit_float(self, *_: Any, **__: Any) -> str:
        """SQLAlchemy's Float is Python's."""
        return "Float64"

    visit_FLOAT = visit_float  # noqa: N815

    def visit_REAL(self, *_: Any, **__: Any) -> str:  # noqa: N802 - by SQLAlchemy
        return "Float32"

    def visit_small_integer(self, *_: Any, **__: Any) -> str:
        return "Int16"

    visit_SMALLINT = visit_small_integer  # noqa: N815

    def visit_integer(self, *_: Any, **__: Any) -> str:
        return "Int32"

    visit_INTEGER = visit_integer  # noqa: N815

    def visit_big_integer(self, *_: Any, **__: Any) -> str:
        return "Int64"

    visit_BIGINT = visit_big_integer  # noqa: N815

    def visit_numeric(self, type_: Any, **_: Any) -> str:
        """Without a precision, the widest that Arrow has, with room on both sides."""
        return f"Decimal({type_.precision or 38}, {18 if type_.scale is None else type_.scale})"

    visit_NUMERIC = visit_DECIMAL = visit_numeric  # noqa: N815

    def visit_date(self, *_: Any, **__: Any) -> str:
        return "Date32"

    visit_DATE = visit_date  # noqa: N815

    def visit_datetime(self, type_: Any, **_: Any) -> str:
        """A time that names its zone is one with a zone; sessions are in UTC."""
        return "DateTime64(6, 'UTC')" if type_.timezone else "DateTime64(6)"

    visit_DATETIME = visit_TIMESTAMP = visit_datetime  # noqa: N815


class _Text(sa.String):
    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        """Backslashes are escapes."""
        del dialect
        return text_literal


class _Boolean(sa.Boolean):
    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], bool | None]:
        """Conditions are numbers."""
        del dialect, coltype
        return lambda value: None if value is None else bool(value)


class _Float(sa.Float):
    def bind_processor(self, dialect: Any) -> Callable[[Any], float | None]:
        """An integer that is compared with a double is one; and IN finds 0.0 alone, not -0.0."""
        del dialect
        return lambda value: None if value is None else float(value) + 0.0


class _Date(sa.Date):
    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        del dialect
        return lambda value: f"toDate32('{value.isoformat()}')"


class _DateTime(sa.DateTime):
    def bind_processor(self, dialect: Any) -> Callable[[Any], datetime | None]:
        """Without a zone, which the driver could not read; sessions are in UTC."""
        del dialect
        return _without_zone

    def literal_processor(self, dialect: Any) -> Callable[[Any], str]:
        del dialect
        return lambda value: f"toDateTime64('{_without_zone(value)}', 6)"

    def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], datetime | None]:
        del dialect, coltype
        return _in_utc if self.timezone else _without_zone


class _Uuid(sa.Uuid[Any]):
    def bind_processor(self, dialect: Any) -> Callable[[Any], str | None]:
        """As text, which ClickHouse compares with a UUID."""
        del dialect
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Any, coltype: Any) -> None:
        """As Arrow has it."""


def text_literal(value: str) -> str:
    """A text in quotes, where backslashes are escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def _in_utc(value: datetime | int | None) -> datetime | None:
    """Whole seconds, which a DateTime is, arrive as a number."""
    if value is None:
        return None
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC)
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _without_zone(value: datetime | int | None) -> datetime | None:
    aware = _in_utc(value)
    return None if aware is None else aware.replace(tzinfo=None)


def type_of(declared: str) -> sa.types.TypeEngine[Any]:
    """SQLAlchemy's type of a type that ClickHouse declares; NullType for types of its own."""
    if wrapped := _WRAPPED.fullmatch(declared):
        return type_of(wrapped["inner"])
    if simple := _SIMPLE_TYPES.get(declared):
        return simple()
    if found := _DECIMAL.fullmatch(declared):
        return sa.Numeric(int(found["precision"]), int(found["scale"]))
    if found := _MOMENT.fullmatch(declared):
        return sa.DateTime(timezone=bool(found["zone"]))
    return sa.types.NullType()


# The types that SQLAlchemy uses in place of its own.
COLSPECS: dict[Any, Any] = {
    sa.String: _Text,
    sa.Boolean: _Boolean,
    sa.Float: _Float,
    sa.Date: _Date,
    sa.DateTime: _DateTime,
    sa.Uuid: _Uuid,
}
