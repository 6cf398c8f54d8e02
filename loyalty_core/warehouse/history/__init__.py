"""Training rows: what customers were like, and what happened next, from the history table of a model.

Features have the names of the mapping, since a column may be named differently here and in the features view.
"""

from loyalty_core.warehouse.history.find import HistoryRows, find_history
from loyalty_core.warehouse.history.read import History, read_history
from loyalty_core.warehouse.history.source import history_exists
from loyalty_core.warehouse.history.table import (
    ARM_SEPARATOR,
    CHURN_HISTORY,
    HORIZON_DAYS,
    HistoryMissing,
    HistoryTable,
)

__all__ = [
    "ARM_SEPARATOR",
    "CHURN_HISTORY",
    "HORIZON_DAYS",
    "History",
    "HistoryMissing",
    "HistoryRows",
    "HistoryTable",
    "find_history",
    "history_exists",
    "read_history",
]
