"""An analyst's way through the screens on Spark: Overview, a segment, a customer, RFM and churn."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
from playwright.sync_api import expect

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.browser.pages import PATIENCE_MS, OpenPage, figure, heading
from tests.engines.spark import SparkPlace, spark_server, spark_url  # noqa: F401 - fixtures
from tests.ml.fixtures import CONTRACT
from tests.workbench import DEMO_CUSTOMERS, GUIDE_CUSTOMER, Served, serve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.workbench import Query

pytestmark = [pytest.mark.browser, pytest.mark.engines, pytest.mark.slow]


@pytest.fixture(scope="module")
def spark_place(demo_warehouse: Path, spark_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkPlace]:  # noqa: F811
    """The demo in Spark, with predictions of mock models."""
    folder, models = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("models")
    with duckdb.connect(str(demo_warehouse), read_only=True) as connection:
        for name in ("customer_features_view", "transactions", "offers"):
            connection.execute(f"COPY (FROM {name}) TO '{folder / f'{name}.parquet'}'")
    place = SparkPlace(spark_url)
    place.load(folder)
    settings = Settings(
        dwh_url=place.url, models_dir=models, predictions_file=models / "p.parquet", ml_mock_mode=True,
        dwh_statement_timeout_seconds=600,
    )  # fmt: skip
    warehouse = Warehouse(settings)
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    warehouse.close()
    yield place
    place.drop()


@pytest.fixture(autouse=True)
def patient() -> Iterator[None]:
    """A screen asks ten questions or more, each of which takes a second there, and ten on a busy machine."""
    expect.set_options(timeout=600_000)
    yield
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def served(spark_place: SparkPlace) -> Iterator[Served]:
    folder = Path(tempfile.mkdtemp(prefix="loyalty-app-"))
    limit = "600"  # a busy machine computes for many
    with serve(folder, DWH_URL=spark_place.url, ML_MOCK_MODE="true", DWH_STATEMENT_TIMEOUT_SECONDS=limit) as app:
        yield app


def test_from_overview_to_churn(open_page: OpenPage, query_demo: Query):
    page = open_page()
    heading(page, "Overview")
    expect(page.get_by_text(f"{DEMO_CUSTOMERS:,}").first).to_be_visible()

    page = open_page("/segments")
    heading(page, "Segments")
    page.get_by_role("button", name="New segment", exact=True).click()
    heading(page, "New segment")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(f"{DEMO_CUSTOMERS:,}")

    [(name, revenue, baskets)] = query_demo(
        "SELECT full_name, total_revenue, transaction_count FROM customer_features_view WHERE customer_id = ?",
        GUIDE_CUSTOMER,
    )
    page = open_page(f"/customers?customer_id={GUIDE_CUSTOMER}")
    heading(page, name)
    expect(page.get_by_test_id("stMetricValue").nth(0)).to_have_text(f"€{revenue:,.2f}")
    expect(page.get_by_test_id("stMetricValue").nth(1)).to_have_text(f"{baskets:,}")

    page = open_page("/rfm")
    heading(page, "RFM")
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible()

    page = open_page("/churn?threshold=1")
    heading(page, "Churn")
    expect(figure(page, "Customers contacted")).not_to_have_text("0")
    contacted = figure(page, "Customers contacted").inner_text()
    page.get_by_role("button", name="Save as segment").first.click()
    heading(page, "New segment")
    expect(page.get_by_test_id("stMetricValue").first).to_have_text(contacted)
