"""The predictions of scoring runs: where they are written and how they are read."""

from loyalty_core.warehouse.predictions.earlier_runs import each_earlier_run, earlier_runs, stored_runs
from loyalty_core.warehouse.predictions.published_tables import PublishedRunTables
from loyalty_core.warehouse.predictions.relation import (
    CUSTOMER_ID,
    DATA_STATE,
    ScoringInProgress,
    ScoringRun,
    finished,
    in_words,
    is_finished,
    last_run,
    run_of,
    sql_type,
)
from loyalty_core.warehouse.predictions.run_history import RunHistory, first_of_months
from loyalty_core.warehouse.predictions.run_tables import RunTables
from loyalty_core.warehouse.predictions.storage import Destination, PredictionStorage, ReadableFile
from loyalty_core.warehouse.predictions.table import PostgresqlTable

__all__ = [
    "CUSTOMER_ID",
    "DATA_STATE",
    "Destination",
    "PostgresqlTable",
    "PredictionStorage",
    "PublishedRunTables",
    "ReadableFile",
    "RunHistory",
    "RunTables",
    "ScoringInProgress",
    "ScoringRun",
    "each_earlier_run",
    "earlier_runs",
    "finished",
    "first_of_months",
    "in_words",
    "is_finished",
    "last_run",
    "run_of",
    "sql_type",
    "stored_runs",
]
