"""PostgreSQL: rows in bulk by ADBC, predictions in a table where the account may write."""

from __future__ import annotations

import struct
from contextlib import closing, contextmanager, suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy as sa
from psycopg import ClientCursor
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from psycopg.types.numeric import FloatLoader
from sqlalchemy import event
from sqlalchemy.dialects import postgresql as types
from sqlalchemy.dialects.postgresql import psycopg as psycopg_dialect

from loyalty_core.postgresql import Limits, bounded_engine
from loyalty_core.rules.sql.dialect import STANDARD_FUNCTIONS
from loyalty_core.warehouse.arrow import at_least_one
from loyalty_core.warehouse.columns import filled
from loyalty_core.warehouse.dialects.abilities import Abilities
from loyalty_core.warehouse.dialects.base import WithQuantiles, is_read_alike, json_or_blank, within_python
from loyalty_core.warehouse.driver_thread import DriverThread
from loyalty_core.warehouse.engine import engine_options
from loyalty_core.warehouse.guards import Guards, begin_bulk_reading, begin_reading, bulk_address, open_bulk_cursor
from loyalty_core.warehouse.predictions import PostgresqlTable

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import date, datetime

    from psycopg.abc import Buffer

    from loyalty_core.settings import Settings
    from loyalty_core.warehouse.arrow import Batches, Source
    from loyalty_core.warehouse.time_limit import Interrupt

# The server stops a statement by itself, and then says so.
_GRACE_SECONDS = 5.0

_GRANTS = sa.text("""
    SELECT attname AS name, has_column_privilege(attrelid, attnum, 'SELECT') AS granted
    FROM pg_attribute
    WHERE attrelid = to_regclass(:table) AND attnum > 0 AND NOT attisdropped
""")


class PostgreSQL(WithQuantiles):
    """A server whose transactions refuse to write and stop a statement by themselves."""

    name = "postgresql"
    title = "PostgreSQL"
    grammar = "postgres"
    is_offered = True
    has_arrays = True
    list_form = "array"
    stores_decimal_nan = True
    casts_nan = True
    functions = STANDARD_FUNCTIONS | {"LENGTH", "STRPOS", "SUBSTR"}
    types_by_code = MappingProxyType({1700: sa.Numeric(), 2950: sa.Uuid()})
    predictions = PostgresqlTable()
    abilities = Abilities(
        tested="every function, at every change",
        refuses_writes="every transaction",
        limits_time="by the server, in every transaction",
        bulk="Arrow by ADBC",
        quantiles="exact",
        predictions="a table, the one before renamed",
    )

    def open_engine(self, url: sa.URL, settings: Settings) -> sa.Engine:
        """Every transaction is read only, in UTC and with a limit on statements, or reads nothing."""
        engine = bounded_engine(
            url,
            Limits(
                answer_seconds=settings.dwh_connect_timeout_seconds,
                statement_seconds=settings.dwh_statement_timeout_seconds + _GRACE_SECONDS,
            ),
            connect_args=_arguments(url, settings),
            isolation_level="AUTOCOMMIT",  # the driver begins no transaction: `begin_reading` does
            **engine_options(settings),
        )
        event.listen(engine, "connect", _register_loaders)
        limit = settings.dwh_statement_timeout_seconds
        event.listen(engine, "begin", lambda connection: begin_reading(connection, limit))
        return engine

    def computed_once(self, select: sa.Select, name: str) -> sa.FromClause:
        """With an offset: a subquery that has one is not merged into the statement around it."""
        return select.offset(0).subquery(name)

    def version(self) -> sa.ColumnElement[str]:
        """`version()`."""
        return sa.func.version()

    def guards(self, connection: sa.Connection) -> Guards:
        """The settings of the transaction, as a statement in it finds them."""
        read_only, limit = (
            sa.func.pg_catalog.current_setting(name) for name in ("transaction_read_only", "statement_timeout")
        )
        return Guards(*connection.execute(sa.select(read_only == "on", limit != "0")).one())

    def cancel(self, connection: sa.Connection) -> Interrupt | None:
        """A request over a connection of its own; where the server does not take it, its own limit remains."""
        driver_connection: Any = connection.connection.driver_connection

        def ask_server() -> None:
            with suppress(psycopg.Error):
                driver_connection.cancel_safe(timeout=_GRACE_SECONDS)

        return ask_server

    @contextmanager
    def batches(self, connection: sa.Connection, select: sa.Select, batch_rows: int) -> Iterator[Source]:
        """ADBC's record batches, cut by size in bytes."""
        del batch_rows
        statement, address = _with_values(connection, select), bulk_address(connection)
        with DriverThread() as driver:

            def open_reader() -> Batches:
                cursor = open_bulk_cursor(driver, address)
                begin_bulk_reading(cursor)
                cursor.execute(statement)
                reader = cursor.fetch_record_batch()
                return at_least_one(reader, reader.schema)

            def batches() -> Batches:
                source = driver.call(open_reader)
                while (batch := driver.call(partial(next, source, None))) is not None:
                    yield batch

            with closing(batches()) as source:
                yield source, driver.abandon

    def readable(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """Numbers, dates, texts and UUIDs as they are, every other type as the text that the database shows.

        NaN, JSON's null and dates that Python cannot represent are blank.
        """
        kind = column.type
        if isinstance(kind, sa.JSON):
            return json_or_blank(column)
        if isinstance(kind, sa.Date | sa.DateTime):
            return within_python(column)
        if isinstance(kind, sa.Numeric | sa.Float):
            return filled(column)
        is_plain = is_read_alike(column) and not _is_unlike_text(kind)
        return column if is_plain else sa.cast(column, sa.Text)

    def unreadable(self, connection: sa.Connection, table: sa.TableClause) -> Collection[str]:
        """By the grants on columns."""
        name = connection.dialect.identifier_preparer.format_table(table)
        granted = {row.name: row.granted for row in connection.execute(_GRANTS, {"table": name})}
        return [name for name, is_granted in granted.items() if not is_granted] if any(granted.values()) else []

    def by_code_point(self, text: str, *, written_out: bool) -> str:
        """Whatever language the database was made for."""
        del written_out
        return f'({text} COLLATE "C")'


def _is_unlike_text(kind: sa.types.TypeEngine[Any]) -> bool:
    """Whether it is text that is compared or padded in its own way, and read as bytes in bulk."""
    return isinstance(kind, types.CITEXT | sa.CHAR | sa.Enum)


def _arguments(url: sa.URL, settings: Settings) -> dict[str, Any]:
    # Nothing here but what poolers such as PgBouncer accept as well.
    defaults = {
        "connect_timeout": settings.dwh_connect_timeout_seconds,
        "application_name": "loyalty-workbench",
        "client_encoding": "utf8",
        # Notices a host that vanished while a statement or its answer was under way.
        "tcp_user_timeout": settings.dwh_connect_timeout_seconds * 1000,
        "keepalives_idle": 30,
        "keepalives_interval": 10,
    }
    return {
        **{name: value for name, value in defaults.items() if name not in url.query},
        # A prepared statement fails once the view is replaced, and behind a pooler.
        "prepare_threshold": None,
    }


class _RealLoader(FloatLoader):
    """A `real` as the number that is stored, which SQL compares and bulk reading gives, not as its shortest text."""

    def load(self, data: Buffer) -> float:
        """The text as single precision."""
        return struct.unpack("f", struct.pack("f", super().load(data)))[0]


class _DateOrBlank(DateLoader):
    """Blank for infinity and for years that Python does not have: one such value would fail the whole statement."""

    def load(self, data: Buffer) -> date | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The date, or None."""
        with suppress(psycopg.DataError):
            return super().load(data)
        return None


class _TimestampOrBlank(TimestampLoader):
    def load(self, data: Buffer) -> datetime | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        with suppress(psycopg.DataError):
            return super().load(data)
        return None


class _TimestamptzOrBlank(TimestamptzLoader):
    def load(self, data: Buffer) -> datetime | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        with suppress(psycopg.DataError):
            return super().load(data)
        return None


_LOADERS = {
    "float4": _RealLoader,
    "date": _DateOrBlank,
    "timestamp": _TimestampOrBlank,
    "timestamptz": _TimestamptzOrBlank,
}


def _register_loaders(connection: Any, _record: object) -> None:
    for name, loader in _LOADERS.items():
        connection.adapters.register_loader(name, loader)


def _with_values(connection: sa.Connection, select: sa.Select) -> str:
    """The statement with its values quoted by the driver: ADBC streams only statements without parameters."""
    dialect = psycopg_dialect.dialect(paramstyle="format")
    compiled = select.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    values = [compiled.params[name] for name in compiled.positiontup or ()]  # pyright: ignore[reportAttributeAccessIssue]
    driver_connection: Any = connection.connection.driver_connection
    return ClientCursor(driver_connection).mogrify(str(compiled).encode(), values)
