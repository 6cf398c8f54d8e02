"""Fixtures for the tests of the demo."""

from tests.loading.conftest import export, out, shared_data

__all__ = ["export", "out", "shared_data"]
