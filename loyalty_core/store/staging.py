"""Customers in a temporary table, filled without a lock on anything else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, MetaData, String, Table

from loyalty_core.store.dialects import STAGED_CUSTOMERS, StagedTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.engine import Connection

    from loyalty_core.store.database import StateStore

STAGED = Table("staged_customers", MetaData(), Column("customer_id", String, primary_key=True))


def stage(store: StateStore, connection: Connection, batches: Iterable[Sequence[str]]) -> int:
    """Put the ids of all batches into `STAGED` on that connection, each once, and return their number.

    `connection` is one from `store.connection()`. Raises `StateStoreUnavailable`, and whatever `batches` raises.
    """
    return stage_columns(store, connection, STAGED_CUSTOMERS, ({"customer_id": batch} for batch in batches))


def stage_columns(
    store: StateStore,
    connection: Connection,
    table: StagedTable,
    batches: Iterable[Mapping[str, Sequence[Any]]],
) -> int:
    """Fill a temporary table as `stage` does, with batches of columns by their names in the table."""
    staging, driver_error = store.dialect.staging(connection, table), store.dialect.driver_error
    with store.outages(driver_error):
        staging.open()
    for batch in batches:
        with store.outages(driver_error):
            staging.add(batch)
    with store.outages(driver_error):
        return staging.close()
