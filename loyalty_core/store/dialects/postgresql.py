"""PostgreSQL: a server, shared by the processes of several machines.

Its driver is imported by the functions that use it: with a store in a file, a process that asks no warehouse starts a
fifth sooner.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, JSON, Text, any_, cast, column, event, func, literal, select, text

from loyalty_core.settings import PSYCOPG
from loyalty_core.store.dialects.base import (
    MIGRATION_WAIT_SECONDS,
    STAGED_CUSTOMERS,
    Dialect,
    StagedTable,
    Staging,
    read_json,
    write_json,
)
from loyalty_core.store.errors import BackupFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import psycopg
    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.dialects.postgresql import Insert
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.orm import DeclarativeBase, Session

# Any numbers will do, as long as no other program locks the same ones in the same database.
_MIGRATION_LOCK = 7_310_412_557
_VERSIONED_RECORDS_LOCK = 7_310_412_558
_CHECKS_LOCK = 7_310_412_559
_CLAIMS_LOCK = 7_310_412_560
_ENROLMENT_LOCK = 7_310_412_561
# libpq reads 1 as 2.
_SHORTEST_CONNECT_TIMEOUT = 2


class PostgreSQL(Dialect):
    """A server: writers of different rows work side by side, so what has to be exclusive takes an advisory lock."""

    name = "postgresql"
    drivers = frozenset({PSYCOPG})

    @property
    def driver_error(self) -> type[Exception]:
        from psycopg import Error  # noqa: PLC0415

        return Error

    def check_url(self, url: URL) -> None:
        """Whether the server has that database is known when it is asked."""

    def file_of(self, url: URL) -> None:
        """A server holds the store."""

    def open_engine(self, url: URL, *, timeout_seconds: float, migrating: bool = False) -> Engine:
        from loyalty_core.postgresql import Limits, bounded_engine  # noqa: PLC0415

        del migrating  # tables are altered in place
        # Statements have no limit: a refresh of many members, or a migration, rightly takes long.
        engine = bounded_engine(
            url,
            Limits(answer_seconds=timeout_seconds),
            connect_args=_connect_options(url, timeout_seconds),
            pool_timeout=timeout_seconds,
            json_serializer=write_json,
            json_deserializer=read_json,
        )
        # For each transaction by itself, since a pooler gives each another session.
        lock_timeout = f"SET LOCAL lock_timeout = {int(timeout_seconds * 1000)}"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(lock_timeout))
        return engine

    def is_outage(self, error: BaseException | None) -> bool:
        from psycopg import errors  # noqa: PLC0415

        outages = (errors.OperationalError, errors.InterfaceError)
        unlike_expected = (errors.UndefinedTable, errors.UndefinedColumn, errors.InsufficientPrivilege)
        return isinstance(error, outages + unlike_expected)

    def lacks_table(self, error: BaseException | None) -> bool:
        from psycopg.errors import UndefinedTable  # noqa: PLC0415

        return isinstance(error, UndefinedTable)

    def check_before_commit(self, url: URL, connection: Connection) -> None:
        """A connection stays with its database."""

    def check_after_commit(self, url: URL, connection: Connection) -> None:
        """What the server has acknowledged is saved."""

    def now(self, session: Session) -> datetime:
        """The server's clock, since those of the machines that share it may disagree."""
        return session.scalars(select(func.clock_timestamp())).one().astimezone(UTC)

    def lock_versioned_records(self, session: Session) -> None:
        session.execute(select(func.pg_advisory_xact_lock(_VERSIONED_RECORDS_LOCK)))

    def lock_enrolment(self, session: Session) -> None:
        session.execute(select(func.pg_advisory_xact_lock(_ENROLMENT_LOCK)))

    def lock_checks(self, session: Session) -> None:
        session.execute(select(func.pg_advisory_xact_lock(_CHECKS_LOCK)))

    def lock_claims(self, session: Session) -> None:
        session.execute(select(func.pg_advisory_xact_lock(_CLAIMS_LOCK)))

    def insert_new(self, table: type[DeclarativeBase]) -> Insert:
        from sqlalchemy.dialects.postgresql import insert  # noqa: PLC0415

        return insert(table).on_conflict_do_nothing()

    def gathered(self, column: ColumnElement[str]) -> ColumnElement[Any]:
        return func.json_agg(column, type_=JSON)

    def is_one_of(self, column: ColumnElement[str], texts: Collection[str]) -> ColumnElement[bool]:
        return column == any_(literal(list(texts), ARRAY(Text)))

    def given(self, columns: Sequence[ColumnElement[Any]], rows: Sequence[Sequence[Any]]) -> Select[Any]:
        all_rows = cast(write_json(rows), Text).cast(JSON)
        row = func.json_array_elements(all_rows).table_valued(column("value", JSON), name="given").c.value
        values = (row[place].as_string() for place in range(len(columns)))
        return select(*(cast(value, one.type).label(one.key) for value, one in zip(values, columns, strict=True)))

    def prepare_migration(self, url: URL, engine: Engine) -> None:
        """Everything happens in the transaction."""

    def back_up_before_migration(self, url: URL, revision: str) -> None:
        """A server is backed up by its own tools, and a migration is undone as a whole where it fails."""

    def back_up(self, url: URL, target: Path | None = None) -> Path:
        command = f"pg_dump --format=custom --file={target or 'state.dump'} {_for_tools(url)}"
        raise BackupFailed("PostgreSQL's own tools back up a state store there.", remedy=f"Run {command}")

    def restore(self, url: URL, backup: Path, require_known: Callable[[str | None], None]) -> Path | None:
        del require_known
        options = "--clean --if-exists --single-transaction --no-owner"
        command = f"pg_restore {options} --dbname={_for_tools(url)} {backup}"
        raise BackupFailed("PostgreSQL's own tools restore a state store there.", remedy=f"Run {command}")

    def look_for_damage(self, connection: Connection, *, thoroughly: bool = False) -> None:
        """A server checks its own files (data checksums, amcheck)."""

    def lock_migration(self, connection: Connection) -> None:
        wait = f"{MIGRATION_WAIT_SECONDS:.0f}s"
        connection.execute(select(func.set_config("lock_timeout", wait, True)))
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        # Every session has read the revision, so this waits until those under way have ended.
        if connection.scalar(select(func.to_regclass("alembic_version"))) is not None:
            connection.execute(text("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE"))

    def check_migration(self, connection: Connection) -> None:
        """The server has checked every reference by itself."""

    def staging(self, connection: Connection, table: StagedTable = STAGED_CUSTOMERS) -> Staging:
        driver: Any = connection.connection.dbapi_connection
        return _Staging(driver, table)


class _Staging(Staging):
    def __init__(self, driver: psycopg.Connection[Any], table: StagedTable) -> None:
        super().__init__(table)
        self._driver = driver

    def open(self) -> None:
        with self._driver.transaction():
            self._driver.execute(self.table.arrived)

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        # A transaction for each batch: one that lasted as long as the stream would keep VACUUM from its work.
        copying = f"COPY arrived_{self.table.name} ({', '.join(self.table.names)}) FROM STDIN"
        with self._driver.transaction(), self._driver.cursor() as cursor, cursor.copy(copying) as copy:
            for row in zip(*(columns[name] for name in self.table.names), strict=True):
                copy.write_row(row)

    def close(self) -> int:
        with self._driver.transaction():
            self._driver.execute(self.table.staged("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"))
            number = self._driver.execute(self.table.sort()).rowcount
            self._driver.execute(f"DROP TABLE arrived_{self.table.name}")
            # The planner has no other way to know how many there are.
            self._driver.execute(f"ANALYZE {self.table.name}")
        return number


def _for_tools(url: URL) -> str:
    """The URL as PostgreSQL's own tools take it; they ask for the password."""
    return url._replace(drivername="postgresql", password=None).render_as_string()


def _connect_options(url: URL, timeout_seconds: float) -> dict[str, Any]:
    options = {
        "connect_timeout": max(_SHORTEST_CONNECT_TIMEOUT, int(timeout_seconds)),
        # Notices a host that vanished while a statement or its answer was under way.
        "tcp_user_timeout": int(timeout_seconds * 1000),
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "application_name": "loyalty-workbench",
    }
    return {name: value for name, value in options.items() if name not in url.query}
