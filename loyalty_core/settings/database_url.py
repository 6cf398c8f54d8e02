"""Database URLs as people write them, made ready for SQLAlchemy without ever repeating a secret."""

from __future__ import annotations

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from loyalty_core.errors import SettingsError

SHAPE = "Write it as dialect://user:password@host:port/database, or sqlite:///path/to/file.db."
ESCAPING = "In a password, write @ as %40, : as %3A, / as %2F, ? as %3F and % as %25."

# The names that hosting providers and libpq use, and the one driver that is shipped.
PSYCOPG = "postgresql+psycopg"
DRIVERS = {"postgres": PSYCOPG, "postgresql": PSYCOPG}


def with_driver(url: str) -> URL:
    """Parse `url`, naming the psycopg driver where it only says postgres:// or postgresql://.

    A password given as `?password=` moves to where SQLAlchemy knows to hide it. Raises `SettingsError` for a URL
    that cannot be read, an unknown dialect or a driver that is not installed; the message never holds the password.
    """
    parsed = _parse(url)
    parsed = parsed.set(drivername=DRIVERS.get(parsed.drivername, parsed.drivername))
    _require_driver(parsed)
    return _password_in_place(parsed)


def without_secrets(url: URL) -> str:
    """`url` for people to read: password masked, and options dropped, since some drivers carry keys there."""
    return url.set(query={}).render_as_string(hide_password=True)


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url.strip())
    except (ArgumentError, ValueError):
        # Not chained: the parser's message may quote the piece it stumbled over, and that can be the password.
        raise SettingsError("The database URL cannot be read.", SHAPE, ESCAPING) from None
    if "@" in (parsed.host or ""):
        raise SettingsError("The database URL cannot be read.", "It has more than one @.", ESCAPING)
    return parsed


def _require_driver(url: URL) -> None:
    try:
        url.get_dialect().import_dbapi()
    except NoSuchModuleError as error:
        raise SettingsError(
            f"The database URL asks for “{url.drivername}”, which is not known here.",
            "No installed package provides that dialect.",
            f"Correct the part before ://, or install the dialect's package. {SHAPE}",
        ) from error
    except ImportError as error:
        raise SettingsError(
            f"The driver for “{url.drivername}” is not installed.",
            f"Python says: {error}.",
            "Install that package, or name another driver in the part before ://.",
        ) from error


def _password_in_place(url: URL) -> URL:
    password = url.query.get("password")
    if not isinstance(password, str):
        return url
    moved = url.difference_update_query(["password"])
    return moved if moved.password else moved.set(password=password)
