"""One meaning of blank in SQL: NULL, and NaN where the database can store it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from loyalty_core.rules.sql.dialect import dialect_named


class _Filled(FunctionElement[Any]):
    name = "filled"
    inherit_cache = True


def filled(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column with NaN turned to NULL, so that counts, ranges and comparisons see one kind of blank."""
    if isinstance(column, _Filled) or not isinstance(column.type, sa.Numeric | sa.Float):
        return column
    element = _Filled(column)
    element.type = column.type
    return element


@compiles(_Filled)
def _compile(element: _Filled, compiler: SQLCompiler, **options: Any) -> str:
    (column,) = element.clauses
    dialect = dialect_named(compiler.dialect.name)
    if not dialect.nan_equals_itself:
        return compiler.process(sa.case((column == column, column)), **options)
    if dialect.casts_nan and (dialect.stores_decimal_nan or isinstance(column.type, sa.Float)):
        nan = sa.cast(sa.literal_column("'NaN'"), column.type)
        return compiler.process(sa.func.nullif(column, nan), **options)
    return compiler.process(column, **options)
