"""What differs from one store database to another: one object for each, and nothing of it anywhere else."""

from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from loyalty_core.errors import SettingsError
from loyalty_core.settings import with_driver, without_secrets
from loyalty_core.store.dialects.base import (
    READS_ONLY,
    STAGED_CUSTOMERS,
    Dialect,
    StagedTable,
    Staging,
    WrittenJson,
)
from loyalty_core.store.dialects.postgresql import PostgreSQL
from loyalty_core.store.dialects.sqlite import SQLite

__all__ = [
    "DIALECTS",
    "READS_ONLY",
    "STAGED_CUSTOMERS",
    "Dialect",
    "StagedTable",
    "Staging",
    "WrittenJson",
    "dialect_of",
    "dialect_of_session",
    "read_url",
]

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in (SQLite(), PostgreSQL())}


def dialect_of(url: URL) -> Dialect:
    """The database that `url`, as `read_url` gives it, names."""
    return DIALECTS[url.get_backend_name()]


def dialect_of_session(session: Session) -> Dialect:
    """The database that the session works in."""
    return DIALECTS[session.get_bind().dialect.name]


def read_url(url: str) -> URL:
    """The URL of a state store. Raises `SettingsError` for anything but a SQLite file or PostgreSQL."""
    parsed = with_driver(url)
    dialect = next((dialect for dialect in DIALECTS.values() if parsed.drivername in dialect.drivers), None)
    if dialect is None:
        raise SettingsError(
            f"The state store cannot live at {without_secrets(parsed)}.",
            "It runs on SQLite or PostgreSQL.",
            "Use sqlite:///path/to/file.db or postgresql://user:password@host/database.",
        )
    dialect.check_url(parsed)
    return parsed
