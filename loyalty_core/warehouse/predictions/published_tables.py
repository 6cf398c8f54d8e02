"""Predictions in a table for each run, with a view of their plain name on those of the last run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from loyalty_core.errors import SettingsError
from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.predictions.relation import MARKS, predictions_table
from loyalty_core.warehouse.predictions.run_tables import RunTables

if TYPE_CHECKING:
    from loyalty_core.warehouse.connection import Warehouse


class PublishedRunTables(RunTables):
    """Where a view is replaced in one step."""

    def refuse_other_content(self, connection: sa.Connection, warehouse: Warehouse) -> None:
        """Only a view of predictions is replaced."""
        name = predictions_table(warehouse.settings)
        schema, plain = split_table_name(name)
        inspector = sa.inspect(connection)
        if not inspector.has_table(plain, schema):
            return
        columns = {column["name"] for column in inspector.get_columns(plain, schema)}
        views = {view.casefold() for view in inspector.get_view_names(schema)}
        if plain.casefold() not in views or not columns >= MARKS:
            raise SettingsError(
                f"{name} is not a view of predictions and is left as it is.",
                remedy="Rename it, or set DWH_PREDICTIONS_TABLE to another name.",
            )

    def publish(self, connection: sa.Connection, warehouse: Warehouse, table: sa.Table) -> None:
        """A view of the plain name, which takes the place of the one before in one step."""
        schema, plain = split_table_name(predictions_table(warehouse.settings))
        quote = connection.dialect.identifier_preparer.format_table
        view = quote(sa.Table(plain, sa.MetaData(), schema=schema))
        statement = f"CREATE OR REPLACE VIEW {view} AS SELECT * FROM {quote(table)}"  # noqa: S608
        connection.exec_driver_sql(statement, execution_options={"no_parameters": True})
