"""Files prepared by exports: written completely or not at all, fetched later, removed after some days.

A file has another name until its last byte is on disk. Its writer holds a lock on it, so that what a killed export
left behind can be distinguished from what is still being written.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING

from loyalty_core.errors import LoyaltyError
from loyalty_core.files import make_private_folder, remedy_for
from loyalty_core.segments.exports.rows import Format, write_members

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import pyarrow as pa

_NAME = re.compile(r"[a-z0-9-]{1,100}-\d{8}T\d{6}Z-[0-9a-f]{8}\.(csv|parquet)")
_UNFINISHED = ".part"
_DAY_SECONDS = 86_400
# From its beginning to its lock, a file may look abandoned.
_BEGINNING_SECONDS = 60


class ExportFailed(LoyaltyError):
    """The file cannot be written."""

    code = "export_failed"


class ExportNotFound(LoyaltyError):
    """There is no such file, or no longer."""

    code = "export_not_found"

    def __init__(self) -> None:
        super().__init__(
            "The file of this export does not exist.", "It was not finished, or it has expired.", "Export again."
        )


@dataclass(frozen=True)
class Export:
    """A finished file."""

    file: Path
    customers: int
    bytes: int


def write_export(
    folder: Path, title: str, form: Format, batches: Iterable[pa.RecordBatch], *, bom: bool = False
) -> Export:
    """Write all batches to a new file named after `title`, a segment's id, and the time; `bom` as `write_members` has.

    An exception from `batches` leaves no file. Raises `ExportFailed` where the disk is full and the like.
    """
    file = folder / f"{title}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.{form}"
    unfinished = file.with_name(f".{file.name}{_UNFINISHED}")
    with _reported_errors(folder):
        make_private_folder(folder)
        try:
            with _opened(unfinished) as output:
                fcntl.flock(output, fcntl.LOCK_EX)
                customers = write_members(batches, output, form, bom=bom)
                output.flush()
                os.fsync(output.fileno())
                unfinished.rename(file)
        finally:
            unfinished.unlink(missing_ok=True)
    return Export(file, customers, file.stat().st_size)


def find_export(folder: Path, name: str, kept_days: int) -> Path:
    """The finished file of that name; raises `ExportNotFound`."""
    file = folder / name
    if not _NAME.fullmatch(name) or not file.is_file() or _is_old(file, kept_days):
        raise ExportNotFound
    return file


def remove_old(folder: Path, kept_days: int) -> None:
    """Remove files older than `kept_days` days, and unfinished files of exports that were killed."""
    with _reported_errors(folder):
        for file in folder.iterdir() if folder.is_dir() else ():
            finished = bool(_NAME.fullmatch(file.name))
            if (finished and _is_old(file, kept_days)) or (file.suffix == _UNFINISHED and _is_abandoned(file)):
                file.unlink(missing_ok=True)


def _is_old(file: Path, kept_days: int) -> bool:
    return _seconds_old(file) > kept_days * _DAY_SECONDS


def _is_abandoned(file: Path) -> bool:
    if _seconds_old(file) < _BEGINNING_SECONDS:
        return False
    with file.open("rb") as begun:
        try:
            fcntl.flock(begun, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def _seconds_old(file: Path) -> float:
    return time.time() - file.stat().st_mtime


def _opened(file: Path) -> IO[bytes]:
    """A new file that only this account may read, since it contains customer rows."""
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


@contextmanager
def _reported_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ExportFailed(
            f"The exports folder {folder} cannot be written: {error.strerror}.",
            "No file was saved.",
            remedy_for(error),
        ) from error
