"""Aggregates of ClickHouse that have parameters before their arguments: quantileExact(0.5)(x)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler


class _Parametric(FunctionElement[Any]):
    """(name with its parameter, arguments …)."""

    inherit_cache = True


def parametric(
    name: str, parameter: float, *arguments: sa.ColumnElement[Any], kind: sa.types.TypeEngine[Any]
) -> sa.ColumnElement[Any]:
    """The aggregate over the arguments; its parameter is written out, since ClickHouse binds none there."""
    element = _Parametric(sa.literal_column(f"{name}({float(parameter)!r})"), *arguments)
    element.type = kind
    return element


@compiles(_Parametric)
def _compile(element: _Parametric, compiler: SQLCompiler, **options: Any) -> str:
    name, *arguments = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{name}({', '.join(arguments)})"
