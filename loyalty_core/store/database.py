"""The state store: migrations, sessions, backups and health."""

from __future__ import annotations

import logging
import threading
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from loyalty_core.errors import LoyaltyError, StateStoreUnavailable
from loyalty_core.memory_only import about_to_wait
from loyalty_core.settings import without_secrets
from loyalty_core.store import schema
from loyalty_core.store.checks import StoreCheckRecord
from loyalty_core.store.dialects import READS_ONLY, dialect_of, read_url
from loyalty_core.store.errors import RESTORE, BackupFailed
from loyalty_core.store.faults import MIGRATE, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy.engine import Connection

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Whether the state store can be used; if not, why and what to do."""

    ok: bool
    detail: str
    remedy: str
    url: str
    revision: str | None
    dialect: str


class StateStore:
    """The app's own database at `url`: a SQLite file or PostgreSQL. Nothing is opened before the first use.

    `timeout_seconds` bounds connecting and waiting for a lock. Raises `SettingsError` for a URL that cannot work;
    every method but `health` raises `StateStoreUnavailable` if the database cannot be used.
    """

    def __init__(self, url: str, *, timeout_seconds: float = 4.0) -> None:
        self.url = read_url(url)
        self.dialect = dialect_of(self.url)
        self.engine = self.dialect.open_engine(self.url, timeout_seconds=timeout_seconds)
        self._reading = self.engine.execution_options(postgresql_readonly=True)
        self._of_thread = _OfThread()
        self._refused: str | None = None
        self._migration_is_due = self._migrates_a_file = False

    def __enter__(self) -> StateStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections; a later use opens new ones."""
        self.engine.dispose()

    def migrate(self) -> None:
        """Bring the tables up to date, creating the file and its folder if need be.

        Safe when several processes start at once: one migrates, the others wait for it. If the database cannot be used
        now, the next use of the store tries again.
        """
        self._migration_is_due, self._migrates_a_file = True, not self._has_no_file()
        revision = self._revision()
        self._require_known(revision)
        if revision != schema.newest_revision():
            try:
                with self.outages(OSError, self.dialect.driver_error):
                    schema.upgrade(self.url)
            except BackupFailed as error:
                what = "The state store was not migrated, because it could not be backed up first."
                raise StateStoreUnavailable(what, f"{error.what} {error.why}", error.remedy) from error
        self._migration_is_due = False

    @contextmanager
    def session(self, *, read_only: bool = False, on: Connection | None = None) -> Iterator[Session]:
        """A session that commits at the end of the block and rolls back on any exception.

        On SQLite it holds the one write lock, so keep the block short. `read_only=True` reads without that lock, side
        by side with a writer; writing then fails. Objects stay usable afterwards. `on` is a connection from
        `connection`, whose temporary tables the session is to see. Tables of an older version are brought up to date
        first, and those of a newer version are refused.
        """
        about_to_wait()
        self._migrate_if_due()
        if on is not None:
            on.execution_options(**{READS_ONLY: read_only})
        with self.outages(), self._connect(read_only=read_only, on=on) as connection:
            with self._begin(connection) as session:
                yield session
                if not read_only:
                    self.dialect.check_before_commit(self.url, connection)
                session.commit()
            if not read_only:
                self.dialect.check_after_commit(self.url, connection)

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let the read-only sessions of this thread use one connection within the block, one after another.

        For short blocks with many reads: on SQLite opening and closing a connection takes longer than most of them.
        Each session has a transaction of its own, and sees what was committed before it.
        """
        about_to_wait()
        with self.outages():
            connection = self._reading.connect()
        before = self._of_thread.idle
        with connection:
            self._of_thread.idle = connection
            try:
                yield
            finally:
                self._of_thread.idle = before

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """An unshared connection without a transaction, for temporary tables, which are dropped after the block."""
        about_to_wait()
        with self.outages():
            connection = self.engine.connect()
        with connection:
            connection.detach()
            yield connection

    @contextmanager
    def outages(self, *others: type[Exception]) -> Iterator[None]:
        """Raise an outage, or one of the `others`, as `StateStoreUnavailable`; other errors pass through."""
        try:
            yield
        except (DBAPIError, PoolTimeout, *others) as error:
            if isinstance(error, DBAPIError) and not self.dialect.is_outage(error.orig):
                raise
            raise unavailable(self.url, error) from error

    def back_up(self, target: Path | None = None) -> Path:
        """Copy the store, which may be in use, to a new file, by default one in the folder `backups` beside it.

        Raises `BackupFailed`, also for PostgreSQL, and then names the command that does it there.
        """
        return self.dialect.back_up(self.url, target)

    def restore(self, backup: Path) -> Path | None:
        """Make the store what `backup` holds and bring its tables up to date; the app may be running.

        Returns where a copy of what the store held before is, None where there was nothing. Raises `BackupFailed` as
        `back_up` does, and `StateStoreUnavailable` for a backup of a newer version; then nothing has changed.
        """
        before = self.dialect.restore(self.url, backup, schema.require_known)
        self.migrate()
        return before

    def examine(self) -> str:
        """Read all of the store, and say in a sentence that it is sound; else raises `StateStoreUnavailable`."""
        health = self.health()
        if not health.ok:
            raise StateStoreUnavailable(health.detail, remedy=health.remedy)
        with self.outages(OSError), self._reading.connect() as connection:
            self.dialect.look_for_damage(connection, thoroughly=True)
        return f"{health.url} is sound; its tables are at revision {health.revision}."

    def health(self) -> StoreHealth:
        """Whether the store can be read and written, found out by doing so; never raises.

        Migrates only if an earlier call of `migrate` has failed.
        """
        try:
            self._migrate_if_due()
            revision = self._revision()
            self._require_known(revision)
            if self._has_no_file():
                what = "The state store has not been set up yet, or its file was removed."
                return self._health(what, f"Start the app once to set it up. {RESTORE}")
            if revision is None:
                return self._health("The state store has not been set up yet.", "Start the app once to set it up.")
            if revision != schema.newest_revision():
                return self._health("The tables are older than this version of the app.", MIGRATE, revision)
            self._write_and_read()
        except LoyaltyError as error:
            return self._health(f"{error.what} {error.why}".strip(), error.remedy)
        return self._health("The state store can be read and written.", "", revision, ok=True)

    def has_table(self, name: str) -> bool:
        """Whether the table exists, which it may not in a store that has not been set up or is of an older version."""
        with self.outages(OSError):
            if self._has_no_file():
                return False
            with self._reading.connect() as connection:
                return inspect(connection).has_table(name)

    def _migrate_if_due(self) -> None:
        """Make up for a migration that failed; if its file has been removed since, no empty one takes its place."""
        if self._migration_is_due and not (self._migrates_a_file and self._has_no_file()):
            self.migrate()

    def _connect(self, *, read_only: bool, on: Connection | None) -> AbstractContextManager[Connection]:
        """The connection of one session; a session within another one of the same thread gets its own."""
        if on is not None:
            return nullcontext(on)
        if not read_only:
            return self.engine.connect()
        idle = self._of_thread.idle
        return self._lend(idle) if idle is not None else self._reading.connect()

    @contextmanager
    def _lend(self, connection: Connection) -> Iterator[Connection]:
        """The connection of `reading`, which no other session uses in the meantime."""
        self._of_thread.idle = None
        try:
            yield connection
        finally:
            self._of_thread.idle = connection

    def _begin(self, connection: Connection) -> Session:
        """A session in a transaction in which the tables are those of this version of the app, and stay so.

        They may differ after a backup was restored, or when a newer version shares the store.
        """
        session = Session(connection, expire_on_commit=False)
        if self._revision_in(session) == schema.newest_revision():
            return session
        session.close()
        self.migrate()
        session = Session(connection, expire_on_commit=False)
        self._require_known(self._revision_in(session))
        return session

    def _revision_in(self, session: Session) -> str | None:
        """The revision, which no migration can change until the session ends; None before the first migration."""
        try:
            return session.scalar(schema.REVISION)
        except DBAPIError as error:
            if not self.dialect.lacks_table(error.orig):
                raise
            return None

    def _require_known(self, revision: str | None) -> None:
        """Raise `StateStoreUnavailable` for tables of a newer version, and log it once."""
        try:
            schema.require_known(revision)
        except StateStoreUnavailable as error:
            if revision != self._refused:
                _log.error("The state store at %s is neither read nor written. %s", without_secrets(self.url), error)
            self._refused = revision
            raise
        self._refused = None

    def _write_and_read(self) -> None:
        """Commit a change and read it back. Raises `StateStoreUnavailable`."""
        with self.session() as session:
            # Of checks at the same time, the one that saves last has the latest time, and only the first adds the row.
            self.dialect.lock_checks(session)
            written = self.dialect.now(session)
            session.merge(StoreCheckRecord(id=1, checked_at=written))
        with self.outages(OSError), self.session(read_only=True) as session:
            self.dialect.look_for_damage(session.connection())
            found = session.scalar(select(StoreCheckRecord.checked_at))
        # Another process may have checked in the meantime.
        if found is None or found < written:
            raise StateStoreUnavailable(
                f"The state store at {without_secrets(self.url)} cannot be used.",
                "What was just written to it is not there.",
                "Check the database's own log.",
            )

    def _health(self, detail: str, remedy: str, revision: str | None = None, *, ok: bool = False) -> StoreHealth:
        return StoreHealth(ok, detail, remedy, without_secrets(self.url), revision, self.dialect.name)

    def _revision(self) -> str | None:
        with self.outages(OSError):
            if self._has_no_file():
                return None
            with self._reading.connect() as connection:
                return schema.current_revision(connection)

    def _has_no_file(self) -> bool:
        """Whether the file of a SQLite store does not exist."""
        file = self.dialect.file_of(self.url)
        return file is not None and not file.exists()


class _OfThread(threading.local):
    """What belongs to one thread: the connection of `StateStore.reading` while no session uses it."""

    idle: Connection | None = None
