"""Mock mode on a warehouse with a trained model and its scoring, page by page: every figure is the mock's own."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pytest
from playwright.sync_api import expect

from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.browser.pages import wait_until_drawn
from tests.ml.fixtures import bundle_parts
from tests.workbench import GUIDE_CUSTOMER, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.browser.pages import OpenPage
    from tests.workbench import Served

# The same proof as that of `ui/test_mock_mode.py`, through a browser and a served app.
pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Figures:
    """What a file of predictions says, as the screens write it."""

    churners: str
    high_risk: str
    customer: str

    @classmethod
    def of(cls, file: Path) -> Figures:
        [(churners, high)] = duckdb.execute(
            "SELECT round(sum(churn_probability))::INT, count(*) FILTER (churn_risk = 'high') FROM read_parquet(?)",
            [str(file)],
        ).fetchall()
        [(probability,)] = duckdb.execute(
            "SELECT churn_probability FROM read_parquet(?) WHERE customer_id = ?", [str(file), GUIDE_CUSTOMER]
        ).fetchall()
        return cls(f"{churners:,}", f"{high:,}", f"{probability:.1%}")


@dataclass(frozen=True)
class Warehouses:
    """A folder with a warehouse, a trained version and its predictions, and where those of mock mode go."""

    folder: Path
    version: str

    @property
    def real(self) -> Path:
        return self.folder / "customer_predictions.parquet"

    @property
    def mock(self) -> Path:
        return self.folder / "customer_predictions_mock.parquet"


@pytest.fixture(scope="module")
def prepared(demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Warehouses:
    folder = tmp_path_factory.mktemp("mock")
    shutil.copy(demo_warehouse, folder / "warehouse.duckdb")
    models = folder / "models"
    version = write_bundle(models, bundle_parts())
    activate(models, version, "test")
    warehouse = Warehouse(Settings(dwh_url=f"duckdb:///{folder}/warehouse.duckdb", models_dir=models))
    score_base(warehouse, load_bundle(models))
    warehouse.close()
    return Warehouses(folder, version)


@pytest.fixture(scope="module")
def served(prepared: Warehouses) -> Iterator[Served]:
    """The app in mock mode on that warehouse; `open_page` opens its pages."""
    url, models = f"duckdb:///{prepared.folder}/warehouse.duckdb", str(prepared.folder / "models")
    with serve(prepared.folder, DWH_URL=url, MODELS_DIR=models, ML_MOCK_MODE="true") as app:
        yield app


def metric(page: Page, label: str) -> str:
    """The value of the metric whose label begins so."""
    found = page.get_by_test_id("stMetric").filter(has_text=label)
    return found.get_by_test_id("stMetricValue").first.inner_text()


def test_every_page_shows_the_mocks_figures(prepared: Warehouses, open_page: OpenPage) -> None:
    real, before = Figures.of(prepared.real), prepared.real.resolve()
    page = open_page("/churn")
    expect(page.get_by_text("The customers have not been scored yet.")).to_be_visible()
    assert page.get_by_test_id("stMetric").count() == 0
    page.get_by_role("button", name="Score now").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Expected churners").first).to_be_visible()
    wait_until_drawn(page)
    mock = Figures.of(prepared.mock)
    assert len({mock.churners, real.churners}) == len({mock.customer, real.customer}) == 2
    assert (metric(page, "Expected churners"), metric(page, "High risk")) == (mock.churners, mock.high_risk)
    expected = {
        "/overview?plain=true": mock.churners,
        "/offers": "Mock predictions",
        "/rfm": "Mock predictions",
        f"/customers?customer_id={GUIDE_CUSTOMER}": mock.customer,
        "/segments": "Mock predictions",
        "/training?view=Versions": "no model version answers",
        "/health": "Mock mode: predictions by formula.",
    }
    for path, shown in expected.items():
        page = open_page(path)
        expect(page.get_by_test_id("stMain").get_by_text(shown).or_(page.get_by_text(shown)).first).to_be_visible()
        text = page.locator("body").inner_text()
        assert prepared.version not in text, path
        for figure in {real.churners, real.customer} - {mock.churners, mock.customer}:
            assert figure not in text, path
    assert prepared.real.resolve() == before
    assert Figures.of(prepared.real) == real
