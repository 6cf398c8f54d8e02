"""A driver for Spark's Thrift server, as PEP 249 asks: sessions and operations of impyla, with Arrow in between.

impyla transports the calls. What it lacks for Spark is added here: columns become Arrow arrays of the types that Spark
declares, a running statement can be stopped from another thread, and every wait ends.
"""

from __future__ import annotations

from impala.error import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    Warning,
)

from loyalty_core.warehouse.spark.connection import Connection, ConnectionLost, Server, StatementFailed, connect
from loyalty_core.warehouse.spark.cursor import Cursor

__all__ = [
    "Connection",
    "ConnectionLost",
    "Cursor",
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "Server",
    "StatementFailed",
    "Warning",
    "apilevel",
    "connect",
    "paramstyle",
    "threadsafety",
]

apilevel = "2.0"
threadsafety = 1
paramstyle = "pyformat"
