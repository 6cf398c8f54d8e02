"""Statements on a connection to Spark, one after another, each read as Arrow or row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from loyalty_core.warehouse.spark.columns import DeclaredColumn
    from loyalty_core.warehouse.spark.connection import Connection

_ROWS_PER_FETCH = 50_000


class Cursor:
    """One statement after another, each read as Arrow or row by row."""

    arraysize = 1_000

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._operation: Any = None
        self._columns: list[DeclaredColumn] = []
        self._rows: Iterator[tuple[Any, ...]] = iter(())

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        return [column.described for column in self._columns] or None

    @property
    def rowcount(self) -> int:
        return -1

    def execute(self, operation: str) -> None:
        """Run a statement, which has its values written out: the server takes no parameters."""
        self._end()
        self._operation = self.connection.start(operation)
        try:
            self.connection.wait(self._operation)
            self._columns = self.connection.columns_of(self._operation)
        except BaseException:
            self._end()
            raise
        if not self._columns:
            self._end()
            return
        self._rows = self._all_rows()

    def batches(self, rows: int = _ROWS_PER_FETCH) -> Generator[pa.RecordBatch]:
        """What is left of the result as record batches of at most `rows` rows; none of an empty result."""
        while self._operation is not None:
            batch = self.connection.fetch(self._operation, self._columns, rows)
            if not batch.num_rows:
                self._end()
                return
            yield batch

    @property
    def schema(self) -> pa.Schema:
        """The columns as they are in `batches`."""
        return pa.schema([column.field for column in self._columns])

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        return [row for _, row in zip(range(size or self.arraysize), self._rows, strict=False)]

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)

    def close(self) -> None:
        self._end()

    def setinputsizes(self, sizes: object) -> None:
        """Values are part of the statement."""

    def setoutputsize(self, size: object, column: object = None) -> None:
        """Results have the size that they have."""

    def _all_rows(self) -> Iterator[tuple[Any, ...]]:
        for batch in self.batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _end(self) -> None:
        operation, self._operation = self._operation, None
        if operation is not None:
            self.connection.end(operation)
