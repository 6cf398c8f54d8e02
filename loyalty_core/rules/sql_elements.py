"""SQL that each database writes in its own way: NaN, membership in long lists, text search, order of letters."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import operators
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sqlalchemy.sql.compiler import SQLCompiler

# Above this many members DuckDB is slower with a parameter for each than with one array.
_MOST_PARAMETERS = 200
_NAN = float("nan")
_WITHOUT_NAN = frozenset({"sqlite", "mysql", "mariadb", "mssql", "oracle"})
_WITHOUT_DISTINCT_FROM = frozenset({"redshift", "mssql"})
_COLLATIONS = {
    "postgresql": '"C"',
    "sqlite": "BINARY",
    "mysql": "utf8mb4_0900_bin",
    "mariadb": "utf8mb4_nopad_bin",
    "mssql": "Latin1_General_100_BIN2_UTF8",
}
_IGNORES_CASE = frozenset({"mysql", "mariadb", "mssql"})
_CONTAINS = {
    "duckdb": "contains({text}, {part})",
    "postgresql": "strpos({text}, {part}) > 0",
    "sqlite": "instr({text}, {part}) > 0",
    "bigquery": "STRPOS({text}, {part}) > 0",
    "mssql": "CHARINDEX({part}, {text}) > 0",
}
_STARTS = {"duckdb": "starts_with({text}, {part})", "sqlite": "substr({text}, 1, length({part})) = {part}"}
_ENDS = {"duckdb": "ends_with({text}, {part})", "sqlite": "substr({text}, -length({part})) = {part}"}
_LENGTH = {"mssql": "LEN"}


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


class _NotFinite(TypeDecorator[float]):
    """A double that is infinity or NaN, which have no literal of their own where values are written out."""

    impl = sa.Double
    cache_ok = True

    def literal_processor(self, dialect: sa.Dialect) -> Any:
        """SQL in place of the value."""
        name = "DOUBLE" if dialect.name == "duckdb" else "DOUBLE PRECISION"
        return lambda value: f"CAST('{'NaN' if value != value else 'Infinity'}' AS {name})"


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
    """A text column, letter for letter on databases that ignore case unless told otherwise."""

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


def by_code_point(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text in an order that does not depend on the database's language."""
    return _ByCodePoint(*text.clauses) if isinstance(text, _Exact) else _ByCodePoint(text)


def exact(text: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The text with capitals and small letters told apart."""
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
    return value.isoformat() if isinstance(value, date) else value


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


@compiles(_NotNan)
def _not_nan(element: _NotNan, compiler: SQLCompiler, **options: Any) -> str:
    column, limit = element.clauses
    dialect = compiler.dialect.name
    if isinstance(column.type, sa.Float):
        return "(1 = 1)" if dialect in _WITHOUT_NAN else f"({compiler.process(column <= limit, **options)})"
    return f"({compiler.process(column < limit, **options)})" if dialect == "postgresql" else "(1 = 1)"


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    array, listed, plain = element.clauses
    chosen = {"duckdb": array, "postgresql": array, "sqlite": listed}.get(compiler.dialect.name, plain)
    # Written out for people and for other databases, which know no = ANY over an array.
    chosen = plain if options.get("literal_binds") else chosen
    return f"({compiler.process(chosen, **options)})"


def _by_template(templates: dict[str, str], standard: str) -> Callable[..., str]:
    def compile_search(element: FunctionElement[bool], compiler: SQLCompiler, **options: Any) -> str:
        text, part = _arguments(element, compiler, options)
        dialect = compiler.dialect.name
        # What DuckDB calls contains is another function elsewhere, so that no translation gets it right.
        written_out = dialect == "duckdb" and options.get("literal_binds")
        template = standard if written_out else templates.get(dialect, standard)
        return f"({template.format(text=text, part=part, length=_LENGTH.get(dialect, 'CHAR_LENGTH'))})"

    return compile_search


compiles(_Contains)(_by_template(_CONTAINS, "POSITION({part} IN {text}) > 0"))
compiles(_Starts)(_by_template(_STARTS, "LEFT({text}, {length}({part})) = {part}"))
compiles(_Ends)(_by_template(_ENDS, "RIGHT({text}, {length}({part})) = {part}"))


@compiles(_ByCodePoint)
def _by_code_point(element: _ByCodePoint, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _arguments(element, compiler, options)
    collation = _COLLATIONS.get(compiler.dialect.name)
    return text if collation is None else f"({text} COLLATE {collation})"


@compiles(_InBrackets)
def _in_brackets(element: _InBrackets, compiler: SQLCompiler, **options: Any) -> str:
    return f"({_arguments(element, compiler, options)[0]})"


@compiles(_Same)
def _same(element: _Same, compiler: SQLCompiler, **options: Any) -> str:
    left, right = element.clauses
    if compiler.dialect.name not in _WITHOUT_DISTINCT_FROM:
        return f"({compiler.process(left.is_not_distinct_from(right), **options)})"
    first, second = _arguments(element, compiler, options)
    both_null = f"{first} IS NULL AND {second} IS NULL"
    return f"(CASE WHEN {first} = {second} THEN 1 WHEN {both_null} THEN 1 ELSE 0 END = 1)"


@compiles(_AsDouble)
def _as_double(element: _AsDouble, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = element.clauses
    if compiler.dialect.name in {"mysql", "mariadb"}:  # which could not cast to it before 8.0.17
        return f"({compiler.process(number, **options)} + 0e0)"
    return compiler.process(sa.cast(number, sa.Double()), **options)


@compiles(_Exact)
def _exact(element: _Exact, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _arguments(element, compiler, options)
    dialect = compiler.dialect.name
    return f"({text} COLLATE {_COLLATIONS[dialect]})" if dialect in _IGNORES_CASE else text


@compiles(_Truncated)
def _truncated(element: _Truncated, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = _arguments(element, compiler, options)
    match compiler.dialect.name:
        case "mysql" | "mariadb":
            return f"TRUNCATE({number}, 0)"
        case "snowflake" | "databricks" | "mssql":
            return f"(SIGN({number}) * FLOOR(ABS({number})))"
        case _:
            return f"TRUNC({number})"


@compiles(_Least)
def _least(element: _Extreme, compiler: SQLCompiler, **options: Any) -> str:
    return _extreme("LEAST", "MIN", element, compiler, options)


@compiles(_Greatest)
def _greatest(element: _Extreme, compiler: SQLCompiler, **options: Any) -> str:
    return _extreme("GREATEST", "MAX", element, compiler, options)


def _extreme(name: str, in_sqlite: str, element: _Extreme, compiler: SQLCompiler, options: dict[str, Any]) -> str:
    function = in_sqlite if compiler.dialect.name == "sqlite" else name
    return f"{function}({', '.join(_arguments(element, compiler, options))})"
