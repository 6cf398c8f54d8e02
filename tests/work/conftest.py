"""Fixtures for the tests of what jobs do."""

from tests.jobs.conftest import queue, start, store, store_url

__all__ = ["queue", "start", "store", "store_url"]
