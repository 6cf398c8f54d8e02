"""What protects the warehouse from its readers: transactions that refuse to write, and a limit on time.

On PostgreSQL both are set and checked by every transaction, not when connecting: a pooler such as PgBouncer refuses
settings at connecting, or gives each transaction another session, which has other settings.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loyalty_core.errors import WarehouseUnavailable
from loyalty_core.postgresql import address_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from loyalty_core.warehouse.driver_thread import DriverThread

# `set_config` returns the value that holds from then on, to the end of the transaction.
_SET_AND_SHOW = """
    SELECT pg_catalog.set_config('transaction_read_only', 'on', true) = 'on',
           extract(epoch FROM pg_catalog.set_config('statement_timeout', '{limit_ms}', true)::interval) * 1000
               = {limit_ms},
           pg_catalog.set_config('TimeZone', 'UTC', true) = 'UTC'"""


@dataclass(frozen=True)
class Guards:
    """What the database itself reports inside a transaction that reads."""

    refuses_writes: bool = False
    limits_time: bool = False


def begin_reading(connection: sa.Connection, limit_seconds: float) -> None:
    """Begin a transaction that refuses to write, stops its statements after the limit and is in UTC.

    Raises `WarehouseUnavailable` when one of them does not hold.
    """
    limit_ms = max(1, round(limit_seconds * 1000))
    # One message for both, to save a round trip. BEGIN takes what precedes it into its transaction, and comes last
    # since only the first result is returned.
    statement = f"{_SET_AND_SHOW.format(limit_ms=limit_ms)}; BEGIN"
    _check(connection.exec_driver_sql(statement, execution_options={"no_parameters": True}).one())


def begin_bulk_reading(cursor: Any) -> None:
    """Make the bulk driver's transaction refuse to write. It has no time limit: a stream may rightly last longer."""
    cursor.execute(_SET_AND_SHOW.format(limit_ms=0))
    (held,) = cursor.fetchall()
    _check(held)


def begin_writing(cursor: Any) -> None:
    """Let the bulk driver's transaction write, for as long as it takes, whatever the account's defaults are."""
    cursor.execute("SET TRANSACTION READ WRITE")  # before any query, as PostgreSQL demands
    cursor.execute("SET LOCAL statement_timeout = 0")
    cursor.execute("SET LOCAL TimeZone = 'UTC'")


def bulk_address(connection: sa.Connection) -> str:
    """How the bulk driver connects to where the pool's connection goes."""
    driver_connection: Any = connection.connection.driver_connection
    return address_of(driver_connection)


def open_bulk_cursor(driver: DriverThread, address: str) -> Any:
    """A cursor of the bulk driver, to be opened and used in the thread, which closes it."""
    # Imported when used: it brings pandas along.
    from adbc_driver_postgresql import dbapi as adbc  # noqa: PLC0415

    connection = driver.resources.enter_context(closing(adbc.connect(address)))
    cursor = driver.resources.enter_context(closing(connection.cursor()))
    driver.cancel = cursor.adbc_cancel
    return cursor


def _check(held: Any) -> None:
    names = ("read-only", "the time limit", "UTC")
    missing = [name for name, holds in zip(names, held, strict=True) if not holds]
    if missing:
        raise WarehouseUnavailable(
            f"The database does not apply {' and '.join(missing)} to a transaction.",
            "Nothing was read.",
            "Connect to PostgreSQL itself, or by a pooler that leaves transactions as they are.",
        )
