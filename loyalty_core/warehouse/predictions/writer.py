"""Writes predictions all or nothing: until the last row is safe, everybody reads those of the run before.

One run at a time may write. A run that is killed leaves nothing that is ever read, and no lock behind.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from loyalty_core.warehouse.connection import Warehouse
from loyalty_core.warehouse.failures import place
from loyalty_core.warehouse.predictions.parquet_file import write_file
from loyalty_core.warehouse.predictions.relation import predictions_file
from loyalty_core.warehouse.predictions.run_history import Retention
from loyalty_core.warehouse.predictions.table import refusal, write_table

# How the databases spell themselves.
_NAMES = {"sqlite": "SQLite", "snowflake": "Snowflake", "hive": "Spark"}

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


def destination(warehouse: Warehouse) -> Destination:
    """The table DWH_PREDICTIONS_TABLE in PostgreSQL where the account may write, else a Parquet file.

    Opening it raises `ScoringInProgress` while another run writes, and `SettingsError` when the place holds
    something else.
    """
    path = predictions_file(warehouse.settings, warehouse.url)
    to_file = partial(write_file, path, Retention.from_settings(warehouse.settings))
    match warehouse.url.get_backend_name():
        case "duckdb":
            return Destination(str(path), to_file)
        case "postgresql":
            name = warehouse.settings.dwh_predictions_table
            if why := refusal(warehouse):
                return Destination(str(path), to_file, f"{why} The screens cannot read the file.")
            return Destination(f"{name} in {place(warehouse.url)}", partial(write_table, warehouse))
        case dialect:
            return Destination(
                str(path), to_file, f"The screens cannot read predictions beside {_NAMES.get(dialect, dialect)}."
            )
