"""Ids of customers in a temporary table, filled by the driver's fastest way and without a lock on anything else."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from sqlalchemy import Column, MetaData, String, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.engine import Connection

    from loyalty_core.store import StateStore

STAGED = Table("staged_customers", MetaData(), Column("customer_id", String, primary_key=True))

_ARRIVED = "CREATE TEMPORARY TABLE arrived_customers (customer_id TEXT NOT NULL)"
_STAGED = "CREATE TEMPORARY TABLE staged_customers (customer_id TEXT PRIMARY KEY)"
# Ids come in any order and some twice: sorting them once is much faster than keeping a table sorted all the while.
_SORT = "INSERT INTO staged_customers SELECT DISTINCT customer_id FROM arrived_customers ORDER BY customer_id"
# In SQLite there is one writer at a time, and another refresh may be the one.
_SQLITE_WAIT_SECONDS = 60


def stage(store: StateStore, connection: Connection, batches: Iterable[Sequence[str]]) -> int:
    """Put the ids of all batches into `STAGED` on that connection, each once; their number.

    Raises `StateStoreUnavailable`, and whatever `batches` raises.
    """
    driver: Any = connection.connection.dbapi_connection
    place: _Place = _InSqlite(driver) if connection.dialect.name == "sqlite" else _InPostgresql(driver)
    with store.outages(sqlite3.Error, psycopg.Error):
        place.open()
    for batch in batches:
        with store.outages(sqlite3.Error, psycopg.Error):
            place.add(batch)
    with store.outages(sqlite3.Error, psycopg.Error):
        return place.sort()


class _Place(Protocol):
    def open(self) -> None: ...
    def add(self, batch: Sequence[str]) -> None: ...
    def sort(self) -> int: ...


class _InSqlite:
    def __init__(self, driver: sqlite3.Connection) -> None:
        self._driver = driver

    def open(self) -> None:
        self._driver.execute(f"PRAGMA busy_timeout = {_SQLITE_WAIT_SECONDS * 1000}")
        # The connection's last reader may have left it otherwise.
        self._driver.execute("PRAGMA query_only = OFF")
        self._driver.execute(_ARRIVED)

    def add(self, batch: Sequence[str]) -> None:
        # Deferred, this locks the temporary database alone, which nobody else sees.
        self._driver.execute("BEGIN")
        self._driver.executemany("INSERT INTO arrived_customers VALUES (?)", zip(batch, strict=True))
        self._driver.execute("COMMIT")

    def sort(self) -> int:
        self._driver.execute(f"{_STAGED} WITHOUT ROWID")
        return self._driver.execute(_SORT).rowcount


class _InPostgresql:
    def __init__(self, driver: psycopg.Connection[Any]) -> None:
        self._driver = driver

    def open(self) -> None:
        with self._driver.transaction():
            self._driver.execute(_ARRIVED)

    def add(self, batch: Sequence[str]) -> None:
        # A transaction for each batch: one that lasted as long as the stream would keep VACUUM from its work.
        copying = "COPY arrived_customers (customer_id) FROM STDIN"
        with self._driver.transaction(), self._driver.cursor() as cursor, cursor.copy(copying) as copy:
            for customer_id in batch:
                copy.write_row((customer_id,))

    def sort(self) -> int:
        with self._driver.transaction():
            self._driver.execute(_STAGED)
            number = self._driver.execute(_SORT).rowcount
            # Nothing else tells the planner how many there are.
            self._driver.execute("ANALYZE staged_customers")
        return number
