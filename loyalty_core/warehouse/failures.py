"""Database errors turned into sentences with a remedy."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from adbc_driver_manager import Error as BulkDriverError
from pyarrow import ArrowException
from sqlalchemy import exc
from sqlalchemy.engine import URL

from loyalty_core.errors import LoyaltyError, ViewUnusable, WarehouseUnavailable
from loyalty_core.postgresql import NoAnswer
from loyalty_core.warehouse.time_limit import query_timeout

Result = TypeVar("Result")

_TIMEOUT_SIGNS = ("statement timeout", "execution time exceeded")
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
_DROPPED_SIGNS = (
    "server closed the connection",
    "connection is lost",
    "connection reset",
    "connection not open",
    "no connection to the server",
    "server conn crashed",
)

# Codes of PostgreSQL, whose messages may be in any language.
_CANCELED = "57014"
_DIVISION_BY_ZERO = "22012"
_DATA_EXCEPTIONS = "22"
_NOT_ALLOWED = "42501"
_MISSING = frozenset({"42P01", "42703", "3F000"})

# What databases and drivers raise, directly or through SQLAlchemy.
_DRIVER_ERRORS = (
    exc.SQLAlchemyError,
    BulkDriverError,
    ArrowException,
    NoAnswer,
    ValueError,
    ArithmeticError,
    OSError,
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
    (
        "no answer",
        "It accepts connections, but did not answer in time, so the connection was closed.",
        "Wait until it answers; no restart of the app is needed. If it stays so, ask its administrator.",
    ),
    ("could not translate host name", "The host name is unknown.", "Correct the host in DWH_URL."),
    ("failed to resolve host", "The host name is unknown.", "Correct the host in DWH_URL."),
    (
        "no such file or directory",
        "The server's socket is not there.",
        "Start the database, or correct DWH_URL.",
    ),
    (
        "the database system is",
        "It is starting, stopping or recovering.",
        "Wait until it accepts connections; no restart of the app is needed.",
    ),
    (
        "not a valid duckdb database file",
        "The file is not a DuckDB database.",
        "Point DWH_URL to a DuckDB file, or create one with make demo.",
    ),
    (
        "could not set lock on file",
        "Another program has the file open for writing.",
        "Close that program; no restart of the app is needed.",
    ),
    (
        "file system operations are disabled",
        "A view or query reads a file in a folder that the warehouse may not read.",
        "Add the folder to DWH_READABLE_FOLDERS and restart, or load the file into the warehouse (docs/own-data.md).",
    ),
    (
        "must share one storage path",
        "Another process has the folder open, or this process has another folder open.",
        "Only one process at a time can open a folder of chDB: close the other one (docs/engines.md).",
    ),
    ("too many clients", "The database has no free connection.", "Lower DWH_POOL_SIZE, or raise its limit."),
    ("no more connections allowed", "The pooler has no free connection.", "Lower DWH_POOL_SIZE, or raise its limit."),
    (
        "query_wait_timeout",
        "The pooler had no free session in time.",
        "Raise default_pool_size in PgBouncer, or lower DWH_POOL_SIZE.",
    ),
    (
        "unsupported startup parameter",
        "A pooler such as PgBouncer refuses a parameter that DWH_URL sets.",
        "Remove it from DWH_URL, or add it to ignore_startup_parameters in PgBouncer.",
    ),
    (
        "transaction blocks not allowed in statement pooling mode",
        "PgBouncer pools single statements, so that a transaction can neither be read-only nor have a time limit.",
        "Set pool_mode to transaction or session for this database in PgBouncer.",
    ),
)

# (PostgreSQL's code, why, remedy): the same query may succeed when it is repeated.
_INTERRUPTIONS = {
    "40001": ("It conflicted with changes by others (serialization failure).", "Try again in a moment."),
    "40P01": ("It and another query waited for each other (deadlock).", "Try again in a moment."),
    "57P01": ("An administrator closed the connection.", "Try again in a moment."),
    "57P02": ("The server crashed.", "Try again once it has restarted."),
}
_CONFLICT_WITH_RECOVERY = (
    "The replica had to apply changes that conflict with the query (conflict with recovery).",
    "Raise max_standby_streaming_delay or set hot_standby_feedback on the replica, or use another server.",
)
_DROPPED = (
    "The connection was closed while the query ran.",
    "Try again. If it happens again, look into the logs of the server and of any pooler or firewall before it.",
)


class QueryInterrupted(WarehouseUnavailable):
    """The query ended through no fault of its own, so that it may succeed when it is repeated."""


@dataclass(frozen=True)
class _Failure:
    """What is known of a driver's error; `code` is PostgreSQL's, blank on other databases."""

    message: str
    code: str = ""
    dropped: bool = False
    about_a_value: bool = False

    def says(self, *signs: str) -> bool:
        text = self.message.lower()
        return any(sign in text for sign in signs)


def repeated_once(read: Callable[[], Result]) -> Result:
    """What `read` returns, at the second attempt if the database interrupted the first."""
    try:
        return read()
    except QueryInterrupted:
        return read()


@contextmanager
def readable_errors(url: URL, timeout_seconds: float, *, connecting: bool = False) -> Iterator[None]:
    """Let `LoyaltyError` pass and turn everything the database or its driver raises into one."""
    try:
        yield
    except LoyaltyError:
        raise
    except exc.TimeoutError as error:
        raise WarehouseUnavailable(
            f"All connections to the warehouse {place(url)} are in use.",
            _first_line(str(error)),
            "If many people use it at once, raise DWH_POOL_SIZE.",
        ) from error
    except _DRIVER_ERRORS as error:
        raise _translate(_failure_of(error), url, timeout_seconds, connecting=connecting) from error


def place(url: URL) -> str:
    """Where the warehouse is, without user and password."""
    if url.host:
        return f"{url.database or ''} at {url.host}" + (f":{url.port}" if url.port else "")
    return url.database or url.get_backend_name()


def _failure_of(error: Exception) -> _Failure:
    is_wrapped = isinstance(error, exc.DBAPIError)
    cause = error.orig if is_wrapped else error
    return _Failure(
        str(cause),
        getattr(cause, "sqlstate", None) or "",
        dropped=is_wrapped and error.connection_invalidated,
        about_a_value=isinstance(error, exc.DataError | ValueError | ArithmeticError),
    )


def _translate(failure: _Failure, url: URL, timeout_seconds: float, *, connecting: bool) -> LoyaltyError:
    reason = _first_line(failure.message)
    unusable = f"The warehouse {place(url)} cannot be used."
    for sign, why, remedy in _CAUSES:
        if failure.says(sign):
            return WarehouseUnavailable(unusable, why, remedy)
    if connecting:
        return WarehouseUnavailable(unusable, reason, "Check DWH_URL and the database.")
    if interruption := _interruption(failure):
        return QueryInterrupted(f"The warehouse {place(url)} interrupted a query.", *interruption)
    if failure.says("user request"):
        return WarehouseUnavailable("The query was cancelled in the database.", reason, "Ask its administrator why.")
    if failure.says(*_TIMEOUT_SIGNS) or failure.code == _CANCELED:
        return query_timeout(timeout_seconds)
    return _query_failure(failure, url, reason)


def _interruption(failure: _Failure) -> tuple[str, str] | None:
    """Why, and the remedy; None for a query that would fail again."""
    if failure.says("conflict with recovery"):
        return _CONFLICT_WITH_RECOVERY
    if failure.code in _INTERRUPTIONS:
        return _INTERRUPTIONS[failure.code]
    return _DROPPED if failure.dropped or failure.says(*_DROPPED_SIGNS) else None


def _query_failure(failure: _Failure, url: URL, reason: str) -> LoyaltyError:
    if failure.says(*_DIVISION_SIGNS) or failure.code == _DIVISION_BY_ZERO:
        return ViewUnusable(
            "The features view, or a training query, divides by zero.",
            reason,
            "Write NULLIF(divisor, 0) in the view, which gives a blank instead of an error.",
        )
    if failure.code == _NOT_ALLOWED or failure.says("permission denied"):
        return WarehouseUnavailable(
            "The account may not read a part of the warehouse.",
            reason,
            "Grant it SELECT on the features view and the history tables.",
        )
    if failure.says(*_MISSING_SIGNS) or failure.code in _MISSING:
        return ViewUnusable(
            "A table or column no longer exists.",
            reason,
            "Try again: the columns are read again. If the error stays, check DWH_CUSTOMER_FEATURES_TABLE.",
        )
    if failure.about_a_value or failure.code.startswith(_DATA_EXCEPTIONS):
        return ViewUnusable(
            "The features view, or a training query, contains a value that cannot be read.",
            reason,
            "Correct the value, or cast its column to text in the view.",
        )
    what = f"The warehouse {place(url)} refused a query."
    return WarehouseUnavailable(what, reason, "Run it in the database itself to find out more.")


def _first_line(message: str) -> str:
    """The driver's first line; ADBC puts the whole statement before it."""
    text = message.rpartition("ERROR:")[2].strip() or "No reason was given"
    line = text.splitlines()[0]
    return line if line.endswith(".") else f"{line}."
