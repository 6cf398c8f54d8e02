"""Fixtures for the tests of models."""

from tests.ml.bases import any_backend, backend, open_warehouse
from tests.ml.fixtures import models_dir, service, settings
from tests.segments.scored import kept

__all__ = ["any_backend", "backend", "kept", "models_dir", "open_warehouse", "service", "settings"]
