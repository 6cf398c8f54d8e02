"""Statements on the warehouse: within the time limit, read as rows or as Arrow, repeated where it interrupts them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from loyalty_core.cancellation import current_cancellation, is_cancelled
from loyalty_core.errors import LoyaltyError
from loyalty_core.memory_only import about_to_wait
from loyalty_core.settings import Settings
from loyalty_core.telemetry import warehouse_query
from loyalty_core.warehouse.arrow import stream_batches
from loyalty_core.warehouse.dialects import Dialect
from loyalty_core.warehouse.failures import Result, place, repeated_once
from loyalty_core.warehouse.guards import Guards
from loyalty_core.warehouse.time_limit import Interrupt, time_limit

Row = dict[str, Any]


@dataclass(frozen=True)
class WarehouseHealth:
    """`ok` with facts, or not `ok` with the error that says what to do."""

    ok: bool
    place: str
    dialect: str
    server: str = ""
    seconds: float = 0.0
    guards: Guards = field(default_factory=Guards)
    error: LoyaltyError | None = None


class Statements(ABC):
    """Part of `Warehouse`: runs statements on its connections."""

    settings: Settings
    url: sa.URL
    dialect: Dialect

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A connection from the pool; database errors in the block are raised as errors with a remedy."""

    def ask(self, question: Callable[[sa.Connection], Result]) -> Result:
        """What `question` returns, within the time limit; it is repeated once if the database interrupts it.

        Raises `Cancelled`, or what the caller's `Cancellation` raises, when the result is no longer wanted.
        """
        about_to_wait()
        limit = self.settings.dwh_statement_timeout_seconds

        def read() -> Result:
            with self.reading() as connection, time_limit(limit, self._interrupt_of(connection)):
                return question(connection)

        with warehouse_query(is_cancelled):
            return repeated_once(read)

    def _interrupt_of(self, connection: sa.Connection) -> Interrupt | None:
        is_cancellable = current_cancellation() is not None
        return self.dialect.cancel(connection) if is_cancellable else self.dialect.interrupt(connection)

    def rows(self, statement: sa.Executable, values: Mapping[str, Any] | None = None) -> list[Row]:
        """Run a statement within the time limit and return its rows as dicts.

        Columns that are selected as they are come as `Dialect.readable` defines; NaN comes as None.
        """
        if isinstance(statement, sa.Select):
            statement = self._readable(statement, sa.Column)

        def read(connection: sa.Connection) -> list[Row]:
            result = connection.execute(statement, values or {})
            names = [str(name) for name in result.keys()]  # noqa: SIM118 - a result is no mapping
            return [dict(zip(names, map(_blank_nan, row), strict=True)) for row in result]

        return self.ask(read)

    def fetch_arrow(self, select: sa.Select) -> pa.Table:
        """The whole result as one Arrow table; for aggregates and for results known to be small enough."""
        return pa.Table.from_batches(self.stream_arrow(select, batch_rows=131_072))

    def stream_arrow(
        self, select: sa.Select, batch_rows: int = 65_536, *, exact: bool = False
    ) -> Generator[pa.RecordBatch]:
        """The result as record batches of at most `batch_rows` rows; memory stays flat whatever the size.

        With `exact`, numbers of which a float64 would lose digits arrive as text (`arrow.DIGITS`). The time limit
        holds for each wait on the warehouse, not for the whole stream.
        """

        def begin() -> tuple[Generator[pa.RecordBatch], pa.RecordBatch]:
            batches = self._stream(select, batch_rows, exact=exact)
            return batches, next(batches)

        about_to_wait()
        with warehouse_query(is_cancelled):
            batches, first = repeated_once(begin)
        with closing(batches):
            yield first
            yield from batches

    def _stream(self, select: sa.Select, batch_rows: int, *, exact: bool) -> Generator[pa.RecordBatch]:
        limit = self.settings.dwh_statement_timeout_seconds
        readable = self._readable(select, sa.ColumnElement)
        with self.reading() as connection:
            yield from stream_batches(self.dialect.batches, connection, readable, batch_rows, limit, exact=exact)

    def _readable(self, select: sa.Select, kind: type[sa.ColumnElement[Any]]) -> sa.Select:
        """The statement with its columns of that kind as they are read."""
        selected = list(select.selected_columns)
        columns = [self.dialect.readable(column) if isinstance(column, kind) else column for column in selected]
        if all(column is original for column, original in zip(columns, selected, strict=True)):
            return select
        named = (column.label(original.name) for column, original in zip(columns, selected, strict=True))
        return select.with_only_columns(*named, maintain_column_froms=True)

    def health(self) -> WarehouseHealth:
        """Whether the warehouse answers, what it is and how long it took; never raises."""
        started = time.perf_counter()
        where, dialect = place(self.url), self.dialect

        def read(connection: sa.Connection) -> WarehouseHealth:
            server = str(connection.execute(sa.select(dialect.version())).scalar_one())
            seconds = time.perf_counter() - started
            return WarehouseHealth(True, where, dialect.name, server, seconds, dialect.guards(connection))

        try:
            return self.ask(read)
        except LoyaltyError as error:
            return WarehouseHealth(False, where, dialect.name, error=error)


def _blank_nan(value: Any) -> Any:
    return None if isinstance(value, float | Decimal) and value != value else value
