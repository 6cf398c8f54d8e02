"""A journey through the served app on Spark, in a real browser, each figure compared with DuckDB's."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.browser.pages import chromium, pages_of, profile_of
from tests.engines import spark
from tests.engines.journey import JOURNEY, write_copies
from tests.ml.fixtures import CONTRACT
from tests.workbench import serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.engines.spark import SparkPlace
    from tests.workbench import Query, Served

pytestmark = [pytest.mark.engines, pytest.mark.browser]

CUSTOMERS = 20_000


@pytest.fixture(scope="module")
def tables(demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    write_copies(demo_warehouse, folder, CUSTOMERS)
    return folder


@pytest.fixture(scope="module")
def place(request: pytest.FixtureRequest, tables: Path) -> Iterator[SparkPlace]:
    with spark.ENGINE.open(request) as place:
        place.load(tables)
        yield place


@pytest.fixture(scope="module")
def query(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """SQL of DuckDB, where `customers` has features and predictions."""
    folder = tmp_path_factory.mktemp("expected")
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(f"CREATE TABLE customer_features_view AS FROM '{tables}/customer_features_view.parquet'")
    score(f"duckdb:///{folder}/warehouse.duckdb", folder)
    with duckdb.connect(str(folder / "warehouse.duckdb"), read_only=True) as connection:
        connection.execute(
            "CREATE TEMP VIEW customers AS SELECT * FROM customer_features_view "
            f"JOIN '{folder}/customer_predictions_mock.parquet' USING (customer_id)"
        )
        yield lambda statement, *values: connection.execute(statement, values).fetchall()


def score(url: str, folder: Path) -> None:
    warehouse = Warehouse(Settings(dwh_url=url, models_dir=folder, ml_mock_mode=True))
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    warehouse.close()


@pytest.fixture(scope="module")
def served(place: SparkPlace) -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="loyalty-spark-app-"))
    score(place.url, folder)
    with serve(folder, DWH_URL=place.url, ML_MOCK_MODE="true", DWH_STATEMENT_TIMEOUT_SECONDS="300") as app:
        yield app


def test_an_analyst_works_on_spark(served: Served, query: Query):
    with chromium() as browser, profile_of(browser) as profile, pages_of(served, profile) as open_page:
        page = open_page()
        for step in JOURNEY.values():
            step(page, query)
