"""Figures of other data, or of real models in mock mode, are on no screen and in no answer of the API.

Each test compares two warehouses with the same data: one that never held anything else, and one that has a history of
other figures. They must show the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.loading import CustomerColumns, load_features
from loyalty_core.ml.bundles import activate, write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.versions.compare import compare_versions
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.settings import get_settings
from loyalty_core.ui.navigation import CHURN, OFFERS, OVERVIEW, RFM, SEGMENTS, TRAINING
from loyalty_core.warehouse.predictions import last_run
from tests.fixtures.screens import OpenScreen, texts_of
from tests.ml.fixtures import bundle_parts, other_parts, with_reference
from tests.ui.every_screen import SEGMENT, Reader
from tests.workbench import ROOT, Configure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.api import Ask

pytestmark = pytest.mark.extended

FILES = ROOT / "tests/data/cases/files"
FIRST, SECOND = FILES / "shop_a.csv", FILES / "shop_b.csv"
RISKY = {">=": [{"var": "churn_probability"}, 0.4]}


def begin(configure: Configure, folder: Path, file: Path, *, is_mock: bool = False) -> None:
    """The product on this file in a folder of its own, with two segments that were not computed."""
    folder.mkdir()
    load(folder, file)
    configure(
        dwh_url=f"duckdb:///{folder}/warehouse.duckdb",
        models_dir=folder / "models",
        state_database_url=f"sqlite:///{folder}/state.db",
        ml_mock_mode=is_mock,
    )
    services = get_services()
    services.prepare_store()
    services.segments.create(SegmentDraft("Risky", RISKY), actor="ann")
    services.segments.create(SegmentDraft("All", {}), actor="ann")


def load(folder: Path, file: Path) -> None:
    load_features(file, folder / "warehouse.duckdb", CustomerColumns("customer_id", "left"), overwrite=True)


def train_and_score() -> str:
    """Two versions trained on the data, compared with each other, two scorings and their segments; the active one."""
    services, models_dir = get_services(), get_settings().models_dir
    data, versions = services.warehouse.identity.warehouse, []
    for parts in (other_parts(), bundle_parts()):
        trained = replace(with_reference(parts, services.warehouse), data=data, trained_on="shop_a.csv")
        versions.append(write_bundle(models_dir, trained))
        activate(models_dir, versions[-1], "test")
        score()
    other, active = versions
    found = compare_versions(services.warehouse, services.segmentation, services.segments, other, active)
    services.comparisons.save(found)
    return active


def score() -> None:
    services = get_services()
    score_base(services.warehouse, services.inference.models())
    for segment in (SEGMENT, "all"):
        services.segmentation.refresh(segment)


@pytest.fixture
def reader(open_screen: OpenScreen, ask: Ask, tmp_path: Path) -> Reader:
    return Reader(open_screen, ask, tmp_path)


def test_another_file_over_the_first_shows_none_of_its_figures(
    reader: Reader, configure: Configure, tmp_path: Path, open_screen: OpenScreen
) -> None:
    begin(configure, tmp_path / "alone", SECOND)
    alone = reader.figures()
    begin(configure, tmp_path / "over", FIRST)
    version = train_and_score()
    assert any(metric.label.startswith("Expected churners") for metric in open_screen(CHURN).metric)
    load(tmp_path / "over", SECOND)
    assert last_run(get_services().warehouse) is None
    for page, figures in reader.figures().items():
        assert figures <= alone[page], page
    training = open_screen(TRAINING)
    assert any(f"{version} was trained on other data" in info.value for info in training.info)


def test_newer_data_of_the_same_customers_is_marked_calmly(
    configure: Configure, tmp_path: Path, open_screen: OpenScreen, ask: Ask
) -> None:
    folder = tmp_path / "warehouse"
    begin(configure, folder, FIRST)
    train_and_score()
    earlier = "They were made on an earlier state of this data."
    screens = (OVERVIEW, CHURN, OFFERS, RFM, TRAINING)
    assert not any(earlier in " ".join(texts_of(open_screen(screen))) for screen in screens)
    newer = tmp_path / "shop_a_newer.csv"
    newer.write_text(FIRST.read_text().replace("\n1,663.67,19,", "\n1,703.67,20,"))
    load(folder, newer)
    for screen in screens:
        app = open_screen(screen)
        assert earlier in " ".join(texts_of(app)), screen.title
        assert "Score now" in [button.label for button in app.button], screen.title
    assert any(metric.label.startswith("Expected churners") for metric in open_screen(CHURN).metric)
    detail = " ".join(texts_of(open_screen(SEGMENTS, segment=SEGMENT)))
    assert "The members were computed on an earlier state of this data." in detail
    assert [run["data_changed"] for run in ask("/dwh/ml/monitoring/").json()["scores"]] == [True, True]
    asked = {"segment_id": "all", "first": 0}
    assert ask("/dwh/ml/segment/churn/", "POST", asked).json()["source"] == "scored now"
    score()
    for screen in screens:
        assert earlier not in " ".join(texts_of(open_screen(screen))), screen.title
    assert ask(f"/segments/{SEGMENT}/").json()["data_changed"] is False
    assert ask("/dwh/ml/segment/churn/", "POST", asked).json()["source"] == "predictions"


@pytest.mark.slow
def test_in_mock_mode_every_figure_is_the_mocks_own(
    reader: Reader, configure: Configure, tmp_path: Path, open_screen: OpenScreen
) -> None:
    begin(configure, tmp_path / "alone", FIRST, is_mock=True)
    score()
    score()
    alone = reader.figures()
    begin(configure, tmp_path / "mixed", FIRST)
    train_and_score()
    real = texts_of(open_screen(OVERVIEW, plain="true"))
    configure(ml_mock_mode=True)
    score()
    score()
    for page, figures in reader.figures().items():
        assert figures <= alone[page], page
    configure(ml_mock_mode=False)
    assert texts_of(open_screen(OVERVIEW, plain="true")) == real
