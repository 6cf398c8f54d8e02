"""Where a database's predictions are stored: written all or nothing, read as a relation, earlier runs beside them.

Until the last row of a run is safe, everybody reads those of the run before. One run at a time may write. A run that
is killed leaves nothing that is ever read, and no lock behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from loyalty_core.warehouse.predictions.parquet_file import write_file
from loyalty_core.warehouse.predictions.relation import (
    NAME,
    predictions_file,
    read_from_file,
    read_version,
    versions_of,
)
from loyalty_core.warehouse.predictions.run_history import Retention

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    import sqlalchemy as sa

    from loyalty_core.warehouse.connection import Warehouse

Write = Callable[[pa.RecordBatch], None]


@dataclass(frozen=True)
class Destination:
    """Where a run's predictions go.

    `open(schema)` gives a function that takes record batches of that schema; leaving the block without an error
    makes them the current predictions. `remark` says why they cannot be read from the warehouse, if so.
    """

    place: str
    open: Callable[[pa.Schema], AbstractContextManager[Write]]
    remark: str = ""


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
        """The version to which the link points now."""
        return read_from_file(_path(warehouse), warehouse.customer_id)

    def earlier(self, warehouse: Warehouse) -> Iterator[sa.FromClause]:
        """Every finished version but the current one."""
        current = _path(warehouse).absolute()
        for version in versions_of(current):
            if version.resolve() != current.resolve():
                relation = read_version(version, warehouse.customer_id, f"earlier_{NAME}")
                if relation is not None:
                    yield relation

    def destination(self, warehouse: Warehouse) -> Destination:
        """A new version of the file."""
        return file_destination(warehouse)


def file_destination(warehouse: Warehouse, remark: str = "") -> Destination:
    """The Parquet file beside the warehouse, or wherever the settings say."""
    path = _path(warehouse)
    return Destination(str(path), partial(write_file, path, Retention.from_settings(warehouse.settings)), remark)


def _path(warehouse: Warehouse) -> Path:
    return predictions_file(warehouse.settings, warehouse.dialect.file_of(warehouse.url))
