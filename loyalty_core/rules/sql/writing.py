"""The elements of a rule's SQL, written for the database that the statement is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles

from loyalty_core.rules.sql.dialect import SqlDialect, dialect_named
from loyalty_core.rules.sql.elements import (
    Among,
    AsDouble,
    Collated,
    DialectElement,
    InBrackets,
    JsonNull,
    Moment,
    NotNan,
    Same,
    Search,
)

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler
    from sqlalchemy.sql.functions import FunctionElement

# Names the database for which SQL with values is written, where that is not the compiler's.
WRITTEN_FOR = "written_for"


def _operands(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(clause, **options) for clause in element.clauses]


def _dialect(compiler: SQLCompiler, options: dict[str, Any]) -> SqlDialect:
    """The database that reads the SQL: the compiler's own, or the one for which it is written out."""
    return dialect_named(options.get(WRITTEN_FOR) or compiler.dialect.name)


def _is_written_out(options: dict[str, Any]) -> bool:
    return bool(options.get("literal_binds"))


@compiles(DialectElement)
def _write(element: DialectElement, compiler: SQLCompiler, **options: Any) -> str:
    return getattr(_dialect(compiler, options), element.hook)(*_operands(element, compiler, options))


@compiles(Search)
def _search(element: Search, compiler: SQLCompiler, **options: Any) -> str:
    text, part = _operands(element, compiler, options)
    search = getattr(_dialect(compiler, options), element.hook)
    return f"({search(text, part, written_out=_is_written_out(options))})"


@compiles(Collated)
def _collated(element: Collated, compiler: SQLCompiler, **options: Any) -> str:
    (text,) = _operands(element, compiler, options)
    collate = getattr(_dialect(compiler, options), element.hook)
    return collate(text, written_out=_is_written_out(options))


@compiles(NotNan)
def _not_nan(element: NotNan, compiler: SQLCompiler, **options: Any) -> str:
    column, limit = element.clauses
    dialect = _dialect(compiler, options)
    if isinstance(column.type, sa.Float):
        return f"({compiler.process(column <= limit, **options)})" if dialect.stores_nan else "(1 = 1)"
    return f"({compiler.process(column < limit, **options)})" if dialect.stores_decimal_nan else "(1 = 1)"


@compiles(Among)
def _among(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    array, listed, plain = element.clauses
    # Written out for people and for other databases, which know no = ANY over an array.
    form = "values" if _is_written_out(options) else _dialect(compiler, options).list_form
    chosen = {"array": array, "json": listed, "values": plain}[form]
    return f"({compiler.process(chosen, **options)})"


@compiles(InBrackets)
def _in_brackets(element: InBrackets, compiler: SQLCompiler, **options: Any) -> str:
    return f"({_operands(element, compiler, options)[0]})"


@compiles(Same)
def _same(element: Same, compiler: SQLCompiler, **options: Any) -> str:
    left, right = element.clauses
    standard = compiler.process(left.is_not_distinct_from(right), **options)
    first, second = _operands(element, compiler, options)
    return f"({_dialect(compiler, options).same(first, second, standard)})"


@compiles(AsDouble)
def _as_double(element: AsDouble, compiler: SQLCompiler, **options: Any) -> str:
    (number,) = element.clauses

    def cast() -> str:
        return compiler.process(sa.cast(number, sa.Double()), **options)

    return _dialect(compiler, options).as_double(compiler.process(number, **options), cast)


@compiles(Moment)
def _moment(element: Moment, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return _dialect(compiler, options).moment(compiler.process(column, **options), column.type)


@compiles(JsonNull)
def _json_null(element: JsonNull, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    return f"(TRIM({compiler.process(sa.cast(column, sa.Text), **options)}) = 'null')"
