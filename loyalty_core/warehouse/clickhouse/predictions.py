"""Predictions in MergeTree tables of ClickHouse, with a view of their plain name on those of the last run."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from loyalty_core.warehouse.predictions import PublishedRunTables

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

    from loyalty_core.warehouse.connection import Warehouse


class ClickHouseTables(PublishedRunTables):
    """Written over sessions of their own: those of the warehouse refuse to write."""

    @contextmanager
    def connect(self, warehouse: Warehouse) -> Iterator[sa.Connection]:
        """A session that may write."""
        engine = sa.create_engine(warehouse.url, poolclass=sa.NullPool, hide_parameters=True)
        with engine.connect() as connection:
            yield connection

    def append(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        """As Arrow."""
        driver_connection: Any = connection.connection.dbapi_connection
        driver_connection.insert(table.schema or connection.dialect.default_schema_name, table.name, batch)

    def rename(self, old: str, new: str) -> str:
        """`RENAME TABLE`."""
        return f"RENAME TABLE {old} TO {new}"
