"""Tables and views as they are in the warehouse, read when needed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from duckdb_sqlalchemy.datatypes import VarInt
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.exc import NoSuchTableError

from loyalty_core.errors import ViewUnusable
from loyalty_core.names import nearest_names
from loyalty_core.settings import split_table_name

Unreadable = Callable[[sa.Connection, sa.TableClause], Collection[str]]


def reflect_table(connection: sa.Connection, name: str, unreadable: Unreadable | None = None) -> sa.Table:
    """The table or view of that name as `find_table` reads it; raises `ViewUnusable` when missing."""
    found = find_table(connection, name, unreadable)
    if found is not None:
        return found
    schema, table = split_table_name(name)
    raise ViewUnusable(
        f"The warehouse has no table or view {name}.",
        remedy="Create it, or correct its name in the settings"
        + nearest(table, _table_names(sa.inspect(connection), schema)),
    )


def find_table(connection: sa.Connection, name: str, unreadable: Unreadable | None = None) -> sa.Table | None:
    """The table or view of that name as written in the settings, None where there is none.

    Only the columns are read: keys and constraints take several queries, and views have none. Columns that are
    `unreadable` to the account are left out, and named in the table's `info["unreadable"]`.
    """
    schema, table = split_table_name(name)
    try:
        found = sa.inspect(connection).get_columns(table, schema)
    except NoSuchTableError:
        return None
    names = [column["name"] for column in found]
    _refuse_ambiguous_names(name, names)
    left_out = tuple(unreadable(connection, sa.table(table, schema=schema))) if unreadable else ()
    plain_type = _of_postgresql if connection.dialect.name == "postgresql" else _plain_type
    columns = [
        sa.Column(column["name"], plain_type(column["type"]), comment=column.get("comment"))
        for column in found
        if column["name"] not in left_out
    ]
    return sa.Table(table, sa.MetaData(), *columns, schema=schema, info={"unreadable": left_out})


def nearest(name: str, names: Iterable[str]) -> str:
    """The end of a sentence that offers the most similar of `names`, if one is similar at all."""
    near = nearest_names(name, names)
    return f"; nearest: {near[0]}." if near else "."


def _plain_type(column_type: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """A domain is the type that it narrows; integers of any length, which no driver takes for numbers, have none."""
    while isinstance(column_type, DOMAIN):
        column_type = column_type.data_type
    return sa.types.NullType() if isinstance(column_type, VarInt) else column_type


def _of_postgresql(column_type: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """The types "char" and name are padded text too, with no type of their own in SQLAlchemy."""
    plain = _plain_type(column_type)
    return sa.CHAR() if type(plain) is sa.String else plain


def _table_names(inspector: sa.Inspector, schema: str | None) -> list[str]:
    names = inspector.get_table_names(schema) + inspector.get_view_names(schema)
    try:
        return names + inspector.get_materialized_view_names(schema)
    except NotImplementedError:
        return names


def _refuse_ambiguous_names(view: str, names: Sequence[str]) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if other := seen.get(name.casefold()):
            raise ViewUnusable(
                f"The view {view} has the columns {other!r} and {name!r}, which differ only in case.",
                remedy="Give one of them another name in the view.",
            )
        seen[name.casefold()] = name
