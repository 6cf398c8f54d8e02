"""Parsing of database URLs for SQLAlchemy, with errors that never contain a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from loyalty_core.errors import SettingsError

# SQLAlchemy is imported when used: loading it takes a third of a start that only has to look at the settings.
if TYPE_CHECKING:
    from sqlalchemy.engine import URL

SHAPE = "Write it as dialect://user:password@host:port/database, or sqlite:///path/to/file.db."
ESCAPING = "In a password, write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25."

# Dialect names used by hosting providers and libpq, mapped to the driver that is installed.
PSYCOPG = "postgresql+psycopg"
# Those that the product itself depends on.
_INSTALLED = frozenset({"duckdb", "sqlite", PSYCOPG})
# Dialects of our own, by name: SQLAlchemy imports them when they are needed.
_OWN_DIALECTS = {
    "spark": ("loyalty_core.warehouse.spark.sqlalchemy_dialect", "SparkDialect"),
    "clickhouse.chdb": ("loyalty_core.warehouse.clickhouse.sqlalchemy_dialect", "ChdbDialect"),
}
DRIVERS = {"postgres": PSYCOPG, "postgresql": PSYCOPG}


def with_driver(url: str) -> URL:
    """Parse `url`, using the psycopg driver for postgres:// and postgresql://.

    A password in `?password=` is moved to where SQLAlchemy masks it. Raises `SettingsError` for an invalid URL, an
    unknown dialect or a driver that is not installed; the message never contains the password.
    """
    parsed = _parse(url)
    parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.drivername not in _INSTALLED:
        _require_driver(parsed)
    return _password_in_place(parsed)


def without_secrets(url: URL) -> str:
    """`url` for display: password masked, and query options removed, since some drivers have keys there."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    from sqlalchemy.engine import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        # Not chained: the parser's message may quote a part of the URL, which can be the password.
        raise SettingsError("The database URL cannot be read.", SHAPE, ESCAPING) from None
    if "@" in (parsed.host or ""):
        raise SettingsError("The database URL cannot be read.", "It has more than one @.", ESCAPING)
    return parsed


def _require_driver(url: URL) -> None:
    from sqlalchemy.dialects import registry  # noqa: PLC0415
    from sqlalchemy.exc import NoSuchModuleError  # noqa: PLC0415

    for name, (module, kind) in _OWN_DIALECTS.items():
        registry.register(name, module, kind)
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError as error:
        raise SettingsError(
            f"The database URL asks for “{url.drivername}”, which is not known.",
            "No installed package provides that dialect.",
            f"Correct the part before ://, or install the dialect's package. {SHAPE}",
        ) from error
    except ImportError as error:
        raise SettingsError(
            f"The driver for “{url.drivername}” is not installed.",
            f"Python says: {error}.",
            "Install that package, or use another driver in the part before ://.",
        ) from error


def _password_in_place(url: URL) -> URL:
    password = url.query.get("password")
    if not isinstance(password, str):
        return url
    moved = url.difference_update_query(["password"])
    return moved if moved.password else moved.set(password=password)
