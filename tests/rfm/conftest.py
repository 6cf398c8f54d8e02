"""Fixtures for the tests of RFM."""

from tests.ml.conftest import any_backend, backend, kept, models_dir, open_warehouse, service, settings

__all__ = ["any_backend", "backend", "kept", "models_dir", "open_warehouse", "service", "settings"]
