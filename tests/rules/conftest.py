"""Fixtures for the tests of rules."""

from tests.fixtures.warehouses import open_warehouse

__all__ = ["open_warehouse"]
