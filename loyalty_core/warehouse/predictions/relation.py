"""The predictions of the last scoring run, as a relation that joins with the features view.

PostgreSQL holds them in a table. An embedded database is open for reading only, so they are a Parquet file beside
it: a symbolic link to the newest version. A query names the version, never the link, since DuckDB opens a file
several times during one query and fails when it finds another one there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from glob import escape
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary, WeakSet

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from loyalty_core.errors import LoyaltyError
from loyalty_core.settings import MOCK_ENDING, PREDICTIONS, Settings, split_table_name
from loyalty_core.warehouse.reflection import find_table

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from loyalty_core.warehouse.connection import Warehouse
    from loyalty_core.warehouse.identity import DataIdentity

NAME = PREDICTIONS
CUSTOMER_ID = "customer_id"
DATA_STATE = "data_state"
# The key in a Parquet file's metadata under which the identity of the predictions' data is stored.
DATA_KEY = b"loyalty_data"

# A relation with these columns was written by a scoring run, and may be replaced by the next.
MARKS = frozenset({"churn_probability", "recommended_offer", "rfm_segment", "model_version", "scored_at"})


class ScoringInProgress(LoyaltyError):
    """Another run is writing predictions to the same place."""

    code = "scoring_in_progress"

    def __init__(self, place: str) -> None:
        super().__init__(f"Another scoring run is writing {place}.", remedy="Wait until it has ended.")


# Customers are assigned to the arms of an A/B test at random, at least 1 % to each: the chance that this many rows
# include none of the smaller arm is 1 in 10^9.
_ROWS_OF_EVERY_ARM = 2_048


RelationType = TypeVar("RelationType", bound=sa.FromClause)

_FileState = tuple[int, int, int]
_MAX_VERSIONS = 64
# What a run has written never changes once it is finished, so its relation is made and its run read once.
_finished: WeakSet[sa.FromClause] = WeakSet()
_runs: WeakKeyDictionary[sa.FromClause, ScoringRun] = WeakKeyDictionary()


@dataclass(frozen=True)
class ScoringRun:
    """A scoring run as its rows describe it.

    `model_versions` is ("mock",) in mock mode, and has two versions during an A/B test. `data_state` is the state of
    the data that the run read, `DataIdentity.state`; blank where it is not known.
    """

    scored_at: datetime
    model_versions: tuple[str, ...]
    data_state: str = ""

    @property
    def model_version(self) -> str:
        """The version that made the predictions, or both."""
        return in_words(self.model_versions)

    def is_of_earlier_data(self, identity: DataIdentity) -> bool:
        """Whether the data has changed since the run read it."""
        return identity.has_changed_since(self.data_state)


def in_words(model_versions: Iterable[str]) -> str:
    """The versions joined for display."""
    return " and ".join(sorted(model_versions))


def last_run(warehouse: Warehouse) -> ScoringRun | None:
    """Which run wrote the predictions; None before the first."""
    predictions = warehouse.predictions
    return None if predictions is None else run_of(warehouse, predictions)


def run_of(warehouse: Warehouse, predictions: sa.FromClause) -> ScoringRun | None:
    """Which run wrote these predictions, by the first of their rows; None when there are none."""
    found = _runs.get(predictions)
    if found is None:
        found = _read_run(warehouse, predictions)
        if found is not None and is_finished(predictions):
            _runs[predictions] = found
    return found


def is_finished(predictions: sa.FromClause) -> bool:
    """Whether these predictions never change."""
    return predictions in _finished


def finished(predictions: RelationType) -> RelationType:
    """The same relation, remembered as one whose rows never change: its run is read once."""
    _finished.add(predictions)
    return predictions


def _read_run(warehouse: Warehouse, predictions: sa.FromClause) -> ScoringRun | None:
    # Runs from before states were recorded lack the column.
    state = predictions.c.get(DATA_STATE, sa.literal("")).label(DATA_STATE)
    rows = sa.select(predictions.c.scored_at, predictions.c.model_version, state)
    first = rows.limit(_ROWS_OF_EVERY_ARM).subquery("first")
    at, version = sa.func.max(first.c.scored_at).label("at"), first.c.model_version
    versions = sa.func.min(version).label("one_version"), sa.func.max(version).label("other_version")
    (row,) = warehouse.unguarded.rows(sa.select(at, *versions, sa.func.max(first.c[DATA_STATE]).label("state")))
    if row["at"] is None:
        return None
    aware = row["at"] if row["at"].tzinfo else row["at"].replace(tzinfo=UTC)
    model_versions = tuple(sorted({row["one_version"], row["other_version"]}))
    return ScoringRun(aware.astimezone(UTC), model_versions, row["state"] or "")


def predictions_table(settings: Settings) -> str:
    """The table's name as it would be written in the settings; mock predictions have a table of their own."""
    schema, table = split_table_name(settings.dwh_predictions_table)
    if not settings.ml_mock_mode:
        return settings.dwh_predictions_table
    parts = (*([schema] if schema else []), f"{table}{MOCK_ENDING}")
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)


def versions_of(path: Path) -> list[Path]:
    """Every version of the Parquet file that a run has finished, newest first; the current one is among them."""
    return sorted(path.parent.glob(f"{escape(path.stem)}.*Z{path.suffix}"), reverse=True)


def read_version(version: Path, customer_id: sa.ColumnElement[Any], name: str) -> sa.FromClause | None:
    """One version as a DuckDB relation of that name; None when it is missing or something else."""
    try:
        return _relation_of(version, _state_of(version), customer_id.type, name)
    except (OSError, pa.ArrowException):
        return None


@lru_cache(maxsize=_MAX_VERSIONS)
def _relation_of(
    version: Path, state: _FileState, id_type: sa.types.TypeEngine[Any], name: str
) -> sa.FromClause | None:
    schema = _schema_in(version, state)
    if not MARKS.issubset(schema.names):
        return None
    return finished(_table_of(version, schema, id_type, name))


def _table_of(version: Path, schema: pa.Schema, id_type: sa.types.TypeEngine[Any], name: str) -> sa.FromClause:
    columns = [sa.column(field.name, sql_type(field.type)) for field in schema]
    relation = sa.func.read_parquet(str(version)).table_valued(*columns, name=name)
    identifier = relation.c[CUSTOMER_ID]
    if isinstance(identifier.type, sa.Text) == isinstance(id_type, sa.String):
        return relation
    same_type = sa.cast(identifier, id_type).label(CUSTOMER_ID)
    others = [column for column in relation.c if column.name != CUSTOMER_ID]
    return sa.select(same_type, *others).subquery(name)


def schema_of(path: Path) -> pa.Schema | None:
    """The columns of a Parquet file of predictions, None when it is missing or something else."""
    try:
        schema = _schema_in(path, _state_of(path))
    except (OSError, pa.ArrowException):
        return None
    return schema if MARKS.issubset(schema.names) else None


def _state_of(path: Path) -> _FileState:
    """What changes whenever another file takes its place."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns, found.st_size


@lru_cache(maxsize=_MAX_VERSIONS)
def _schema_in(path: Path, state: _FileState) -> pa.Schema:
    """Errors are not cached: their cause may be gone the next time."""
    del state  # part of the cache key only
    return pq.read_schema(path)


def data_of(schema: pa.Schema) -> str | None:
    """The key of the data that a file's predictions were made on; None in files older than identities."""
    recorded = (schema.metadata or {}).get(DATA_KEY)
    return recorded.decode() if recorded else None


def read_from_table(connection: sa.Connection, name: str) -> sa.Table | None:
    """The table of that name as written in the settings, None where there is none or it is not a scoring run's."""
    found = find_table(connection, name)
    return found if found is not None and MARKS.issubset(found.columns.keys()) else None


def sql_type(arrow_type: pa.DataType) -> sa.types.TypeEngine[Any]:
    """The type of a column of predictions."""
    if pa.types.is_integer(arrow_type):
        return sa.BigInteger()
    if pa.types.is_floating(arrow_type):
        return sa.Double() if arrow_type.bit_width == 64 else sa.REAL()
    if pa.types.is_timestamp(arrow_type):
        return sa.DateTime(timezone=True)
    return sa.Text()
