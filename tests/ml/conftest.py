"""Fixtures for the tests of models."""

from tests.ml.bases import any_backend, backend, open_warehouse
from tests.ml.serving import models_dir, service, settings

__all__ = ["any_backend", "backend", "models_dir", "open_warehouse", "service", "settings"]
