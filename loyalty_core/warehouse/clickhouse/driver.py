"""A driver for chDB, ClickHouse inside this process, as PEP 249 asks: its ADBC driver with what it lacks.

Values are bound by ADBC, with their types. Added are settings of the session, errors with an SQLSTATE, a way to stop a
statement from another thread, and an orderly end: the process crashes where connections are open at its exit.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib
import itertools
import re
import threading
import uuid
import weakref
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from adbc_driver_manager import dbapi as adbc
from adbc_driver_manager.dbapi import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)

from loyalty_core.warehouse.clickhouse.parameters import bound

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Connection",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "StatementFailed",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 1
paramstyle = "qmark"

_ENTRY_POINT = "chdb_adbc_init"
_MESSAGE = re.compile(r"DB::Exception: (?P<text>.*?)(?:: In scope .*)?\. \((?P<name>[A-Z0-9_]+)\)", re.DOTALL)
_UNREADABLE_VALUE = "22000"
# Names of ClickHouse's errors, and the states of the SQL standard that mean the same.
_STATES = {
    "UNKNOWN_TABLE": "42P01",
    "UNKNOWN_IDENTIFIER": "42703",
    "NO_SUCH_COLUMN_IN_TABLE": "42703",
    "UNKNOWN_DATABASE": "3F000",
    "QUERY_WAS_CANCELLED": "57014",
    "TIMEOUT_EXCEEDED": "57014",
    "ILLEGAL_DIVISION": "22012",
    "DECIMAL_OVERFLOW": _UNREADABLE_VALUE,
    "CANNOT_CONVERT_TYPE": _UNREADABLE_VALUE,
    "ARGUMENT_OUT_OF_BOUND": _UNREADABLE_VALUE,
}

# The first connection starts the engine of the whole process, closing the last one ends it.
_opening = threading.Lock()
_open: weakref.WeakSet[Connection] = weakref.WeakSet()


class StatementFailed(OperationalError):
    """ClickHouse's own error; `state` is an SQLSTATE where one means the same."""

    def __init__(self, message: str, state: str = "") -> None:
        super().__init__(message, status_code=0, sqlstate=state or None)


def connect(folder: Path, database: str, settings: Mapping[str, str | int]) -> Connection:
    """A session on a folder of chDB with these settings; raises `StatementFailed` where the folder cannot be opened.

    All connections of a process have the same folder, and no other process may have it open.
    """
    if not folder.is_dir():
        raise StatementFailed(f"The folder {folder} does not exist.")
    connection = Connection(folder)
    try:
        if database:
            connection.run(f"USE {quoted(database)}")
        # Last, since `readonly` forbids to change it.
        connection.apply(settings)
    except BaseException:
        connection.close()
        raise
    return connection


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '""') + '"'


class Connection:
    """One session; a statement that runs in it can be stopped from another thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = uuid.uuid4().hex
        self._cursors: weakref.WeakSet[Cursor] = weakref.WeakSet()
        self._is_interrupted = False
        with _opening:
            self._adbc = _open_folder(folder)
            _open.add(self)

    def cursor(self) -> Cursor:
        cursor = Cursor(self, self._adbc.cursor())
        self._cursors.add(cursor)
        return cursor

    def run(self, statement: str) -> None:
        """Run a statement that has no result."""
        with contextlib.closing(self.cursor()) as cursor:
            cursor.execute(statement)

    def apply(self, settings: Mapping[str, str | int]) -> None:
        """Set these for all statements to come; their mark, by which they are found, is a setting as well."""
        every = {"log_comment": self._mark, **settings}
        self.run("SET " + ", ".join(f"{name} = {_setting(value)}" for name, value in every.items()))

    def insert(self, database: str | None, table: str, batch: pa.RecordBatch) -> None:
        """Append the rows to a table that has their columns."""
        with contextlib.closing(self.cursor()) as cursor:
            cursor.insert(database, table, batch)

    def interrupt(self) -> None:
        """Stop the statement that runs, over a connection of its own: this one is busy."""
        self._is_interrupted = True
        with contextlib.closing(Connection(self._folder)) as other:
            other.run(f"KILL QUERY WHERE Settings['log_comment'] = '{self._mark}' ASYNC")

    def check(self) -> None:
        """Raise for a statement that was interrupted before it began."""
        if self._is_interrupted:
            raise StatementFailed("Query was cancelled: execution time exceeded.", _STATES["QUERY_WAS_CANCELLED"])

    def commit(self) -> None:
        """Every statement is a transaction."""

    def rollback(self) -> None:
        """Nothing to undo; an interrupt that came too late does not concern whoever has the connection next."""
        self._is_interrupted = False

    def close(self) -> None:
        for cursor in list(self._cursors):
            cursor.close()
        with _opening:
            _open.discard(self)
            self._adbc.close()


class Cursor:
    """One statement after another, each read as Arrow or row by row."""

    arraysize = 1_000

    def __init__(self, connection: Connection, cursor: Any) -> None:
        self.connection = connection
        self._adbc = cursor
        self._reader: Any = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        return [(field.name, field.type, *[None] * 4, field.nullable) for field in self.schema] or None

    @property
    def rowcount(self) -> int:
        return -1

    @property
    def schema(self) -> pa.Schema:
        """The columns as they are in `batches`."""
        return self._reader.schema if self._reader is not None else pa.schema([])

    def execute(self, operation: str, parameters: Sequence[Any] = ()) -> None:
        """Run a statement; each question mark in it is one of the parameters."""
        self._end()
        self.connection.check()
        with _readable_errors():
            self._adbc.execute(operation, bound(parameters) if parameters else None)
            self._reader = self._adbc.fetch_record_batch()
        self._rows = (row for batch in self.batches() for row in _rows_of(batch))

    def executemany(self, operation: str, seq_of_parameters: Sequence[Sequence[Any]]) -> None:
        """Run a statement that has no result for each of the rows."""
        self._end()
        with _readable_errors():
            self._adbc.executemany(operation, seq_of_parameters)

    def insert(self, database: str | None, table: str, batch: pa.RecordBatch) -> None:
        """Append the rows to a table that has their columns."""
        with _readable_errors():
            self._adbc.adbc_ingest(table, batch, mode="append", db_schema_name=database)

    def batches(self) -> Generator[pa.RecordBatch]:
        """What is left of the result as it is computed."""
        while self._reader is not None:
            with _readable_errors():
                try:
                    batch = self._reader.read_next_batch()
                except StopIteration:
                    return
            yield batch

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        return list(itertools.islice(self._rows, size or self.arraysize))

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def close(self) -> None:
        self._end()
        self._adbc.close()

    def setinputsizes(self, sizes: object) -> None:
        """Values have the types that they have in Python."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """Results have the size that they have."""

    def _end(self) -> None:
        """Stop the statement, if it still runs."""
        reader, self._reader, self._rows = self._reader, None, iter(())
        if reader is not None:
            reader.close()


def _rows_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _open_folder(folder: Path) -> Any:
    # Not by ADBC alone: the engine cannot be closed before the module is loaded.
    library = importlib.import_module("chdb._chdb").__file__
    with _readable_errors():
        return adbc.connect(
            driver=library, entrypoint=_ENTRY_POINT, db_kwargs={"path": str(folder.resolve())}, autocommit=True
        )


def _setting(value: str | int) -> str:
    return str(value) if isinstance(value, int) else "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    try:
        yield
    except (Error, pa.ArrowException, OSError) as error:
        if found := _MESSAGE.search(str(error)):
            raise StatementFailed(found["text"].strip(), _STATES.get(found["name"], "")) from error
        if isinstance(error, Error):
            raise
        raise StatementFailed(str(error)) from error


@atexit.register
def _close_all() -> None:
    for connection in list(_open):
        with contextlib.suppress(Exception):
            connection.interrupt()
            connection.close()
