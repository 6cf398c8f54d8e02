"""What a database has to offer to hold the state store."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.dialects import postgresql, sqlite
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.orm import DeclarativeBase, Session

# Another process may be migrating: wait for it rather than give up after the usual few seconds.
MIGRATION_WAIT_SECONDS = 60.0
# The execution option of an unshared connection whose next transaction changes nothing but temporary tables.
READS_ONLY = "reads_only"
# As in the standard library, keys may be numbers, and values that JSON cannot represent are refused.
_JSON_OPTIONS = orjson.OPT_NON_STR_KEYS | orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


@dataclass(frozen=True, slots=True)
class WrittenJson:
    """A value that is written as JSON already; it may be part of others, and is copied into each of them."""

    text: str

    @classmethod
    def of(cls, value: Any) -> WrittenJson:
        """The value as `write_json` writes it, so that its objects need not stay until rows are inserted."""
        return cls(write_json(value))


def write_json(value: Any) -> str:
    """The value as JSON, by orjson where that is possible; NaN becomes null."""
    if type(value) is WrittenJson:
        return value.text
    try:
        return orjson.dumps(value, _copied, _JSON_OPTIONS).decode()
    except TypeError:  # integers of more than 64 bits, and text that is not valid Unicode
        return json.dumps(value, default=_read_again)


def read_json(text: str) -> Any:
    """What `write_json` has written, and whatever the standard library has."""
    try:
        return orjson.loads(text)
    except ValueError:  # integers of more than 64 bits, and text that is not valid Unicode
        return json.loads(text)


def _copied(value: Any) -> orjson.Fragment:
    """What orjson writes in place of a value that it does not know."""
    if isinstance(value, WrittenJson):
        return orjson.Fragment(value.text)
    raise TypeError


def _read_again(value: Any) -> Any:
    """What the standard library writes in place of a value that it does not know."""
    if isinstance(value, WrittenJson):
        return read_json(value.text)
    raise TypeError(f"{type(value).__name__} is not JSON")


@dataclass(frozen=True)
class StagedTable:
    """A temporary table of customers: `name`, the SQL types of the columns beside `customer_id`, and the order of rows.

    Where the table is `numbered`, its rows have a `place` from 1 in that order, otherwise `customer_id` is the key. Of
    rows with the same id one is staged, with the least value of the first column.
    """

    name: LiteralString
    columns: tuple[tuple[LiteralString, LiteralString], ...] = ()
    order: LiteralString = "customer_id"
    numbered: bool = False

    @property
    def arrived(self) -> LiteralString:
        """Creates the table that rows are added to.

        Ids come in any order and some twice: sorting them once is faster than keeping a table sorted throughout.
        """
        return f"CREATE TEMPORARY TABLE arrived_{self.name} (customer_id TEXT NOT NULL{self._typed})"

    @property
    def names(self) -> tuple[LiteralString, ...]:
        """The names of all columns that are added."""
        return ("customer_id", *(name for name, _ in self.columns))

    def sort(self, *, whole_rows: bool = False) -> LiteralString:
        """Fills the table with what has arrived.

        With `whole_rows`, columns beside the first come from the row with its least value, as SQLite alone has it:
        that is twice as fast as the least of each.
        """
        names: list[LiteralString] = [name for name, _ in self.columns]
        chosen: LiteralString = "".join(f", min({name})" for name in (names[:1] if whole_rows else names))
        if whole_rows:
            chosen = chosen + "".join(f", {name}" for name in names[1:])
        order = self.order if whole_rows else ", ".join(f"min({name})" for name in self.order.split(", "))
        return (  # the names are from this code
            f"INSERT INTO {self.name} ({', '.join(self.names)}) SELECT customer_id{chosen} "  # noqa: S608
            f"FROM arrived_{self.name} GROUP BY customer_id ORDER BY {order}"
        )

    def staged(self, numbered_key: LiteralString, ending: LiteralString = "") -> LiteralString:
        """Creates the table; `numbered_key` is the column type of a key that numbers rows, `ending` follows others."""
        if self.numbered:
            return f"CREATE TEMPORARY TABLE {self.name} (place {numbered_key}, customer_id TEXT NOT NULL{self._typed})"
        return f"CREATE TEMPORARY TABLE {self.name} (customer_id TEXT PRIMARY KEY{self._typed}) {ending}"

    @property
    def _typed(self) -> LiteralString:
        return "".join(f", {name} {kind}" for name, kind in self.columns)


STAGED_CUSTOMERS = StagedTable("staged_customers")


class Staging(ABC):
    """Fills a temporary table of customers by the driver's fastest way, without a lock on anything else.

    Every method raises an error of the driver where the database cannot be used.
    """

    def __init__(self, table: StagedTable) -> None:
        self.table = table

    @abstractmethod
    def open(self) -> None:
        """Create the table that batches are added to."""

    @abstractmethod
    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add a batch of rows, as the columns of the table's `names`, all of the same length."""

    @abstractmethod
    def close(self) -> int:
        """Create the staged table with every customer who was added, each once, and return their number."""


class Dialect(ABC):
    """One database that can hold the state store; there is one object of each."""

    # SQLAlchemy's name of the database.
    name: ClassVar[str]
    # The drivers that this app works with, as a URL names them.
    drivers: ClassVar[frozenset[str]]

    @property
    @abstractmethod
    def driver_error(self) -> type[Exception]:
        """What every error of the driver is an instance of."""

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
    def lock_enrolment(self, session: Session) -> None:
        """Let no other session decide which customers enter campaigns until this one ends."""

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
    def gathered(self, column: ColumnElement[str]) -> ColumnElement[Any]:
        """The texts of a group as one list, which is read much faster than a row for each."""

    @abstractmethod
    def is_one_of(self, column: ColumnElement[str], texts: Collection[str]) -> ColumnElement[bool]:
        """Whether the column has one of many texts, which are one bound value."""

    @abstractmethod
    def given(self, columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[Any]]) -> Select[Any]:
        """Rows of the caller's as a relation with the names and types of `columns`; values are numbers, texts or None.

        They are one bound value, so that the statement is compiled once, however many rows there are.
        """

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
    def staging(self, connection: Connection, table: StagedTable = STAGED_CUSTOMERS) -> Staging:
        """A way to fill that table on that connection, which has no transaction open."""
