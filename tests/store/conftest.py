"""State stores on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loyalty_core.store import StateStore


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state' / 'app.db'}"
    return request.getfixturevalue("postgres_database")


@pytest.fixture
def store(store_url: str) -> Iterator[StateStore]:
    """A state store with its tables."""
    with StateStore(store_url) as store:
        store.migrate()
        yield store
