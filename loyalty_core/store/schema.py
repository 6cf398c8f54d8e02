"""Bringing the tables of the state store to the shape this version of the code expects."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import func, select

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.files import make_private_file, make_private_folder
from loyalty_core.store.engine import is_sqlite, open_engine, sqlite_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import URL, Connection, Engine

MIGRATIONS = Path(__file__).parent / "migrations"
# Another process may be migrating: wait for it rather than give up after the usual few seconds.
MIGRATION_WAIT_SECONDS = 60.0
# Any number will do, as long as no other program locks the same one in the same database.
ADVISORY_LOCK = 7_310_412_557


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, which needs no .ini file; its commands run on `connection`."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def current_revision(connection: Connection) -> str | None:
    """The revision of the database, or None before the first migration."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def revisions() -> tuple[str, ...]:
    """Every revision this version of the code knows, oldest first."""
    scripts = ScriptDirectory.from_config(alembic_config())
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


def newest_revision() -> str:
    """The revision that this version of the code works with."""
    return revisions()[-1]


def require_known(revision: str | None) -> None:
    """Raise `StateStoreUnavailable` where a newer version of the app has already changed the tables."""
    if revision is not None and revision not in revisions():
        raise StateStoreUnavailable(
            "The state store belongs to a newer version of the app.",
            f"Its tables are at revision {revision}, and this version knows {newest_revision()} as the newest.",
            "Install the newer version again, or restore the backup made before it was installed.",
        )


def upgrade(url: URL, target: str = "head") -> None:
    """Migrate the database at `url` to `target`, in one transaction and one process at a time."""
    with migration_connection(url) as connection:
        require_known(current_revision(connection))
        command.upgrade(alembic_config(connection), target)
        _check_foreign_keys(connection)


def downgrade(url: URL, target: str) -> None:
    """Undo migrations back to `target` (a revision, or "base" for no tables at all)."""
    with migration_connection(url) as connection:
        require_known(current_revision(connection))
        command.downgrade(alembic_config(connection), target)
        _check_foreign_keys(connection)


@contextmanager
def migration_connection(url: URL) -> Iterator[Connection]:
    """A connection in a transaction that holds the database's migration lock."""
    if is_sqlite(url):
        # SQLite gives the files that it makes beside the database the same permissions.
        make_private_folder(sqlite_file(url).parent)
        make_private_file(sqlite_file(url))
    # SQLite changes a table by building it anew; with foreign keys on, dropping the old one would delete its children.
    engine = open_engine(url, timeout_seconds=MIGRATION_WAIT_SECONDS, foreign_keys=False)
    try:
        if is_sqlite(url):
            _switch_to_wal(engine)
        with engine.begin() as connection:
            if not is_sqlite(url):
                _lock_postgresql(connection)
            yield connection
    finally:
        engine.dispose()


def _switch_to_wal(engine: Engine) -> None:
    """Let readers and a writer work side by side. The file remembers it, so only the first switch needs a lock."""
    deadline = time.monotonic() + MIGRATION_WAIT_SECONDS
    with closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # For this one statement SQLite gives up at once instead of waiting its busy timeout.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _lock_postgresql(connection: Connection) -> None:
    wait = f"{MIGRATION_WAIT_SECONDS:.0f}s"
    connection.execute(select(func.set_config("lock_timeout", wait, True)))
    connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))


def _check_foreign_keys(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
    if orphan is not None:
        raise StateStoreUnavailable(
            "The state store could not be migrated.",
            f"A row of table {orphan[0]} points at a row of {orphan[2]} that does not exist.",
            "Nothing was changed. Mend or delete that row, or restore a backup, and start again.",
        )
