"""Replacing the predictions in PostgreSQL in one transaction, on a thread that no broken connection can hold."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa
from adbc_driver_manager import Error as BulkDriverError

from loyalty_core.errors import DataError, SettingsError, WarehouseUnavailable
from loyalty_core.postgresql import answers
from loyalty_core.settings import split_table_name
from loyalty_core.warehouse.driver_thread import DriverThread
from loyalty_core.warehouse.failures import readable_errors
from loyalty_core.warehouse.guards import begin_writing, bulk_address, open_bulk_cursor
from loyalty_core.warehouse.predictions.new_table import NewTable
from loyalty_core.warehouse.predictions.relation import MARKS, predictions_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.identity import DataIdentity
    from loyalty_core.warehouse.predictions.storage import Ask

Answer = TypeVar("Answer")


@contextmanager
def write_table(
    warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema
) -> Iterator[Callable[[pa.RecordBatch], None]]:
    """Take batches in one transaction, which ends by giving the new table the name of the old one.

    The table's comment records the identity of the data.

    Raises `ScoringInProgress`, `SettingsError` when the name is taken by something else, and `DataError` when a
    view depends on the old table.
    """
    with _begun(warehouse, identity, schema) as (run, table):
        yield lambda batch: run(lambda: table.append(batch))


@contextmanager
def fill_table(warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema, statement: sa.Select) -> Iterator[Ask]:
    """The same with the rows of a statement; the block is given a function that asks about the new rows."""
    with _begun(warehouse, identity, schema) as (run, table):
        run(lambda: table.insert(schema.names, statement))
        yield lambda question: run(lambda: table.ask(schema.names, question))


@contextmanager
def _begun(
    warehouse: Warehouse, identity: DataIdentity, schema: pa.Schema
) -> Iterator[tuple[Callable[[Callable[[], Any]], Any], NewTable]]:
    """A new table, with what runs its steps; it takes the old one's name at the end of the block."""
    _refuse_other_content(warehouse)
    with _readable_errors(warehouse), warehouse.reading() as reader:
        address = bulk_address(reader)
    with DriverThread() as driver:

        def run(step: Callable[[], Answer]) -> Answer:
            """No step has a limit of time, as long as the server answers others."""
            silence = warehouse.settings.dwh_connect_timeout_seconds
            with _readable_errors(warehouse):
                return driver.call(step, seconds=silence, may_wait_on=partial(answers, address, silence))

        table = run(lambda: _begin(driver, address, warehouse, identity))
        run(lambda: table.create(schema))
        yield run, table
        run(lambda: table.finish(warehouse.customer_id.type))
        try:
            run(table.commit)
        except WarehouseUnavailable as error:
            raise WarehouseUnavailable(
                "The warehouse stopped answering while the predictions were being replaced.",
                "They may be those of this run or those of the run before; none are lost.",
                "Look at the time of the last run once it answers again.",
            ) from error


def _begin(driver: DriverThread, address: str, warehouse: Warehouse, identity: DataIdentity) -> NewTable:
    cursor = open_bulk_cursor(driver, address)
    begin_writing(cursor)
    return NewTable(cursor, warehouse, identity)


def _refuse_other_content(warehouse: Warehouse) -> None:
    name = predictions_table(warehouse.settings)
    schema, table = split_table_name(name)

    def names_in(connection: sa.Connection) -> set[str]:
        inspector = sa.inspect(connection)
        taken = inspector.has_table(table, schema)
        return {column["name"] for column in inspector.get_columns(table, schema)} if taken else set(MARKS)

    names = warehouse.ask(names_in)
    if not MARKS.issubset(names):
        raise SettingsError(
            f"The table {name} holds something other than predictions and is left as it is.",
            remedy="Set DWH_PREDICTIONS_TABLE to another name.",
        )


@contextmanager
def _readable_errors(warehouse: Warehouse) -> Iterator[None]:
    try:
        with readable_errors(warehouse.url, warehouse.settings.dwh_statement_timeout_seconds):
            yield
    except Exception as error:
        if isinstance(error.__cause__, BulkDriverError) and (known := _known(error.__cause__, warehouse)):
            raise known from error
        raise


def _known(error: BulkDriverError, warehouse: Warehouse) -> Exception | None:
    name = predictions_table(warehouse.settings)
    unchanged = "The predictions of the run before are unchanged."
    match error.sqlstate:
        case "2BP01":  # dependent_objects_still_exist
            return DataError(
                f"The table {name} cannot be replaced, since something is built on it. {unchanged}",
                str(error).partition("DETAIL:")[2].split("\n")[0].strip(),
                "Drop that view, or let it read a copy.",
            )
        case "55P03":  # lock_not_available
            return DataError(
                f"The table {name} cannot be replaced: a query has been reading it for over a minute. {unchanged}",
                remedy="Score again when that query has ended.",
            )
        case _:
            return None
