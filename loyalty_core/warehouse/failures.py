"""Database errors turned into sentences with a remedy."""

from collections.abc import Iterator
from contextlib import contextmanager

from adbc_driver_manager import Error as BulkDriverError
from pyarrow import ArrowException
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from loyalty_core.errors import LoyaltyError, ViewUnusable, WarehouseUnavailable
from loyalty_core.warehouse.time_limit import query_timeout

_TIMEOUT_SIGNS = ("statement timeout", "query_canceled", "execution time exceeded")
_DIVISION_SIGNS = ("division by zero", "divide by zero")
_MISSING_SIGNS = (
    "does not exist",
    "not found in from clause",
    "cannot be referenced before it is defined",  # DuckDB, of a missing column that is selected under its own name
    "unknown column",
    "no such table",
    "no such column",
    "contents of view were altered",
    "undefined",
)

# (part of the driver's message, why, remedy): the first that fits is shown.
_CAUSES = (
    ("password authentication failed", "The user or the password is wrong.", "Correct them in DWH_URL."),
    ("no password supplied", "A password is needed.", "Add it to DWH_URL."),
    (
        "connection refused",
        "Nothing listens at that host and port.",
        "Start the database, or correct host and port in DWH_URL.",
    ),
    (
        "timeout expired",
        "The host did not answer in time.",
        "Check host, port and firewall, or raise DWH_CONNECT_TIMEOUT_SECONDS.",
    ),
    ("could not translate host name", "The host name is unknown.", "Correct the host in DWH_URL."),
    ("failed to resolve host", "The host name is unknown.", "Correct the host in DWH_URL."),
    (
        "no such file or directory",
        "The server's socket is not there.",
        "Start the database, or correct DWH_URL.",
    ),
    (
        "permission denied",
        "The account may not read it.",
        "Grant it SELECT on the features view and the history tables.",
    ),
    (
        "not a valid duckdb database file",
        "The file is not a DuckDB database.",
        "Point DWH_URL to a DuckDB file, or make one with `make demo`.",
    ),
    (
        "could not set lock on file",
        "Another program has the file open for writing.",
        "Close that program; it works again by itself.",
    ),
    ("too many clients", "The database has no free connection.", "Lower DWH_POOL_SIZE, or raise its limit."),
)


@contextmanager
def readable_errors(url: URL, timeout_seconds: float) -> Iterator[None]:
    """Let `LoyaltyError` pass and turn everything the database or its driver raises into one."""
    try:
        yield
    except LoyaltyError:
        raise
    except DBAPIError as error:
        raise _translate(str(error.orig), url, timeout_seconds, connecting=error.statement is None) from error
    except SQLAlchemyError as error:
        raise WarehouseUnavailable(
            f"The warehouse {place(url)} gave no connection.",
            _first_line(str(error)),
            "If many people use it at once, raise DWH_POOL_SIZE.",
        ) from error
    except (BulkDriverError, ArrowException, OSError) as error:
        raise _translate(str(error), url, timeout_seconds, connecting=False) from error


def place(url: URL) -> str:
    """Where the warehouse is, without user and password."""
    if url.host:
        return f"{url.database or ''} at {url.host}" + (f":{url.port}" if url.port else "")
    return url.database or url.get_backend_name()


def _translate(message: str, url: URL, timeout_seconds: float, *, connecting: bool) -> LoyaltyError:
    text = message.lower()
    if any(sign in text for sign in _TIMEOUT_SIGNS):
        return query_timeout(timeout_seconds)
    if any(sign in text for sign in _DIVISION_SIGNS):
        return ViewUnusable(
            "The features view, or a training query, divides by zero.",
            _first_line(message),
            "Write NULLIF(divisor, 0) in the view: a blank in place of an error.",
        )
    if not connecting and any(sign in text for sign in _MISSING_SIGNS):
        return ViewUnusable(
            "A table or column that was there a moment ago is gone.",
            _first_line(message),
            "Try again: the columns are read anew. If it stays, check DWH_CUSTOMER_FEATURES_TABLE.",
        )
    found = ((why, remedy) for sign, why, remedy in _CAUSES if sign in text)
    why, remedy = next(found, (_first_line(message), "Check DWH_URL and the database."))
    return WarehouseUnavailable(f"The warehouse {place(url)} cannot be used.", why, remedy)


def _first_line(message: str) -> str:
    """The driver's first line; ADBC puts the whole statement before it."""
    text = message.rpartition("ERROR:")[2].strip() or "No reason was given"
    line = text.splitlines()[0]
    return line if line.endswith(".") else f"{line}."
