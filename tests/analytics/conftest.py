"""The scored demo for analyses, and warehouses and state stores on every database."""

from tests.segments.scored import engine, kept, predictions_file, scored_demo, sql
from tests.store.conftest import store, store_url
from tests.warehouse.conftest import backend, duckdb_file, open_warehouse

__all__ = [
    "backend",
    "duckdb_file",
    "engine",
    "kept",
    "open_warehouse",
    "predictions_file",
    "scored_demo",
    "sql",
    "store",
    "store_url",
]
