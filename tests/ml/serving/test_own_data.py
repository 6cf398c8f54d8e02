"""Models answer for the data they were trained on, and say what to do where the data is another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from loyalty_core.ml.bundles import activate, load_bundle, write_bundle
from loyalty_core.ml.inference import MLInferenceService
from loyalty_core.ml.scoring import score_base
from loyalty_core.ml.serving import ModelsOfOtherData, scoring_models
from loyalty_core.warehouse.predictions import last_run
from tests.ml.bases import base, fill, predictions
from tests.ml.fixtures import bundle_parts, with_reference

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loyalty_core.warehouse import Warehouse
    from tests.fixtures.warehouses import Backend

    Open = Callable[..., Warehouse]


@pytest.fixture
def filled(backend: Backend) -> Backend:
    fill(backend, base(20))
    return backend


def trained_on(folder: Path, data: str | None, warehouse: Warehouse | None = None) -> None:
    """Make models active that were trained on this data, with what the features of the warehouse are like."""
    parts = with_reference(bundle_parts(), warehouse) if warehouse else bundle_parts()
    activate(folder, write_bundle(folder, replace(parts, data=data, trained_on="customers.csv")), "test")


def test_models_of_other_data_neither_answer_nor_score(filled: Backend, open_warehouse: Open, tmp_path: Path) -> None:
    trained_on(tmp_path / "models", "other data")
    warehouse = open_warehouse(filled.url)
    service = MLInferenceService(warehouse=warehouse)
    with pytest.raises(ModelsOfOtherData, match=r"trained on other data\. It learned from customers\.csv"):
        service.predict_churn("c1")
    found = service.predict_customer("c1")
    assert found.model_version is None
    assert isinstance(found.unavailable["churn"], ModelsOfOtherData)
    assert set(found.unavailable) == {"churn", "nbo"}
    assert found.rfm is not None, "RFM needs no model"
    with pytest.raises(ModelsOfOtherData):
        score_base(warehouse, load_bundle(tmp_path / "models"))
    assert last_run(warehouse) is None


def test_rfm_is_scored_without_them(filled: Backend, open_warehouse: Open, tmp_path: Path) -> None:
    trained_on(tmp_path / "models", "other data")
    warehouse = open_warehouse(filled.url)
    for _ in range(2):
        found = score_base(warehouse, scoring_models(warehouse))
        assert (found.customers, found.is_rfm_only) == (20, True)
        assert found.remarks[0].startswith("Only RFM was scored. The model version")
        assert "was trained on other data. It learned from customers.csv. Train the models" in found.remarks[0]
    scored = predictions(warehouse)["c1"]
    assert scored["rfm_segment"]
    assert scored["churn_probability"] is None


def test_predictions_of_models_are_not_replaced_by_blanks(
    filled: Backend, open_warehouse: Open, tmp_path: Path
) -> None:
    warehouse = open_warehouse(filled.url)
    trained_on(tmp_path / "models", warehouse.identity.warehouse, warehouse)
    score_base(warehouse, scoring_models(warehouse))
    trained_on(tmp_path / "models", "other data")
    with pytest.raises(ModelsOfOtherData):
        scoring_models(warehouse)


def test_they_answer_where_that_is_meant(filled: Backend, open_warehouse: Open, tmp_path: Path) -> None:
    trained_on(tmp_path / "models", "other data")
    warehouse = open_warehouse(filled.url, ml_trained_elsewhere=True)
    assert MLInferenceService(warehouse=warehouse).predict_churn("c1")["customer_id"] == "c1"


def test_models_of_this_data_answer_also_when_it_is_newer(
    filled: Backend, open_warehouse: Open, tmp_path: Path
) -> None:
    warehouse = open_warehouse(filled.url)
    trained_on(tmp_path / "models", warehouse.identity.warehouse, warehouse)
    fill(filled, base(30))
    assert MLInferenceService(warehouse=warehouse).predict_churn("c29")["customer_id"] == "c29"


def test_a_feature_from_another_column_is_another_feature(
    filled: Backend, open_warehouse: Open, tmp_path: Path
) -> None:
    warehouse = open_warehouse(filled.url)
    trained_on(tmp_path / "models", warehouse.identity.warehouse, warehouse)
    mapping = {**warehouse.settings.ml_feature_mapping, "revenue": "lifetime_value"}
    service = MLInferenceService(warehouse=open_warehouse(filled.url, ml_feature_mapping=mapping))
    with pytest.raises(ModelsOfOtherData, match="reads revenue from lifetime_value, at training from total_revenue"):
        service.models()


def test_a_version_older_than_identities_answers(filled: Backend, open_warehouse: Open, tmp_path: Path) -> None:
    trained_on(tmp_path / "models", None)
    assert MLInferenceService(warehouse=open_warehouse(filled.url)).models() is not None
