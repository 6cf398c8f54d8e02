"""Segments in state stores on both databases."""

import pytest

from loyalty_core.segments import SegmentRepository
from loyalty_core.store import StateStore


@pytest.fixture
def repository(store: StateStore) -> SegmentRepository:
    return SegmentRepository(store)
