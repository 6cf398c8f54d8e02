"""SQLAlchemy engines that read only, wait for a bounded time and notice dead connections."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from loyalty_core.settings import Settings

_IN_MEMORY_OR_REMOTE = (":memory:", "md:", "motherduck:")


def open_engine(url: sa.URL, settings: Settings) -> sa.Engine:
    """An engine for the warehouse at `url`; nothing is opened yet.

    Sessions run in UTC. DuckDB, PostgreSQL and SQLite refuse to write; elsewhere use an account that may only read.
    """
    pool: dict[str, Any] = {
        "poolclass": sa.QueuePool,
        "pool_size": settings.dwh_pool_size,
        "max_overflow": settings.dwh_pool_size,
        "pool_timeout": settings.dwh_connect_timeout_seconds,
    }
    match url.get_backend_name():
        case "duckdb":
            arguments: dict[str, Any] = {"read_only": True}
            engine = sa.create_engine(url, connect_args=arguments, isolation_level="AUTOCOMMIT", **pool)
            event.listen(engine, "connect", _set_utc)
            return engine
        case "postgresql":
            arguments = _postgresql_arguments(url, settings)
            return sa.create_engine(
                url, connect_args=arguments, isolation_level="AUTOCOMMIT", pool_pre_ping=True, **pool
            )
        case "sqlite":
            arguments = {"timeout": settings.dwh_connect_timeout_seconds}
            engine = sa.create_engine(url, connect_args=arguments, **pool)
            event.listen(engine, "connect", _refuse_writes)
            return engine
        case _:
            return sa.create_engine(url, pool_pre_ping=True, pool_recycle=1800, **pool)


def database_file(url: sa.URL) -> Path | None:
    """The file of an embedded database; None for servers."""
    embedded = url.get_backend_name() in {"duckdb", "sqlite"}
    if not embedded or not url.database or url.database.startswith(_IN_MEMORY_OR_REMOTE):
        return None
    return Path(url.database)


def is_idle(engine: sa.Engine) -> bool:
    """Whether no connection of the pool is in use."""
    return not isinstance(engine.pool, sa.QueuePool) or engine.pool.checkedout() == 0


def _postgresql_arguments(url: sa.URL, settings: Settings) -> dict[str, Any]:
    timeout_ms = int(settings.dwh_statement_timeout_seconds * 1000)
    session = f"-c statement_timeout={timeout_ms} -c default_transaction_read_only=on -c timezone=UTC"
    defaults = {
        "connect_timeout": settings.dwh_connect_timeout_seconds,
        "application_name": "loyalty-workbench",
        "client_encoding": "utf8",
        # Notices a host that vanished while a statement or its answer was under way.
        "tcp_user_timeout": settings.dwh_connect_timeout_seconds * 1000,
        "keepalives_idle": 30,
    }
    return {
        **{name: value for name, value in defaults.items() if name not in url.query},
        "options": f"{url.query.get('options', '')} {session}".strip(),
        # A prepared statement fails once the view is replaced, and behind a pooler such as PgBouncer.
        "prepare_threshold": None,
    }


def _set_utc(connection: Any, _record: object) -> None:
    # Not as a connection setting: that is read before DuckDB has loaded its own time zones.
    connection.execute("SET TimeZone = 'UTC'")


def _refuse_writes(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA query_only = ON")
