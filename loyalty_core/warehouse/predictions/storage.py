"""Where a database's predictions are stored: written all or nothing, read as a relation, with earlier runs beside.

Until a run is complete, everyone reads the predictions of the run before. Only one run at a time may write. A run that
is killed leaves nothing behind that is ever read, and no lock.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from loyalty_core.settings import predictions_file
from loyalty_core.warehouse.predictions.parquet_file import write_file
from loyalty_core.warehouse.predictions.relation import (
    NAME,
    data_of,
    read_version,
    schema_of,
    versions_of,
)
from loyalty_core.warehouse.predictions.run_history import RunHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

    from loyalty_core.warehouse.connection import Warehouse

Write = Callable[[pa.RecordBatch], None]
# Puts a question to the predictions that a statement has made: it is given their relation.
Ask = Callable[[Callable[["sa.FromClause"], "sa.Select"]], "Sequence[Sequence[Any]]"]


@dataclass(frozen=True)
class Destination:
    """Where a run's predictions go.

    `open(schema)` gives a function that takes record batches of that schema; leaving the block without an error
    makes them the current predictions. `remark` says why they cannot be read from the warehouse, if so.

    `fill(schema, statement)` is the same with the rows of a statement, which never leave the warehouse; None where
    there is no table to fill. The block begins once it has run, and is given a function that asks about its rows.
    """

    place: str
    open: Callable[[pa.Schema], AbstractContextManager[Write]]
    remark: str = ""
    fill: Callable[[pa.Schema, sa.Select], AbstractContextManager[Ask]] | None = None


class PredictionStorage:
    """A Parquet file on this machine, which the database cannot read."""

    # How long a relation that was read may be used before it is looked up again.
    cached_seconds = 0.0

    def read(self, warehouse: Warehouse) -> sa.FromClause | None:
        """The predictions of the last run, to be joined with the features view; None before the first."""
        del warehouse
        return None

    def earlier(self, warehouse: Warehouse) -> Iterator[sa.FromClause]:
        """The predictions of every stored run before the last, newest first."""
        del warehouse
        return iter(())

    def destination(self, warehouse: Warehouse) -> Destination:
        """Where the next run writes.

        Opening it raises `ScoringInProgress` while another run writes, and `SettingsError` when the place holds
        something else.
        """
        return file_destination(warehouse, f"The screens cannot read predictions beside {warehouse.dialect.title}.")


class ReadableFile(PredictionStorage):
    """A Parquet file beside an embedded database, which reads it as a relation."""

    def read(self, warehouse: Warehouse) -> sa.FromClause | None:
        """The version to which the link points now, or the newest that was made on this warehouse's data."""
        current = _current(warehouse)
        return None if current is None else read_version(current, warehouse.customer_id, NAME)

    def earlier(self, warehouse: Warehouse) -> Iterator[sa.FromClause]:
        """Every finished version but the current one that was made on this warehouse's data."""
        current = _current(warehouse)
        for version in _own_versions(warehouse):
            if version != current:
                relation = read_version(version, warehouse.customer_id, f"earlier_{NAME}")
                if relation is not None:
                    yield relation

    def destination(self, warehouse: Warehouse) -> Destination:
        """A new version of the file."""
        return file_destination(warehouse)


def file_destination(warehouse: Warehouse, remark: str = "") -> Destination:
    """The Parquet file beside the warehouse, or wherever the settings say."""
    path = _path(warehouse)
    return Destination(
        str(path), partial(write_file, path, RunHistory.from_settings(warehouse.settings), warehouse.identity), remark
    )


def _current(warehouse: Warehouse) -> Path | None:
    """The version to which the link points, or the newest that was made on this warehouse's data if that was not."""
    linked = _path(warehouse).resolve()
    schema = schema_of(linked)
    if schema is None or warehouse.identity.owns(data_of(schema)):
        return linked
    return next(_own_versions(warehouse), None)


def _own_versions(warehouse: Warehouse) -> Iterator[Path]:
    """The versions made on this warehouse's data, newest first."""
    identity = warehouse.identity
    for version in versions_of(_path(warehouse).absolute()):
        schema = schema_of(version)
        if schema is not None and identity.owns(data_of(schema)):
            yield version.resolve()


def _path(warehouse: Warehouse) -> Path:
    return predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url))
