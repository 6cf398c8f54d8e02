"""Two versions on the same rows: the newest of the demo's history, measured against scikit-learn."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from loyalty_core.ml.bundles import Bundle, load_bundle, write_bundle
from loyalty_core.ml.tasks import CHURN, NBO
from loyalty_core.ml.versions.compare import compare_versions
from loyalty_core.ml.versions.same_rows import compare_on_same_rows, shared_models
from loyalty_core.segments import SegmentationEngine, SegmentDraft, SegmentRepository
from loyalty_core.settings import Settings
from loyalty_core.warehouse import Warehouse
from tests.ml.fixtures import OFFERS, bundle_parts, model_part, other_parts, without_nbo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from loyalty_core.ml.bundles import BundleParts
    from tests.workbench import Query


@pytest.fixture
def warehouse(demo_warehouse: Path, tmp_path: Path) -> Iterator[Warehouse]:
    warehouse = Warehouse(settings_for(demo_warehouse, tmp_path))
    yield warehouse
    warehouse.close()


def settings_for(demo_warehouse: Path, tmp_path: Path, **others: Any) -> Settings:
    predictions = tmp_path / "customer_predictions.parquet"
    url = f"duckdb:///{demo_warehouse}"
    return Settings(dwh_url=url, models_dir=tmp_path / "models", predictions_file=predictions, **others)


def opened(warehouse: Warehouse, parts: BundleParts) -> Bundle:
    models = warehouse.settings.models_dir
    return load_bundle(models, write_bundle(models, parts))


def parts_with(parts: BundleParts, **changes: Any) -> BundleParts:
    """The same models with another story."""
    return replace(parts, models={name: replace(part, **changes) for name, part in parts.models.items()})


def test_churn_is_measured_on_the_newest_rows(warehouse: Warehouse, query_demo: Query):
    version, against = opened(warehouse, other_parts()), opened(warehouse, bundle_parts())
    heard: list[int] = []
    found = compare_on_same_rows(warehouse, CHURN, version, against, heard.append)
    ((newest, total),) = query_demo("SELECT max(snapshot_date), count(*) FROM customer_churn_history")
    rows = query_demo(
        "SELECT total_revenue, transaction_count, days_since_last_transaction, avg_transaction_value, lifetime_value,"
        " churned FROM customer_churn_history WHERE snapshot_date = ?",
        newest,
    )
    assert (found.rows, found.first, found.last, heard[-1]) == (len(rows), newest, newest, total)
    features = np.array([[np.nan if value is None else value for value in row[:5]] for row in rows], dtype=float)
    churned = np.array([row[5] for row in rows])
    for side, bundle in ((found.version, version), (found.against, against)):
        medians = np.array([feature.median for feature in bundle.contract.inputs])
        answers = bundle.scores("churn", np.where(np.isnan(features), medians, features).astype(np.float32))[:, 0]
        assert side["auc"] == pytest.approx(roc_auc_score(churned, answers), abs=1e-6)
        low, high = side["intervals"]["auc"]
        assert low < side["auc"] < high
        assert len(side["deciles"]) == 10
        assert side["curves"]["roc"][-1] == [1.0, 1.0]
    difference = found.differences["auc"]
    assert difference.value == pytest.approx(found.version["auc"] - found.against["auc"])
    assert difference.low < difference.value < difference.high


def test_an_offer_unknown_to_a_version_scores_nothing(warehouse: Warehouse, query_demo: Query):
    renumbered = replace(
        bundle_parts(), models={"nbo": model_part("nbo", (*OFFERS[:-1], 99)), "churn": model_part("churn")}
    )
    version, against = opened(warehouse, renumbered), opened(warehouse, bundle_parts())
    found = compare_on_same_rows(warehouse, NBO, version, against)
    took = {entry["offer"]: entry["rows"] for entry in found.version["offers"]}
    ((eighth,),) = query_demo(
        "SELECT count(*) FROM customer_offer_history WHERE converted_offer_id = 8 AND created_at >= ?", found.first
    )
    assert list(took) == [1, 2, 3, 4, 5, 6, 7, 8, 99]
    assert (took[8], took[99]) == (eighth, 0)
    confused = np.array(found.version["confusion"])
    assert confused.sum() == found.rows == sum(took.values())
    assert confused[:, 7].sum() == 0
    assert np.array(found.against["confusion"])[:, 8].sum() == 0
    assert found.version["top_1"] == pytest.approx(np.trace(confused) / found.rows)


@pytest.mark.parametrize(
    ("test_from", "flattered"),
    [("2026-08-01", ()), ("2026-07-01", ()), ("2026-09-01", ("version",)), (None, ("version",))],
)
def test_who_may_have_learned_from_the_rows(warehouse: Warehouse, test_from: str | None, flattered: tuple[str, ...]):
    """The demo's newest rows are of 1 August: a version tested from that day on, or earlier, has not seen them."""
    fair = parts_with(bundle_parts(), window={"test_from": "2026-08-01"})
    version = parts_with(other_parts(), window={"test_from": test_from})
    found = compare_on_same_rows(warehouse, CHURN, opened(warehouse, version), opened(warehouse, fair))
    assert found.last.isoformat() == "2026-08-01"
    assert found.flattered == flattered


def test_versions_of_different_models(warehouse: Warehouse):
    both, one = opened(warehouse, bundle_parts()), opened(warehouse, without_nbo())
    assert shared_models(both, both) == ("churn", "nbo")
    assert shared_models(one, both) == ("churn",)


def test_what_cannot_be_compared_is_a_remark(demo_warehouse: Path, tmp_path: Path, saved: SegmentRepository):
    settings = settings_for(demo_warehouse, tmp_path, dwh_nbo_training_query="SELECT * FROM nowhere")
    with closing(Warehouse(settings)) as warehouse:
        engine = SegmentationEngine(warehouse, saved)
        engine.create(SegmentDraft("Regulars", {">": [{"var": "transaction_count"}, 5]}), actor="ann")
        saved.create(SegmentDraft("Lost its column", {">": [{"var": "gone"}, 1]}), actor="ann")
        version, against = opened(warehouse, other_parts()), opened(warehouse, bundle_parts())
        phases: list[str] = []
        found = compare_versions(
            warehouse, engine, saved, version.version, against.version, lambda phase, _: phases.append(phase)
        )
    assert list(found.same_rows) == ["churn"]
    assert [shift.name for shift in found.shifts] == ["All customers", "Regulars"]
    assert found.remarks[0].startswith("Next best offer was not measured on the same rows: DWH_NBO_TRAINING_QUERY")
    assert found.remarks[1] == "Segments whose rules cannot be used at the moment are left out: Lost its column."
    assert list(dict.fromkeys(phases)) == ["Churn: measuring both", "Answering customers"]
