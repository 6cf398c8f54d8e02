"""What a database has to offer to hold the state store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, LiteralString

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.orm import DeclarativeBase, Session

# Another process may be migrating: wait for it rather than give up after the usual few seconds.
MIGRATION_WAIT_SECONDS = 60.0


class Staging(ABC):
    """Fills the temporary table `staged_customers` by the driver's fastest way, without a lock on anything else.

    Every method raises an error of the driver where the database cannot be used.
    """

    # Ids come in any order and some twice: sorting them once is much faster than keeping a table sorted throughout.
    arrived: ClassVar[LiteralString] = "CREATE TEMPORARY TABLE arrived_customers (customer_id TEXT NOT NULL)"
    staged: ClassVar[LiteralString] = "CREATE TEMPORARY TABLE staged_customers (customer_id TEXT PRIMARY KEY)"
    sort: ClassVar[LiteralString] = (
        "INSERT INTO staged_customers SELECT DISTINCT customer_id FROM arrived_customers ORDER BY 1"
    )

    @abstractmethod
    def open(self) -> None:
        """Create the table that batches are added to."""

    @abstractmethod
    def add(self, customer_ids: Sequence[str]) -> None:
        """Add a batch of ids."""

    @abstractmethod
    def close(self) -> int:
        """Create `staged_customers` with every id that was added, each once, and return their number."""


class Dialect(ABC):
    """One database that can hold the state store; there is one object of each."""

    # SQLAlchemy's name of the database.
    name: ClassVar[str]
    # The drivers that this app works with, as a URL names them.
    drivers: ClassVar[frozenset[str]]
    # What every error of the driver is an instance of.
    driver_error: ClassVar[type[Exception]]

    @abstractmethod
    def check_url(self, url: URL) -> None:
        """Raise `SettingsError` where the store cannot live at `url`."""

    @abstractmethod
    def file_of(self, url: URL) -> Path | None:
        """The file on this machine that holds the store; None for a server."""

    @abstractmethod
    def open_engine(self, url: URL, *, timeout_seconds: float, migrating: bool = False) -> Engine:
        """An engine that connects, or waits for a lock, for about `timeout_seconds`; nothing is opened yet.

        Transactions of an engine with the execution option `postgresql_readonly` can only read. An engine for
        migrating leaves references unchecked while tables are rebuilt.
        """

    @abstractmethod
    def is_outage(self, error: BaseException | None) -> bool:
        """Whether an error of the driver is the database's own fault, unlike a broken constraint or a bad value."""

    @abstractmethod
    def lacks_table(self, error: BaseException | None) -> bool:
        """Whether an error of the driver says that a table does not exist."""

    @abstractmethod
    def check_before_commit(self, url: URL, connection: Connection) -> None:
        """Raise `StateStoreUnavailable` where the connection's database is no longer the one that `url` names."""

    @abstractmethod
    def check_after_commit(self, url: URL, connection: Connection) -> None:
        """Raise `StateStoreUnavailable` where what was committed is not in the database that `url` names now."""

    @abstractmethod
    def now(self, session: Session) -> datetime:
        """The time in UTC by the clock that every process of the store shares."""

    @abstractmethod
    def lock_versioned_records(self, session: Session) -> None:
        """Let no other session edit versioned records until this one ends."""

    @abstractmethod
    def lock_checks(self, session: Session) -> None:
        """Let no other session check the store until this one ends."""

    @abstractmethod
    def lock_claims(self, session: Session) -> None:
        """Let no other session claim events until this one ends."""

    @abstractmethod
    def insert_new(self, table: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
        """An INSERT that leaves out rows whose unique values another row has."""

    @abstractmethod
    def prepare_migration(self, url: URL, engine: Engine) -> None:
        """What has to be done before the transaction of a migration begins."""

    @abstractmethod
    def back_up_before_migration(self, url: URL, revision: str) -> None:
        """Save a copy of the store as it is, at `revision`, before a migration; nothing where the server has backups.

        Raises `BackupFailed`.
        """

    @abstractmethod
    def back_up(self, url: URL, target: Path | None = None) -> Path:
        """Copy the store to the new file `target`, or one in the folder `backups` beside the store; its path.

        Raises `BackupFailed`, also where only the server's own tools can do that, and then names the command.
        """

    @abstractmethod
    def restore(self, url: URL, backup: Path, require_known: Callable[[str | None], None]) -> Path | None:
        """Make the store what `backup` holds, and return where a copy of what it held before is; None without one.

        `require_known` is given the revision of the backup and may raise. Raises `BackupFailed` as `back_up` does.
        """

    @abstractmethod
    def look_for_damage(self, connection: Connection, *, thoroughly: bool = False) -> None:
        """Raise `StateStoreUnavailable` where the database is damaged.

        Unless `thoroughly`, a large file is not read, since health checks have to be quick.
        """

    @abstractmethod
    def lock_migration(self, connection: Connection) -> None:
        """Let no other process migrate until the transaction ends."""

    @abstractmethod
    def check_migration(self, connection: Connection) -> None:
        """Raise `StateStoreUnavailable` where a migration, not yet committed, would leave the data broken."""

    @abstractmethod
    def staging(self, connection: Connection) -> Staging:
        """A way to fill `staged_customers` on that connection, which has no transaction open."""
