"""SQL that each database writes in its own way: NaN, membership in long lists, text search, order of letters."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from loyalty_core.rules.sql.dialect import SqlDialect, dialect_named

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy.sql.compiler import SQLCompiler

# Above this many members DuckDB is slower with a parameter for each than with one array.
_MOST_PARAMETERS = 200
_NAN = float("nan")

# Names the database for which SQL with values is written, where that is not the compiler's.
WRITTEN_FOR = "written_for"


def bound(value: Any, kind: sa.types.TypeEngine[Any]) -> sa.BindParameter[Any]:
    """A typed parameter whose name does not come from the column's, which may hold any character."""
    return sa.bindparam("rule", value, type_=kind, unique=True)


class _Test(FunctionElement[bool]):
    """A condition of our own; without this SQLAlchemy takes it for a value and writes `= 1` after it."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:
        """The condition as it is: what it compiles to has brackets of its own."""
        del against
        return self

    @property
    def negation_clause(  # pyright: ignore[reportIncompatibleVariableOverride]
        self,
    ) -> sa.ColumnElement[bool]:
        """The opposite, asked for by `not_`."""
        return sa.UnaryExpression(self, operator=operators.inv, type_=sa.Boolean())


class WrittenDouble(TypeDecorator[float]):
    """A double that stays one where values are written out: in some databases 0.3 is a decimal there."""

    impl = sa.Double
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        return dialect_named(dialect.name).double_literal


class _NotFinite(TypeDecorator[float]):
    """A double that is infinity or NaN, which have no literal of their own where values are written out."""

    impl = sa.Double
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        double = dialect_named(dialect.name).double
        return lambda value: f"CAST('{'NaN' if value != value else 'Infinity'}' AS {double})"


class _NotNan(_Test):
    """Whether a number is no NaN, which the databases that store it put above infinity."""

    inherit_cache = True


class _Among(_Test):
    """Membership in a long list: (array form, JSON form, plain form)."""

    inherit_cache = True


class _Contains(_Test):
    inherit_cache = True


class _Starts(_Test):
    inherit_cache = True


class _Ends(_Test):
    inherit_cache = True


class _ByCodePoint(FunctionElement[str]):
    """A text that is ordered and compared by code points."""

    type = sa.Text()
    inherit_cache = True


class _Length(FunctionElement[int]):
    type = sa.Integer()
    inherit_cache = True


class _Substring(FunctionElement[str]):
    """(text, start) or (text, start, length)."""

    type = sa.Text()
    inherit_cache = True


class _Moment(FunctionElement[Any]):
    """A column of times; its type is that of the column."""

    inherit_cache = True


class _JsonNull(_Test):
    """Whether a JSON value is JSON's null, which drivers give as the same as no value."""

    inherit_cache = True


class _InBrackets(_Test):
    """A test that SQLAlchemy does not take apart to flatten it."""

    inherit_cache = True


class _Same(_Test):
    """Equal, or both NULL."""

    inherit_cache = True


class _AsDouble(FunctionElement[float]):
    type = sa.Double()
    inherit_cache = True


class _Exact(FunctionElement[str]):
    """A text column, case-sensitive on databases that ignore case by default."""

    type = sa.Text()
    inherit_cache = True


class _Truncated(FunctionElement[float]):
    type = sa.Double()
    inherit_cache = True


class _Extreme(FunctionElement[float]):
    type = sa.Double()
    inherit_cache = True


class _Least(_Extreme):
    inherit_cache = True


class _Greatest(_Extreme):
    inherit_cache = True


def not_nan(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool] | None:
    """A test that leaves out NaN; None where the column's type has none."""
    if isinstance(column.type, sa.Float):
        return _NotNan(column, bound(float("inf"), _NotFinite()))
    if isinstance(column.type, sa.Numeric):
        return _NotNan(column, bound(_NAN, _NotFinite()))
    return None


def among(
    column: sa.ColumnElement[Any], members: Collection[Any], kind: sa.types.TypeEngine[Any]
) -> sa.ColumnElement[bool]:
    """Whether the column is one of the members, which have the type `kind`; NULL for NULL."""
    plain = column.in_(sa.bindparam("rule", list(members), type_=kind, unique=True, expanding=True))
    if len(members) <= _MOST_PARAMETERS:
        return plain
    array = column == sa.any_(bound(list(members), sa.ARRAY(kind)))
    text = json.dumps([_as_sqlite_stores_it(member) for member in members])
    listed = sa.func.json_each(bound(text, sa.Text())).table_valued("value")
    return _Among(array, column.in_(sa.select(listed.c.value)), plain)


def contains(text: sa.ColumnElement[Any], part: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a text has another one in it, letter for letter."""
    return _Contains(text, part)


def starts(text: sa.ColumnElement[Any], part: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a text starts with another one."""
    return _Starts(text, part)


def ends(text: sa.ColumnElement[Any], part: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a text ends with another one."""
    return _Ends(text, part)


def length(text: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    """How many characters a text has."""
    return _Length(text)


def substring(
    text: sa.ColumnElement[Any], start: sa.ColumnElement[int], length: sa.ColumnElement[int] | None = None
) -> sa.ColumnElement[str]:
    """Part of a text from character `start` on, of which the first is 1."""
    return _Substring(text, start) if length is None else _Substring(text, start, length)


def moment(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A column of times as it compares with a time."""
    element = _Moment(column)
    element.type = column.type
    return element


def json_null(column: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a column of JSON holds JSON's null; NULL where it holds nothing."""
    return _JsonNull(column)


def by_code_point(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text in an order that does not depend on the database's language."""
    return _ByCodePoint(*text.clauses) if isinstance(text, _Exact) else _ByCodePoint(text)


def exact(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text compared case-sensitively."""
    return _Exact(text)


def in_brackets(test: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The test in brackets that stay."""
    return _InBrackets(test)


def same(left: sa.ColumnElement[Any], right: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether two values are equal or both NULL."""
    return _Same(left, right)


def as_double(number: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A number as a double."""
    return number if isinstance(number.type, sa.Double) else _AsDouble(number)


def truncated(number: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The number without its fraction."""
    return _Truncated(number)


def least(numbers: Collection[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """The smallest of numbers none of which is NULL."""
    return _Least(*numbers)


def greatest(numbers: Collection[sa.ColumnElement[Any]]) -> sa.ColumnElement[Any]:
    """The largest of numbers none of which is NULL."""
    return _Greatest(*numbers)


def _as_sqlite_stores_it(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


def _dialect(compiler: SQLCompiler, options: dict[str, Any]) -> SqlDialect:
    """The database that reads the SQL: the compiler's own, or the one for which it is written out."""
    return dialect_named(options.get(WRITTEN_FOR) or compiler.dialect.name)


@compiles(_NotNan)
def _not_nan(element: _NotNan, compiler: SQLCompiler, **options: Any) -> str:
    column, limit = element.clauses
    dialect = _dialect(compiler, options)
    if isinstance(column.type, sa.Float):
        return f"({compiler.process(column <= limit, **options)})" if dialect.stores_nan else "(1 = 1)"
    return f"({compiler.process(column < limit, **options)})" if dialect.stores_decimal_nan else "(1 = 1)"


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    array, listed, plain = element.clauses
    # Written out for people and for other databases, which know no = ANY over an array.
    form = "values" if options.get("literal_binds") else _dialect(compiler, options).list_form
    chosen = {"array": array, "json": listed, "values": plain}[form]
    return f"({compiler.process(chosen, **options)})"


@compiles(_Contains)
def _contains(element: _Contains, compiler: SQLCompiler, **options: Any) -> str:
    return _search(_dialect(compiler, options).contains, element, compiler, options)


@compiles(_Starts)
def _starts(element: _Starts, compiler: SQLCompiler, **options: Any) -> str:
    return _search(_dialect(compiler, options).starts_with, element, compiler, options)


@compiles(_Ends)
def _ends(element: _Ends, compiler: SQLCompiler, **options: Any) -> str:
    return _search(_dialect(compiler, options).ends_with, element, compiler, options)


def _search(
    write: Callable[..., str], element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]
) -> str:
    text, part = _arguments(element, compiler, options)
    return f"({write(text, part, written_out=bool(options.get('literal_binds')))})"


@compiles(_ByCodePoint)
def _by_code_point(element: _ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).by_code_point(_arguments(element, compiler, options)[0])


@compiles(_InBrackets)
def _in_brackets(element: _InBrackets, compiler: SQLCompiler, **options: Any) -> str:
    return f"({_arguments(element, compiler, options)[0]})"


@compiles(_Same)
def _same(element: _Same, compiler: SQLCompiler, **options: Any) -> str:
    left, right = element.clauses
    standard = compiler.process(left.is_not_distinct_from(right), **options)
    first, second = _arguments(element, compiler, options)
    return f"({_dialect(compiler, options).same(first, second, standard)})"


@compiles(_AsDouble)
def _as_double(element: _AsDouble, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = element.clauses

    def cast() -> str:
        return compiler.process(sa.cast(number, sa.Double()), **options)

    return _dialect(compiler, options).as_double(compiler.process(number, **options), cast)


@compiles(_Exact)
def _exact(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).exact(_arguments(element, compiler, options)[0])


@compiles(_Length)
def _length(element: _Length, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).length(_arguments(element, compiler, options)[0])


@compiles(_Substring)
def _substring(element: _Substring, compiler: SQLCompiler, **options: Any) -> str:
    text, start, *length = _arguments(element, compiler, options)
    return _dialect(compiler, options).substring(text, start, length[0] if length else None)


@compiles(_Moment)
def _moment(element: _Moment, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).moment(_arguments(element, compiler, options)[0])


@compiles(_JsonNull)
def _json_null(element: _JsonNull, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return f"(TRIM({compiler.process(sa.cast(column, sa.Text), **options)}) = 'null')"


@compiles(_Truncated)
def _truncated(element: _Truncated, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).truncated(_arguments(element, compiler, options)[0])


@compiles(_Least)
def _least(element: _Least, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).least(_arguments(element, compiler, options))


@compiles(_Greatest)
def _greatest(element: _Greatest, compiler: SQLCompiler, **options: Any) -> str:
    return _dialect(compiler, options).greatest(_arguments(element, compiler, options))
