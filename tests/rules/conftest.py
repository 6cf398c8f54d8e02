"""Fixtures for the tests of rules."""

from tests.warehouse.conftest import open_warehouse

__all__ = ["open_warehouse"]
