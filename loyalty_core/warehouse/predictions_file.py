"""The Parquet file of predictions: every run writes a version of its own, then a symbolic link is turned to it."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.warehouse.predictions import MARKS, ScoringInProgress, twice_the_same_customer

_UNFINISHED = ".unfinished"
# A query that began before the last run may still read the version before.
_VERSIONS_KEPT = 2


@contextmanager
def write_file(path: Path, schema: pa.Schema) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Take batches; the link at `path` turns to them when the block ends without an error.

    Raises `ScoringInProgress`, `DataError` when `path` holds something else or the disk is full, and
    `SettingsError` when the folder cannot be written.
    """
    path = path.absolute()
    with _only_run(path):
        _refuse_other_content(path)
        version = path.with_name(f"{path.stem}.{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}{path.suffix}")
        unfinished = version.with_name(version.name + _UNFINISHED)
        try:
            with _disk_errors(path), pq.ParquetWriter(unfinished, schema, compression="lz4") as writer:
                yield writer.write_batch
            _refuse_duplicates(unfinished)
            with _disk_errors(path):
                _make_safe(unfinished)
                unfinished.rename(version)
                _turn_link(path, version)
        finally:
            _remove_old(path)


@contextmanager
def _only_run(path: Path) -> Iterator[None]:
    """Hold a lock that ends with this process, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_name(f".{path.name}.lock").open("w")
    except OSError as error:
        raise SettingsError(
            f"The predictions cannot be written to {path}.",
            f"{error.strerror}.",
            "Make the folder writable, or set PREDICTIONS_FILE to another place.",
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ScoringInProgress(str(path)) from None
        yield


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"The predictions could not be written to {path}.",
            f"{error.strerror or error}.",
            "The predictions of the run before are unchanged. Free some space and score again.",
        ) from error


def _refuse_other_content(path: Path) -> None:
    if not path.exists():
        return
    try:
        ours = MARKS.issubset(pq.read_schema(path).names)
    except (OSError, pa.ArrowException):
        ours = False
    if not ours:
        raise SettingsError(
            f"{path} holds something other than predictions and is left as it is.",
            remedy="Move it away, or set PREDICTIONS_FILE to another place.",
        )


def _refuse_duplicates(unfinished: Path) -> None:
    with duckdb.connect() as connection:
        relation = connection.read_parquet(str(unfinished))
        rows, customers = relation.aggregate("count(*), count(DISTINCT customer_id)").fetchone() or (0, 0)
    if rows > customers:
        raise twice_the_same_customer(f"{rows - customers:,} rows are too many.")


def _make_safe(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _turn_link(path: Path, version: Path) -> None:
    link = version.with_name(version.name + ".link")
    link.symlink_to(version.name)
    link.replace(path)
    _make_safe(path.parent)


def _remove_old(path: Path) -> None:
    """Remove what killed runs left and all but the newest versions; the lock is held, so nobody writes them."""
    current = path.resolve()
    versions = sorted(path.parent.glob(f"{path.stem}.*Z{path.suffix}"), reverse=True)
    leftovers = [*path.parent.glob(f"{path.stem}.*Z{path.suffix}{_UNFINISHED}"), *path.parent.glob(f"{path.stem}.*.link")]
    for file in (*leftovers, *versions[_VERSIONS_KEPT:]):
        if file != current:
            file.unlink(missing_ok=True)
