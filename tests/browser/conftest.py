"""A real chromium on the served app; a page that logs an error or asks another machine for anything fails its test."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving.mock import MockModels
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.browser.pages import OpenPage, chromium, pages_of, profile_of
from tests.ml.fixtures import CONTRACT
from tests.workbench import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext

    from tests.workbench import Query, Served


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One for all tests here, and gone before others, which may want an event loop of their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="package")
def profile(browser: Browser) -> Iterator[BrowserContext]:
    with profile_of(browser) as profile:
        yield profile


@pytest.fixture
def open_page(profile: BrowserContext, served: Served) -> Iterator[OpenPage]:
    """Pages on the served app."""
    with pages_of(served, profile) as open_one:
        yield open_one


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where pictures go for people to look at."""
    folder = ROOT / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def scored(served: Served, demo_warehouse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Query]:
    """Predictions beside the served demo, for this module only; SQL where `customers` has features and predictions."""
    settings = Settings(
        dwh_url=f"duckdb:///{demo_warehouse}", models_dir=tmp_path_factory.mktemp("cut-points"), ml_mock_mode=True
    )
    warehouse = Warehouse(settings)
    score_base(warehouse, MockModels(dict.fromkeys(CONTRACT.names, "number")))
    warehouse.close()
    written = demo_warehouse.with_name("customer_predictions_mock.parquet")
    # A connection of its own: the view `customers` of `query_demo` is that of other tests in this process.
    copy = shutil.copy(demo_warehouse, tmp_path_factory.mktemp("scored") / "warehouse.duckdb")
    with duckdb.connect(str(copy), read_only=True) as connection:
        connection.execute(
            "CREATE TEMP VIEW customers AS SELECT * FROM customer_features_view "
            f"JOIN read_parquet('{written}') USING (customer_id)"
        )
        yield lambda statement, *values: connection.execute(statement, values).fetchall()
    for file in demo_warehouse.parent.glob("*customer_predictions*"):
        file.unlink()
