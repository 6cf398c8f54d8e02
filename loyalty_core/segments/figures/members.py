"""One page of a segment's customers, and the statement that finds them, as text."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.rules.sql import WRITTEN_FOR
from loyalty_core.segments.errors import PersonalDataHidden, UnknownColumn
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.customers import is_found_by
from loyalty_core.warehouse.dialects import DIALECTS, dialect_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loyalty_core.rules import Rule
    from loyalty_core.warehouse import Warehouse
    from loyalty_core.warehouse.connection import Row

MAX_ROWS = 1_000
# The databases that a statement can be written for, by their dialect's name, with their titles.
DATABASES = {name: dialect.title for name, dialect in DIALECTS.items() if dialect.is_offered}
# Beyond it, laying a statement out takes seconds, and nobody reads a list of that length.
_LONGEST_FORMATTED = 200_000


@dataclass(frozen=True)
class Page:
    """Which members: `limit` of them from `offset` on, in the order of column `sort`; ids up to `after` left out."""

    limit: int
    offset: int = 0
    sort: str | None = None
    descending: bool = False
    search: str = ""
    after: object = None


def members_page(
    warehouse: Warehouse, relation: sa.FromClause, rule: Rule, page: Page, columns: Sequence[str]
) -> list[Row]:
    """The page's customers, with these columns; raises `DataError` for a column that is not there."""
    identifier = relation.c[warehouse.customer_id.name]
    wanted = sa.select(*(column_of(relation, name) for name in columns)).where(rule.to_sql(relation, where=True))
    if page.search.strip():
        wanted = wanted.where(is_found_by(page.search.strip(), relation, warehouse.customer_id.name))
    if page.sort in warehouse.masked:
        raise PersonalDataHidden([page.sort])
    if page.after is not None:
        wanted = wanted.where(identifier > sa.literal(page.after, identifier.type))
    if page.sort:
        value = filled(column_of(relation, page.sort))
        wanted = wanted.order_by((value.desc() if page.descending else value.asc()).nulls_last())
    limit = min(max(page.limit, 0), MAX_ROWS)
    return warehouse.rows(wanted.order_by(identifier).limit(limit).offset(max(page.offset, 0)))


def readable_sql(warehouse: Warehouse, relation: sa.FromClause, rule: Rule, database: str | None) -> str:
    """The statement with its values written out, for the warehouse's own database or another of `DATABASES`."""
    identifier = relation.c[warehouse.customer_id.name]
    statement = sa.select(identifier).where(rule.to_sql(relation, where=True)).order_by(identifier)
    dialect = _without_parameters(warehouse.engine.dialect)
    written = str(statement.compile(dialect=dialect, compile_kwargs={"literal_binds": True, WRITTEN_FOR: database}))
    source = _grammar(dialect.name)
    wanted = _grammar(database) if database else source
    if len(written) > _LONGEST_FORMATTED and wanted == source:
        return f"{written};"
    # Imported when used: most people never open the SQL tab.
    import sqlglot  # noqa: PLC0415
    from sqlglot.optimizer.pushdown_projections import pushdown_projections  # noqa: PLC0415

    # Leaves out the columns that the rule does not read: a relation brings all of the features view.
    needed = pushdown_projections(sqlglot.parse_one(written, read=source))
    return f"{needed.sql(wanted, pretty=True)};"


def column_of(relation: sa.FromClause, name: str) -> sa.ColumnElement:
    """The column of that name; raises `UnknownColumn`."""
    column = relation.c.get(name)
    if column is None:
        raise UnknownColumn(name)
    return column


def _grammar(database: str) -> str:
    """sqlglot's name of a database; a name of its own is taken as well."""
    return dialect_of(database).grammar or database


def _without_parameters(dialect: sa.Dialect) -> sa.Dialect:
    """The same dialect for text that no driver reads: psycopg would have every percent sign twice."""
    plain: Any = copy(dialect)
    plain.paramstyle, plain.positional = "named", False
    plain.identifier_preparer = plain.preparer(plain)
    return plain
