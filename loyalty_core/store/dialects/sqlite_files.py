"""The file of a SQLite store: opened, recognised, copied, checked and put back."""

from __future__ import annotations

import shutil
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

from loyalty_core.files import make_private_file, make_private_folder, remedy_for, replacing
from loyalty_core.store.errors import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    FileIdentity = tuple[int, int]

# Reported in the words of a driver, so that `faults` gives it a reason and a remedy as it does for theirs.
MISSING = "The database file does not exist"
# How long a backup or a restore waits for other programs that write.
_WAIT_SECONDS = 60.0


def identity_of(file: Path) -> FileIdentity | None:
    """What distinguishes the file from another one at the same path; None where there is none, or none can be seen."""
    try:
        facts = file.stat()
    except OSError:
        return None
    return facts.st_dev, facts.st_ino


def connect(file: Path, **options: Any) -> tuple[sqlite3.Connection, FileIdentity]:
    """Open a file that exists, and the identity of what was opened."""
    while True:
        before = identity_of(file)
        if before is None:
            raise sqlite3.OperationalError(MISSING)
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, **options)
        if before == identity_of(file):
            return connection, before
        connection.close()  # replaced at this very moment: it may be either of the two


def copy(file: Path, target: Path) -> None:
    """Copy a store that may be in use to the new file `target`, all of it as it is at one moment, and check the copy.

    Raises `BackupFailed`.
    """
    if target.exists():
        raise BackupFailed(f"{target} already exists.", "A backup never replaces a file.", "Choose another name.")
    try:
        make_private_folder(target.parent)
        with replacing(target) as unfinished:
            make_private_file(unfinished)
            with closing(connect(file, timeout=_WAIT_SECONDS)[0]) as source, closing(connect(unfinished)[0]) as copied:
                source.backup(copied, progress=_deadline())
            require_sound(unfinished)
    except (sqlite3.Error, TimeoutError) as error:
        raise BackupFailed(f"{file} could not be backed up to {target}.", f"{error}.", _remedy(error)) from error
    except OSError as error:
        raise BackupFailed(f"{target} could not be written.", f"{error.strerror}.", remedy_for(error)) from error


def set_aside(file: Path, target: Path) -> None:
    """Copy a store that is about to be replaced: as `copy` does, or byte by byte where it is damaged.

    Raises `BackupFailed`.
    """
    try:
        copy(file, target)
    except BackupFailed as error:
        if isinstance(error.__cause__, OSError | TimeoutError):
            raise
        try:
            shutil.copy2(file, target)
        except OSError as fault:
            raise BackupFailed(f"{target} could not be written.", f"{fault.strerror}.", remedy_for(fault)) from fault


def put_back(backup: Path, file: Path) -> None:
    """Make `file` what `backup` holds; programs that have it open see the change as one transaction.

    Raises `BackupFailed`; then `file` is as it was.
    """
    try:
        make_private_folder(file.parent)
        try:
            _overwrite(backup, file)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise
            _replace(backup, file)  # what is there is no database any more, so nobody can be working in it
    except (sqlite3.Error, TimeoutError) as error:
        raise BackupFailed(f"{backup} could not be restored to {file}.", f"{error}.", _remedy(error)) from error
    except OSError as error:
        raise BackupFailed(f"{file} could not be written.", f"{error.strerror}.", remedy_for(error)) from error


def require_sound(file: Path) -> None:
    """Raise `BackupFailed` where a file that nobody is working in is no SQLite database, or a damaged one."""
    try:
        with closing(_open_backup(file)) as connection:
            damage = find_damage(connection)
    except sqlite3.Error as error:
        damage = str(error)
    if damage:
        raise BackupFailed(f"{file} cannot be used as a backup.", f"{damage}.", "Choose another backup.")


def revision_of(backup: Path) -> str:
    """The revision of the tables in a sound backup. Raises `BackupFailed` where it is no state store."""
    with closing(_open_backup(backup)) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone() if found else None
    if row is None:
        raise BackupFailed(f"{backup} is no state store.", "It lacks the app's tables.", "Choose another backup.")
    return row[0]


def remove_log(file: Path) -> None:
    """Remove the write-ahead log beside a file that it does not belong to."""
    for ending in ("-wal", "-shm"):
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


def find_damage(connection: sqlite3.Connection) -> str:
    """The first fault in the structure of the database, "" where there is none; reads the whole file."""
    first = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    return "" if first == "ok" else str(first).splitlines()[-1].rstrip(".")


def _open_backup(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise BackupFailed(f"There is no file {file}.", remedy="Check the path.")
    # Immutable, it can be read from a medium that cannot be written; a log beside it would be ignored.
    mode = "mode=rw" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    return sqlite3.connect(f"{file.absolute().as_uri()}?{mode}", uri=True, timeout=_WAIT_SECONDS)


def _overwrite(backup: Path, file: Path) -> None:
    make_private_file(file)
    with closing(_open_backup(backup)) as source, closing(connect(file, timeout=_WAIT_SECONDS)[0]) as target:
        source.backup(target, progress=_deadline())
        target.execute("PRAGMA journal_mode = WAL")


def _replace(backup: Path, file: Path) -> None:
    with replacing(file) as unfinished:
        _overwrite(backup, unfinished)
        remove_log(file)


def _deadline() -> Callable[[int, int, int], None]:
    """Ends a copy that waits for a lock for too long: SQLite itself would wait for ever."""
    latest = time.monotonic() + _WAIT_SECONDS

    def check(status: int, _remaining: int, _total: int) -> None:
        if status in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED} and time.monotonic() > latest:
            raise TimeoutError("Another program held the write lock for too long")

    return check


def _remedy(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "Close other programs that have the database open and try again."
    return "See `loyalty store check`, and docs/state-store.md."
