"""Segments in state stores on both databases."""

import pytest

from loyalty_core.segments import SegmentRepository
from loyalty_core.store import StateStore
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


@pytest.fixture
def repository(store: StateStore) -> SegmentRepository:
    return SegmentRepository(store)
