"""Predictions in tables of the warehouse, one for each scoring run, by nothing but standard SQL.

A table is filled under another name and renamed at the end; its final name has the time of the run and the data that it
was made on. The newest of this data is the current one, so that a run replaces the one before in a single step.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import predictions_file, split_table_name
from loyalty_core.warehouse.failures import place, readable_errors
from loyalty_core.warehouse.predictions.parquet_file import only_run
from loyalty_core.warehouse.predictions.relation import CUSTOMER_ID, MARKS, finished, predictions_table, sql_type
from loyalty_core.warehouse.predictions.run_history import RunHistory, stamp, time_of
from loyalty_core.warehouse.predictions.storage import Destination, PredictionStorage, file_destination

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.identity import DataIdentity
    from loyalty_core.warehouse.predictions.storage import Ask

# A finished table stays as it is under its name, which has the time of its run: the newest is reflected once.
_last_read: WeakKeyDictionary[Warehouse, tuple[str, sa.FromClause]] = WeakKeyDictionary()

_UNFINISHED = "unfinished"
# An unfinished table may be that of a run on another machine; one that is older was left by a run that was killed.
_LONGEST_RUN = timedelta(days=2)


@dataclass(frozen=True)
class RunTable:
    """The table of one run: `made_on` is the identity of its data, blank while it is being filled."""

    name: str
    scored_at: datetime
    made_on: str


class RunTables(PredictionStorage):
    """Where the account may create tables beside DWH_PREDICTIONS_TABLE, else a file that the screens cannot read."""

    cached_seconds = 30.0

    def read(self, warehouse: Warehouse) -> sa.FromClause | None:
        """The newest table that was made on this warehouse's data."""
        found = next(self._own(warehouse), None)
        if found is not None:
            _last_read[warehouse] = found
        return None if found is None else found[1]

    def earlier(self, warehouse: Warehouse) -> Iterator[sa.FromClause]:
        """The tables of the runs before that one."""
        return (table for _, table in islice(self._own(warehouse), 1, None))

    def destination(self, warehouse: Warehouse) -> Destination:
        """A new table, if the account may create one."""
        name = predictions_table(warehouse.settings)
        try:
            self._try_to_create(warehouse)
        except LoyaltyError as error:
            why = f"The account cannot create tables beside {name} ({error}). The screens cannot read the file."
            return file_destination(warehouse, why)
        return Destination(
            f"{name} in {place(warehouse.url)}",
            partial(self._write, warehouse, warehouse.identity),
            fill=partial(self._fill, warehouse, warehouse.identity),
        )

    def connect(self, warehouse: Warehouse) -> AbstractContextManager[sa.Connection]:
        """A connection that may write."""
        return warehouse.engine.connect()

    def append(self, connection: sa.Connection, table: sa.Table, batch: pa.RecordBatch) -> None:
        """Insert the rows of a batch."""
        connection.execute(sa.insert(table), batch.to_pylist())

    def rename(self, old: str, new: str) -> str:
        """The statement that gives a table, by its quoted name, another one."""
        return f"ALTER TABLE {old} RENAME TO {new}"

    def refuse_other_content(self, connection: sa.Connection, warehouse: Warehouse) -> None:
        """Raise `SettingsError` where `publish` would replace something that is no view of predictions."""

    def publish(self, connection: sa.Connection, warehouse: Warehouse, table: sa.Table) -> None:
        """Give the predictions of the last run their plain name for others, where the database can."""

    def options(self) -> dict[str, Any]:
        """Arguments of `sa.Table` for a new table."""
        return {}

    def _own(self, warehouse: Warehouse) -> Iterator[tuple[str, sa.FromClause]]:
        """The finished tables of this data with their names, newest first, each reflected when it is asked for."""
        schema, _ = split_table_name(predictions_table(warehouse.settings))
        key = _key(warehouse.identity)
        for found in self._tables(warehouse):
            if found.made_on == key:
                name = ".".join(f'"{part}"' for part in (*([schema] if schema else []), found.name))
                known = _last_read.get(warehouse)
                if known is None or known[0] != name:
                    known = name, warehouse.table(name)
                if MARKS.issubset(known[1].columns.keys()):
                    yield name, finished(known[1])

    def _tables(self, warehouse: Warehouse) -> list[RunTable]:
        """Every table of a run, newest first."""
        schema, table = split_table_name(predictions_table(warehouse.settings))
        names = warehouse.ask(lambda connection: sa.inspect(connection).get_table_names(schema))
        found = [one for name in names if (one := _read_name(table, name))]
        return sorted(found, key=lambda one: one.scored_at, reverse=True)

    def _try_to_create(self, warehouse: Warehouse) -> None:
        probe = self._new_table(warehouse, pa.schema([(CUSTOMER_ID, pa.string())]))
        with self._writing(warehouse) as connection:
            probe.create(connection)
            probe.drop(connection)
            connection.commit()

    @contextmanager
    def _write(
        self, warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema
    ) -> Iterator[Callable[[pa.RecordBatch], None]]:
        with self._begun(warehouse, identity, schema) as (connection, table):

            def write(batch: pa.RecordBatch) -> None:
                with readable_errors(warehouse.url, warehouse.settings.dwh_statement_timeout_seconds):
                    self.append(connection, table, batch)
                    connection.commit()

            yield write

    @contextmanager
    def _fill(
        self, warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema, statement: sa.Select
    ) -> Iterator[Ask]:
        with self._begun(warehouse, identity, schema) as (connection, table):
            connection.execute(sa.insert(table).from_select(schema.names, statement))
            connection.commit()
            yield lambda question: connection.execute(question(table)).all()

    @contextmanager
    def _begun(
        self, warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema
    ) -> Iterator[tuple[sa.Connection, sa.Table]]:
        """A new table, which is finished at the end of the block and dropped after an error in it."""
        path = predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url))
        with only_run(path.absolute()):
            self._drop_outside_history(warehouse, identity)
            table = self._new_table(warehouse, schema)
            with self._writing(warehouse) as connection:
                self.refuse_other_content(connection, warehouse)
                table.create(connection)
                connection.commit()
            try:
                with self._writing(warehouse) as connection:
                    yield connection, table
                    self._finish(connection, warehouse, identity, table)
            except BaseException:
                with suppress(LoyaltyError), self._writing(warehouse) as connection:
                    table.drop(connection, checkfirst=True)
                    connection.commit()
                raise
            self._drop_outside_history(warehouse, identity)

    def _finish(self, connection: sa.Connection, warehouse: Warehouse, identity: DataIdentity, table: sa.Table) -> None:
        _, name = split_table_name(predictions_table(warehouse.settings))
        final = f"{name}_{stamp(datetime.now(UTC)).lower()}_{_key(identity)}"
        finished = sa.table(final, schema=table.schema)
        quote = connection.dialect.identifier_preparer.format_table
        rename = self.rename(quote(table), quote(finished))  # pyright: ignore[reportArgumentType]
        connection.exec_driver_sql(rename.replace("%", "%%"))
        connection.commit()
        self.publish(connection, warehouse, sa.Table(final, sa.MetaData(), schema=table.schema))
        connection.commit()

    def _new_table(self, warehouse: Warehouse, schema: pa.Schema) -> sa.Table:
        place, name = split_table_name(predictions_table(warehouse.settings))
        filled = f"{name}_{stamp(datetime.now(UTC)).lower()}_{_UNFINISHED}_{uuid4().hex[:12]}"
        columns = [sa.Column(field.name, sql_type(field.type)) for field in schema]
        return sa.Table(filled, sa.MetaData(), *columns, schema=place, **self.options())

    @contextmanager
    def _writing(self, warehouse: Warehouse) -> Iterator[sa.Connection]:
        """A connection for statements that take as long as they take."""
        with (
            readable_errors(warehouse.url, warehouse.settings.dwh_statement_timeout_seconds),
            self.connect(warehouse) as connection,
        ):
            yield connection

    def _drop_outside_history(self, warehouse: Warehouse, identity: DataIdentity) -> None:
        """Drop tables outside the history, and those that killed runs left; runs of other data count apart."""
        every = self._tables(warehouse)
        history, key = RunHistory.from_settings(warehouse.settings), _key(identity)
        finished = [one for one in every if one.made_on]
        own = {one: one.scored_at for one in finished if one.made_on == key}
        other = {one: one.scored_at for one in finished if one.made_on != key}
        oldest = datetime.now(UTC) - _LONGEST_RUN
        left = [one for one in every if not one.made_on and one.scored_at < oldest]
        schema, _ = split_table_name(predictions_table(warehouse.settings))
        with self._writing(warehouse) as connection:
            for one in (*history.outside(own), *history.outside(other), *left):
                sa.Table(one.name, sa.MetaData(), schema=schema).drop(connection)
                connection.commit()


def _read_name(table: str, name: str) -> RunTable | None:
    """What the name of a table says of the run that wrote it; None for any other table."""
    base, _, rest = name.lower().rpartition(f"{table.lower()}_")
    time, _, end = rest.partition("_")
    scored_at = time_of(time)
    if base or scored_at is None or not end:
        return None
    return RunTable(name, scored_at, "" if end.startswith(_UNFINISHED) else end)


def _key(identity: DataIdentity) -> str:
    """The identity as part of a name; mock predictions have a table of their own."""
    return identity.warehouse
