"""A local DuckDB warehouse as one file: built beside its place, moved there whole, never half-written."""

import os
import secrets
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import duckdb

from loyalty_core.errors import LoyaltyError, SettingsError
from loyalty_core.files import FULL_DISK, make_private_folder
from loyalty_core.loading.identity import record_identity
from loyalty_core.settings import recommended_mapping_file

Source = Literal["demo", "features file", "transactions file"]
Fact = str | int | float | date | None

# On premise: nothing is fetched from a network.
_CONNECTION_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}


def open_duckdb(database: Path | str = ":memory:") -> duckdb.DuckDBPyConnection:
    """A connection that fetches nothing from a network, and writes no progress bar into the terminal's report."""
    connection = duckdb.connect(database, config=_CONNECTION_SETTINGS)
    return connection.execute("SET enable_progress_bar = false")


@contextmanager
def write_warehouse(out: Path, *, overwrite: bool = False) -> Generator[duckdb.DuckDBPyConnection, None, None]:
    """Open a new warehouse for writing; it becomes `out` only when the block ends without an error.

    Whatever goes wrong, an older file at `out` stays as it was and nothing is left beside it. A demo
    warehouse is replaced without asking; any other file needs `overwrite`. Raises SettingsError when `out`
    cannot be written or may not be replaced.
    """
    out = out.resolve()  # so that a symbolic link keeps pointing to the file it names
    with _explained(out):
        _check_replaceable(out, overwrite)
        with _folder_beside(out) as folder:
            building = folder / out.name
            with open_duckdb(building) as connection:
                try:
                    yield connection
                    record_identity(connection, out)
                except BaseException:
                    # After Ctrl-C, DuckDB's threads go on with the statement, and closing would wait for its end.
                    connection.interrupt()
                    raise
            building.chmod(0o600)
            building.replace(out)
            # A log left by a program that died belongs to the old file, not to the new one.
            out.with_name(f"{out.name}.wal").unlink(missing_ok=True)
            recommended_mapping_file(out).unlink(missing_ok=True)  # so does a mapping


def record_source(connection: duckdb.DuckDBPyConnection, source: Source, **facts: Fact) -> None:
    """Write where the warehouse came from to `warehouse_info(key, value)`, as texts for people to read.

    `source` and `created_at` (UTC) come first, then the facts in the order given; those that are None are
    left out. Usual facts: snapshot_date, file_name, rows_read, excluded.
    """
    created_at = datetime.now(UTC).isoformat(timespec="seconds")
    known: dict[str, Fact] = {"source": source, "created_at": created_at, **facts}
    rows = [[key, _as_text(value)] for key, value in known.items() if value is not None]
    connection.execute("CREATE OR REPLACE TABLE warehouse_info (key VARCHAR, value VARCHAR)")
    connection.executemany("INSERT INTO warehouse_info VALUES (?, ?)", rows)


def read_source(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The facts that `record_source` wrote, in their order; empty when this program did not write the warehouse."""
    try:
        return dict(connection.execute("SELECT key, value FROM warehouse_info").fetchall())
    except (duckdb.CatalogException, duckdb.BinderException):
        return {}


def _as_text(value: Fact) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}"
    return value.isoformat() if isinstance(value, date) else str(value)


def _check_replaceable(out: Path, overwrite: bool) -> None:
    if out.is_dir():
        raise SettingsError(f"{out} is a folder.", "The warehouse is one file.", "Name a file in it with --out.")
    if not out.exists():
        return
    if not out.is_file():
        raise SettingsError(f"{out} is not a file.", remedy="Name another file with --out.")
    if overwrite:
        return
    source = _source_of_file(out)
    if source != "demo":
        holds = f"It holds the data of a {source}" if source else "It was not written by this program"
        raise SettingsError(
            f"{out} exists already.",
            f"{holds}, so it is not replaced unasked.",
            "Add --overwrite to replace it, or name another file with --out.",
        )


def _source_of_file(path: Path) -> str | None:
    try:
        with duckdb.connect(path, read_only=True) as connection:
            return read_source(connection).get("source")
    except duckdb.Error as error:
        if "lock" not in str(error) and "different configuration" not in str(error):
            return None
        raise SettingsError(
            f"{path} is being written to.",
            "Another program has it open for writing, so it can neither be read nor replaced.",
            "Close that program, or name another file with --out.",
        ) from error


@contextmanager
def _folder_beside(out: Path) -> Generator[Path, None, None]:
    """A temporary folder next to `out`: on the same disk, and removed with DuckDB's side files."""
    make_private_folder(out.parent)
    folder = out.with_name(f".{out.name}.{secrets.token_hex(4)}")
    # Not TemporaryDirectory: stopped at the moment that it makes the folder, it would leave it behind.
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _explained(out: Path) -> Generator[None, None, None]:
    """Turn what the disk refuses into an error with a remedy; everything else passes through."""
    try:
        yield
    except LoyaltyError:
        raise
    except (OSError, duckdb.Error) as error:
        if disk_is_full(error):
            raise SettingsError(
                f"The warehouse {out} could not be written.",
                "There is no room left on the disk.",
                "Make room there, or name a file on another disk with --out.",
            ) from error
        if isinstance(error, OSError):
            raise SettingsError(
                f"The warehouse {out} could not be written.",
                f"The system says: {error.strerror or error}.",
                "Name a file in a folder that you may write to with --out.",
            ) from error
        raise


def disk_is_full(error: Exception) -> bool:
    """Whether the system or DuckDB refused to write for lack of space (or quota)."""
    if isinstance(error, OSError) and error.errno in FULL_DISK:
        return True
    return isinstance(error, duckdb.Error) and any(os.strerror(code) in str(error) for code in FULL_DISK)
