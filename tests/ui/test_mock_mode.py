"""Mock mode on a warehouse with real runs: every figure is the mock's own, and real runs stay as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from loyalty_core.ml.scoring import score_base
from loyalty_core.segments import SegmentDraft
from loyalty_core.services import get_services
from loyalty_core.ui.navigation import CHURN, CUSTOMERS, OFFERS, OVERVIEW, RFM, TRAINING
from loyalty_core.warehouse.predictions import stored_runs
from tests.fixtures.screens import OpenScreen, texts_of
from tests.workbench import GUIDE_CUSTOMER

if TYPE_CHECKING:
    from pathlib import Path

    from streamlit.testing.v1 import AppTest

    from tests.fixtures.api import Ask
    from tests.workbench import Configure

pytestmark = pytest.mark.extended

RISKY = {">=": [{"var": "churn_probability"}, 0.4]}


@pytest.fixture
def file(trained: str, demo_settings: Configure, tmp_path: Path) -> Path:
    """A real scoring with a segment counted on it, then mock mode."""
    file = tmp_path / "predictions.parquet"
    demo_settings(predictions_file=file)
    services = get_services()
    services.prepare_store()
    score_base(services.warehouse, services.inference.models())
    services.segmentation.create(SegmentDraft("Risky", RISKY), actor="ann")
    services.segmentation.refresh("risky")
    demo_settings(predictions_file=file, ml_mock_mode=True)
    return file


def score() -> None:
    services = get_services()
    score_base(services.warehouse, services.inference.models())


def versions() -> list[str]:
    return [run.model_version for run, _ in stored_runs(get_services().warehouse)]


def churners(file: Path) -> int:
    return round(pc.sum(pq.read_table(file)["churn_probability"]).as_py())  # pyright: ignore[reportAttributeAccessIssue]


def expected_churners(app: AppTest) -> str:
    return next(metric.value for metric in app.metric if metric.label.startswith("Expected churners"))


def test_before_its_first_scoring_no_real_figure_is_shown(file: Path, open_screen: OpenScreen, ask: Ask) -> None:
    for screen in (CHURN, OFFERS, RFM):
        app = open_screen(screen)
        assert not app.exception
        assert not app.metric
        assert "The customers have not been scored yet." in " ".join(texts_of(app))
    overview = open_screen(OVERVIEW)
    assert not any(metric.label.startswith("Expected churners") for metric in overview.metric)
    assert get_services().segments.get("risky").size is None
    assert ask("/dwh/ml/monitoring/").json()["scores"] == []


def test_every_figure_is_the_mocks_own(file: Path, trained: str, open_screen: OpenScreen, ask: Ask) -> None:
    score()
    mock_file = file.with_stem("predictions_mock")
    shown, real = f"{churners(mock_file):,}", f"{churners(file):,}"
    assert shown != real
    churn = open_screen(CHURN)
    assert expected_churners(churn) == shown
    assert "no model has been tested" in " ".join(texts_of(churn))
    overview = open_screen(OVERVIEW).toggle(key="plain").set_value(True).run()
    assert expected_churners(overview) == shown
    for screen in (OFFERS, RFM):
        assert any("Mock predictions" in text for text in texts_of(open_screen(screen)))
    for screen in (CHURN, OVERVIEW, OFFERS, RFM, CUSTOMERS):
        assert trained not in " ".join(texts_of(open_screen(screen)))
    customer = " ".join(texts_of(open_screen(CUSTOMERS, customer_id=GUIDE_CUSTOMER)))
    assert "the average of a sample of made-up customers" in customer
    assert "training rows" not in customer
    training = open_screen(TRAINING, view="Monitoring")
    assert any("the scores are a formula's" in info.value for info in training.info)
    found = ask("/dwh/ml/monitoring/")
    assert found.headers["X-Loyalty-Mode"] == "mock"
    assert found.json()["version"] == "mock"
    assert [list(run["versions"]) for run in found.json()["scores"]] == [["mock"]]
    table = pq.read_table(mock_file).slice(0, 1).to_pylist()[0]
    answer = ask("/dwh/ml/churn/", "POST", {"customer_id": table["customer_id"]}).json()
    assert answer["churn_probability"] == pytest.approx(table["churn_probability"])


def test_it_leaves_nothing_behind_in_real_runs(file: Path, trained: str, demo_settings: Configure, ask: Ask) -> None:
    before = file.resolve(), churners(file)
    score()
    score()
    get_services().segmentation.refresh("risky")
    assert versions() == ["mock", "mock"]
    demo_settings(predictions_file=file, ml_mock_mode=False)
    assert (file.resolve(), churners(file)) == before
    assert versions() == [trained]
    assert len(get_services().segments.get("risky").sizes_recent) == 1
    assert [run["versions"].keys() for run in ask("/dwh/ml/monitoring/").json()["scores"]] == [{trained}]


def test_it_works_without_models_runs_and_history(demo_settings: Configure, tmp_path: Path, ask: Ask) -> None:
    demo_settings(ml_mock_mode=True, predictions_file=tmp_path / "predictions.parquet")
    score()
    assert versions() == ["mock"]
    assert ask("/dwh/ml/monitoring/").json()["made_up"] is True
