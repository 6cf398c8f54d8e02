"""The tables in PostgreSQL to which the predictions of earlier runs were renamed, recognised by their comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.predictions.relation import predictions_table

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse

# Separates the identity of the data from the rest of a table's comment.
_BEFORE_DATA = ". Made on the data "

_EARLIER_TABLES = sa.text("""
    SELECT relation.relname AS name, obj_description(relation.oid, 'pg_class') AS comment
    FROM pg_class AS relation
    JOIN pg_namespace AS place ON place.oid = relation.relnamespace
    WHERE place.nspname = coalesce(:schema, current_schema())
      AND relation.relkind = 'r'
      AND split_part(obj_description(relation.oid, 'pg_class'), :before_data, 1) = :description
      AND has_table_privilege(relation.oid, 'SELECT')
    ORDER BY relation.relname DESC
""")


def earlier_tables(warehouse: Warehouse) -> dict[str, str | None]:
    """The tables of earlier runs, newest first, each with the key of the data it was made on, if known."""
    name = predictions_table(warehouse.settings)
    schema, _ = split_table_name(name)
    values = {"schema": schema, "description": remark_on(name), "before_data": _BEFORE_DATA}
    return {row["name"]: data_in(row["comment"]) for row in warehouse.rows(_EARLIER_TABLES, values)}


def remark_on(name: str) -> str:
    """The comment that marks a table as one of an earlier run, whatever its name is."""
    return f"Predictions of an earlier scoring run, once {name}"


def with_data(comment: str, key: str | None) -> str:
    """The comment, with the key of the data that the predictions were made on, if it is known."""
    return f"{comment}{_BEFORE_DATA}{key}" if key else comment


def data_in(comment: str | None) -> str | None:
    """The key of the data in a table's comment; None in those older than identities."""
    return (comment or "").partition(_BEFORE_DATA)[2] or None
