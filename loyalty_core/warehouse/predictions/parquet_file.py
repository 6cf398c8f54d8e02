"""The Parquet file of predictions: every run writes a version of its own, then a symbolic link is pointed to it."""

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from glob import escape
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from loyalty_core.errors import DataError, SettingsError
from loyalty_core.files import make_private_file, make_private_folder, sync
from loyalty_core.warehouse.identity import DataIdentity
from loyalty_core.warehouse.predictions.relation import (
    CUSTOMER_ID,
    DATA_KEY,
    ScoringInProgress,
    data_of,
    schema_of,
    versions_of,
)
from loyalty_core.warehouse.predictions.run_history import RunHistory, stamp, time_of


@contextmanager
def write_file(
    path: Path, history: RunHistory, identity: DataIdentity, schema: pa.Schema
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Take batches; the link at `path` points to them once the block has ended without an error.

    The file records the identity of the data. Versions outside the history are removed; the newest two stay, since a
    query that began before this run may still read the version before.
    Raises `ScoringInProgress`, `SettingsError` when the folder cannot be written or `path` holds something else,
    and `DataError` when the disk is full.
    """
    path = path.absolute()
    with only_run(path):
        _refuse_other_content(path)
        _remove_old(path, history, identity)
        version = path.with_name(f"{path.stem}.{stamp(datetime.now(UTC))}{path.suffix}")
        unfinished = version.with_name(f"{version.name}.unfinished")
        try:
            with _disk_errors(path):
                make_private_file(unfinished)
                described = schema.with_metadata({DATA_KEY: identity.key})
                writer = pq.ParquetWriter(unfinished, described, **_encoding_of(schema))

            def write(batch: pa.RecordBatch) -> None:
                with _disk_errors(path):
                    writer.write_batch(batch.replace_schema_metadata({DATA_KEY: identity.key}))

            yield write
            with _disk_errors(path):
                writer.close()
                sync(unfinished)
                unfinished.rename(version)
                _turn_link(path, version)
                _remove_old(path, history, identity)
        finally:
            unfinished.unlink(missing_ok=True)


def _encoding_of(schema: pa.Schema) -> dict[str, Any]:
    """Dictionaries where values repeat. Scores and ids hardly do, and compressing them takes longer than scoring."""
    repeating = [field.name for field in schema if not pa.types.is_floating(field.type) and field.name != CUSTOMER_ID]
    return {"use_dictionary": repeating, "compression": "none", "write_statistics": False}


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Hold a lock beside `path` that ends with this process, however it ends."""
    try:
        make_private_folder(path.parent)
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
            raise ScoringInProgress(path.name) from None
        yield


@contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"The predictions could not be written to {path}. Those of the run before are unchanged.",
            f"{error.strerror or error}.",
            "Free some space, then score again.",
        ) from error


def _refuse_other_content(path: Path) -> None:
    if path.exists() and schema_of(path) is None:
        raise SettingsError(
            f"{path} holds something other than predictions and is left as it is.",
            remedy="Move it away, or set PREDICTIONS_FILE to another place.",
        )


def _turn_link(path: Path, version: Path) -> None:
    link = version.with_name(f"{version.name}.link")
    link.symlink_to(version.name)
    link.replace(path)
    sync(path.parent)


def _remove_old(path: Path, history: RunHistory, identity: DataIdentity) -> None:
    """Remove versions outside the history, and files that killed runs left: the lock is held, so no run is writing.

    Runs of other data, which may belong to another warehouse in the same folder, count apart.
    """
    leftovers = path.parent.glob(f"{escape(path.stem)}.*Z{path.suffix}.*")
    own: dict[Path, datetime] = {}
    other: dict[Path, datetime] = {}
    for version in versions_of(path):
        schema, time = schema_of(version), time_of(_stamp_in(path, version))
        if time is not None:
            (own if schema is not None and identity.owns(data_of(schema)) else other)[version] = time
    removed = [version for times in (own, other) for version in history.outside(times)]
    for file in (*leftovers, *removed):
        if file != path.resolve():
            file.unlink(missing_ok=True)


def _stamp_in(path: Path, version: Path) -> str:
    return version.name.removeprefix(f"{path.stem}.").removesuffix(path.suffix)
