"""Migrations: the tables of the state store as this version of the app expects them."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect, text

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.store.dialects import dialect_of
from loyalty_core.store.dialects.base import MIGRATION_WAIT_SECONDS

# Alembic is imported when used: most starts find the tables up to date, and it takes a tenth of their time to load.
if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy.engine import URL, Connection

REVISION = text("SELECT version_num FROM alembic_version")
MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without an .ini file; its commands run on `connection`."""
    from alembic.config import Config  # noqa: PLC0415

    # By default that of the moment in which Alembic was loaded, which may be closed by now.
    config = Config(stdout=sys.stdout, attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def current_revision(connection: Connection) -> str | None:
    """The revision of the database; None before the first migration."""
    return connection.scalar(REVISION) if inspect(connection).has_table("alembic_version") else None


@cache
def revisions() -> tuple[str, ...]:
    """All revisions that this version of the app knows, oldest first: they are the numbers in the files' names."""
    return tuple(sorted(file.name.partition("_")[0] for file in MIGRATIONS.glob("versions/[0-9]*_*.py")))


def newest_revision() -> str:
    """The revision that this version of the app works with."""
    return revisions()[-1]


def require_known(revision: str | None) -> None:
    """Raise `StateStoreUnavailable` if a newer version of the app has already changed the tables."""
    if revision is not None and revision not in revisions():
        raise StateStoreUnavailable(
            "The state store belongs to a newer version of the app.",
            f"Its tables are at revision {revision}, but this version only knows revisions up to {newest_revision()}.",
            "Install the newer version again, or restore the backup made before it was installed.",
        )


def upgrade(url: URL, target: str = "head") -> None:
    """Back up the database at `url` and migrate it to `target`, in one transaction and one process at a time.

    Raises `BackupFailed`, and then nothing has changed.
    """
    from alembic import command  # noqa: PLC0415

    with migration_connection(url) as connection:
        revision = current_revision(connection)
        require_known(revision)
        if revision is not None and revision != newest_revision():
            dialect_of(url).back_up_before_migration(url, revision)
        command.upgrade(alembic_config(connection), target)
        dialect_of(url).check_migration(connection)


def downgrade(url: URL, target: str) -> None:
    """Undo migrations back to `target` (a revision, or "base" for no tables at all)."""
    from alembic import command  # noqa: PLC0415

    with migration_connection(url) as connection:
        require_known(current_revision(connection))
        command.downgrade(alembic_config(connection), target)
        dialect_of(url).check_migration(connection)


@contextmanager
def migration_connection(url: URL) -> Iterator[Connection]:
    """A connection in a transaction that holds the database's migration lock."""
    dialect = dialect_of(url)
    engine = dialect.open_engine(url, timeout_seconds=MIGRATION_WAIT_SECONDS, migrating=True)
    try:
        dialect.prepare_migration(url, engine)
        with engine.begin() as connection:
            dialect.lock_migration(connection)
            yield connection
    finally:
        engine.dispose()
