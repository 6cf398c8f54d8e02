"""The table of predictions in PostgreSQL, as it is read, and whether this account may replace it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.failures import place
from loyalty_core.warehouse.predictions.earlier_tables import data_in, earlier_tables
from loyalty_core.warehouse.predictions.relation import MARKS, predictions_table, read_from_table
from loyalty_core.warehouse.predictions.replacement import fill_table, write_table
from loyalty_core.warehouse.predictions.storage import Destination, PredictionStorage, file_destination

if TYPE_CHECKING:
    from collections.abc import Iterator

    from loyalty_core.warehouse.connection import Warehouse

_MAY_WRITE = sa.text("""
    SELECT pg_is_in_recovery() AS replica,
           place.oid IS NOT NULL AND has_schema_privilege(place.oid, 'CREATE') AS may_create,
           relation.oid IS NULL OR pg_has_role(relation.relowner, 'USAGE') AS may_replace
    FROM (SELECT 1) AS one
    LEFT JOIN pg_namespace AS place ON place.nspname = coalesce(:schema, current_schema())
    LEFT JOIN pg_class AS relation ON relation.relnamespace = place.oid AND relation.relname = :table
""")


class PostgresqlTable(PredictionStorage):
    """The table DWH_PREDICTIONS_TABLE where the account may write, else a file that the screens cannot read."""

    # One question for a page takes several statements, and each reflects the table.
    cached_seconds = 5.0

    def read(self, warehouse: Warehouse) -> sa.FromClause | None:
        """The table as it is now, or the newest earlier one, whichever was made on this warehouse's data."""
        current = _current(warehouse)
        if current is None or warehouse.identity.owns(current[1]):
            return current[0] if current else None
        return next(_earlier(warehouse), None)

    def earlier(self, warehouse: Warehouse) -> Iterator[sa.FromClause]:
        """The tables to which runs before the last were renamed, as far as they were made on this data."""
        current, earlier = _current(warehouse), _earlier(warehouse)
        if current is not None and not warehouse.identity.owns(current[1]):
            next(earlier, None)  # it is read as the last run
        return earlier

    def destination(self, warehouse: Warehouse) -> Destination:
        """A new table that takes the old one's name at the end."""
        if why := refusal(warehouse):
            return file_destination(warehouse, f"{why} The screens cannot read the file.")
        name = predictions_table(warehouse.settings)
        return Destination(
            f"{name} in {place(warehouse.url)}",
            partial(write_table, warehouse, warehouse.identity),
            fill=partial(fill_table, warehouse, warehouse.identity),
        )


def _current(warehouse: Warehouse) -> tuple[sa.Table, str | None] | None:
    """The table that the last run wrote, with the key of the data it was made on; None before the first run."""
    name = predictions_table(warehouse.settings)
    schema, table = split_table_name(name)

    def read(connection: sa.Connection) -> tuple[sa.Table, str | None] | None:
        current = read_from_table(connection, name)
        if current is None:
            return None
        return current, data_in(sa.inspect(connection).get_table_comment(table, schema)["text"])

    return warehouse.ask(read)


def _earlier(warehouse: Warehouse) -> Iterator[sa.FromClause]:
    """The tables of earlier runs that were made on this warehouse's data, newest first."""
    schema, _ = split_table_name(predictions_table(warehouse.settings))
    for name, made_on in earlier_tables(warehouse).items():
        if warehouse.identity.owns(made_on):
            table = warehouse.table(".".join(_quoted(part) for part in (*([schema] if schema else []), name)))
            if MARKS.issubset(table.columns.keys()):
                yield table


def refusal(warehouse: Warehouse) -> str:
    """Why the account may not write the table, as a sentence; empty when it may."""
    name = predictions_table(warehouse.settings)
    schema, table = split_table_name(name)
    facts = warehouse.rows(_MAY_WRITE, {"schema": schema, "table": table})[0]
    if facts["replica"]:
        return "The warehouse is a read-only replica."
    if not facts["may_create"]:
        return (
            f"The account may not create the table {name}. Give it a schema of its own, and name a table in it by "
            "DWH_PREDICTIONS_TABLE (docs/dwh-integration.md)."
        )
    return "" if facts["may_replace"] else f"The table {name} belongs to another account."


def _quoted(name: str) -> str:
    doubled = name.replace('"', '""')
    return f'"{doubled}"'
