"""A small warehouse whose customers change under a running app, with mock models and saved segments."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.events import Event
from loyalty_core.events.effects import Effects
from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import Services
from loyalty_core.settings import Settings
from tests.fixtures.warehouses import DuckDBFile, PostgresDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from loyalty_core.events.effects import Trace
    from tests.fixtures.warehouses import Backend

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)

TABLE = """
CREATE TABLE customers (
    customer_id varchar, email varchar, city varchar, total_revenue double precision, transaction_count integer,
    last_purchase_days_ago integer, avg_transaction_value double precision, lifetime_value double precision,
    joined_on date
);
INSERT INTO customers VALUES
    ('ann', 'ann@example.com', 'Oslo', 50, 5, 10, 10, 100, '2026-11-01'),
    ('bob', 'bob@example.com', 'Oslo', 500, 50, 2, 10, 900, '2020-01-01'),
    ('cid', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE VIEW customer_features_view AS SELECT * FROM customers;
"""


@dataclass
class Programme:
    """The warehouse, which `change` changes as a nightly load would, and everything that works on it."""

    database: Backend
    services: Services
    effects: Effects

    def change(self, statement: str) -> None:
        self.database.execute(statement)

    def apply(self, *events: Event) -> None:
        """Apply events as a worker does."""
        prepared = self.effects.prepare(events)
        with self.services.store.session() as session:
            self.effects.write(session, prepared)

    def score(self) -> None:
        """A scoring run, which rules need that read predictions."""
        score_base(self.services.warehouse, self.services.inference.models())

    def save(self, name: str, rule: Any) -> str:
        """Save a segment and compute its members."""
        segment_id = self.services.segmentation.create(SegmentDraft(name, rule), actor="ann").id
        self.services.segmentation.refresh(segment_id)
        return segment_id

    def members(self, segment_id: str, customers: Sequence[str] = ("ann", "bob", "cid")) -> set[str]:
        return {one for one in customers if self.services.segments.is_member(segment_id, one)}


def programme_on(database: Backend, folder: Path, migrated_file: Path) -> Iterator[Programme]:
    database.execute(TABLE)
    settings = Settings(
        dwh_url=database.url,
        state_database_url=f"sqlite:///{shutil.copy(migrated_file, folder / 'state.db')}",
        models_dir=folder / "models",
        ml_mock_mode=True,
    )
    services = Services(settings)
    yield Programme(database, services, Effects(services, clock=lambda: NOW))
    services.warehouse.close()
    services.store.close()


@pytest.fixture
def programme(tmp_path: Path, migrated_file: Path) -> Iterator[Programme]:
    """Three customers, predicted by mock models, in an embedded file."""
    yield from programme_on(DuckDBFile(tmp_path / "warehouse.duckdb"), tmp_path, migrated_file)


@pytest.fixture
def programme_on_server(postgres_database: str, tmp_path: Path, migrated_file: Path) -> Iterator[Programme]:
    """The same on a server, whose changes do not make cached features unfit by themselves."""
    yield from programme_on(PostgresDatabase(postgres_database), tmp_path, migrated_file)


def event(row: int | None, customer_id: str = "ann", kind: str = "customer.updated", **more: Any) -> Event:
    """An event that happened a minute ago for each number below a hundred."""
    occurred_at = more.pop("occurred_at", NOW - timedelta(minutes=100 - (row or 0)))
    return Event("test", f"e{row}", kind, customer_id, occurred_at, row=row, **more)


def outputs(trace: Trace) -> dict[str, dict[str, Any]]:
    """What came out of each step, by its name."""
    return {step.name: dict(step.output) for step in trace.steps}
