"""Engines for the state store, with SQLite set up to be shared by several processes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event

from loyalty_core.errors import SettingsError
from loyalty_core.settings import PSYCOPG, with_driver, without_secrets

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine

DRIVERS = {"sqlite", "sqlite+pysqlite", PSYCOPG}
# libpq reads 1 as 2.
SHORTEST_CONNECT_TIMEOUT = 2


def read_url(url: str) -> URL:
    """The URL of a state store. Raises `SettingsError` for anything but a SQLite file or PostgreSQL."""
    parsed = with_driver(url)
    if parsed.drivername not in DRIVERS:
        raise SettingsError(
            f"The state store cannot live at {without_secrets(parsed)}.",
            "It runs on SQLite or PostgreSQL.",
            "Use sqlite:///path/to/file.db or postgresql://user:password@host/database.",
        )
    if is_sqlite(parsed) and _names_no_file(parsed.database):
        raise SettingsError(
            "The state store needs a SQLite file.",
            "A database in memory is lost at every restart and cannot be shared between processes.",
            "Use sqlite:///path/to/file.db (four slashes for an absolute path).",
        )
    return parsed


def is_sqlite(url: URL) -> bool:
    """Whether the store is a file on this machine."""
    return url.get_backend_name() == "sqlite"


def sqlite_file(url: URL) -> Path:
    """The file that a SQLite `url` names."""
    return Path(url.database or "")


def open_engine(url: URL, *, timeout_seconds: float, foreign_keys: bool = True) -> Engine:
    """An engine that connects, or waits for a lock, for about `timeout_seconds`; nothing is opened yet.

    Transactions of an engine with the execution option `postgresql_readonly` can only read, on either database.
    """
    if not is_sqlite(url):
        return create_engine(
            url,
            connect_args=_postgresql_options(url, timeout_seconds),
            pool_pre_ping=True,
            pool_timeout=timeout_seconds,
        )
    engine = create_engine(url, connect_args={"timeout": timeout_seconds}, pool_timeout=timeout_seconds)
    _tune_sqlite(engine, foreign_keys=foreign_keys)
    return engine


def _names_no_file(database: str | None) -> bool:
    return not database or database == ":memory:" or database.startswith("file:")


def _postgresql_options(url: URL, timeout_seconds: float) -> dict[str, Any]:
    options = {
        "connect_timeout": max(SHORTEST_CONNECT_TIMEOUT, int(timeout_seconds)),
        # Notices a host that vanished while a statement or its answer was under way.
        "tcp_user_timeout": int(timeout_seconds * 1000),
        "keepalives_idle": 30,
        "application_name": "loyalty-workbench",
    }
    return {name: value for name, value in options.items() if name not in url.query}


def _tune_sqlite(engine: Engine, *, foreign_keys: bool) -> None:
    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        # The driver would begin transactions late and commit before DDL; the listener below begins them instead.
        connection.isolation_level = None
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")
        connection.execute("PRAGMA synchronous = NORMAL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("postgresql_readonly", False)
        connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
        # A reader that turns writer fails at once if another wrote meanwhile; taking the lock first waits in line.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")
