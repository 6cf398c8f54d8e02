"""Explains the error messages of drivers: why they occur and what to do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from loyalty_core.errors import StateStoreUnavailable
from loyalty_core.settings import without_secrets
from loyalty_core.store.dialects.sqlite_files import MISSING
from loyalty_core.store.errors import RESTORE

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

MIGRATE = "Start the app once, which brings the tables up to date."


@dataclass(frozen=True, slots=True)
class Fault:
    """A driver's message (a regular expression), its cause and its remedy."""

    message: str
    why: str
    remedy: str


# The first match wins, so the more specific ones come first.
FAULTS = (
    Fault(r"disk is full|no space left", "The disk is full.", "Make room on the disk and try again."),
    Fault(
        r"disk i/o error",
        "The disk is full or faulty.",
        "Make room on the disk and try again; if that does not help, check the disk.",
    ),
    Fault(
        re.escape(MISSING),
        "The file does not exist, or this account cannot see it.",
        f"{RESTORE} Or start the app again for an empty store.",
    ),
    Fault(
        r"unable to open database|^\[errno",
        "The file, or its folder, cannot be opened for writing.",
        "Check that the path is right and that this account may write to the folder.",
    ),
    Fault(
        r"readonly database|read-only transaction",
        "The file, its folder or this session is read-only.",
        "Let this account write to the file and its folder.",
    ),
    Fault(
        r"file is not a database|malformed",
        "The file is damaged, or is not a SQLite database.",
        RESTORE,
    ),
    Fault(
        r"database is locked|lock timeout",
        "Another program held the write lock for too long.",
        "Close other programs that have the database open and try again.",
    ),
    Fault(
        r"no such (table|column)|(relation|column) .* does not exist",
        "The tables are missing or older than this version of the app.",
        MIGRATE,
    ),
    Fault(
        r"password authentication failed|no password supplied|no pg_hba\.conf entry",
        "The server refused the user name or password.",
        "Check the user name and password in the URL, and that the server lets this machine in.",
    ),
    Fault(
        r"(database|role) .* does not exist",
        "The server has no such database or user.",
        "Create it on the server, or correct the URL.",
    ),
    Fault(
        r"permission denied for",
        "The account lacks a right that the app needs.",
        "Grant it CREATE and USAGE on the schema, and ownership of the app's tables.",
    ),
    Fault(
        r"failed to resolve|could not translate host name|name or service not known",
        "The host name is not known.",
        "Check the host in the URL and this machine's DNS.",
    ),
    Fault(
        r"too many clients|connection slots|queuepool limit",
        "All connections are in use.",
        "Try again in a moment; if it lasts, allow more connections on the server.",
    ),
    Fault(
        r"no answer to COMMIT",
        "The server stopped answering while the change was being saved, so it may be saved or not.",
        "Wait until the server answers, and look whether the change is there before you make it again.",
    ),
    Fault(
        r"no answer",
        "The server accepts connections, but did not answer in time, so the connection was closed.",
        "Wait until it answers; no restart of the app is needed. If it stays so, look into the server's own log.",
    ),
    Fault(
        r"refused|timeout|timed out|closed the connection|unreachable|starting up|shutting down|terminating",
        "The server does not answer.",
        "Check that it is running, and the host and port in the URL.",
    ),
)


def unavailable(url: URL, error: Exception) -> StateStoreUnavailable:
    """`error`, from a driver or the file system, as a `StateStoreUnavailable` with its reason and remedy."""
    message = str(getattr(error, "orig", None) or error).strip()
    what = f"The state store at {without_secrets(url)} cannot be used."
    for fault in FAULTS:
        if re.search(fault.message, message, re.IGNORECASE):
            return StateStoreUnavailable(what, fault.why, fault.remedy)
    first_line = message.partition("\n")[0].rstrip(".")
    return StateStoreUnavailable(what, f"The database says: {first_line}.", "Check the database's own log.")
