"""SQLite: one file, shared by the processes of one machine."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, NullPool, cast, create_engine, event, func, select
from sqlalchemy.dialects.sqlite import Insert, insert

from loyalty_core.errors import SettingsError, StateStoreUnavailable
from loyalty_core.files import make_private_file, make_private_folder
from loyalty_core.settings import without_secrets
from loyalty_core.store.dialects import sqlite_files
from loyalty_core.store.dialects.base import (
    MIGRATION_WAIT_SECONDS,
    READS_ONLY,
    STAGED_CUSTOMERS,
    Dialect,
    StagedTable,
    Staging,
    read_json,
    write_json,
)
from loyalty_core.store.errors import RESTORE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.orm import DeclarativeBase, Session

# Under which a connection notes which file it has opened.
_IDENTITY = "file"
# An integrity check of so much takes about a tenth of a second.
_MAX_BYTES_READ = 32 * 2**20
# There is one writer at a time, and another refresh of members may be the one.
_STAGING_WAIT_SECONDS = 60
# A batch of events, and what follows on staged customers, writes to many indexes at once: more than the 2 MB of SQLite.
_CACHE_KILOBYTES = 16_000


class SQLite(Dialect):
    """A file in write-ahead mode: readers work side by side with the one writer."""

    name = "sqlite"
    drivers = frozenset({"sqlite", "sqlite+pysqlite"})

    @property
    def driver_error(self) -> type[Exception]:
        return sqlite3.Error

    def check_url(self, url: URL) -> None:
        database = url.database
        if not database or database == ":memory:" or database.startswith("file:"):
            raise SettingsError(
                "The state store needs a SQLite file.",
                "A database in memory is lost at every restart and cannot be shared between processes.",
                "Use sqlite:///path/to/file.db (four slashes for an absolute path).",
            )

    def file_of(self, url: URL) -> Path:
        return Path(url.database or "")

    def open_engine(self, url: URL, *, timeout_seconds: float, migrating: bool = False) -> Engine:
        # A connection for each session, which takes half a millisecond: one that is pooled would go on with the old
        # file after another one has taken its place. Between sessions nothing is open, and the file is all there is.
        connect_args = {"timeout": timeout_seconds}
        engine = create_engine(
            url, connect_args=connect_args, poolclass=NullPool, json_serializer=write_json, json_deserializer=read_json
        )
        _set_up(engine, self.file_of(url), migrating=migrating)
        return engine

    def is_outage(self, error: BaseException | None) -> bool:
        # A damaged file comes as the plain class, of which a broken constraint and the like are subclasses.
        is_damage = type(error) is sqlite3.DatabaseError
        return is_damage or isinstance(error, sqlite3.OperationalError | sqlite3.InterfaceError)

    def lacks_table(self, error: BaseException | None) -> bool:
        return isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such table")

    def check_before_commit(self, url: URL, connection: Connection) -> None:
        if sqlite_files.identity_of(self.file_of(url)) != connection.info.get(_IDENTITY):
            raise StateStoreUnavailable(
                f"The change was not saved in the state store at {without_secrets(url)}.",
                "The file was removed or replaced at that moment.",
                "Make the change again.",
            )

    def check_after_commit(self, url: URL, connection: Connection) -> None:
        try:
            self.check_before_commit(url, connection)
        except StateStoreUnavailable:
            # SQLite would apply the log of the former file to the one that is there now.
            sqlite_files.remove_log(self.file_of(url))
            raise

    def now(self, session: Session) -> datetime:
        del session  # every process is on this machine
        return datetime.now(UTC)

    def lock_versioned_records(self, session: Session) -> None:
        """A session that writes has the one write lock anyway."""

    def lock_enrolment(self, session: Session) -> None:
        """A session that writes has the one write lock anyway."""

    def lock_checks(self, session: Session) -> None:
        """A session that writes has the one write lock anyway."""

    def lock_claims(self, session: Session) -> None:
        """A session that writes has the one write lock anyway."""

    def insert_new(self, table: type[DeclarativeBase]) -> Insert:
        return insert(table).on_conflict_do_nothing()

    def gathered(self, column: ColumnElement[str]) -> ColumnElement[Any]:
        return func.json_group_array(column, type_=JSON)

    def is_one_of(self, column: ColumnElement[str], texts: Collection[str]) -> ColumnElement[bool]:
        return column.in_(select(func.json_each(write_json(list(texts))).table_valued("value").c.value))

    def given(self, columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[Any]]) -> Select[Any]:
        row = func.json_each(write_json(rows)).table_valued("value", name="given").c.value
        values = (func.json_extract(row, f"$[{place}]") for place in range(len(columns)))
        return select(*(cast(value, one.type).label(one.key) for value, one in zip(values, columns, strict=True)))

    def prepare_migration(self, url: URL, engine: Engine) -> None:
        # SQLite gives the files that it makes beside the database the same permissions.
        make_private_folder(self.file_of(url).parent)
        make_private_file(self.file_of(url))
        _switch_to_wal(engine)

    def back_up_before_migration(self, url: URL, revision: str) -> None:
        sqlite_files.copy(self.file_of(url), self._backup_file(url, f"revision-{revision}"))

    def back_up(self, url: URL, target: Path | None = None) -> Path:
        target = target or self._backup_file(url, "backup")
        sqlite_files.copy(self.file_of(url), target)
        return target

    def restore(self, url: URL, backup: Path, require_known: Callable[[str | None], None]) -> Path | None:
        sqlite_files.require_sound(backup)
        require_known(sqlite_files.revision_of(backup))
        file = self.file_of(url)
        before = self._backup_file(url, "before-restore") if file.exists() else None
        if before:
            sqlite_files.set_aside(file, before)
        sqlite_files.put_back(backup, file)
        return before

    def _backup_file(self, url: URL, label: str) -> Path:
        file = self.file_of(url)
        return file.parent / "backups" / f"{file.stem}-{label}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.db"

    def look_for_damage(self, connection: Connection, *, thoroughly: bool = False) -> None:
        if not thoroughly and self.file_of(connection.engine.url).stat().st_size > _MAX_BYTES_READ:
            return
        driver: Any = connection.connection.dbapi_connection
        if damage := sqlite_files.find_damage(driver):
            raise StateStoreUnavailable(
                f"The state store at {without_secrets(connection.engine.url)} is damaged.",
                f"{damage}.",
                RESTORE,
            )

    def lock_migration(self, connection: Connection) -> None:
        """The transaction has the one write lock anyway."""

    def check_migration(self, connection: Connection) -> None:
        orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if orphan is not None:
            raise StateStoreUnavailable(
                "The state store could not be migrated.",
                f"A row of table {orphan[0]} points at a row of {orphan[2]} that does not exist.",
                "Nothing was changed. Correct or delete that row, or restore a backup, and start again.",
            )

    def staging(self, connection: Connection, table: StagedTable = STAGED_CUSTOMERS) -> Staging:
        driver: Any = connection.connection.dbapi_connection
        return _Staging(driver, table)


class _Staging(Staging):
    def __init__(self, driver: sqlite3.Connection, table: StagedTable) -> None:
        super().__init__(table)
        self._driver = driver

    def open(self) -> None:
        self._driver.execute(f"PRAGMA busy_timeout = {_STAGING_WAIT_SECONDS * 1000}")
        self._driver.execute(self.table.arrived)

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        # The driver binds a None many times slower than a number, so a column of nothing else is left out.
        given = [name for name in self.table.names if not _is_blank(columns[name])]
        names, places = ", ".join(given), ", ".join("?" for _ in given)
        adding = f"INSERT INTO arrived_{self.table.name} ({names}) VALUES ({places})"  # noqa: S608 -- names of this code
        # A deferred transaction locks only the temporary database, which no other connection sees.
        self._driver.execute("BEGIN")
        self._driver.executemany(adding, zip(*(columns[name] for name in given), strict=True))
        self._driver.execute("COMMIT")

    def close(self) -> int:
        self._driver.execute(self.table.staged("INTEGER PRIMARY KEY", "WITHOUT ROWID"))
        number = self._driver.execute(self.table.sort(whole_rows=True)).rowcount
        self._driver.execute(f"DROP TABLE arrived_{self.table.name}")
        return number


def _is_blank(values: Sequence[Any]) -> bool:
    return bool(values) and values.count(None) == len(values)


def _set_up(engine: Engine, file: Path, *, migrating: bool) -> None:
    @event.listens_for(engine, "do_connect")
    def connect(_dialect: object, record: Any, _arguments: object, options: dict[str, Any]) -> sqlite3.Connection:
        connection, record.info[_IDENTITY] = sqlite_files.connect(file, **options)
        return connection

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: object) -> None:
        # The driver would begin transactions late and commit before DDL; the listener below begins them instead.
        connection.isolation_level = None
        # SQLite changes a table by building it anew; with foreign keys on, dropping the old one deletes its children.
        connection.execute(f"PRAGMA foreign_keys = {'OFF' if migrating else 'ON'}")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KILOBYTES}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("postgresql_readonly", False)
        if read_only:
            connection.exec_driver_sql("PRAGMA query_only = ON")
        # A reader that turns writer fails at once if another wrote meanwhile; taking the lock first waits in line.
        takes_no_lock = read_only or connection.get_execution_options().get(READS_ONLY, False)
        connection.exec_driver_sql("BEGIN" if takes_no_lock else "BEGIN IMMEDIATE")


def _switch_to_wal(engine: Engine) -> None:
    """Let readers and a writer work side by side. The file remembers it, so only the first switch needs a lock."""
    deadline = time.monotonic() + MIGRATION_WAIT_SECONDS
    with closing(engine.raw_connection()) as connection:
        while True:
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as error:
                # For this one statement SQLite gives up at once instead of waiting its busy timeout.
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
