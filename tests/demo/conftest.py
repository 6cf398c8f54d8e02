"""Fixtures for the tests of the demo."""

from tests.loading.conftest import export, out

__all__ = ["export", "out"]
