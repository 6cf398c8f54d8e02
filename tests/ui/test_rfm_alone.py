"""RFM on a file of customers, without any model and any history."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from loyalty_core.loading import CustomerColumns, load_features
from loyalty_core.ml.bundles import write_bundle
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import scoring_models
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.settings import Settings, get_settings
from loyalty_core.ui.navigation import CHURN, OVERVIEW, RFM
from loyalty_core.warehouse import Warehouse
from loyalty_core.warehouse.source import name_data
from tests.fixtures.screens import OpenScreen, texts_of
from tests.ml.fixtures import bundle_parts
from tests.workbench import ROOT, Configure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fixtures.api import Ask

FILE = ROOT / "tests/data/cases/files/shop_a.csv"
CUSTOMERS = 400


@pytest.fixture(scope="module")
def scored_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the customers, scored twice by RFM alone; to be copied."""
    folder = tmp_path_factory.mktemp("scored")
    load_features(FILE, folder / "warehouse.duckdb", CustomerColumns("customer_id"))
    settings = Settings(dwh_url=f"duckdb:///{folder}/warehouse.duckdb", models_dir=folder / "models")
    for _ in range(2):
        with closing(Warehouse(settings)) as warehouse:
            assert score_base(warehouse, scoring_models(warehouse)).is_rfm_only
    return folder


@pytest.fixture
def scored(scored_once: Path, configure: Configure, tmp_path: Path) -> Path:
    """The product on them; the file of predictions."""
    shutil.copytree(scored_once, tmp_path, dirs_exist_ok=True)
    configure(dwh_url=f"duckdb:///{tmp_path}/warehouse.duckdb")
    get_services().prepare_store()
    assert not (get_settings().models_dir / "versions").exists()
    return tmp_path / "customer_predictions.parquet"


@pytest.mark.parametrize("view", ["Grid", "Segments", "Movement", "Cut points", "Cells"])
def test_every_view_of_the_screen_works(scored: Path, open_screen: OpenScreen, view: str) -> None:
    app = open_screen(RFM, view=view)
    assert not app.exception
    assert not app.error
    said = " ".join(texts_of(app))
    assert ", RFM alone" in said
    assert "out of date" not in said


def test_its_figures_are_those_of_the_predictions(scored: Path, open_screen: OpenScreen, ask: Ask) -> None:
    count = "SELECT count(*) FROM read_parquet(?) WHERE rfm_segment = 'Champions'"
    [(champions,)] = duckdb.execute(count, [str(scored)]).fetchall()
    assert 0 < champions < CUSTOMERS
    services = get_services()
    rule = {"==": [{"var": "rfm_segment"}, "Champions"]}
    assert services.segmentation.count(rule) == champions
    segment = services.segmentation.create(SegmentDraft("Champions", rule), actor="ann")
    answer = ask("/dwh/ml/segment/rfm/", "POST", {"segment_id": segment.id, "first": 1}).json()
    assert answer["statistics"]["segment_distribution"] == {"Champions": champions}
    chosen = open_screen(RFM, view="Segments", rfm_segment="Champions")
    assert str(champions) in [metric.value for metric in chosen.metric]
    assert not open_screen(OVERVIEW, plain="true").exception
    churn = open_screen(CHURN)
    assert not churn.metric
    assert "the churn model was not trained" in " ".join(info.value for info in churn.info)


def test_a_version_that_awaits_a_decision_is_named_where_predictions_are_missing(
    scored: Path, open_screen: OpenScreen
) -> None:
    services = get_services()
    write_bundle(get_settings().models_dir, replace(bundle_parts(), trained_on=name_data(services.warehouse)))
    churn = open_screen(CHURN)
    assert [info.value for info in churn.info] == [
        "Nobody has a churn probability: a trained version awaits a decision on Training."
    ]
    overview = open_screen(OVERVIEW, plain="true")
    assert "No model" not in " ".join(texts_of(overview))
