"""The demo warehouse with predictions, a segmentation engine on it, and the same customers for SQL written by hand."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.segments import Segment, SegmentationEngine, SegmentDraft, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.store import StateStore
from loyalty_core.warehouse import Warehouse
from tests.ml.fixtures import CONTRACT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.workbench import Query


@pytest.fixture(scope="session")
def predictions_file(demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Predictions of mock models for every customer of the demo; in mock mode they are read from `mock_file`."""
    folder = tmp_path_factory.mktemp("predictions")
    file = folder / "customer_predictions.parquet"
    for is_mock in (False, True):
        warehouse = Warehouse(
            Settings(
                dwh_url=f"duckdb:///{demo_warehouse}", predictions_file=file, models_dir=folder, ml_mock_mode=is_mock
            )
        )
        score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
        warehouse.close()
    return file


def mock_file(file: Path) -> Path:
    """Where the predictions of mock mode are, beside the real ones."""
    return file.with_stem(f"{file.stem}_mock")


@pytest.fixture(scope="session")
def scored_demo(
    demo_warehouse: Path, predictions_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Warehouse]:
    """The demo with its predictions, for all tests.

    A copy: the first to open a file decides, for the whole process, which folders are read from it, and this one stays
    open while other tests read predictions elsewhere.
    """
    file = shutil.copy2(demo_warehouse, tmp_path_factory.mktemp("scored") / demo_warehouse.name)
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{file}", predictions_file=predictions_file))
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="session")
def sql(query_demo: Query, predictions_file: Path) -> Query:
    """Plain DuckDB, where `customers` has the features and the predictions of everybody."""
    query_demo(
        "CREATE OR REPLACE TEMP VIEW customers AS SELECT * FROM customer_features_view "
        f"LEFT JOIN read_parquet('{predictions_file}') USING (customer_id)"
    )
    return query_demo


@pytest.fixture
def saved(tmp_path: Path, migrated_file: Path) -> Iterator[SegmentRepository]:
    """An empty repository of segments."""
    with StateStore(f"sqlite:///{shutil.copy(migrated_file, tmp_path / 'state.db')}") as store:
        yield SegmentRepository(store)


@pytest.fixture
def engine(scored_demo: Warehouse, saved: SegmentRepository) -> SegmentationEngine:
    """The engine on the scored demo."""
    return SegmentationEngine(scored_demo, saved)


def keep(engine: SegmentationEngine, name: str, rule: Any) -> Segment:
    """A new segment; its id is the name in small letters."""
    return engine.create(SegmentDraft(name, rule), actor="ann")


def segment(segment_id: str, belongs: bool = True) -> dict[str, Any]:
    """The condition that a customer is in a segment, or is not."""
    return {"==": [{"var": f"segment:{segment_id}"}, belongs]}
